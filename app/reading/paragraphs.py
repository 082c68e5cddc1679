"""What the model reads of a page or a part: paragraphs instead of hard lines.

A line of running text that is about as wide as the others goes on in the next; a path that is broken behind a slash is
put together. Lists, headings, code and tables keep their lines. Every character knows where on which page it stands.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from app.reading.place import Place

_FULL = 0.72  # of the width: a line that long may go on in the next
_ENOUGH = 0.6  # of it: one that long, if the next begins with a small letter
_NEARLY = 0.9  # of it: one that ends with a full stop and is shorter ends a paragraph
_NARROWEST, _WIDEST = 30, 160  # a text with wider lines has a paragraph on each
_ITEM = re.compile(r"\s*(?:[-*+•◦▪–—·]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)]|\[\^?\w{1,4}\]:?|\d{1,3}(?=\s[A-Z]))\s")
_FIXED = re.compile(r"\s*(?:#{1,6} |\||```|~~~|>>> |[$%#>] |={3}|-{3}|\*{3}|\d{1,3}(?:\.\d{1,3})+\.? +\S)")
_CODE = re.compile(r"[{};\\]\s*$|\s{3,}\S+\s{3,}|^\s*[\w.]+\s*(?:<-|=|:=)\s|\w\(\)?\s*$|^\s*(?:[a-z]\w*\(|@|//|/\*)")
_ENDED = re.compile(r"[.!?:。！？][\"'”’」』)]*\s*$")
_LEADERS = re.compile(r"(?:[ \t]?[.…·]){4,}[ \t]*")
_BLANKS = re.compile(r"[ \t\u00a0]{2,}")
_WIDE_SCRIPT = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")
_PATH = re.compile(r"(?:^|[\s\w.~>:])/$")
# What goes on in the next line without a blank: an address, "UTF-" before "8".
_ADDRESS = re.compile(r"\w:/[^\s)>]*[./_=&?#-]$")
_NUMBERED_NAME = re.compile(r"\b[A-Z]{2,}-$")
# What goes on behind a slash, and does not belong to the path: "below /etc/ directories".
_WORDS = re.compile(
    r"(?:sub)?director(?:y|ies)\b|(?:folders?|files?|filesystem|hierarchy|tree|paths?|partition|is|are|was|were|in|on|to|"
    r"for|with|of|as|from|at|by|which|that|must|should|may|can|will|if|when|has|have|the|an?)\b"
)
_SIGNS = re.compile(r"[\W_]+")
_LABEL = re.compile(r"[^a-z.,;]{1,20}$")  # "CHAPTER", "SEVENTEEN", "12", above a title
_TITLE_LINES = 5
_NUMBERED = 12  # letters of what stands before a title in its line: "Appendix B"


@dataclass(frozen=True, slots=True)
class Extract:
    """A piece of a page's text, and the place of its first character."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class Plain:
    """A text to be read, and where it comes from: from `starts[k]` on (0 is the first) it stands at `places[k]`,
    character by character up to the next start. What was put in stands where the text after it does."""

    text: str
    starts: tuple[int, ...]
    places: tuple[Place, ...]

    def place(self, position: int) -> Place:
        """Where the character at `position` of `text` stands. Raises IndexError if there is none."""
        if not 0 <= position < len(self.text):
            raise IndexError(f"the text has {len(self.text):,} characters; there is none at {position:,}")
        run = bisect_right(self.starts, position) - 1
        page, offset = self.places[run]
        return Place(page, offset + position - self.starts[run])

    def page(self, position: int) -> int:
        """The 1-based number of the page on which the character at `position` stands."""
        return self.place(position).page


def plain(text: str) -> str:
    """What the model reads of `text`, a page's or one of a few lines."""
    return plain_of([Extract(Place(1, 0), text)]).text


def plain_of(extracts: Sequence[Extract], titles: Mapping[Place, str] = MappingProxyType({})) -> Plain:
    """What the model reads of texts that follow each other: one that breaks off at a page's end goes on. titles: the
    headings, by where they begin."""
    lines = [line for extract in extracts for line in _lines(extract)]
    _mark_titles(lines, titles)
    widths = sorted(line.width for line in lines if line.text)
    width = max(widths[int(0.9 * (len(widths) - 1))], _NARROWEST) if widths else 0
    hard = width <= _WIDEST
    joined = [False, *(hard and _flows(*pair, width) for pair in pairwise(lines)), False]
    out = _Writer()
    for index, line in enumerate(lines):
        if line.text:
            # Between paragraphs stands a blank line, also where a PDF has none.
            running = (joined[index - 1] and index > 0) or joined[index + 1]
            below = index > 0 and lines[index - 1].title and not line.title
            out.write(line, joined=joined[index], apart=below or (running and not _ITEM.match(line.text + " ")))
        elif not line.last:
            out.blank()
    return out.plain()


