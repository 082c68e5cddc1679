"""OpenDocument texts (odt, LibreOffice): headings, lists, tables, notes, and the pages they were last shown on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zipfile import BadZipFile, ZipFile

from lxml import etree

from app.documents import markdown
from app.documents.alt_text import description
from app.documents.archive import open_archive
from app.documents.document import Document
from app.documents.file_input import FileInput
from app.documents.headings import marked_headings
from app.documents.repair import clean
from app.documents.small_letters import lowered, note_mark, raised
from app.documents.word.package import MOST_TAGS
from app.say.errors import DamagedFile, DocumentError, EmptyFile, FileTooLarge, Protected
from app.say.wording import Message

_SPACES = {
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "draw": "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0",
    "svg": "urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0",
}
_BLOCKS = ("text:h", "text:p", "text:list", "table:table", "text:section", "text:table-of-content", "text:index-body")
_MOST_REPEATED = 20
_OFTEN = 500


def _name(short: str) -> str:
    space, _, tag = short.partition(":")
    return f"{{{_SPACES[space]}}}{tag}"


_NAMES = {_name(short): short for short in (
    *_BLOCKS, "text:s", "text:tab", "text:line-break", "text:note", "text:soft-page-break", "text:tracked-changes",
    "office:annotation", "text:span", "draw:frame", "text:ruby-text", "text:bibliography-mark",
)}  # fmt: skip


def read_odt(data: bytes, job: FileInput) -> Document:
    """The document in an odt file. It has pages if LibreOffice noted where they begin, else one."""
    with open_archive(data, job, Message("an OpenDocument text (odt)")) as archive:
        try:
            reader = _Reader(_content(archive, job), job)
            texts = reader.read()
        except DocumentError:
            raise
        except Exception as error:  # a broken file raises whatever its parts lead to
            raise _damaged(job.name, type(error).__name__) from error
    if not any(texts):
        raise EmptyFile("{} holds no text. If it holds pictures of text, recognise it (OCR) first.", job.name)
    pages = clean(texts, [None] * len(texts))
    one, many = Message("1 comment was left out."), Message("{:,} comments were left out.", reader.comments)
    notes = () if not reader.comments else (one if reader.comments == 1 else many,)
    return Document(job.name, pages, notes, marked_headings(pages))


def _damaged(name: str, reason: str) -> DamagedFile:
    return DamagedFile("{} is damaged and cannot be read ({}). Export it again.", name, reason)


def _content(archive: ZipFile, job: FileInput) -> Any:
    try:
        manifest = archive.read("META-INF/manifest.xml") if "META-INF/manifest.xml" in archive.namelist() else b""
        if b"encryption-data" in manifest:
            raise Protected(
                "{} is a locked archive, which cannot be opened here. Save it without a password.", job.name
            )
        data = archive.read("content.xml")
    except (KeyError, BadZipFile, EOFError, OSError, ValueError) as error:
        raise _damaged(job.name, str(error)) from None
    tags = data.count(b"<") + data.count(b'="')
    if tags > MOST_TAGS:
        raise FileTooLarge(
            "{} has {:,} tags and attributes; the limit is {:,}. Split it, or save it as PDF.",
            job.name, tags, MOST_TAGS,
        )  # fmt: skip
    # Entities are neither fetched nor put in.
    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True))


class _Reader:
    """Walks a document's body."""

    def __init__(self, root: Any, job: FileInput) -> None:
        self._job = job
        self._body = root.find(f"{_name('office:body')}/{_name('office:text')}")
        if self._body is None:
            raise _damaged(job.name, "no office:text")
        self._moved = dict(_moved_styles(root))
        self._pages: list[list[str]] = [[]]
        self._notes: list[str] = []
        self._marked = self._size = self._blocks = 0
        self.comments = 0

    def read(self) -> list[str]:
        """Each page's text."""
        self._read(self._body)
        self._end_page()
        return ["\n\n".join(page) for page in self._pages]

    def _read(self, parent: Any) -> None:
        for block in parent.iterchildren("*"):
            self._blocks += 1
            if self._blocks % _OFTEN == 0:
                self._job.check_time()
            kind = _NAMES.get(block.tag)
            if kind == "text:h":
                level = int(block.get(_name("text:outline-level"), "1"))
                self._add(markdown.heading(level, text) if (text := self._inline(block)) else "")
            elif kind == "text:p":
                self._add(self._inline(block))
            elif kind == "text:list":
                self._add("\n".join(self._items(block, 0)))
            elif kind == "table:table":
                self._add("\n".join(markdown.table(list(self._rows(block)))))
            elif kind == "text:soft-page-break":
                self._turn()
            elif kind in ("text:section", "text:table-of-content", "text:index-body"):
                self._read(block)

    def _add(self, block: str) -> None:
        if block.strip():
            parts = block.split("\f")  # where a page ends within it
            for index, part in enumerate(parts):
                if index:
                    self._turn()
                if part.strip():
                    self._pages[-1].append(part.strip("\n") if part.startswith("  ") else part.strip())
            self._size += len(block)
            self._job.check_size(self._size, Message("The text in {} has more than", self._job.name))

    def _turn(self) -> None:
        self._end_page()
        self._pages.append([])
        self._job.check_pages(len(self._pages))

    def _end_page(self) -> None:
        self._pages[-1] += self._notes
        self._notes = []

    def _items(self, items: Any, depth: int) -> Iterator[str]:
        for item in items.iterchildren("*"):
            begun = False
            for block in item.iterchildren("*"):
                kind = _NAMES.get(block.tag)
                if kind == "text:list":
                    yield from self._items(block, min(depth + 1, 8))
                elif kind in ("text:p", "text:h") and (text := self._inline(block)):
                    heading = kind == "text:h"  # LibreOffice numbers headings by lists
                    level = int(block.get(_name("text:outline-level"), "1"))
                    yield (
                        markdown.heading(level, text)
                        if heading
                        else (f"{'  ' * depth}  {text}" if begun else markdown.list_item(depth, None, text))
                    )
                    begun = True

    def _rows(self, table: Any) -> Iterator[list[str]]:
        for row in table.iter(_name("table:table-row")):
            self._job.check_time()
            cells: list[str] = []
            for cell in row.iterchildren(_name("table:table-cell"), _name("table:covered-table-cell")):
                text = " ".join(filter(None, map(self._inline, cell.iter(_name("text:p"), _name("text:h")))))
                repeated = int(cell.get(_name("table:number-columns-repeated"), "1"))
                cells += [text.replace("\f", " ")] * min(repeated, _MOST_REPEATED)
            yield cells

    def _inline(self, parent: Any) -> str:
        return self._text(parent, "", 0).strip(" ")

    def _text(self, parent: Any, before: str, depth: int) -> str:
        """The text in a paragraph, behind what stands `before` on its line."""
        text = parent.text or ""
        for child in parent.iterchildren("*"):
            text += self._child(child, before + text, depth) + (child.tail or "").replace("\n", " ")
        return text

    def _child(self, child: Any, before: str, depth: int) -> str:
        kind = _NAMES.get(child.tag)
        if kind == "text:s":
            return " " * min(int(child.get(_name("text:c"), "1")), 20)
        if kind in ("text:tab", "text:line-break"):
            return "\t" if kind == "text:tab" else "\n"
        if kind == "text:soft-page-break":
            return "\f"
        if kind in ("text:tracked-changes", "text:ruby-text"):
            return ""
        if kind == "office:annotation":
            self.comments += 1
            return ""
        if kind == "text:note":
            return self._note(child, before)
        if kind == "draw:frame":
            return self._frame(child)
        if depth > 100:
            return "".join(child.itertext())
        if kind == "text:span" and (how := self._moved.get(child.get(_name("text:style-name")))):
            inner = self._text(child, "", depth + 1)
            return raised(inner, before[-40:]) if how == "super" else lowered(inner, before[-40:])
        return self._text(child, before, depth + 1)

    def _note(self, note: Any, before: str) -> str:
        self._marked += 1
        body = note.find(_name("text:note-body"))
        text = "" if body is None else " ".join(" ".join(map(self._inline, body.iter(_name("text:p")))).split())
        self._notes.append(f"[^{self._marked}]: {text}")
        return note_mark(str(self._marked), before)

    def _frame(self, frame: Any) -> str:
        box = frame.find(_name("draw:text-box"))
        if box is not None:
            return "\n" + "\n".join(filter(None, map(self._inline, box.iter(_name("text:p"))))) + "\n"
        about = [frame.find(_name(f"svg:{name}")) for name in ("desc", "title")]
        return next((text for one in about if one is not None and (text := description(one.text or ""))), "")


def _moved_styles(root: Any) -> Iterator[tuple[str, str]]:
    """The styles that raise or lower letters."""
    for style in root.iter(_name("style:style")):
        for properties in style.iterchildren(_name("style:text-properties")):
            position = properties.get(_name("style:text-position"), "").split(" ")[0]
            if position.startswith(("super", "sub")):
                yield style.get(_name("style:name"), ""), "super" if position == "super" else "sub"
            elif position.rstrip("%").lstrip("-").isdigit() and int(position.rstrip("%")):
                yield style.get(_name("style:name"), ""), "sub" if position.startswith("-") else "super"
