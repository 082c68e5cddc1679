"""Where a run writes while the draft around that is edited: in examples, and against moving marked characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.project.insertion import InsertionPoint

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
