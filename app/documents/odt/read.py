"""OpenDocument texts: headings and lists with their numbers, tables, notes, equations, and the pages that are known."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any
from zipfile import BadZipFile, ZipFile

from lxml import etree

from app.documents import markdown
from app.documents.archive import open_archive
from app.documents.document import Document, RemovedLine
from app.documents.file_input import FileInput
from app.documents.headings import marked_headings
from app.documents.odt.inline import Inline
from app.documents.odt.names import name
from app.documents.odt.numbering import OUTLINE, Counts, ListStyles, whole
from app.documents.odt.styles import Styles
from app.documents.repair import clean
from app.documents.web.mathml import equation
from app.documents.word.numbering import BULLET
from app.documents.word.package import MOST_TAGS
from app.say.errors import DamagedFile, DocumentError, EmptyFile, FileTooLarge, Protected
from app.say.wording import Message

_BLOCKS = {name(f"text:{kind}"): kind for kind in ("h", "p", "list", "soft-page-break")} | {
    name("table:table"): "table",
    **dict.fromkeys(map(name, ("text:section", "text:table-of-content", "text:index-body")), "section"),
}
_MOST_REPEATED = 20
_OFTEN = 500
_DEEPEST = 8  # levels of lists


def read_odt(data: bytes, job: FileInput) -> Document:
    """The document in an odt file. It has pages where LibreOffice noted that they begin, or the author said so."""
    with open_archive(data, job, Message("an OpenDocument text (odt)")) as archive:
        try:
            reader = _Reader(_Package(archive, job), job)
            texts = reader.read()
        except DocumentError:
            raise
        except Exception as error:  # a broken file raises whatever its parts lead to
            raise _damaged(job.name, type(error).__name__) from error
    if not any(texts):
        raise EmptyFile("{} holds no text. If it holds pictures of text, recognise it (OCR) first.", job.name)
    pages = clean(texts, [None] * len(texts))
    return Document(job.name, pages, reader.inline.comments.notes, marked_headings(pages), reader.removed)


def _damaged(file: str, reason: str) -> DamagedFile:
    return DamagedFile("{} is damaged and cannot be read ({}). Export it again.", file, reason)


class _Package:
    """The parts of an odt file."""

    def __init__(self, archive: ZipFile, job: FileInput) -> None:
        """Raises Protected, DamagedFile or FileTooLarge."""
        self._archive, self._job, self._tags = archive, job, 0
        self._names = set(archive.namelist())
        if b"encryption-data" in self._data("META-INF/manifest.xml"):
            raise Protected(
                "{} is a locked archive, which cannot be opened here. Save it without a password.", job.name
            )
        if "content.xml" not in self._names:
            raise _damaged(job.name, "content.xml is missing")
        found = (self._root(path) for path in ("content.xml", "styles.xml") if path in self._names)
        self.roots = tuple(found)
        """Of the text and, where there is one, of its styles."""

    def equation(self, path: str) -> str:
        """The equation in an object within the file, "" if it is something else."""
        data = self._data(posixpath.normpath(posixpath.join(path, "content.xml")))
        self._count(data)
        return equation(data) if b"math" in data[:2000] else ""

    def _data(self, path: str) -> bytes:
        try:
            return self._archive.read(path) if path in self._names else b""
        except (BadZipFile, EOFError, OSError, ValueError) as error:
            raise _damaged(self._job.name, str(error)) from None

    def _root(self, path: str) -> Any:
        data = self._data(path)
        self._count(data)
        # Entities are neither fetched nor put in.
        return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True))

    def _count(self, data: bytes) -> None:
        self._tags += data.count(b"<") + data.count(b'="')
        if self._tags > MOST_TAGS:
            raise FileTooLarge(
                "{} has {:,} tags and attributes; the limit is {:,}. Split it, or save it as PDF.",
                self._job.name, self._tags, MOST_TAGS,
            )  # fmt: skip


class _Reader:
    """Walks a document's body."""

    def __init__(self, package: _Package, job: FileInput) -> None:
        self._job = job
        self._body = package.roots[0].find(f"{name('office:body')}/{name('office:text')}")
        if self._body is None:
            raise _damaged(job.name, "no office:text")
        self._styles, self._lists = Styles(*package.roots), ListStyles(*package.roots)
        self.inline = Inline(self._body, self._styles, job.read_as.comments, package.equation)
        self._pages: list[list[str]] = [[]]
        self._size = self._blocks = 0
        self._outline: Counts = {}
        self._counts: dict[str | None, Counts] = {}  # by a list's id, and by its style
        self._running: list[RemovedLine] = []
        self._margins: dict[str, list[str]] = {"header": [], "footer": []}
        self._begun_margins = self._margins  # those that the section before has not
        self._begun = False  # whether anything stands on this page

    def read(self) -> list[str]:
        """Each page's text."""
        first = next(self._body.iter(*map(name, ("text:p", "text:h"))), None)
        style = None if first is None else first.get(name("text:style-name"))
        self._begin_section(self._styles.master_page(style))
        self._read(self._body)
        self._beside(self._begun_margins["footer"])
        self._end_page()
        return ["\n\n".join(page) for page in self._pages]

    @property
    def removed(self) -> tuple[RemovedLine, ...]:
        """What was left out, page by page."""
        return tuple(sorted([*self._running, *self.inline.comments.removed], key=lambda line: line.page))

    def _read(self, parent: Any) -> None:
        for block in parent.iterchildren("*"):
            self._blocks += 1
            if self._blocks % _OFTEN == 0:
                self._job.check_time()
            kind = _BLOCKS.get(block.tag)
            style = block.get(name("text:style-name")) or block.get(name("table:style-name"))
            if kind in ("h", "p", "table") and self._styles.starts_page(style):
                self._break(self._styles.master_page(style))
            if kind == "h":
                self._add(self._heading(block))
            elif kind == "p":
                self._add(self.inline.text(block))
            elif kind == "list":
                self._add("\n".join(self._list(block)))
            elif kind == "table":
                self._add("\n".join(markdown.table(list(self._rows(block)))))
            elif kind == "soft-page-break":
                self._turn()
            elif kind == "section":
                self._read(block)
            if kind in ("h", "p", "table") and self._styles.ends_page(style):
                self._break("")

    def _add(self, block: str) -> None:
        if block.strip():
            parts = block.split("\f")  # where a page ends within it
            for index, part in enumerate(parts):
                if index:
                    self._turn()
                self._begun = True
                if part.strip():
                    self._pages[-1].append(part.strip("\n") if part.startswith("  ") else part.strip())
            self._size += len(block)
            self._job.check_size(self._size, Message("The text in {} has more than", self._job.name))

    def _break(self, master_page: str) -> None:
        """A page that the author began, unless it is the first."""
        if self._begun:
            if master_page:
                self._beside(self._begun_margins["footer"])
            self._turn()
            if master_page:
                self._begin_section(master_page)

    def _turn(self) -> None:
        self._end_page()
        self._pages.append([])
        self._begun = False
        self.inline.page = len(self._pages)
        self._job.check_pages(len(self._pages))

    def _end_page(self) -> None:
        self._pages[-1] += self.inline.notes
        self.inline.notes = []

    def _begin_section(self, master_page: str) -> None:
        """From here on another master page counts: those of its headers and footers that are new begin."""
        shown = {place: self._texts(master_page, place) for place in ("header", "footer")}
        self._begun_margins = {
            place: [text for text in texts if text not in self._margins[place]] for place, texts in shown.items()
        }
        self._margins = shown
        self._beside(self._begun_margins["header"])

    def _texts(self, master_page: str, place: Any) -> list[str]:
        found = []
        for element in self._styles.margins(master_page or None, place):
            text = " ".join(" ".join(map(self.inline.text, element.iter(name("text:p"), name("text:h")))).split())
            if any(map(str.isalpha, text)):
                found.append(text)
        return list(dict.fromkeys(found))

    def _beside(self, lines: list[str]) -> None:
        if self._job.read_as.running_lines:
            self._pages[-1] += lines
        else:
            self._running += [RemovedLine(len(self._pages), line) for line in lines]

    def _heading(self, block: Any, label: str | None = None) -> str:
        """A heading with its number: that of the list in which it stands, or of the outline."""
        level = max(whole(block.get(name("text:outline-level")), 1), 1)
        text = self.inline.text(block)
        plain = block.get(name("text:is-list-header")) == "true" or block.find(name("text:number")) is not None
        if label is None and not plain and self._styles.is_numbered(block.get(name("text:style-name"))):
            start = block.get(name("text:start-value")) if block.get(name("text:restart-numbering")) == "true" else None
            label = self._lists.next_label(OUTLINE, level, self._outline, whole(start, 1) if start else None)
        return markdown.heading(level, f"{label or ''} {text}") if text else ""

    def _list(self, block: Any) -> Iterator[str]:
        style = block.get(name("text:style-name"))
        goes_on = block.get(name("text:continue-list")) or (
            style if block.get(name("text:continue-numbering")) == "true" else None
        )
        counts = self._counts.get(goes_on, {}) if goes_on else {}
        self._counts[block.get(name("xml:id"))] = self._counts[style] = counts
        yield from self._items(block, 1, style, counts)

    def _items(self, items: Any, level: int, style: str | None, counts: Counts) -> Iterator[str]:
        depth = level - 1
        for item in items.iterchildren("*"):
            label: str | None = "" if item.tag == name("text:list-header") else None
            for block in item.iterchildren("*"):
                kind = _BLOCKS.get(block.tag)
                if kind == "list":
                    own = block.get(name("text:style-name")) or style
                    if block.get(name("text:continue-numbering")) != "true":
                        counts.pop(min(level + 1, _DEEPEST), None)
                    yield from self._items(block, min(level + 1, _DEEPEST), own, counts)
                elif kind in ("p", "h"):
                    begun = label is not None
                    if label is None:
                        start = item.get(name("text:start-value"))
                        label = self._lists.next_label(style, level, counts, whole(start, 1) if start else None)
                    if kind == "h":  # LibreOffice numbers headings by lists
                        yield self._heading(block, None if begun or label == BULLET else label)
                    elif text := self.inline.text(block):
                        yield markdown.labelled_item(depth, " " if begun or not label else label, text)

    def _rows(self, table: Any) -> Iterator[list[str]]:
        for row in table.iter(name("table:table-row")):
            self._job.check_time()
            cells: list[str] = []
            for cell in row.iterchildren(name("table:table-cell"), name("table:covered-table-cell")):
                text = " ".join(filter(None, map(self.inline.text, cell.iter(name("text:p"), name("text:h")))))
                repeated = whole(cell.get(name("table:number-columns-repeated")), 1)
                cells += [text.replace("\f", " ")] * min(repeated, _MOST_REPEATED)
            yield cells