@dataclass(slots=True)
class _Line:
    place: Place  # of the first character that is no blank
    indent: int
    text: str  # without blanks at its ends
    last: bool  # of its page
    title: bool = False  # or a piece of one

    @property
    def width(self) -> int:
        """In columns: a character of a wide script takes two."""
        return len(self.text) + len(_WIDE_SCRIPT.findall(self.text))

    @property
    def fixed(self) -> bool:
        return bool(_FIXED.match(self.text) or _CODE.search(self.text))


def _lines(extract: Extract) -> list[_Line]:
    found, offset = [], 0
    pieces = extract.text.split("\n")
    while len(pieces) > 1 and not pieces[-1].strip():
        pieces.pop()
    for index, piece in enumerate(pieces):
        text = piece.strip()
        indent = len(piece) - len(piece.lstrip()) if text else 0
        place = Place(extract.place.page, extract.place.offset + offset + indent)
        found.append(_Line(place, indent, text, index == len(pieces) - 1))
        offset += len(piece) + 1
    return found


def _mark_titles(lines: Sequence[_Line], titles: Mapping[Place, str]) -> None:
    """Those lines that a heading takes, which may be broken over several, and the label above it."""
    for index, line in enumerate(lines):
        if not (title := _key(titles.get(line.place, ""))):
            continue
        above = [other for other in lines[index : index + _TITLE_LINES] if other.text]
        for number, other in enumerate(above):
            key = _key(other.text)
            if (title in key and len(key) <= len(title) + _NUMBERED) or (key and key in title):
                for each in above[: number + 1]:
                    each.title = True
            elif not _LABEL.match(other.text):
                break


def _key(text: str) -> str:
    return _SIGNS.sub("", text).casefold()


def _flows(line: _Line, following: _Line, width: int) -> bool:
    """Whether a paragraph goes on from a line to the next; `width` is that of most lines."""
    if (
        line.title
        or following.title
        or not line.text
        or not following.text
        or _ITEM.match(following.text + " ")
        or line.fixed
        or following.fixed
    ):
        return False
    item = bool(_ITEM.match(line.text + " "))
    indented = following.indent - line.indent
    deepest = 6 if item else 1
    if line.place.page == following.place.page and not -8 <= indented <= deepest:
        return False
    length, ended = line.indent + line.width, bool(_ENDED.search(line.text))
    if _WIDE_SCRIPT.match(following.text):
        return length >= _NEARLY * width
    if following.text[0].islower():
        return length >= _ENOUGH * width
    return length >= (_NEARLY if ended else _FULL) * width


class _Writer:
    """Puts lines together and keeps where each stretch of characters comes from."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._starts: list[int] = []
        self._places: list[Place] = []
        self._ends = 0  # line ends before what comes next

    def blank(self) -> None:
        self._ends = 2

    def write(self, line: _Line, *, joined: bool, apart: bool) -> None:
        if self._parts:
            last = self._parts[-1][-1:]
            wide = _WIDE_SCRIPT.match(last) and _WIDE_SCRIPT.match(line.text)
            broken = line.text[0].isalnum() and (
                (_PATH.search(self._parts[-1]) and not _WORDS.match(line.text))
                or (_ADDRESS.search(self._parts[-1]) and not line.text[0].isupper())
                or (_NUMBERED_NAME.search(self._parts[-1]) and line.text[0].isdigit())
            )
            self._put(("" if wide or broken else " ") if joined else "\n" * max(self._ends, 1 + apart), line.place)
        self._ends = 0
        if not joined and line.indent and not self._is_prose(line.text):
            self._put(" " * min(line.indent, 8), line.place)
        self._copy(line)

    def plain(self) -> Plain:
        return Plain("".join(self._parts), tuple(self._starts), tuple(self._places))

    @staticmethod
    def _is_prose(text: str) -> bool:
        return not (_FIXED.match(text) or _CODE.search(text) or _ITEM.match(text))

    def _copy(self, line: _Line) -> None:
        """The line's characters: leaders and, in running text, rows of blanks become one sign."""
        text, done = line.text, 0
        edits = [(*match.span(), " … ") for match in _LEADERS.finditer(text)]
        if not edits and self._is_prose(text):
            edits = [(*match.span(), " ") for match in _BLANKS.finditer(text)]
        for start, end, instead in edits:
            self._put(text[done:start], line.place.moved(done))
            self._put(instead.rstrip() if end == len(text) else instead, line.place.moved(start))
            done = end
        self._put(text[done:], line.place.moved(done))

    def _put(self, text: str, place: Place) -> None:
        if text:
            self._starts.append(self._length)
            self._places.append(place)
            self._parts.append(text)
            self._length += len(text)
