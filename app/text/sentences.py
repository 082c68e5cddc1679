"""Where the sentences of a text are: running text as it comes out of a document, or Markdown. Pure.

A line end inside of a paragraph ends no sentence; a blank line, a heading, a list's mark and a row of a table do. A
stop ends one if what follows begins like a sentence and what precedes is no abbreviation, initial or list's number.
What this cannot know: whether a capital after "U.S." or an initial begins a sentence (it is taken not to, but for words
like "The" and "If"), and that a sentence begins with a small letter ("dpkg", "iPhone").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["sentence", "item", "row", "heading", "head", "code"]
"""`item`: a sentence of a list's item. `row`: a table's row; `head`: its head. `code`: a fenced block, whole."""


class Sentence(NamedTuple):
    """Characters from `start` up to, not including, `end`, without white space and Markdown's marks around them."""

    start: int
    end: int
    kind: Kind = "sentence"


_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]+")
_BULLET = re.compile(r"[ \t]*(?:[-*+•◦▪‣][ \t]+)")
_NUMBERED = re.compile(r"[ \t]*\(?(\d{1,3})[.)][ \t]+")
_QUOTE = re.compile(r"[ \t]*>[ \t]?")
_UNDERLINE = re.compile(r"[ \t]*(?:={2,}|-{2,})[ \t]*$")
_RULE = re.compile(r"[ \t]*(?:(?:[-*_][ \t]*){3,}|={3,})$")
_DELIMITER = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")

_CLOSING = r"[\"'”’»›)\]*_`]"
_STOP = re.compile(
    rf"(?P<latin>[.!?…]+){_CLOSING}*(?:\[\d+\])*(?=\s)|(?P<wide>[。！？｡]+)(?P<closed>[」』）”’》〉]*)", re.DOTALL
)
_WORD_BEFORE = re.compile(r"[\w.]*\w\Z")
_NEXT = re.compile(r"[\s\"'“‘„«‹(\[*_]*(\S)?")
_OPENER = re.compile(
    r"\s+(?:The|A|An|This|These|Those|That|It|They|We|You|In|On|For|To|If|When|While|As|At|By|But|And|However|Since|So|"
    r"There|Then|Thus|Also|Note|All|Any|Each|Some|Most|Many|Its|Their|Our|Your|With|From|After|Before|One|Not|No)[\s,]"
)
_LIST_NUMBER = re.compile(r"\W*(?:\d{1,3}|[A-Za-z])(?:\.\d{1,3})*\Z")
_QUOTED_ON = re.compile(r"(?:と|って|は|を|が|の|も|に|など)")

_NEVER_LAST = re.compile(
    r"(?:mr|mrs|ms|dr|prof|st|messrs|rev|hon|gen|col|capt|lt|sgt|vs|cf|e\.g|i\.e|eg|ie|viz|al|approx|ca|resp|incl|excl"
    r"|dept|univ|eds?|trans)\Z"
)
_BEFORE_A_NUMBER = re.compile(r"(?:nos?|figs?|eqs?|secs?|chap|ch|vols?|pp?|art|para?|refs?|tab|app|ver|v|n)\Z")


def sentences(text: str) -> list[Sentence]:
    """The sentences of `text` in order, none of them empty, none overlapping."""
    found = list[Sentence]()
    for start, end, kind in _blocks(text):
        if kind in ("sentence", "item"):
            found += [Sentence(first, last, kind) for first, last in _split(text, start, end)]
        else:
            found += [Sentence(first, last, kind) for first, last in _trimmed(text, start, end)]
    return found


def _blocks(text: str) -> Iterator[Sentence]:
    """Paragraphs, items, headings, rows and code, in order."""
    block: Sentence | None = None
    fence, table = "", False
    for start, end in _lines(text):
        line = text[start:end]
        if (mark := _FENCE.match(line)) and (not fence or mark[1].startswith(fence)):
            if block:
                yield block
            fence, block = ("" if fence else mark[1]), None
            continue
        if fence:
            block = Sentence(block.start if block else start, end, "code")
            continue
        if quoted := _QUOTE.match(line):
            start += quoted.end()
            line = text[start:end]
        pipes = "|" in line
        if pipes and block and not table and _DELIMITER.match(line) and "|" in text[block.start : block.end]:
            yield block._replace(kind="head")
            block, table = None, True
            continue
        if table and pipes:
            yield Sentence(start, end, "row")
            continue
        if table or not line.strip():
            table = False
            if block:
                yield block
            block = None
        if not line.strip():
            continue
        if block and block.kind == "sentence" and "\n" not in text[block.start : block.end] and _UNDERLINE.match(line):
            yield block._replace(kind="heading")
            block = None
            continue
        opened = None if _RULE.match(line) else _opened(text, start, end, block)
        if opened or _RULE.match(line) or (pipes and line.lstrip().startswith("|")):
            if block:
                yield block
            block = opened or (Sentence(start, end) if pipes else None)
            if block and block.kind == "heading":
                yield block
                block = None
            continue
        block = block._replace(end=end) if block else Sentence(start, end)
    if block:
        yield block


def _opened(text: str, start: int, end: int, block: Sentence | None) -> Sentence | None:
    """The heading or item that a line begins, without its mark."""
    line = text[start:end]
    if mark := _HEADING.match(line):
        return Sentence(start + mark.end(), end, "heading")
    if mark := _BULLET.match(line):
        return Sentence(start + mark.end(), end, "item")
    mark = _NUMBERED.match(line)
    # "... see section" and on the next line "3. What ..." is no list.
    if mark and (block is None or block.kind == "item" or mark[1] == "1"):
        return Sentence(start + mark.end(), end, "item")
    return None


def _split(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    first = start
    for match in _STOP.finditer(text, start, end):
        if _ends(text, first, match, end):
            yield from _trimmed(text, first, match.end())
            first = match.end()
    yield from _trimmed(text, first, end)


def _ends(text: str, first: int, stop: re.Match[str], end: int) -> bool:
    """Whether the sentence that began at `first` ends with this stop."""
    if stop["wide"]:
        return not (stop["closed"] and _QUOTED_ON.match(text, stop.end(), end))
    following = _NEXT.match(text, stop.end(), end)
    after = following[1] if following else None
    if after is None:
        return True
    if after.islower():
        return False
    if stop["latin"] != ".":
        return True
    before = text[max(first, stop.start() - 30) : stop.start()]
    if _LIST_NUMBER.match(text[first : stop.start()]):
        return False
    word = _WORD_BEFORE.search(before)
    if word is None:
        return True
    last = word[0].lower()
    if _NEVER_LAST.match(last) or (_BEFORE_A_NUMBER.match(last) and after.isdigit()):
        return False
    initial = len(word[0].rsplit(".", 1)[-1]) == 1 and word[0][-1].isupper() and word[0] != "I"
    return not (initial and after.isupper()) or bool(_OPENER.match(text, stop.end(), end))


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The span without white space around it, if anything is left."""
    part = text[start:end]
    if stripped := part.strip():
        first = start + part.index(stripped[0])
        yield first, first + len(stripped)


def _lines(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in re.finditer(r"\r\n?|\n|\f", text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)
