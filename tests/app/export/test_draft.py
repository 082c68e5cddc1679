"""File names from titles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.export.draft import NAME_BYTES, file_name


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("The tides of 1703", "The tides of 1703.md"),
        ("  a\tb\n", "a b.md"),
        ("Größe: 3/4 <x> \\ ?", "Größe 3 4 x.md"),
        ("../../etc/passwd", "etc passwd.md"),
        ("灯台の歴史", "灯台の歴史.md"),
        ("e\u0301", "é.md"),
        ("photo\u202egnp.exe", "photo gnp.exe.md"),
        ("", "draft.md"),
        ("...", "draft.md"),
        ("CON", "draft CON.md"),
        ("nul.txt", "draft nul.txt.md"),
        ("console", "console.md"),
        ("日" * 200, "日" * 50 + ".md"),
        ("a\ud800b", "a b.md"),
    ],
)
def test_file_names(title: str, name: str) -> None:
    assert file_name(title, ".md") == name


@given(st.text())
def test_any_title_makes_a_file_name(title: str) -> None:
    name = file_name(title, ".docx")
    stem = name.removesuffix(".docx")
    assert 1 <= len(stem.encode()) <= NAME_BYTES + len("draft ")
    assert not set(name) & set('<>:"/\\|?*\n\r\t\0')
    assert stem == stem.strip(". ")
