"""Word documents: text in document order, with Markdown headings, lists and tables, Word's numbers and its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from docx.oxml.ns import qn

from app.documents import markdown
from app.documents.archive import open_archive
from app.documents.comments import Comments
from app.documents.document import Document, RemovedLine
from app.documents.file_input import FileInput
from app.documents.headings import marked_headings
from app.documents.repair import clean
from app.documents.word.chunks import chunk_texts, unread_note
from app.documents.word.margins import Margins, margins
from app.documents.word.numbering import BULLET, Numbering
from app.documents.word.package import Package, PackageError, brief
from app.documents.word.pages import Pages
from app.documents.word.styles import ParagraphStyle, Styles, child_value, value
from app.documents.word.text import Break, Inline, cell_text, children, is_deleted, pieces, row_cells
from app.say.errors import DamagedFile, DocumentError, EmptyFile, Protected
from app.say.wording import Message

_OLE_CONTAINER = bytes.fromhex("d0cf11e0a1b11ae1")
_FORMER_SECTION = qn("w:sectPrChange")
_NOTES = {qn("w:footnoteReference"): "footnotes", qn("w:endnoteReference"): "endnotes"}
_MAIN_TYPES = ("wordprocessingml.document.main", "ms-word.document.macroEnabled.main", "wordprocessingml.template.main",
               "ms-word.template.macroEnabledTemplate.main", "application/xml")  # fmt: skip
_OFTEN = 500  # paragraphs between two looks at the clock


def read_docx(data: bytes, job: FileInput) -> Document:
    """The document in a Word file. It has pages if Word noted where they begin or the author set breaks, else one.

    Headers, footers and comments are left out, unless they are wanted.
    """
    if data.startswith(_OLE_CONTAINER):
        raise _not_a_package(data, job.name)
    with open_archive(data, job, Message("a Word document (docx)")) as archive:
        try:
            reader = _Reader(Package(archive, job), job)
            texts = reader.read()
        except DocumentError:
            raise
        except Exception as error:  # a broken package raises whatever its parts lead to
            reason = brief(error) if isinstance(error, PackageError) else Message("{}", type(error).__name__)
            raise DamagedFile(
                "{} is damaged or is no Word document ({}). Open it in Word or LibreOffice and save it again as docx.",
                job.name, reason,
            ) from error  # fmt: skip
    if not any(texts):
        raise EmptyFile("{} holds no text. If it holds pictures of text, recognise it (OCR) first.", job.name)
    silent = sum(not text for text in texts)
    note = Message("{:,} of {:,} pages have no text: pictures? They are left out.", silent, len(texts))
    pages = clean(texts, [None] * len(texts))
    notes = ((note,) if silent else ()) + reader.notes
    return Document(job.name, pages, notes, marked_headings(pages), reader.removed)


def _not_a_package(data: bytes, name: str) -> DocumentError:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return Protected(
            "{} is protected by a password, which cannot be used here. Open it in Word and save it without "
            "(File, Info, Protect Document).",
            name,
        )
    return DamagedFile("{} is in Word's old format (doc). Open it in Word or LibreOffice and save it as docx.", name)


class _Reader:
    """Walks a document's body."""

    def __init__(self, package: Package, job: FileInput, marked: int = 0) -> None:
        """`marked` notes have their numbers already. Raises PackageError."""
        path = package.main()
        kind = package.content_type(path)
        if not any(known in kind for known in _MAIN_TYPES):
            raise PackageError(kind or f"{path} has no content type")
        self._package, self._job = package, job
        self._references = package.references(path)
        targets = {reference.kind: reference.path for reference in self._references}
        parts = {
            kind: package.part(targets[kind])
            for kind in ("styles", "numbering", "comments", *_NOTES.values())
            if kind in targets
        }
        self._body = package.part(path).find(qn("w:body"))
        if self._body is None:
            raise PackageError(f"{path} has no body")
        # A section says of itself whether it begins on a new page, and stands where it ends: each looks at the next.
        sections = [found for found in self._body.iter(qn("w:sectPr")) if found.getparent().tag != _FORMER_SECTION]
        self._section_starts = iter(
            child_value(section, "w:type") not in ("continuous", "nextColumn") for section in sections[1:]
        )
        self._numbering = Numbering(parts.get("numbering"))
        self._styles = Styles(parts.get("styles"), self._numbering.depth_of)
        self._inline = Inline(self._styles, self._mark_note, self._label, self._mark_comment)
        self._margins = iter([*margins(package, self._references, sections, Inline(self._styles))])
        self._section = next(self._margins, Margins())
        self._footnotes = {
            (kind, note.get(qn("w:id"))): note for kind in _NOTES.values() if kind in parts for note in parts[kind]
        }
        self._comment_parts = {comment.get(qn("w:id")): comment for comment in parts.get("comments", ())}
        self._comments = Comments(job.read_as.comments)
        self._running: list[RemovedLine] = []
        self._marked, self._read_blocks = marked, 0
        self._due: list[str] = []  # notes to be written at the foot of this page
        self._pages = Pages(job)
        self._unread: list[str] = []

    def read(self) -> list[str]:
        """Each page's text."""
        self._beside(self._section.headers)
        self._read(self._body)
        self._beside(self._section.footers)
        self._write_notes()
        return self._pages.texts()

    @property
    def removed(self) -> tuple[RemovedLine, ...]:
        """What was left out, page by page."""
        return tuple(sorted([*self._running, *self._comments.removed], key=lambda line: line.page))

    @property
    def notes(self) -> tuple[Message, ...]:
        """What is missing."""
        return self._comments.notes + unread_note(self._unread)

    def _read(self, parent: Any) -> None:
        for block in children(parent, "w:p", "w:tbl", "w:altChunk"):
            self._read_blocks += 1
            if self._read_blocks % _OFTEN == 0:
                self._job.check_time()
            if block.tag == qn("w:p"):
                self._read_paragraph(block)
            elif block.tag == qn("w:tbl"):
                self._read_table(block)
            else:
                self._read_chunk(block)

    def _read_chunk(self, chunk: Any) -> None:
        """Another file that Word shows at this place."""
        texts, kind = chunk_texts(self._package, self._references, chunk, self._job, self._read_package)
        for index, text in enumerate(texts):
            if index:
                self._turn("page break")
            if text:
                self._pages.add(text)
        if kind and not any(texts):
            self._unread.append(kind)

    def _read_package(self, data: bytes) -> list[str]:
        """The pages of a Word file within this one; what is left out of it is listed with the rest."""
        job = replace(self._job, depth=self._job.depth + 1)
        with open_archive(data, job, Message("a Word document (docx)")) as archive:
            inner = _Reader(Package(archive, job), job, self._marked)
            texts = inner.read()
        self._marked = inner._marked
        self._unread += inner._unread
        page = self._pages.number - 1
        for own, found in ((self._running, inner._running), (self._comments.removed, inner._comments.removed)):
            own += [replace(line, page=page + line.page) for line in found]
        return texts

    def _beside(self, lines: Sequence[str]) -> None:
        """Headers or footers of a section, at its beginning or end."""
        if self._job.read_as.running_lines:
            for line in lines:
                self._pages.add(line, beside=True)
        else:
            self._running += [RemovedLine(self._pages.number, line) for line in lines]

    def _label(self, paragraph: Any) -> str:
        return self._numbered(self._styles.of(paragraph))

    def _numbered(self, style: ParagraphStyle) -> str:
        return self._numbering.next_label(style.list_id, style.depth) if style.list_id else ""

    def _read_paragraph(self, paragraph: Any) -> None:
        style = self._styles.of(paragraph)
        if style.starts_page and self._pages.begun:
            self._turn("page break")
        form: Callable[[str], str] | None = None
        label = self._numbered(style)
        if style.heading:
            number = "" if label == BULLET else label
            form = lambda text: markdown.heading(style.heading, f"{number} {text}")  # noqa: E731
        elif label:
            form = partial(markdown.labelled_item, style.depth, label)
        for text, turn in self._parts(paragraph):
            if text:
                self._pages.add(form(text) if form else text, item=bool(form and not style.heading))
                form = None  # what follows on the next page is the rest of it
            if turn:
                self._turn(turn)
        if paragraph.find(f"{qn('w:pPr')}/{qn('w:sectPr')}") is not None:
            self._beside(self._section.footers)
            if next(self._section_starts, False):
                self._turn("page break")
            self._section = next(self._margins, Margins())
            self._beside(self._section.headers)

    def _parts(self, paragraph: Any) -> Iterator[tuple[str, Break | None]]:
        """A paragraph's text up to each page break in it, and the rest."""
        text = ""
        for kind, piece in pieces(paragraph, self._inline):
            if kind == "text":
                text += piece
            elif kind == "picture":
                self._pages.begun = True
                text += piece and f" {piece} "
            elif kind == "page break" or kind == "rendered break":
                yield text.strip(), kind
                text = ""
        yield text.strip(), None

    def _read_table(self, table: Any) -> None:
        rows = [row for row in children(table, "w:tr") if not is_deleted(row)]
        if max((sum(1 for _ in children(row, "w:tc")) for row in rows), default=0) < 2:
            # One column is a frame around text, not data.
            for row in rows:
                for cell in children(row, "w:tc"):
                    self._read(cell)
            return
        lines: list[list[str]] = []
        head = True
        for row in rows:
            self._job.check_time()
            cells, breaks = row_cells(row, self._inline)
            if breaks and self._pages.begun | bool(lines):
                self._write_rows(lines, head)
                head, lines = head and not lines, []
                self._turn(breaks[0])
            lines.append(cells)
        self._write_rows(lines, head)

    def _write_rows(self, rows: list[list[str]], head: bool) -> None:
        """Write rows of a table, the first as its head unless that stands on an earlier page."""
        lines = markdown.table(rows) if head else list(map(markdown.table_row, rows))
        if lines:
            self._pages.add("\n".join(lines))

    def _turn(self, kind: Break) -> None:
        # After a break by the author, Word notes as well that it went on to a new page.
        if kind == "page break" or self._pages.begun:
            self._write_notes()
            self._pages.turn()

    def _mark_note(self, reference: Any) -> str:
        note = self._footnotes.get((_NOTES[reference.tag], reference.get(qn("w:id"))))
        if note is None:
            return ""
        self._marked += 1
        mark = f"[^{self._marked}]"
        text, _ = cell_text(note, Inline(self._styles))
        self._due.append(f"{mark}: {' '.join(text.split())}")
        return mark

    def _mark_comment(self, reference: Any) -> str:
        comment = self._comment_parts.get(reference.get(qn("w:id")))
        if comment is None:
            return ""
        text, _ = cell_text(comment, Inline(self._styles))
        return self._comments.at(self._pages.number, value(comment, "w:author") or "", text)

    def _write_notes(self) -> None:
        for note in self._due:
            self._pages.add(note)
        self._due = []
