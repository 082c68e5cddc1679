"""Saved articles against the text that belongs to them, as others marked it."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter

from bs4 import BeautifulSoup

from app.documents import read_document
from app.say.errors import DocumentError
from app.settings import Limits

from .words import Score, compared, words

PAGE, EXPECTED, ABOUT = "source.html", "expected.html", "expected-metadata.json"
"""The files of a case of Readability's tests: a saved page, its article, the article's title and author."""


def folders(root: Path) -> list[Path]:
    """The cases below a folder."""
    return sorted(path.parent for path in root.rglob(EXPECTED) if (path.parent / PAGE).is_file())


def measure(folder: Path) -> Score | None:
    """The score of a case; None if no text is expected. A title at the beginning, which Readability tells apart from
    the text, is not counted."""
    expected = words(_text(folder / EXPECTED))
    if not expected:
        return None
    about = json.loads((folder / ABOUT).read_text("utf-8")) if (folder / ABOUT).is_file() else {}
    start = perf_counter()
    try:
        document = read_document(folder / PAGE, limits=Limits(max_read_seconds=600))
    except DocumentError as error:
        print(f"{folder.name}: {error}")
        return compared(folder.name, [], expected)
    ours = "\n".join(page.text for page in document.pages)
    first, _, rest = ours.partition("\n")
    title = set(words(about.get("title") or ""))
    if first.startswith("# ") and title.issuperset(words(first)):
        ours = rest
    return compared(folder.name, words(ours), expected, 1, perf_counter() - start)


def _text(path: Path) -> str:
    return BeautifulSoup(path.read_bytes(), "lxml").get_text(" ")
