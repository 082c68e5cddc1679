"""Measures of a written text against its documents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

from .support import Source
from .words import facts, sentences, words

COPIED_RUN = 8
ECHOED_RUN = 5
SHORTEST_SECTION = 20
"""Words; shorter sections are not compared with each other."""
_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.*)$|^\s{0,3}\*\*([^*]+)\*\*:?\s*$")
_ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_MARKS = re.compile(r"\[([^\]]*)\]\([^)]*\)|[*`]{1,3}|(?<!\w)_{1,3}(?=\w)|(?<=[\w.,;!?])_{1,3}(?!\w)")
_ROW = re.compile(r"^\s*\|.*\|\s*$")
_REFERENCE = re.compile(
    r"\s*[\[(（](?:[^\[\]()（）]{0,80}?[\s,:])?(?:pp?\.|pages?)\s*\d+(?:\s*[-–,]\s*\d+)*[\])）]|\[\^?\d{1,3}\]"
    r"|\s*[\[(（]\s*\d+(?:\s*[-–,、]\s*\d+)*\s*(?:ページ|頁)[\])）]"
)


@dataclass(frozen=True)
class Section:
    """What follows a heading; `level` 0: the text before the first one."""

    heading: str
    level: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The body."""
        return "\n".join(self.lines)


@dataclass(frozen=True)
class Figures:
    """The measures. Shares are between 0 and 1; None where there is nothing to measure."""

    words: int
    sentences: int
    """Those that could be judged."""
    supported: float | None
    invented: float | None
    """Names and numbers that are nowhere in the documents, per 100 words."""
    copied: float | None
    """Of the words, in runs of eight or more."""
    distinct: float | None
    """Different 4-grams to all."""
    redundancy: float | None
    """The most that two sections share, of the 4-grams of the shorter one."""
    echo: float | None
    """Of the words, in runs of five or more that are in the instruction and not in the documents."""
    empty_headings: int
    finished: bool
    chapters: float | None
    """Of the documents' chapters, those that a supported sentence draws on."""
    first_word_seconds: float | None = None
    seconds: float | None = None
    unsupported: tuple[str, ...] = field(default=(), compare=False)
    missing: tuple[str, ...] = field(default=(), compare=False)


def check(written: str, source: Source, instructions: Sequence[str] = ()) -> Figures:
    """Measure a text in Markdown. Page references in brackets are none of its words."""
    found = sections(_REFERENCE.sub("", written))
    body = [sentence for section in found for sentence in statements(section)]
    said = [word for sentence in body for word in words(sentence)]
    places = {sentence: place for sentence in body if (place := source.find(sentence))}
    judged = [sentence for sentence in body if sentence in places]
    supported = [sentence for sentence in judged if places[sentence].supports()]
    missing = [fact for sentence in body for fact in facts(sentence) if not source.lexicon.has(fact)]
    grams = ngrams(said, 4)
    asked = [words(instruction) for instruction in instructions]
    own = {gram for text in asked for gram in ngrams(text, ECHOED_RUN)} - set(ngrams(words(source.text), ECHOED_RUN))
    return Figures(
        words=len(said),
        sentences=len(judged),
        supported=_share(len(supported), len(judged)),
        invented=100 * len(missing) / len(said) if said else None,
        copied=_share(in_runs(said, set(ngrams(words(source.text), COPIED_RUN)), COPIED_RUN), len(said)),
        distinct=_share(len(set(grams)), len(grams)),
        redundancy=redundancy(found),
        echo=_share(in_runs(said, own, ECHOED_RUN), len(said)),
        empty_headings=empty_headings(found),
        finished=finished(written),
        chapters=_share(len({places[sentence].chapter for sentence in supported} - {None}), source.chapters),
        unsupported=tuple(sentence for sentence in judged if not places[sentence].supports()),
        missing=tuple(missing),
    )


def sections(written: str) -> list[Section]:
    """The text before the first heading, and each heading with what follows it."""
    found: list[Section] = [Section("", 0, ())]
    for line in written.splitlines():
        match = _HEADING.match(line)
        if match:
            found.append(Section(match[2] or match[3] or "", len(match[1] or "#######"), ()))
        elif not line.strip().startswith("```"):
            last = found.pop()
            found.append(Section(last.heading, last.level, (*last.lines, line)))
    return found


def statements(section: Section) -> list[str]:
    """The sentences of its paragraphs, list items and table rows (a row is one), without Markdown's marks."""
    blocks: list[str] = [""]
    lines = [line for line in section.lines if not re.fullmatch(r"[\s|:=*_-]*", line) or not line.strip()]
    for line in lines:
        if not line.strip() or _ITEM.match(line) or _ROW.match(line):
            blocks.append("")
        blocks[-1] += " " + _ITEM.sub("", line)
        if _ROW.match(line):
            blocks.append("")
    plain = [_MARKS.sub(r"\1", block) for block in blocks]
    return [
        sentence
        for block in plain
        for sentence in ([" ".join(block.split())] if _ROW.match(block) else sentences(block))
        if words(sentence)
    ]


def ngrams(said: Sequence[str], length: int) -> list[tuple[str, ...]]:
    """All runs of `length` words."""
    return [tuple(said[start : start + length]) for start in range(len(said) - length + 1)]


def in_runs(said: Sequence[str], known: set[tuple[str, ...]], length: int) -> int:
    """How many of the words are in a run of `length` or more that is `known`."""
    marked: set[int] = set()
    for start, gram in enumerate(ngrams(said, length)):
        if gram in known:
            marked.update(range(start, start + length))
    return len(marked)


def redundancy(found: Sequence[Section]) -> float | None:
    """The largest overlap of 4-grams between two sections, to the smaller of both; None with fewer than two."""
    bodies = [words(" ".join(statements(section))) for section in found]
    grams = [set(ngrams(body, 4)) for body in bodies if len(body) >= SHORTEST_SECTION]
    return max((len(one & other) / min(len(one), len(other)) for one, other in combinations(grams, 2)), default=None)


def empty_headings(found: Sequence[Section]) -> int:
    """Headings with no text before the next one, unless that is a deeper one."""
    empty = 0
    for section, following in pairwise([*found, Section("", 0, ())]):
        deeper = following.level > section.level
        empty += section.level > 0 and not words(section.text) and not deeper
    return empty


def finished(written: str) -> bool:
    """Whether the last line ends a sentence or is a table's row."""
    lines = [line.strip() for line in _REFERENCE.sub("", written).splitlines() if line.strip().strip("`")]
    if not lines or _HEADING.match(lines[-1]):
        return False
    return bool(_ROW.match(lines[-1]) or re.search(r"[.!?…。！？][\"'”’)\]」』）*_`]*$", lines[-1]))


def _share(part: int, total: int) -> float | None:
    return part / total if total else None
