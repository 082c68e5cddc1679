"""Which parts of documents a text about the whole of them is written from, section by section.

Each chapter has its section; the longer ones get more of the text. A section is written from a few parts of its
chapter: in each stretch of it the one where its largest subsection begins. With words of the person's it is written
about the parts that have most to do with them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import sqrt
from typing import TypeAlias

from app.prompt.sections import heading_key
from app.reading.outline import Chapter
from app.reading.reading import Reading, Saying

PARAGRAPH_WORDS = 60
"""Of a text that are written from one part."""

LEAST_WORDS = 20
"""Of a section: a sentence."""

_NUMBER = re.compile(
    r"(?:(?:chapter|section|part|appendix)\s+)?(?:\d{1,3}|[A-Z])(?:\.\d+)*[.:)]?\s+(?=\S)", re.IGNORECASE
)

_APPARATUS = re.compile(
    r"\W*(?:[\dA-Z]{1,3}[.:)]?\s+)?"
    r"(?:references|bibliography|acknowledge?ments|(?:\w+ ){0,3}index|colophon|copyright)\W*$",
    re.IGNORECASE,
)
"""Titles of what is no text to write about."""


@dataclass(frozen=True)
class PlannedSection:
    """A section that is to be written: its heading, how many words, and the parts that it is written from, each with
    the sentences that say most about it."""

    heading: str
    words: int
    parts: tuple[int, ...]
    sayings: tuple[tuple[Saying, ...], ...]


@dataclass(frozen=True)
class Plan:
    """The sections, in order, and how much is read for them. found: whether any word of the focus, if there is one, is
    in the documents."""

    reading: Reading
    sections: tuple[PlannedSection, ...]
    found: bool = True

    @cached_property
    def pages(self) -> int:
        """Pages with text of all documents."""
        return sum(document.pages_with_text for document in self.reading.documents)

    @cached_property
    def pages_seen(self) -> int:
        """Those that the model sees a part of."""
        chosen = self.reading.pages({number for section in self.sections for number in section.parts})
        return sum(len({page.number for page in pages}) for pages in chosen.values())


def plan(reading: Reading, focus: str, words: int, headings: Sequence[str] = ()) -> Plan:
    """A text of about `words` words about all of `reading`, or about `focus` if that is not empty; with `headings` in
    sections of these."""
    count = max(1, round(words / PARAGRAPH_WORDS))
    if headings:
        chosen = _under(reading, headings, max(1, count // len(headings)))
    elif focus.strip():
        chosen = _about(reading, focus, count)
    else:
        chosen = _whole(reading, count, max(1, words // LEAST_WORDS))
    each = max(LEAST_WORDS, words // max(sum(len(groups) for _, groups in chosen), 1))
    said: set[str] = set()
    found = bool(headings) or not focus.strip() or any(reading.relevance(focus))
    return Plan(reading, tuple(_section(reading, *group, focus, each, said) for group in chosen), found)


def _section(
    reading: Reading, heading: str, groups: Sequence[Sequence[int]], focus: str, words: int, said: set[str]
) -> PlannedSection:
    """Of each group the first part that says something which is not `said` yet, in `words` words; added to `said`."""
    found: dict[int, tuple[Saying, ...]] = {}
    for group in groups:
        for number, alone in ((number, alone) for alone in (True, False) for number in group if number not in found):
            sayings = reading.sayings(number, words, focus, alone=alone)
            sayings = tuple(saying for saying in sayings if saying.text not in said)
            if sayings:
                said.update(saying.text for saying in sayings)
                found[number] = sayings
                break
    parts = tuple(sorted(found)) or tuple(group[0] for group in groups)
    return PlannedSection(heading, words * len(groups), parts, tuple(found[number] for number in sorted(found)))


def most_relevant(reading: Reading, query: str, most: int) -> tuple[int, ...]:
    """The numbers of the parts that have most to do with `query`, best first, `most` at most; without words in common
    some from all over the documents."""
    return _best(reading, reading.relevance(query), most)


def _best(reading: Reading, scores: Sequence[float], most: int) -> tuple[int, ...]:
    numbers = [part.number for part in reading.parts if part.matter == "text"] or list(range(len(scores)))
    if not any(scores[number] for number in numbers):
        return tuple(stretch[0] for stretch in _stretches(numbers, min(most, len(numbers))))
    return tuple(sorted(numbers, key=lambda number: (-scores[number], number))[:most])


def _related(reading: Reading, query: str, most: int) -> tuple[int, ...]:
    """Of the most relevant parts those that have anything to do with `query`; without words in common all of them."""
    scores = reading.relevance(query)
    numbers = _best(reading, scores, most)
    return tuple(number for number in numbers if scores[number]) or numbers


def shares(sizes: Sequence[int], most: Sequence[int], total: int) -> list[int]:
    """How many parts each chapter gets: one at least, `most` of it at most, about `total` in all; further ones by the
    square roots of the `sizes`, so that a long chapter does not take all."""
    counts = [1 for _ in sizes]
    for _ in range(total - len(counts)):
        room = [index for index, count in enumerate(counts) if count < most[index]]
        if not room:
            break
        counts[max(room, key=lambda index: sqrt(sizes[index]) / (counts[index] + 1))] += 1
    return counts


def heading_of(reading: Reading, chapter: Chapter) -> str:
    """The chapter's title on one line, without its number; with the document's name where there are several."""
    title = " ".join(chapter.title.split())
    title = _NUMBER.sub("", title, count=1) if _NUMBER.match(title) else title
    name = reading.documents[chapter.document].name
    return f"{name}: {title}" if len(reading.documents) > 1 and title != name else title


Chosen: TypeAlias = list[tuple[str, list[Sequence[int]]]]
"""Headings, each with groups of parts, best first, of which one is taken each."""


def _whole(reading: Reading, count: int, most: int) -> Chosen:
    """All chapters that are text, or the longest one of each of `most` stretches of them, and `count` groups in all."""
    every = [chapter for chapter in reading.chapters if not _APPARATUS.match(chapter.title)] or reading.chapters
    size = [sum(reading.parts[number].characters for number in chapter.parts) for chapter in every]
    stretches = _stretches(range(len(every)), min(most, len(every)))
    kept = [max(stretch, key=lambda index: size[index]) for stretch in stretches]
    chapters = [every[index] for index in kept]
    counts = shares([size[index] for index in kept], [len(chapter.parts) for chapter in chapters], count)
    extents = _extents(reading)
    return [
        (heading_of(reading, chapter), _groups(chapter.parts, number, extents))
        for chapter, number in zip(chapters, counts, strict=True)
    ]


def _about(reading: Reading, focus: str, count: int) -> Chosen:
    """The parts that have most to do with the focus, `count` at most, by their chapters."""
    numbers = set(_related(reading, focus, count))
    chosen: Chosen = []
    for chapter in reading.chapters:
        groups: list[Sequence[int]] = [[number] for number in chapter.parts if number in numbers]
        if groups:
            chosen.append((heading_of(reading, chapter), groups))
    return chosen


def _under(reading: Reading, headings: Sequence[str], count: int) -> Chosen:
    """For each heading groups of its chapter's parts, or if no chapter is called that the parts that have most to do
    with it."""
    chapters = {heading_key(heading_of(reading, chapter)): chapter for chapter in reading.chapters}
    extents = _extents(reading)
    chosen: Chosen = []
    for heading in headings:
        chapter = chapters.get(heading_key(heading))
        if chapter:
            chosen.append((heading, _groups(chapter.parts, min(count, len(chapter.parts)), extents)))
        else:
            numbers: list[Sequence[int]] = [[number] for number in _related(reading, heading, count)]
            chosen.append((heading, numbers))
    return chosen


def _groups(numbers: Sequence[int], count: int, extents: Sequence[int]) -> list[Sequence[int]]:
    """A chapter's parts in `count` stretches, in each those first where most begins."""
    stretches = _stretches(numbers, count)
    return [sorted(stretch, key=lambda number: (-extents[number], number)) for stretch in stretches]


def _extents(reading: Reading) -> list[int]:
    """For each part how many characters stand below its heading, subsections included; 0 where no heading begins."""
    parts, found = reading.parts, [0] * len(reading.parts)
    for index, part in enumerate(parts):
        before = parts[index - 1] if index else None
        if before and (before.title, before.document) == (part.title, part.document):
            continue
        for other in parts[index:]:
            below = len(other.path) > len(part.path) or other.title == part.title
            if other.document != part.document or not below:
                break
            found[index] += other.characters
    return found


def _stretches(numbers: Sequence[int], count: int) -> list[Sequence[int]]:
    """`numbers` in `count` stretches of about the same length, in order, none empty."""
    edges = [len(numbers) * index // max(count, 1) for index in range(count + 1)]
    return [numbers[first:last] for first, last in pairwise(edges)]
