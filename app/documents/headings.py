"""Headings of texts that have no marked ones but lines: Markdown, underlined, numbered, or in capitals. Conservative:
a list's item or a comment in a program is no heading, and of a list of contents no line is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal, TypeAlias

from app.documents.document import LEVELS, Heading, Page
from app.text.valid import is_visible, valid_text

Kind: TypeAlias = Literal["marked", "underlined", "part", "chapter", "numbered", "capitals"]
_Place: TypeAlias = tuple[int, int, str]  # a line with its page's number, and where it begins there

LONGEST_TITLE = 120

MARKED_SUFFIXES = (".docx", ".epub", ".html", ".htm", ".xhtml")
"""What these files hold was written with headings marked as in Markdown; see `app.documents.markdown`."""

_FENCE = re.compile(r" {0,3}```[^`]*$")
_MARKED = re.compile(r" {0,3}(#{1,6}|={1,5})\s+(\S.*?)(?:\s+\1)?\s*$")
_RULE = re.compile(r"\s*([=\-~^*+#\"'.:_`])\1{2,}\s*$")
_NAMED = re.compile(
    r"(?P<part>part|teil|partie|parte)\b\s+[\divxlc]+\b|(?:chapter|kapitel|chapitre|capítulo|appendix|anhang|annexe?)"
    r"\b\s+(?:\d+|[a-z]|[ivxlc]+)\b|第\s*[\d一二三四五六七八九十百〇]+\s*(?:(?P<部>[部編])|[章])",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"((?:\d{1,3}|[A-Z](?=\.\d))(?:\.\d{1,3})*)(\.?)\s+(?=[^\W\d_]|[/.\"'`(“‘「]\S)")
_LEADERS = re.compile(r"(?:[ \t]?[.…·]){3,}[ \t]*[\divxlc]*[ \t]*$", re.IGNORECASE)
_SENTENCE_END = tuple(".,;:。、，；：!")
_CAPITALS = re.compile(r"(?:[^\W\d_]{2,}|\d+)(?:[^\w\n]{1,3}(?:[^\W_]+))*[ \t?]*$")
_KIND_NAME = re.compile(r"(?:chapter|kapitel|chapitre|capítulo|appendix|anhang|annexe?)\b", re.IGNORECASE)
_SURE = 3
_CLOSE = 3  # so many headings in a row with nothing between are a list


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that may be a heading. `rank` is its level among those of its kind; `number` that which it bears."""

    page: int
    offset: int
    index: int  # of the line, in the whole document
    last: int  # index of the last line that belongs to it
    kind: Kind
    rank: int
    title: str
    number: tuple[int, ...] = ()


def find_headings(name: str, pages: Sequence[Page]) -> tuple[Heading, ...]:
    """The headings in the pages of a document that is called `name`, whose suffix says whether they are marked."""
    suffix = Path(name).suffix.lower()
    markdown = suffix in (".md", ".markdown")
    if suffix in MARKED_SUFFIXES and (
        marked := chapter_headings(pages) if suffix == ".epub" else marked_headings(pages)
    ):
        return marked
    lines = list(_lines(pages))
    found = _without_lists(_in_sequence(_last_mentions(list(_candidates(lines, markdown)))), lines)
    return tuple(_levelled(_of_one_form(found, markdown)))


def marked_headings(pages: Sequence[Page]) -> tuple[Heading, ...]:
    """Lines that Markdown marks with #, those in fenced code aside."""
    lines = list(_lines(pages))
    found = [
        Heading(page, offset, len(match[1]), title)
        for _, (page, offset, line) in _outside_fences(lines)
        if line.startswith("#") and (match := _MARKED.match(line)) and (title := clean_title(match[2]))
    ]
    return tuple(found)


def chapter_headings(pages: Sequence[Page]) -> tuple[Heading, ...]:
    """The marked headings, and for pages that bear a title as their label and do not begin with one, the label."""
    found: list[Heading] = []
    by_page = {number: list(own) for number, own in groupby(marked_headings(pages), key=lambda heading: heading.page)}
    for page in pages:
        own = by_page.get(page.number, [])
        begun = bool(own) and not is_visible(page.text[: own[0].offset])
        if page.label and not begun and is_visible(page.text):
            found.append(Heading(page.number, 0, 1, page.label))
        found += own
    return tuple(found)


