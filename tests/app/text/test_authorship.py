"""Which run wrote which words: after edits, undo, repetitions and runs that wrote alike."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.authorship import Authorship
from app.text.spans import Span

FIRST = "The tower was built on bare rock in 1837. Its keeper lit the lamp every evening of the year."
SECOND = "Oil came by boat twice a month. In winter the boat did not come, and the lamp burned low."


def wrote(draft: str, passage: str, *texts: str) -> tuple[int, list[str]] | None:
    """The run that wrote a passage, and in its own words what."""
    start = draft.index(passage)
    found = Authorship(draft, texts).of(start, start + len(passage))
    return None if found is None else (found[0], [texts[found[0]][start:end] for start, end in found[1]])


def test_each_part_of_a_draft_has_its_run() -> None:
    draft = f"# Mine\n\n{FIRST}\n\nI typed this sentence all by myself. {SECOND}"
    assert wrote(draft, "Its keeper lit", SECOND, FIRST) == (1, ["Its keeper lit"])
    assert wrote(draft, "the boat did not", SECOND, FIRST) == (0, ["the boat did not"])
    assert wrote(draft, "I typed this sentence all by myself.", SECOND, FIRST) is None
    assert wrote(draft, "# Mine", SECOND, FIRST) is None


def test_what_stands_around_an_edit_keeps_its_place() -> None:
    draft = f"Typed before. {FIRST}".replace("on bare rock", "by three hundred men on wet sand")
    found = wrote(draft, "The tower was built by three hundred men on wet sand in 1837. Its keeper", FIRST)
    assert found == (0, ["The tower was built", "in 1837. Its keeper"])


def test_a_part_that_is_mostly_typed_is_nobodys() -> None:
    draft = FIRST.replace("every evening", "every evening as I know from what my own father told me long ago")
    assert wrote(draft, draft[draft.index("Its keeper") :], FIRST) is None


def test_a_text_that_repeats_itself_is_met_where_it_stands() -> None:
    loop = "and the lamp was lit again by him. " * 6
    edited = loop[: 3 * 35] + "Here I broke it. " + loop[3 * 35 :]
    (run, (span,)) = Authorship(edited, [loop]).of(5 * 35 + 17, 6 * 35 + 17)  # type: ignore[misc]
    assert (run, span) == (0, (5 * 35, 6 * 35 - 2))


def test_of_two_runs_that_wrote_alike_the_newest_counts_and_after_undo_the_other() -> None:
    again = FIRST.replace("every evening of the year", "and went to bed")
    assert wrote(again, "The tower was built on bare rock", again, FIRST) == (0, ["The tower was built on bare rock"])
    assert wrote(FIRST, "The tower was built on bare rock", again, FIRST) == (1, ["The tower was built on bare rock"])


def test_a_passage_that_was_moved_is_still_its_runs() -> None:
    sentences = FIRST.split(" Its ")
    draft = f"Its {sentences[1]} {sentences[0]}"
    assert wrote(draft, "Its keeper lit the lamp", FIRST) == (0, ["Its keeper lit the lamp"])


def test_a_few_words_are_anybodys() -> None:
    assert wrote("He said the tower was built by men.", "the tower was built by men", FIRST) is None
    assert Authorship("", [FIRST]).of(0, 0) is None
    assert Authorship("typed", []).of(0, 5) is None


WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e."]), min_size=4, max_size=30).map(" ".join)


@settings(deadline=None)
@given(WORDS, WORDS, st.data())
def test_what_is_found_is_the_same_words_and_none_twice(one: str, other: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(one)))
    draft = f"{one[:cut]} x {other} {one[cut:]}"
    authors, used = Authorship(draft, [one, other]), set[tuple[int, Span]]()
    at = 0
    for word in draft.split():
        at = draft.index(word, at)
        found = authors.of(at, at + len(word))
        if found:
            run, [(start, end)] = found
            assert (one, other)[run][start:end].strip(".") == word.strip(".")
            assert (run, (start, end)) not in used
            used.add((run, (start, end)))
        at += len(word)
