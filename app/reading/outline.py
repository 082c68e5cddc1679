"""The chapters of documents: what a text about the whole of them has to speak of."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.documents import LEVELS, Document
from app.reading.parts import Part

FEWEST = 3
"""A level with fewer headings divides nothing."""

GROUPS = 8
"""A document without such a level is divided into so many groups of parts, at most."""

SMALLEST = 400
"""A chapter of fewer characters belongs to the next."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A stretch of one document: its title, the numbers of its parts of running text, and its pages."""

    document: int
    title: str
    parts: tuple[int, ...]
    pages: range


def chapters(documents: Sequence[Document], parts: Sequence[Part]) -> tuple[Chapter, ...]:
    """The chapters of all documents, in order. Each part of running text is in one; other parts are in none."""
    found: list[Chapter] = []
    for index, document in enumerate(documents):
        own = [part for part in parts if part.document == index and part.matter == "text"]
        found += _by_headings(document, own) or _by_size(document, own)
    return tuple(found)


def _by_headings(document: Document, parts: Sequence[Part]) -> list[Chapter]:
    """Along the highest level that has enough headings; a part belongs where it begins."""
    counts = Counter(heading.level for heading in document.headings)
    level = next((level for level in range(1, LEVELS + 1) if counts[level] >= FEWEST), None)
    if level is None:
        return []
    heads = [heading for heading in document.headings if heading.level <= level]
    places = [(heading.page, heading.offset) for heading in heads]
    groups: dict[int, list[Part]] = {}
    for part in parts:
        groups.setdefault(bisect_right(places, part.start) - 1, []).append(part)
    groups = _without_tiny(groups)
    # One part may hold several chapters that are small, and is called after them.
    return [
        _chapter(group, heads[head].title if head >= 0 and len(group) > 1 else group[0].title)
        for head, group in groups.items()
    ]


def _without_tiny(groups: dict[int, list[Part]]) -> dict[int, list[Part]]:
    """A title page belongs to the chapter after it, a last line to the one before."""
    kept: dict[int, list[Part]] = {}
    waiting: list[Part] = []
    for head, group in groups.items():
        waiting += group
        if sum(part.characters for part in waiting) >= SMALLEST:
            kept[head], waiting = waiting, []
    if waiting and kept:
        kept[max(kept)] += waiting
    return kept or groups


def _by_size(document: Document, parts: Sequence[Part]) -> list[Chapter]:
    """In groups of about equally many characters."""
    total = sum(part.characters for part in parts)
    groups: dict[int, list[Part]] = {}
    count, done = min(GROUPS, len(parts)), 0
    for part in parts:
        groups.setdefault(min(done * count // max(total, 1), count - 1), []).append(part)
        done += part.characters
    if len(groups) < 2:
        return [_chapter(group, document.name) for group in groups.values()]
    return [_chapter(group, _stretch(document, group, number)) for number, group in enumerate(groups.values(), 1)]


def _stretch(document: Document, parts: Sequence[Part], number: int) -> str:
    """What the group of that number is called: after its pages, if the document has several."""
    first, last = parts[0].pages.start, parts[-1].pages.stop - 1
    if len(document.pages) == 1:
        return f"Part {number}"
    return f"Page {first}" if first == last else f"Pages {first}–{last}"


def _chapter(parts: Sequence[Part], title: str) -> Chapter:
    pages = range(parts[0].pages.start, parts[-1].pages.stop)
    return Chapter(parts[0].document, title, tuple(part.number for part in parts), pages)
