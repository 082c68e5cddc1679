"""Words found in all documents of a project."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from app.project.source_file import SourceFile
from app.text.folding import finder, folded, found

MOST = 50
"""Places that are listed."""

QUERY_CHARACTERS = 200
AROUND = 60
"""Characters of a snippet on each side."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A place: the source's id and name, the page and what it bears, the characters of its text, and those around."""

    file: str
    name: str
    page: int
    start: int
    end: int
    before: str
    words: str
    after: str


@dataclass(frozen=True, slots=True)
class Found:
    """The first places, and how many there are in all."""

    hits: tuple[Hit, ...]
    total: int


def search(files: Iterable[SourceFile], query: str) -> Found:
    """Where the words of `query` stand in a row in any page of the readable files, chosen or not, in their order; case,
    diacritics and the breaks of lines do not count."""
    pattern = finder(query[:QUERY_CHARACTERS])
    if pattern is None:
        return Found((), 0)
    hits, total = list[Hit](), 0
    for file in files:
        for page in file.document.pages if file.document else ():
            count = sum(1 for _ in pattern.finditer(folded(page.text)))
            total += count
            if count and len(hits) < MOST:
                places = islice(found(page.text, pattern), MOST - len(hits))
                hits += [_hit(file, page.number, page.text, *place) for place in places]
    return Found(tuple(hits), total)


def _hit(file: SourceFile, page: int, text: str, start: int, end: int) -> Hit:
    before, after = text[max(start - AROUND, 0) : start], text[end : end + AROUND]
    # Not with half a word, where words have blanks between them.
    if start > AROUND and " " in before:
        before = before.partition(" ")[2]
    if end + AROUND < len(text) and " " in after:
        after = after.rpartition(" ")[0]
    return Hit(file.id, file.name, page, start, end, *map(_in_a_line, (before, text[start:end], after)))


def _in_a_line(text: str) -> str:
    """With one blank for white space of any kind; those at its ends stay."""
    words = " ".join(text.split())
    return (
        f"{' ' if text[:1].isspace() else ''}{words}{' ' if text[-1:].isspace() else ''}" if words else text[:1] and " "
    )
