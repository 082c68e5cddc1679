"""Changes word by word."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.diff import Change, diff


def apply(old: str, changes: list[Change]) -> str:
    """The new text, made from the old one by walking over it."""
    at, parts = 0, []
    for change in changes:
        if change.kind != "insert":
            assert old.startswith(change.text, at)
            at += len(change.text)
        if change.kind != "delete":
            parts.append(change.text)
    assert at == len(old)
    return "".join(parts)


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("", "", []),
        ("a", "a", [("equal", "a")]),
        ("", "new", [("insert", "new")]),
        ("old", "", [("delete", "old")]),
        (
            "One two three.\nSame.\n",
            "One four three.\nSame.\n",
            [("equal", "One "), ("delete", "two"), ("insert", "four"), ("equal", " three.\nSame.\n")],
        ),
        ("a.\nb.\n", "a.\nx.\nb.\n", [("equal", "a.\n"), ("insert", "x.\n"), ("equal", "b.\n")]),
        ("灯台は高い", "灯台は低い", [("equal", "灯台は"), ("delete", "高"), ("insert", "低"), ("equal", "い")]),
        ("tide", "tides", [("delete", "tide"), ("insert", "tides")]),
    ],
)
def test_words_are_whole(old: str, new: str, changes: list[tuple[str, str]]) -> None:
    assert [(change.kind, change.text) for change in diff(old, new)] == changes


TEXT = st.lists(st.sampled_from(["a", "bb", " ", "\n", ".", "日", "\r", "\u2028", "c_d", "\ud800"]), max_size=30).map(
    "".join
)


@given(TEXT | st.text(), TEXT | st.text())
def test_applied_to_the_old_text_a_diff_gives_the_new(old: str, new: str) -> None:
    changes = diff(old, new)
    assert apply(old, changes) == new
    assert all(change.text for change in changes)
    assert all(a.kind != b.kind for a, b in pairwise(changes))
    assert (old == new) == all(change.kind == "equal" for change in changes)
