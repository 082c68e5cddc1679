"""Streaming text joins to the whole text, and stop strings never show."""

from hypothesis import given
from hypothesis import strategies as st

from core.detokenizer import Detokenizer
from tests.core.tiny import byte_tokenizer

TOKENIZER = byte_tokenizer()


def stream(text: str, stops: tuple[str, ...] = ()) -> tuple[list[str], bool]:
    detokenizer = Detokenizer(TOKENIZER, stops)
    pieces = []
    for token_id in TOKENIZER(text)["input_ids"]:
        pieces.append(detokenizer.add(token_id))
        if detokenizer.stopped:
            break
    pieces.append(detokenizer.finish())
    assert detokenizer.text == "".join(pieces)
    return pieces, detokenizer.stopped


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_pieces_join_to_the_text(text: str) -> None:
    pieces, stopped = stream(text)
    assert "".join(pieces) == text
    assert not stopped


def test_a_character_of_several_tokens_comes_whole() -> None:
    pieces, _ = stream("aé🙂b")
    assert [p for p in pieces if p] == ["a", "é", "🙂", "b"]


@given(st.text("ab", max_size=30), st.lists(st.text("ab", min_size=1, max_size=4), max_size=3))
def test_text_ends_before_the_first_stop_string(text: str, stops: list[str]) -> None:
    pieces, stopped = stream(text, tuple(stops))
    # The text is cut where, reading from the left, a stop string is first complete.
    ends = [end for end in range(len(text) + 1) if any(text[:end].endswith(stop) for stop in stops)]
    if not ends:
        assert ("".join(pieces), stopped) == (text, False)
        return
    head = text[: ends[0]]
    assert "".join(pieces) == text[: min(len(head) - len(stop) for stop in stops if head.endswith(stop))]
    assert stopped


def test_an_incomplete_character_at_the_end_is_not_lost() -> None:
    detokenizer = Detokenizer(TOKENIZER)
    ids = TOKENIZER("é")["input_ids"]
    assert detokenizer.add(ids[0]) == ""
    assert detokenizer.finish() == "\ufffd"
