"""What a part of a document names and says something about: the rows of a table in the documents' own words. Pure.

An entry is a heading, a short line above a paragraph (a glossary's term), or an item that begins with a name ("- dpkg:
installs packages"). What stands below it up to the next one is its text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from app.reading.statements import is_whole
from app.reading.terms import asked, terms
from app.text.sentences import sentences
from app.text.spans import Span

KEY_CHARACTERS, KEY_WORDS = 60, 8
CELL_CHARACTERS = 300
"""A cell is a sentence of at most so many characters, or what stands after a label."""

DESCRIBES = frozenset(terms("purpose meaning description definition use usage function explanation summary content "
                            "目的 意味 説明 定義 用途 機能 内容 概要"))  # fmt: skip
"""Terms of columns for which the sentence that says what an entry is will do."""

_NUMBER = re.compile(
    r"(?:(?:chapter|section|appendix)\s+)?(?:\d{1,3}|[A-Z](?=[.\d]))(?:\.\d+)*[.:)]?\s+", re.IGNORECASE
)
_GLOSS = re.compile(r"\s*[:：]\s+|\s+[—–-]\s+|：")
_BULLET = re.compile(r"\s*(?:[-*+•◦▪]|\(?\d{1,3}[.)])\s+")
_ITEM = re.compile(rf"(?P<key>[^\s:：—–][^:：—–\n]{{0,{KEY_CHARACTERS}}}?)(?:[:：]\s+|\s+[—–-]\s+)(?P<said>\S.+)")
_REMARK = re.compile(
    r"(?:note|notes|example|examples|warning|caution|tip|important|see also|for example|注意?|例)\W*$", re.I
)
_COMMAND = re.compile(r"[>$%#(]|.*(?:[;{}]|<-|\$\(|\s[|&>]\s)")
"""What is typed, not named: "> untrace(f)", "(cd sub; make)"."""
_ENDED = re.compile(r"[.,;:!?…。、！？]$")


@dataclass(frozen=True, slots=True)
class Entry:
    """What is named, where its text stands in a part's plain text, and what its heading says of it beside the name."""

    key: str
    start: int
    end: int
    gloss: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's text, and the place in the part's plain text at which it stands."""

    text: str
    start: int


def titled(title: str) -> tuple[str, str]:
    """A heading's name, without its number, and what it says of that: "3.14. /root : Home of root"."""
    title = " ".join(title.split()).lstrip("#").strip()
    title = title[number.end() :] if (number := _NUMBER.match(title)) else title
    gloss = _GLOSS.search(title)
    return (title[: gloss.start()], title[gloss.end() :]) if gloss and gloss.start() else (title, "")


def entries(text: str, headings: Collection[str], labels: Collection[str]) -> list[Entry]:
    """Those of a part's plain text. headings: titles, with blanks for line ends. labels: folded names of headings that
    begin none, such as a column or what stands below many headings ("Purpose")."""
    lines = [(match.start(), match.end()) for match in re.finditer(r"[^\n]+", text)]
    begun: list[tuple[str, str, Span]] = []
    for index, (start, end) in enumerate(lines):
        following = text[slice(*lines[index + 1])] if index + 1 < len(lines) else ""
        before = text[slice(*lines[index - 1])] if index else ""
        listed = bool(before) and text[start - 2 : start] != "\n\n" and not _ENDED.search(before.rstrip())
        if (named := _named(text[start:end], "" if listed else following, headings)) and named[
            0
        ].casefold() not in labels:
            begun.append((*named[:2], (start, start + named[2])))
    ends = [*(span[0] for _, _, span in begun), len(text)][1:] if begun else []
    return [Entry(key, span[1], end, gloss) for (key, gloss, span), end in zip(begun, ends, strict=True)]


def _named(line: str, following: str, headings: Collection[str]) -> tuple[str, str, int] | None:
    """The key with which a line begins an entry, its gloss, and how many characters of the line are not its text."""
    title = " ".join(line.split())
    if title in headings or (title.startswith("#") and title.lstrip("#").strip() in headings):
        key, gloss = titled(title)
        return (key, gloss, len(line)) if _is_key(key) else None
    bullet = _BULLET.match(line)
    item = _ITEM.match(line, bullet.end() if bullet else 0)
    if item and (bullet or len(item["key"].split()) == 1) and _is_key(item["key"]) and len(item["said"].split()) > 2:
        return item["key"].strip(), "", item.start("said")
    first = next((following[start:end] for start, end, _ in sentences(following)), "")
    if not bullet and _is_key(title) and not _ENDED.search(title) and is_whole(" ".join(first.split())):
        return (*titled(title), len(line))
    return None


def _is_key(key: str) -> bool:
    fits = 0 < len(key) <= KEY_CHARACTERS and len(key.split()) <= KEY_WORDS
    return fits and any(map(str.isalpha, key)) and not _REMARK.match(key) and not _COMMAND.match(key)


def cell(text: str, entry: Entry, column: str, taken: Collection[str]) -> Cell | None:
    """What the text says of an entry for a column, if anything: what stands after the column's name at the begin of a
    line, else a sentence with its words, else for a column that describes the gloss or the first sentence. Not one of
    `taken`."""
    label = re.compile(rf"^(?:\d[\d.]*\s+)?(?i:{re.escape(column)})(?P<colon>\s*[:：])?\s+(?=[^a-z\s])", re.MULTILINE)
    found = label.search(text, entry.start, entry.end)
    if found and found["colon"] and "\n" not in found[0]:
        line = text[found.end() : entry.end].split("\n", 1)[0].strip()
        if 0 < len(line) <= CELL_CHARACTERS:
            return Cell(line, found.end())
    after = list(_said(text, found.end() if found else entry.start, entry.end, taken))
    if found and after:
        return after[0]
    wanted = frozenset(asked(column))
    describes = not DESCRIBES.isdisjoint(wanted)
    if describes and len(entry.gloss.split()) > 2 and entry.gloss not in taken:
        return Cell(entry.gloss, max(entry.start - 1, 0))
    shared = [len(wanted.intersection(terms(each.text))) for each in after]
    if any(shared) and not describes:
        return after[shared.index(max(shared))]
    return after[0] if describes and after else None


def _said(text: str, start: int, end: int, taken: Collection[str]) -> Iterator[Cell]:
    for first, last, kind in sentences(text[start:end]):
        said = " ".join(text[start + first : start + last].split())
        if kind in ("sentence", "item") and is_whole(said) and len(said) <= CELL_CHARACTERS and said not in taken:
            yield Cell(said, start + first)


def cells(text: str, entry: Entry, columns: Sequence[str]) -> list[Cell | None]:
    """Of an entry for each of the columns after the first; no sentence stands in two of them."""
    found: list[Cell | None] = []
    for column in columns:
        taken = [each.text for each in found if each]
        found.append(cell(text, entry, column, taken))
    return found
