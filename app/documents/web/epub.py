"""E-books: each item of the reading order becomes a page, with its title from the table of contents as its label."""

from __future__ import annotations

import posixpath
import zlib
from dataclasses import dataclass
from urllib.parse import unquote
from zipfile import BadZipFile, ZipFile

from bs4 import BeautifulSoup, Tag

from app.documents.archive import open_archive
from app.documents.document import LEVELS, Document
from app.documents.file_input import FileInput
from app.documents.headings import chapter_headings
from app.documents.repair import clean, normalise
from app.documents.web.html import decode_markup
from app.documents.web.text import html_to_text
from app.say.errors import DamagedFile, DocumentError, FileTooLarge, NoText, Protected, ReadingTooSlow
from app.say.wording import Message

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_LONGEST_TITLE = 120
# Fonts are scrambled in books that are free to read.
_FONT_OBFUSCATION = frozenset(("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"))


def read_epub(data: bytes, job: FileInput) -> Document:
    """The document in an e-book, in reading order, headings and tables as Markdown.

    Items that cannot be read or have no text are kept as empty pages and noted.
    """
    with open_archive(data, job, Message("an e-book (epub)")) as archive:
        book = _Book(archive, job)
        book.refuse_protection()
        paths = book.reading_order()
        job.check_pages(len(paths))
        titles, sections = book.titles()
        texts: list[str] = []
        failures: list[Message] = []
        size = 0
        for number, path in enumerate(paths, 1):
            try:
                markup = decode_markup(book.member(path), path)[0]
                texts.append(html_to_text(markup, path, titles=sections.get(path)))
            except (FileTooLarge, ReadingTooSlow):
                raise
            except DocumentError as error:  # one broken chapter is no reason to refuse the others
                texts.append("")
                failures.append(error.message)
            size += len(texts[-1])
            job.check_size(size, Message("The text in {} has more than", job.name))
            job.advance(number, len(paths))
    if not any(texts):
        reason = failures[0] if failures else Message("its pages may be pictures")
        raise NoText("{} has no text ({}). Convert it to PDF and run text recognition (OCR) over it.", job.name, reason)
    pages = clean(texts, [titles.get(path) for path in paths])
    notes = _notes(len(pages), len(pages) - sum(map(bool, texts)), failures)
    return Document(job.name, pages, notes, chapter_headings(pages))


def _notes(count: int, silent: int, failures: list[Message]) -> tuple[Message, ...]:
    notes = []
    if silent > len(failures):
        pictures = silent - len(failures)
        notes.append(Message("{:,} of {:,} parts have no text: pictures? They are left out.", pictures, count))
    if failures:
        notes.append(
            Message("{:,} of {:,} parts could not be read ({}) They are left out.", len(failures), count, failures[0])
        )
    return tuple(notes)


@dataclass(frozen=True, slots=True)
class _Item:
    """A file that the book's package names: its path in the archive, its media type, its properties."""

    path: str
    kind: str
    properties: tuple[str, ...]


class _Book:
    """An e-book's archive and what its package file says of it."""

    def __init__(self, archive: ZipFile, job: FileInput) -> None:
        """Raises DamagedFile if there is no package file."""
        self._archive, self._job = archive, job
        root = self._markup(_CONTAINER).find("rootfile")
        path = _attribute(root, "full-path") if isinstance(root, Tag) else ""
        if not path:
            raise self._damaged(Message("{} names no package file", _CONTAINER))
        self._package_path = _resolve("", path)
        self._package = self._markup(self._package_path)
        self._items = {
            _attribute(item, "id"): _Item(
                _resolve(self._package_path, _attribute(item, "href")),
                _attribute(item, "media-type"),
                tuple(_attribute(item, "properties").split()),
            )
            for item in self._package.find_all("item")
        }

    def refuse_protection(self) -> None:
        """Raise Protected if anything but fonts is encrypted."""
        if _ENCRYPTION not in self._archive.namelist():
            return
        methods = {_attribute(method, "Algorithm") for method in self._markup(_ENCRYPTION).find_all("EncryptionMethod")}
        if methods - _FONT_OBFUSCATION:
            raise Protected(
                "{} is protected against copying (DRM) and can be read only by the shop's own app. "
                "Use a copy without protection.",
                self._job.name,
            )

    def reading_order(self) -> list[str]:
        """The paths of the book's texts, in order."""
        items = [self._items.get(_attribute(entry, "idref")) for entry in self._package.find_all("itemref")]
        paths = [item.path for item in items if item]
        if not paths:
            raise self._damaged(Message("its reading order is empty"))
        return paths

    def titles(self) -> tuple[dict[str, str], dict[str, dict[str, tuple[int, str]]]]:
        """The first title that the table of contents gives each path, and by path and id those of sections within, with
        their levels; none if there is no such table."""
        for item in self._items.values():
            try:
                if "nav" in item.properties:
                    return self._nav_titles(item.path)
                if item.kind == "application/x-dtbncx+xml":
                    return self._ncx_titles(item.path)
            except DocumentError:  # a book may be read without its table of contents
                continue
        return {}, {}

    def member(self, path: str) -> bytes:
        """A file in the archive. Raises DamagedFile."""
        try:
            return self._archive.read(path)
        except KeyError:
            raise self._damaged(Message("{} is missing", path)) from None
        except (BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            raise self._damaged(Message("{}: {}", path, str(error))) from None

    def _nav_titles(self, path: str) -> tuple[dict[str, str], dict[str, dict[str, tuple[int, str]]]]:
        contents = _Contents(path)
        for nav in self._markup(path).find_all("nav"):
            if _attribute(nav, "epub:type") in ("toc", ""):
                for link in nav.find_all("a"):
                    contents.add(_attribute(link, "href"), link, len(link.find_parents("ol")))
        return contents.titles, contents.sections

    def _ncx_titles(self, path: str) -> tuple[dict[str, str], dict[str, dict[str, tuple[int, str]]]]:
        contents = _Contents(path)
        for point in self._markup(path).find_all("navPoint"):
            content, label = point.find("content"), point.find("navLabel")
            if isinstance(content, Tag) and isinstance(label, Tag):
                contents.add(_attribute(content, "src"), label, len(point.find_parents("navPoint")) + 1)
        return contents.titles, contents.sections

    def _markup(self, path: str) -> BeautifulSoup:
        # lxml neither fetches nor reads what an entity or a DTD refers to.
        return BeautifulSoup(self.member(path), "xml")

    def _damaged(self, reason: Message) -> DamagedFile:
        return DamagedFile("{} is damaged and cannot be read ({}). Export it again.", self._job.name, reason)


class _Contents:
    """A table of contents in the file `path`: titles of files, and of sections in them."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.titles: dict[str, str] = {}
        self.sections: dict[str, dict[str, tuple[int, str]]] = {}

    def add(self, reference: str, tag: Tag, level: int) -> None:
        """Add an entry, which leads to `reference`; `level` is from 1."""
        title = normalise(" ".join(tag.get_text().split()))[:_LONGEST_TITLE]
        if not title:
            return
        target, fragment = _resolve(self._path, reference), unquote(reference.partition("#")[2])
        if target not in self.titles:
            self.titles[target] = title
        elif fragment:
            self.sections.setdefault(target, {}).setdefault(fragment, (min(max(level, 1), LEVELS), title))


def _attribute(tag: Tag, name: str) -> str:
    return str(tag.get(name, "")).strip()


def _resolve(base: str, reference: str) -> str:
    """The path in the archive that `reference`, found in the file `base`, means."""
    path = unquote(reference.partition("#")[0])
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), path)).lstrip("/")
