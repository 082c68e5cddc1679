"""What a document names and says something about."""

import pytest

from app.reading.entries import Entry, cells, entries, titled

TEXT = (
    "3.14. /root : Home of the root user\n3.14.1. Purpose\n\nThe home directory of root is kept apart from others.\n"
    "rebase\nTo reapply a series of changes from a branch to another base.\n"
    "- Note: nothing is named here at all\n- dpkg: installs and removes packages\n"
    "\nPrice: 12 pounds\n\nIts keeper is paid by the harbour each month.\n"
)
TITLES = {"3.14. /root : Home of the root user", "3.14.1. Purpose"}


def test_headings_terms_and_items_begin_entries() -> None:
    found = entries(TEXT, TITLES, {"purpose", "price"})
    assert [(entry.key, entry.gloss) for entry in found] == [
        ("/root", "Home of the root user"), ("rebase", ""), ("dpkg", ""),
    ]  # fmt: skip
    assert [entry.end for entry in found[:-1]] == [TEXT.index("rebase"), TEXT.index("- dpkg")]
    # The last line of a list is no term of what comes after it.
    assert entries("cdrom drive\nzip drive\nThis directory is for what can be taken out.", (), ()) == []
    assert entries("", TITLES, ()) == entries("Nothing is named.", (), ()) == []


def test_a_column_has_what_stands_below_its_name_or_behind_it_or_a_sentence_with_its_words() -> None:
    root, rebase, dpkg = entries(TEXT, TITLES, {"purpose", "price"})

    def said(entry: Entry, *columns: str) -> list[str]:
        return [cell.text if cell else "" for cell in cells(TEXT, entry, columns)]

    assert said(root, "Purpose") == ["The home directory of root is kept apart from others."]
    assert said(root, "Meaning", "Owner") == ["Home of the root user", ""]
    assert said(rebase, "Meaning") == ["To reapply a series of changes from a branch to another base."]
    assert said(dpkg, "Price", "Keeper") == ["12 pounds", "Its keeper is paid by the harbour each month."]
    assert said(rebase, "Series", "Branch") == ["To reapply a series of changes from a branch to another base.", ""]


@pytest.mark.parametrize(
    ("title", "name", "gloss"),
    [
        ("3.14. /root : Home", "/root", "Home"),
        ("## Chapter 2: Of Fog", "Of Fog", ""),
        ("Lamps", "Lamps", ""),
        ("A well-kept lamp", "A well-kept lamp", ""),
        ("用語：意味", "用語", "意味"),
    ],
)
def test_a_heading_is_a_name_and_what_it_says_of_that(title: str, name: str, gloss: str) -> None:
    assert titled(title) == (name, gloss)
