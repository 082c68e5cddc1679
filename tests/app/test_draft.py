"""What an edit does to the draft's revision, and where the written passage moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.draft import Draft, moved


def test_an_edit_of_the_current_revision_is_taken_and_an_older_one_refused() -> None:
    draft = Draft("one", 4)
    assert draft.edit("two", 4)
    assert (draft.text, draft.revision) == ("two", 5)
    assert not draft.edit("three", 4)
    assert (draft.text, draft.revision) == ("two", 5)


def test_an_edit_sent_twice_counts_once() -> None:
    draft = Draft("one", 4)
    assert draft.edit("two", 4)
    assert draft.edit("two", 4)
    assert draft.revision == 5


def test_a_page_that_knows_a_later_revision_than_a_restarted_server_is_believed() -> None:
    draft = Draft("", 0)
    assert draft.edit("kept", 9)
    assert draft.revision == 10


@pytest.mark.parametrize(
    ("new", "span"),
    [
        ("ab😀 WRITTEN end", (4, 11)),
        ("WRITTEN end", (0, 7)),
        ("ab WRIxTTEN end", (3, 11)),
        ("ab  end", None),
    ],
)
def test_the_written_passage_moves_with_an_edit(new: str, span: tuple[int, int] | None) -> None:
    assert moved((3, 10), "ab WRITTEN end", new) == span


@given(st.text("ab😀", max_size=6), st.text("ab😀", min_size=1, max_size=6), st.text(max_size=6), st.text(max_size=4))
def test_text_put_before_a_passage_shifts_it_in_characters(before: str, passage: str, after: str, put: str) -> None:
    old = f"{before}[{passage}]{after}"
    start = len(before)
    found = moved((start, start + len(passage) + 2), old, put + old)
    assert found is not None
    assert (put + old)[slice(*found)] == f"[{passage}]"
