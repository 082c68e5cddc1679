"""The draft on the server: edits in turn, and where a written passage is after them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.project.revised_text import RevisedText
from app.text.spans import Span, changed, moved

OLD, INSERTED = "abcdefghijkl", "ABCDE"


def oracle(span: Span, start: int, end: int, inserted: int) -> Span | None:
    """From the first to the last character of the span that is left; what replaces a part of it belongs to it."""
    after = [*range(start), *[None] * (end - start), *range(start + inserted, start + inserted + len(OLD) - end)]
    left = [after[place] for place in range(*span) if after[place] is not None]
    if span[0] <= start < end <= span[1]:
        left += range(start, start + inserted)
    return (min(left), max(left) + 1) if left else None


@given(st.data())
def test_a_span_moves_as_its_characters_do(data: st.DataObject) -> None:
    places = st.integers(0, len(OLD))
    first, last = sorted((data.draw(places), data.draw(places)))
    start, end = sorted((data.draw(places), data.draw(places)))
    inserted = INSERTED[: data.draw(st.integers(0, len(INSERTED)))]
    new = OLD[:start] + inserted + OLD[end:]
    assert moved((first, last), OLD, new) == oracle((first, last), start, end, len(inserted))


@given(st.text("ab", max_size=8), st.text("ab", max_size=8), st.integers(0, 8), st.integers(0, 8))
def test_a_span_stays_in_the_text_whatever_changes(old: str, new: str, one: int, other: int) -> None:
    first, last = sorted((min(one, len(old)), min(other, len(old))))
    found = moved((first, last), old, new)
    assert found is None or 0 <= found[0] < found[1] <= len(new)
    assert moved((first, last), old, old) == ((first, last) if first < last else None)
    assert moved(None, old, new) is None


def test_edits_come_in_turn() -> None:
    draft = RevisedText()
    assert draft.edit("one", 0)
    assert (draft.text, draft.revision) == ("one", 1)
    assert draft.edit("one two", 1)
    assert (draft.text, draft.revision) == ("one two", 2)


def test_an_edit_of_an_older_revision_is_refused_unless_it_says_the_same() -> None:
    draft = RevisedText("text", 3)
    assert not draft.edit("another", 2)
    assert draft.edit("text", 2)
    assert (draft.text, draft.revision) == ("text", 3)


def test_a_page_that_outlived_the_server_is_believed() -> None:
    draft = RevisedText("as it was kept")
    assert draft.edit("as the page has it", 41)
    assert (draft.text, draft.revision) == ("as the page has it", 42)
    assert not draft.edit("of a page that saw less", 41)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("My words. It stood.", (10, 19)),
        ("It stood. My words.", (0, 9)),
        ("It really stood.", (0, 16)),
        ("It.", (0, 3)),
        ("", None),
    ],
)
def test_what_was_written_moves_with_an_edit(text: str, written: Span | None) -> None:
    draft = RevisedText()
    draft.put("It stood.", (0, 9))
    assert draft.edit(text, 1)
    assert draft.written == written


def test_edits_of_one_page_follow_one_another_without_waiting_for_the_answer() -> None:
    draft = RevisedText("a", 5)
    assert draft.edit("ab", 5, "page", 1)
    assert draft.edit("abc", 5, "page", 3)
    assert draft.edit("ab again, overtaken", 5, "page", 2)
    assert (draft.text, draft.revision) == ("abc", 7)
    assert not draft.edit("of another page", 5, "other", 4)
    assert draft.edit("of another page", 7, "other", 4)
    assert not draft.edit("abcd", 7, "page", 4)
    draft.put("a run's")
    assert not draft.edit("of another page, later", 8, "other", 5)


@pytest.mark.parametrize(
    ("old", "new", "span"),
    [("abc", "abXc", (2, 3)), ("abXc", "abc", (2, 2)), ("aa", "aaa", (2, 3)), ("", "ab", (0, 2)), ("ab", "", (0, 0))],
)
def test_what_changed_is_found(old: str, new: str, span: Span) -> None:
    assert changed(old, new) == span
