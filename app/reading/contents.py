"""Which stretches of a text are lists of contents, and which parts are an index or say who may copy it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, pairwise
from typing import Literal, TypeAlias

from app.text.spans import Span

Matter: TypeAlias = Literal["text", "contents", "index", "front"]
"""What a part is: running text, a list of contents, an index, or what stands before the text (title, copyright)."""

FEWEST_LINES = 5
SHORTEST = 600
"""A list of contents has so many lines and characters; a shorter one stays where it is."""

LONGEST_ENTRY = 200
LONGEST_FRONT = 4_000

_MOST_OTHERS = 3  # lines between two entries: titles that are broken over lines, page numbers
_SHORT_LINE = 60  # characters of the mean line of what is called an index, and is no text about one
_INDEX_SHARE, _SURE_SHARE = 0.3, 0.8  # of an index's lines end with a page's number, if it is called one, and if not

_LEADERS = re.compile(r"(?:[ \t]?[.…·]){4,}[ \t]*(?:\d{1,4}|[ivxlc]{1,7})?[ \t]*$|(?:[.…·][ \t]*){3,}\d{1,4}[ \t]*$")
_REFERENCES = re.compile(r"(?:[,;. \t…]|\.{2,})[ \t]*\d{1,4}(?:(?:[-–]|,[ \t]*)\d{1,4})*[ \t]*$")
_MARK = re.compile(
    r"\s*(?:[-*+•]\s+)?(?:chapter|appendix|part)?\s*(?:\d+|[A-Z](?=[.\d]))?(?:\.\d+)*[.:)]?\s*", re.IGNORECASE
)
_NUMBERED = re.compile(rf"\s*(?:[-*+•]\s+)?[\dA-Z]{{1,3}}(?:\.\d{{1,3}})+\.?\s+\S.{{0,{LONGEST_ENTRY}}}[^\s.:;,!?]\s*$")
_INDEX_TITLE = re.compile(r"\bindex\s*$|索引\s*$|\w*register\s*$", re.IGNORECASE)
_RIGHTS = re.compile(
    r"copyright|all rights reserved|©|\bisbn\b|permission is granted|published by|impressum|著作権", re.IGNORECASE
)
_LINE = re.compile(r"[^\n\f]+")
_WORD = re.compile(r"[\W_]+")


def title_key(text: str) -> str:
    """A title or a line of a list of contents without marks, numbers and leaders, to be compared."""
    bare = _LEADERS.sub("", text) if _has_dots(text) else text
    return _WORD.sub("", _MARK.sub("", bare, count=1)).casefold()


def contents_spans(
    text: str, page_starts: Sequence[int], titles: Collection[str], headings: Collection[int]
) -> list[Span]:
    """Long lists of contents in the text of pages that begin at `page_starts`. An entry is a line with leaders, or that
    is one of `titles` (as `title_key`) but not a heading itself: `headings` has where those begin. Behind entries their
    like follow, "5.1. Figure of a lamp"."""
    spans: list[Span] = []
    begin = end = entries = others = 0
    pages = pairwise([*page_starts, len(text)])
    for start, stop in chain(*(_lines(text, *page) for page in pages), [(len(text), len(text))]):
        line = text[start:stop]
        entry = start not in headings and (
            _is_entry(line, titles) or (entries >= FEWEST_LINES and bool(_NUMBERED.match(line)))
        )
        others = 0 if entry else others + 1
        if start in headings or others > _MOST_OTHERS or start == len(text):
            if entries >= FEWEST_LINES and end - begin >= SHORTEST:
                spans.append((begin, end))
            entries = 0
        if entry:
            begin, end, entries = begin if entries else start, stop, entries + 1
    return spans


def matter_of(text: str, title: str, *, listed: bool, first: bool) -> Matter:
    """What a section is by its lines and its title. listed: it is one of `contents_spans`. first: it stands at the
    beginning of a document that has headings."""
    lines = [line for start, stop in _lines(text, 0, len(text)) if (line := text[start:stop].strip())]
    references = sum(line[-1].isdigit() and bool(_REFERENCES.search(line, max(0, len(line) - 60))) for line in lines)
    if _INDEX_TITLE.search(title):
        short = sum(map(len, lines)) <= _SHORT_LINE * len(lines)
        return "index" if short or references >= _INDEX_SHARE * len(lines) else "text"
    if len(lines) >= FEWEST_LINES and references >= _SURE_SHARE * len(lines):
        return "contents" if listed else "index"
    if listed:
        return "contents"
    return "front" if first and len(text) < LONGEST_FRONT and _RIGHTS.search(text) else "text"


def _is_entry(line: str, titles: Collection[str]) -> bool:
    if not line or len(line) > 2 * LONGEST_ENTRY or line.isspace():
        return False
    if bool(titles) and len(line) <= LONGEST_ENTRY and title_key(line) in titles:
        return True
    return _has_dots(line) and bool(_LEADERS.search(line, max(0, len(line) - LONGEST_ENTRY)))


def _has_dots(line: str) -> bool:
    return ".." in line or ". ." in line or "…" in line or "··" in line


def _lines(text: str, start: int, end: int) -> Iterator[Span]:
    """The lines between two places that are not empty."""
    return (match.span() for match in _LINE.finditer(text, start, end))
