"""Which parts come into question for each section of a text about documents: along the chapters, for words of the
person's, or below the headings of an outline."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from app.prompt.sections import heading_key
from app.reading.outline import Chapter
from app.reading.reading import Reading

UNTITLED = 4
"""Of a document with more chapters, what has no heading is its front."""

RELATED = 8
"""Parts that are offered for a heading that no chapter has."""

RELEVANT = 0.6
"""Of the relevance of the best part: what has less is not about the same (benchmarks.answers)."""

_NUMBER = re.compile(
    r"(?:(?:chapter|section|part|appendix)\s+)?(?:\d{1,3}|[A-Z])(?:\.\d+)*[.:)]?\s+(?=\S)", re.IGNORECASE
)

_APPARATUS = re.compile(
    r"\W*(?:[\dA-Z]{1,3}[.:)]?\s+)?"
    r"(?:references|bibliography|acknowledge?ments|(?:\w+ ){0,3}index|colophon|copyright(?: notice)?|preface|foreword|"
    r"(?:\w+ ){0,4}licen[cs]e|credits|contributors|"
    r"(?:typographic(?:al)? )?conventions|about the authors?|change ?log|revision history|"
    r"(?:\w+ ){0,2}to-?do(?: list)?(?: \w+){0,3}|謝辞|参考文献|\w*索引|奥付|ライセンス|著作権)"
    r"(?: \([^()]*\))?\W*$",
    re.IGNORECASE,
)
"""Titles of what is no text to write about."""

_OVERVIEW = re.compile(
    r"(?:introduction|overview|purpose|basics|basic concepts|concepts|what (?:is|are)|概要|目的|はじめに)\b"
    r"|\w+の概要$",
    re.IGNORECASE,
)
"""Titles of what says what its chapter is about."""


@dataclass(frozen=True)
class Candidate:
    """A section that may be written: of each of `groups`, best first, one part is taken; `parts` are all that belong
    to it."""

    heading: str
    groups: tuple[Sequence[int], ...]
    parts: tuple[int, ...]


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
    """Of the most relevant parts those whose relevance is RELEVANT of the best one's; without words in common all of
    them."""
    scores = reading.relevance(query)
    numbers = _best(reading, scores, most)
    least = RELEVANT * max(scores, default=0)
    return tuple(number for number in numbers if scores[number] and scores[number] >= least) or numbers


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
    name = reading.names[chapter.document]
    return f"{name}: {title}" if len(reading.documents) > 1 and title != name else title


def _is_apparatus(title: str) -> bool:
    return bool(_APPARATUS.match(title) or _APPARATUS.match(_NUMBER.sub("", title, count=1)))


def _is_matter(reading: Reading, chapter: Chapter) -> bool:
    """Whether a chapter is nothing to write about, such as what stands before the first heading of several."""
    own = sum(other.document == chapter.document for other in reading.chapters)
    untitled = chapter.title == reading.documents[chapter.document].name and own > UNTITLED
    return untitled or _is_apparatus(chapter.title)


def along_chapters(reading: Reading, count: int, most: int) -> list[Candidate]:
    """All chapters that are text, or the longest one of each of `most` stretches of them, and `count` groups in all."""
    every = [chapter for chapter in reading.chapters if not _is_matter(reading, chapter)] or reading.chapters
    size = [sum(reading.parts[number].characters for number in chapter.parts) for chapter in every]
    stretches = _stretches(range(len(every)), min(most, len(every)))
    kept = [max(stretch, key=lambda index: size[index]) for stretch in stretches]
    if every and _OVERVIEW.match(_NUMBER.sub("", every[0].title, count=1)):
        kept[0] = 0  # what says what the whole is about
    chapters = [every[index] for index in kept]
    counts = shares([size[index] for index in kept], [len(chapter.parts) for chapter in chapters], count)
    extents = _extents(reading)
    return [
        Candidate(heading_of(reading, chapter), _groups(reading, chapter.parts, number, extents), chapter.parts)
        for chapter, number in zip(chapters, counts, strict=True)
    ]


def about(reading: Reading, focus: str, count: int) -> list[Candidate]:
    """The parts that have most to do with the focus, `count` at most, by their chapters."""
    numbers = set(_related(reading, focus, count))
    found = []
    for chapter in reading.chapters:
        groups = tuple([number] for number in chapter.parts if number in numbers)
        if groups:
            found.append(Candidate(heading_of(reading, chapter), groups, chapter.parts))
    return found


def below(reading: Reading, headings: Sequence[str], count: int) -> list[Candidate]:
    """For each heading groups of its chapter's parts, or if no chapter is called that the parts that have most to do
    with it."""
    chapters = {heading_key(heading_of(reading, chapter)): chapter for chapter in reading.chapters}
    extents = _extents(reading)
    found = []
    for heading in headings:
        chapter = chapters.get(heading_key(heading))
        if chapter:
            groups = _groups(reading, chapter.parts, min(count, len(chapter.parts)), extents)
            found.append(Candidate(heading, groups, chapter.parts))
        else:
            taken = _related(reading, heading, count)
            offered = sorted({*taken, *_related(reading, heading, RELATED)})
            found.append(Candidate(heading, tuple([number] for number in taken), tuple(offered)))
    return found


def _groups(reading: Reading, numbers: Sequence[int], count: int, extents: Sequence[int]) -> tuple[Sequence[int], ...]:
    """A chapter's parts in `count` stretches, in each those first where most begins; in all, an overview that the
    chapter begins with. What is no text to write about comes last."""

    def rank(number: int) -> tuple[bool, bool, int, int]:
        title = reading.parts[number].title
        opens = number == numbers[0] and _OVERVIEW.match(_NUMBER.sub("", title, count=1))
        return _is_apparatus(title), not opens, -extents[number], number

    return tuple(sorted(stretch, key=rank) for stretch in _stretches(numbers, count))


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
