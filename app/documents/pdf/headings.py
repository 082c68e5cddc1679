"""Headings of a PDF: its outline where it has one, else lines set larger or bolder than the text.

Both say what a heading is called and on which page it stands; where on the page is found in the page's own text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pypdf import PdfReader
from pypdf.generic import Destination, IndirectObject

from app.documents.document import LEVELS, Heading, Page
from app.documents.headings import LONGEST_TITLE, clean_title, find_headings
from app.documents.pdf.lines import TextLine

FEWEST = 3
"""An outline of fewer entries, or so few large lines, say nothing about the structure."""

_LARGER = 1.12
_MOST_ENTRIES = 20_000
_MOST_SHARE = 0.25  # of the lines; what is that frequent is no heading
_NUMBER = re.compile(
    r"^\s*(?:(?:chapter|appendix|part|section)\s+)?(?:\d+|[ivxlc]+|[a-z])(?:\.\d+)*[.:)]*\s+", re.IGNORECASE
)
_ABOVE_TITLE = re.compile(
    r"\s*(?:chapter|appendix|part|section|kapitel|teil|anhang|chapitre)?\s*(?:\w{1,9}\s+)?", re.IGNORECASE
)
_COMPACT = re.compile(r"[\W_]+")

_Form: TypeAlias = tuple[float, bool]  # size and whether it is bold


@dataclass(frozen=True, slots=True)
class Entry:
    """A heading of which the place on its page (1-based) is not known yet."""

    page: int
    level: int
    title: str


def line_entries(pages: Sequence[Sequence[TextLine]]) -> list[Entry]:
    """The lines of pages that are set as headings, those that follow each other in one form put together."""
    lines = [(number, line) for number, page in enumerate(pages, 1) for line in page if not line.text.startswith("| ")]
    body = Counter[_Form]()
    for _, line in lines:
        body[_form(line)] += len(line.text)
    if not body:
        return []
    size, bold = body.most_common(1)[0][0]
    larger = {id(line) for _, line in lines if line.form.size >= _LARGER * size}
    titles = _titles(lines, larger)
    if len(titles) >= FEWEST:
        return titles
    bolder = {id(line) for _, line in lines if line.form.bold and not bold and line.form.size >= 0.98 * size}
    return _titles(lines, larger | bolder)


def _titles(lines: Sequence[tuple[int, TextLine]], large: set[int]) -> list[Entry]:
    if len(large) > _MOST_SHARE * len(lines):
        return []
    titles = [group for group in _groups(lines, large) if _is_title(group[2])]
    forms = sorted({form for _, form, _ in titles}, reverse=True)
    return [Entry(page, min(forms.index(form) + 1, LEVELS), clean_title(title)) for page, form, title in titles]


def _groups(lines: Sequence[tuple[int, TextLine]], large: set[int]) -> Iterator[tuple[int, _Form, str]]:
    page, form, parts = 0, (0.0, False), list[str]()
    for number, line in lines:
        now = (number, _form(line))
        if id(line) in large and now == (page, form):
            parts.append(line.text)
            continue
        if parts:
            yield page, form, " ".join(parts)
        (page, form), parts = now, [line.text] if id(line) in large else []
    if parts:
        yield page, form, " ".join(parts)


def _form(line: TextLine) -> _Form:
    return line.form.size, line.form.bold


def outline_entries(reader: PdfReader) -> list[Entry]:
    """The entries of the outline that lead to a page, in its order; none if it is broken."""
    try:
        pages = {
            page.indirect_reference.idnum: number
            for number, page in enumerate(reader.pages, 1)
            if page.indirect_reference
        }
        entries = []
        for level, entry in _walk(reader.outline):
            page = _page(entry, pages)
            title = clean_title(str(entry.title or ""))
            if page and title:
                entries.append(Entry(page, min(level, LEVELS), title))
            if len(entries) > _MOST_ENTRIES:
                break
        return entries
    except Exception:  # a broken outline is no reason to refuse the text
        return []


def pdf_headings(
    name: str, pages: Sequence[Page], outline: Sequence[Entry], lines: Sequence[Entry]
) -> tuple[Heading, ...]:
    """The headings on repaired pages: from the outline, else from large lines, else from the text's own form."""
    for entries in (outline, lines):
        if len(entries) >= FEWEST and len({entry.page for entry in entries}) >= min(FEWEST, len(pages)):
            return tuple(_placed(entries, pages))
    return find_headings(name, pages)


def _walk(outline: Any) -> Iterator[tuple[int, Destination]]:
    """Not recursive: a file may nest entries thousands deep."""
    pending = [(1, iter(outline))]
    while pending:
        level, entries = pending[-1]
        entry = next(entries, None)
        if entry is None:
            pending.pop()
        elif isinstance(entry, list):
            pending.append((level + 1, iter(entry)))
        else:
            yield level, entry


def _page(entry: Destination, pages: Mapping[int, int]) -> int | None:
    page = entry.page
    if isinstance(page, IndirectObject):
        return pages.get(page.idnum)
    return int(page) + 1 if isinstance(page, int) and 0 <= int(page) < len(pages) else None


def _is_title(text: str) -> bool:
    return (
        len(text) <= LONGEST_TITLE and sum(map(str.isalpha, text)) >= 2 and not text.rstrip().endswith((".", ",", ";"))
    )


def _placed(entries: Sequence[Entry], pages: Sequence[Page]) -> Iterator[Heading]:
    """Each with the place of its line on the page, after the one before; where there is none, directly after that."""
    by_page: dict[int, list[Entry]] = {}
    for entry in entries:
        by_page.setdefault(entry.page, []).append(entry)
    for page in pages:
        lines = _compact_lines(page.text) if page.number in by_page else []
        after = 0
        for entry in by_page.get(page.number, ()):
            found = _find(entry.title, lines, after)
            if found is not None:
                after = found + 1
            offset = lines[found][0] if found is not None else lines[after - 1][0] if after else 0
            if _ABOVE_TITLE.fullmatch(page.text, 0, offset):
                offset = 0
            yield Heading(page.number, offset, entry.level, entry.title)


def _compact_lines(text: str) -> list[tuple[int, str, str]]:
    """Where each line that is not blank begins, its letters and digits without the number before, and with it."""
    lines, offset = [], 0
    for line in text.split("\n"):
        if line and not line.isspace():
            bare = _NUMBER.sub("", line, count=1)
            lines.append((offset, _compact(bare), _compact(line)))
        offset += len(line) + 1
    return lines


def _compact(text: str) -> str:
    return _COMPACT.sub("", text).casefold()


def _find(title: str, lines: Sequence[tuple[int, str, str]], after: int) -> int | None:
    """The index of the line, from `after` on, with which a title begins: all of it, with or without its number."""
    whole = _compact(title)
    bare = _compact(_NUMBER.sub("", title, count=1)) or whole
    for index in range(after, len(lines)):
        _, text, numbered = lines[index]
        for wanted, found in ((whole, numbered), (bare, text)):
            if not wanted or not found:
                continue
            if found == wanted:
                return index
            if wanted.startswith(found) and len(found) >= 4 and index + 1 < len(lines):  # goes on in the next line
                joined = found + lines[index + 1][2]
                if joined == wanted or wanted.startswith(joined):
                    return index
    return None