def clean_title(text: str) -> str:
    """A title on one line, without leaders and what cannot be shown; "" if nothing of it is seen."""
    title = _LEADERS.sub("", " ".join(valid_text(text.replace("\f", " ")).split()))[:LONGEST_TITLE].strip()
    return title if is_visible(title) else ""


def _lines(pages: Sequence[Page]) -> Iterator[_Place]:
    """All lines with the number of their page and where they begin on it. A page's end ends a paragraph."""
    for page in pages:
        offset = 0
        for line in page.text.split("\n"):
            yield page.number, offset, line
            offset += len(line) + 1
        yield page.number, offset, ""


def _outside_fences(lines: Sequence[_Place]) -> Iterator[tuple[int, _Place]]:
    """Lines that are not blank and not in fenced code, with their index."""
    fences = [index for index, (_, _, line) in enumerate(lines) if _FENCE.match(line)]
    closed = dict(zip(fences[::2], fences[1::2], strict=False))
    done = -1
    for index, place in enumerate(lines):
        done = closed.get(index, done)
        if index > done and place[2] and not place[2].isspace():
            yield index, place


def _candidates(lines: Sequence[_Place], markdown: bool) -> Iterator[_Line]:
    done = -1  # the last line that is a part of what came before
    for index, (page, offset, line) in _outside_fences(lines):
        if index <= done or len(line) > LONGEST_TITLE:
            continue
        above = lines[index - 1][2].strip() if index else ""
        below = lines[index + 1][2] if index + 1 < len(lines) else ""
        if found := _candidate(line, above, below, markdown):
            kind, rank, title, number = found
            done = index + (kind == "underlined")
            if title := clean_title(title):
                yield _Line(page, offset, index, done, kind, rank, title, number)


def _candidate(line: str, above: str, below: str, markdown: bool) -> tuple[Kind, int, str, tuple[int, ...]] | None:
    """What kind of heading a line is between two others, if it is one: kind, rank, title, number."""
    text = line.strip()
    if (match := _MARKED.match(line)) and (
        match[1][0] == ("#" if markdown else "=") or (not above and not below.strip())
    ):
        return "marked", len(match[1]), match[2], ()
    if above and not _RULE.match(above):
        return None
    number = _number(text)
    if (rule := _RULE.match(below)) and _is_title(text) and _underlines(below.strip(), text, above):
        return "underlined", ord(rule[1]), text, number
    if above:
        return None
    indented = below.startswith((" ", "\t")) and not line.startswith((" ", "\t"))
    if below.strip() and not indented:
        return None
    if not _is_title(text):
        return None
    if (named := _NAMED.match(text)) and len(text) <= 80:
        return ("part" if named["part"] or named["部"] else "chapter"), 0, text, ()
    if number and not below.strip():
        return "numbered", len(number), text, number
    if _CAPITALS.match(text) and text.isupper() and sum(map(str.isalpha, text)) >= 4 and len(text) <= 60:
        return "capitals", 0, text, ()
    return None


def _underlines(rule: str, text: str, above: str) -> bool:
    """Whether a rule is a title's: about as long, and a line above is the same. Hyphens on both sides frame code."""
    if not text[0].isalnum() or (above and (rule != above or rule[0] in "-.+_")):
        return False
    return 0.5 * len(text) <= len(rule) <= len(text) + 8


def _is_title(text: str) -> bool:
    return not text.endswith(_SENTENCE_END) and not _LEADERS.search(text) and any(map(str.isalpha, text))


def _number(text: str) -> tuple[int, ...]:
    """The number that a line begins with, letters of an appendix counted from 1,001; () if there is none."""
    match = _NUMBERED.match(text)
    if not match or not (match[2] or "." in match[1] or text[match.end()].isupper()):
        return ()
    return tuple(int(part) if part.isdigit() else 1_000 + ord(part) - 64 for part in match[1].split("."))


