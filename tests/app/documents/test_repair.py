"""Repair changes what its rules name and nothing else, and every character left knows where it stood."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.documents import Page, normalise
from app.documents.repair import clean, repair
from app.text.valid import valid_text

LIGATURES = dict(zip("ﬀﬁﬂﬃﬄﬅﬆ", ["ff", "fi", "fl", "ffi", "ffl", "st", "st"], strict=True))
# Few different pieces, so that pages agree, words repeat and rules meet.
PIECES = st.sampled_from(
    [
        "exam",
        "ple",
        "-",
        "-\n",
        "\n",
        "\n\n",
        " ",
        "well",
        "known",
        "and",
        "A",
        "ﬁ",
        "\r\n",
        "\0",
        "\ud83d",
        "\ude00",
        "7",
        "Title\n",
        "#1\n",
    ]
)
PAGES = st.lists(st.lists(PIECES, max_size=12).map("".join), max_size=8)
HYPHENS = "-\u2010\u00ad"
SECOND_HALVES = {chr(code) for code in range(0xDC00, 0xE000)}


def repaired(texts: list[str]) -> tuple[Page, ...]:
    return repair(texts, [None] * len(texts))[0]


def test_normalising_changes_only_what_it_must() -> None:
    text = "a\r\nb\rc\n\td\0e\x1bf\x7fg\x85h\ufffei\ud800 \ud83d\ude00 ﬁ ﬄ ﬆ ½ é ñ"
    assert normalise(text) == "a\nb\nc\n\tdefghi\ufffd 😀 fi ffl st ½ é ñ"


@given(st.text(st.characters(codec=None)))
def test_normalised_text_is_stable_and_clean(text: str) -> None:
    result = normalise(text)
    assert normalise(result) == result
    assert valid_text(result) is result


@given(st.text(st.characters(codec=None) | st.sampled_from("ﬁﬃ\r\n\0")))
def test_cleaning_is_normalising_with_a_map(text: str) -> None:
    (page,) = clean([text], ["iv"])
    assert (page.number, page.label, page.text, page.extracted) == (1, "iv", normalise(text), text)
    assert_map_is_exact(page)


def assert_map_is_exact(page: Page) -> None:
    """Each character equals the one at its offset, or is a letter of the ligature or the line end that stands there."""
    offsets = [page.offset(position) for position in range(len(page.text))]
    assert offsets == sorted(offsets)
    for offset in set(offsets):
        put = "".join(page.text[position] for position, other in enumerate(offsets) if other == offset)
        was = page.extracted[offset]
        if "\ud800" <= was <= "\udfff":
            assert put in ("\ufffd", valid_text(page.extracted[offset : offset + 2]))
        else:
            assert put == ("\n" if was == "\r" else LIGATURES.get(was, was))
    for offset in set(range(len(page.extracted))) - set(offsets):
        assert may_go(page.extracted, offset, offsets)


def may_go(extracted: str, offset: int, kept: list[int]) -> bool:
    """Whether a rule names the character at `offset`, which was left out."""
    character = extracted[offset]
    in_margin = not kept or offset < kept[0] or offset > kept[-1]
    is_control = not valid_text(character) or character in "\r\n"  # of a line end
    second_half = character in SECOND_HALVES and "\ud800" <= extracted[offset - 1] < "\udc00"
    return in_margin or is_control or second_half or character in HYPHENS + " \t"


@given(PAGES)
def test_every_character_is_kept_or_named_by_a_rule(texts: list[str]) -> None:
    pages = repaired(texts)
    assert [page.extracted for page in pages] == texts
    for page in pages:
        assert_map_is_exact(page)


@given(PAGES)
def test_repairing_a_repaired_text_changes_nothing(texts: list[str]) -> None:
    once = [page.text for page in repaired(texts)]
    assert [page.text for page in repaired(once)] == once


@given(PAGES)
def test_whole_lines_alone_are_left_out_at_the_edges(texts: list[str]) -> None:
    for page in repaired(texts):
        if page.text:
            after_last = page.offset(len(page.text) - 1) + 1
            after_last += page.extracted[after_last : after_last + 1] in SECOND_HALVES
            before, after = (page.extracted[: page.offset(0)], page.extracted[after_last:])
            assert not normalise(before).strip() or normalise(before).rstrip(" ").endswith("\n")
            assert not normalise(after).strip() or normalise(after).lstrip(" ").startswith("\n")


def test_what_is_not_touched_has_no_map() -> None:
    assert repaired(["Nothing to do."]) == (Page(1, None, "Nothing to do."),)
    assert repaired(["Nothing to do."])[0].origin is None


def test_the_map_is_as_long_as_the_repairs_and_not_as_the_text() -> None:
    (page,) = repaired(["word " * 1000 + "exam-\nple " + "word " * 1000])
    assert page.origin is not None
    assert page.origin.starts == (0, 5004)
    assert page.origin.offsets == (0, 5006)
    assert page.text[5000:5008] == "example "


def test_notes_say_what_was_done() -> None:
    words = ["harbour", "light", "rock", "storm"]
    texts = [f"Annual report\nThe {word} is an exam-\nple of a {word}.\n{n}" for n, word in enumerate(words, 1)]
    pages, notes = repair(texts, [None] * 4)
    bodies = [f"The {word} is an example of a {word}." for word in words]
    assert [page.text for page in pages] == [f"Annual report\n{bodies[0]}", *bodies[1:]]  # that may be the title
    assert tuple(map(str, notes)) == (
        "A running header on 3 of 4 pages was left out.",
        "A running footer on 4 of 4 pages was left out.",
        "4 words broken over two lines were put together.",
    )
    assert tuple(map(str, repair(["an exam-\nple"], [None])[1])) == ("1 word broken over two lines was put together.",)
