"""Where a run writes while the draft around that is edited: in examples, and against moving marked characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.project.insertion import Insertion, InsertionPoint

MINE = st.text("abc", max_size=6)


def place(marked: str) -> InsertionPoint:
    """From "before[replaced]after"."""
    before, rest = marked.split("[")
    replaced, after = rest.split("]")
    return InsertionPoint(before, replaced, after)


@pytest.mark.parametrize(
    ("was", "text", "now"),
    [
        ("One.[] Two.", "Zero. One. Two.", "Zero. One.[] Two."),  # before it
        ("One.[] Two.", "One. Two. Three.", "One.[] Two. Three."),  # behind it
        ("One.[]", "One. More.", "One. More.[]"),  # at it
        ("One.[] Two.", "One, so. Two.", "One, so.[] Two."),
        ("One.[] Two.", "Other", "Other[]"),  # over it
        ("One.[ Two.] Three.", "One. Too. Three.", "One.[ Too.] Three."),  # within
        ("One.[ Two.] Three.", "Or a wholly other text", "Or a wholly other text[]"),
        ("One.[ Two.] Three.", "One. Two, three.", "One.[ Two], three."),  # over its end
        ("One.[ Two.] Three.", "Owo. Three.", "O[wo.] Three."),  # over its beginning
        ("[All of it.]", "All of it, and more.", "[All of it, and more.]"),
        ("[]", "First.", "First.[]"),
    ],
)
def test_an_edit_moves_the_place(was: str, text: str, now: str) -> None:
    edited = place(was).edited(text)
    assert (edited.before, edited.replaced, edited.after) == (place(now).before, place(now).replaced, place(now).after)


@given(MINE, st.text("xyz", max_size=6), MINE, st.data())
def test_no_character_is_lost_and_what_was_typed_stays(
    before: str, replaced: str, after: str, data: st.DataObject
) -> None:
    was, old = InsertionPoint(before, replaced, after), before + replaced + after
    first, last = len(before), len(before + replaced)
    start = data.draw(st.integers(0, len(old)))
    stop = data.draw(st.integers(start, len(old)))
    text = old[:start] + "T" * data.draw(st.integers(0, 3)) + old[stop:]
    now = was.edited(text)
    assert now.before + now.replaced + now.after == text
    if was.whole:
        assert now.replaced == text
        return
    within = first <= start < last and first < stop <= last
    assert within or "T" not in now.replaced
    assert set(now.before + now.after) <= set("abcT")
    assert set(now.replaced) <= set("xyzT")


@pytest.mark.parametrize(
    ("was", "text", "lead"),
    [
        ("One.[]", "One. More.", "\n\n"),
        ("One.[]", "One. More.\n", "\n"),
        ("One.[]", "One. More.\n\n", ""),
        ("One.[] Two.", "Zero. One. Two.", ""),  # not where it is written
        ("One.[] Two.", "One. Two. Three.", ""),
        ("[]", "Mine.", "\n\n"),
        ("One.[]", "", ""),
    ],
)
def test_what_is_typed_before_it_ends_with_a_paragraph(was: str, text: str, lead: str) -> None:
    assert place(was).edited(text).lead == lead


def test_a_touched_place_stays_touched() -> None:
    assert place("One.[]").edited("One. More.").edited("Zero. One. More.").lead == "\n\n"


@pytest.mark.parametrize("was", ["One.[]", "[]", "\n[All of it.]", "One.[ Two.] Three."])
def test_a_text_that_is_as_it_was_moves_nothing(was: str) -> None:
    assert place(was).edited(place(was).text) == place(was)


def insertion(marked: str, text: str = "", **fields: bool) -> Insertion:
    return Insertion(place(marked), text=text, **fields)


def test_what_is_written_stands_in_place_of_what_was_there() -> None:
    made = Insertion(InsertionPoint("One.", " Two.", " Three.", seam="\n"))
    assert (made.draft, made.start, made.end, made.empty) == ("One.\n Three.", 4, 4, True)
    made.write("")
    assert made.empty
    made.write(" And")
    made.write(" so.")
    assert (made.draft, made.start, made.end, made.empty) == ("One. And so.\n Three.", 4, 12, False)
    made.point = made.point.edited("So: one. Two. Three.")
    assert (made.draft, made.start, made.end) == ("So: one. And so.\n Three.", 8, 16)


@pytest.mark.parametrize(
    ("was", "words", "first"),
    [
        ("Mine. []", " It", "It"),
        ("Mine.\t[]", " \tIt", "It"),
        ("Mine. []", "\n It", "\n It"),  # a new line was not there before
        ("Mine.[]", " It", " It"),
        ("Mine.\n[]", " It", " It"),
        ("[]", " It", " It"),
    ],
)
def test_blanks_that_stand_before_it_are_not_written_again(was: str, words: str, first: str) -> None:
    assert insertion(was).first(words) == first
    assert insertion(was, text="| a |\n").first(words) == words  # after an opening


def test_what_parts_it_from_what_was_typed_before_it_comes_with_its_first_word() -> None:
    made = insertion("Mine.[]")
    made.point = made.point.edited("Mine. And more.")
    made.text = "# Report\n\n"
    assert made.draft == "Mine. And more.# Report\n\n"
    made.write("It")
    made.write(" stood.")
    assert made.draft == "Mine. And more.\n\n# Report\n\nIt stood."


@pytest.mark.parametrize(
    ("was", "text", "closed"),
    [
        ("[]\n\nEnd.", "It. \n", "It."),
        ("[] End.", "It ", "It"),
        ("[]End.", "It. \n \n", "It.\n\n"),
        ("[]End.", "It ", "It "),
        ("One.[]", "It. \n", "It. \n"),
    ],
)
def test_no_blank_is_doubled_before_what_follows(was: str, text: str, closed: str) -> None:
    made = insertion(was, text)
    made.close(lambda text: text)
    assert made.text == closed
    proposed = insertion(was, text, proposes=True)
    proposed.close(lambda text: text)
    assert proposed.text == text


@pytest.mark.parametrize(
    ("replaced", "text", "changes"), [("old", "new", True), ("old", " old\n", False), ("old", "  ", False)]
)
def test_there_is_something_to_propose_if_there_are_other_words(replaced: str, text: str, changes: bool) -> None:
    assert Insertion(InsertionPoint("My ", replaced, " words."), True, text).changes == changes