def _last_mentions(lines: Sequence[_Line]) -> Iterator[_Line]:
    """Without lines that name a section which has its number and title once more: those of a list of contents."""
    names = [re.sub(r"\W+", "", _KIND_NAME.sub("", line.title)).casefold() for line in lines]
    last = {name: index for index, name in enumerate(names)}
    for index, (line, name) in enumerate(zip(lines, names, strict=True)):
        if last[name] == index or line.kind not in ("numbered", "chapter", "part") or not line.title[0].isalnum():
            yield line


def _of_one_form(lines: Sequence[_Line], markdown: bool) -> list[_Line]:
    """If headings have a form that is sure, lines that are only numbered or in capitals are something else."""
    kinds = Counter(line.kind for line in lines)
    sure = kinds["marked"] + kinds["underlined"] >= _SURE
    ignored = {kind for kind, out in (("numbered", sure), ("capitals", sure or kinds["numbered"] >= _SURE)) if out}
    if kinds["marked"] > kinds["underlined"] and not markdown:  # AsciiDoc frames programs with the same rules
        ignored.add("underlined")
    return [line for line in lines if line.kind not in ignored]


def _in_sequence(lines: Iterator[_Line]) -> Iterator[_Line]:
    """Without numbers that do not follow those before: items of a list begin with 1 again, versions leap."""
    last: tuple[int, ...] = ()
    for line in lines:
        if line.kind == "numbered" and not _follows(line.number, last):
            continue
        if line.kind in ("part", "chapter"):
            last = ()
        elif line.number:
            last = line.number
        yield line


def _follows(number: tuple[int, ...], last: tuple[int, ...]) -> bool:
    if not last:
        return len(number) > 1 or number[0] <= 1
    shared = 0
    while shared < min(len(number), len(last)) and number[shared] == last[shared]:
        shared += 1
    if shared == len(number):
        return False
    step = number[shared] - (last[shared] if shared < len(last) else 0)
    leap = shared == 0 and number[0] > 1_000 > last[0]  # from chapter 12 to appendix A
    return 0 <= step <= 3 if shared == len(last) else 0 < step <= 3 or leap


def _without_lists(found: Iterator[_Line], lines: Sequence[_Place]) -> list[_Line]:
    """Without rows of numbered lines or capitals of one rank that have nothing between them."""
    kept: list[_Line] = []
    row: list[_Line] = []
    for line in [*found, None]:
        if row and (line is None or not _next_to(row[-1], line, lines)):
            ranks = [entry.rank for entry in row]
            is_list = len(row) >= _CLOSE and (len(row) > LEVELS or max(map(ranks.count, ranks)) >= _CLOSE)
            kept += [] if is_list else row
            row = []
        if line is None:
            break
        if line.kind in ("numbered", "capitals"):
            row.append(line)
        else:
            kept += row
            row = []
            kept.append(line)
    return kept


def _next_to(line: _Line, other: _Line, lines: Sequence[_Place]) -> bool:
    return all(not text.strip() for _, _, text in lines[line.last + 1 : other.index])


def _levelled(found: Sequence[_Line]) -> Iterator[Heading]:
    """Headings, each with its level: underlines rank by their first use, above what is only numbered."""
    used = dict.fromkeys(line.rank for line in found if line.kind == "underlined")
    rules = {rank: level for level, rank in enumerate(used, 1)}
    if any(line.kind == "marked" for line in found):
        rules = {ord("="): 1, ord("-"): 2}
    parts = len(rules) + any(line.kind == "part" for line in found)
    # Below "Chapter 2" stands "2.1", or "1" if chapters count their sections anew.
    chapters = any(line.kind == "chapter" for line in found) and any(len(line.number) == 1 for line in found)
    for line in found:
        level = {
            "marked": line.rank,
            "underlined": rules.get(line.rank, 1),
            "part": len(rules) + 1,
            "chapter": parts + 1,
            "numbered": parts + chapters + line.rank,
            "capitals": parts + 1,
        }[line.kind]
        yield Heading(line.page, line.offset, min(level, LEVELS), line.title)
