"""E-books: each item of the reading order becomes a page, with its title from the table of contents as its label."""

from __future__ import annotations

import posixpath
import zlib
from dataclasses import dataclass
from urllib.parse import unquote
from zipfile import BadZipFile, ZipFile

from bs4 import BeautifulSoup, Tag

from app.documents.archive import open_archive
from app.documents.document import Document
from app.documents.html import decode_markup, html_to_text
from app.documents.job import Job
from app.documents.repair import clean, normalise
from app.errors import DamagedFile, DocumentError, FileTooLarge, NoText, Protected, ReadingTooSlow

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_LONGEST_TITLE = 120
# Fonts are scrambled in books that are free to read.
_FONT_OBFUSCATION = frozenset(("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"))


def read_epub(data: bytes, job: Job) -> Document:
    """The document in an e-book, in reading order, headings and tables as Markdown.

    Items that cannot be read or have no text are kept as empty pages and noted.
    """
    with open_archive(data, job, "an e-book (epub)") as archive:
        book = _Book(archive, job)
        book.refuse_protection()
        paths = book.reading_order()
        job.check_pages(len(paths))
        titles = book.titles()
        texts: list[str] = []
        failures: list[str] = []
        size = 0
        for number, path in enumerate(paths, 1):
            try:
                texts.append(html_to_text(decode_markup(book.member(path), path)[0], path))
            except (FileTooLarge, ReadingTooSlow):
                raise
            except DocumentError as error:  # one broken chapter is no reason to refuse the others
                texts.append("")
                failures.append(str(error))
            size += len(texts[-1])
            job.check_size(size, f"The text in {job.name} has more than")
            job.advance(number, len(paths))
    if not any(texts):
        reason = f" ({failures[0]})" if failures else ": its pages may be pictures"
        raise NoText(f"{job.name} has no text{reason}. Convert it to PDF and run text recognition (OCR) over it.")
    pages = clean(texts, [titles.get(path) for path in paths])
    return Document(job.name, pages, _notes(len(pages), len(pages) - sum(map(bool, texts)), failures))


def _notes(count: int, silent: int, failures: list[str]) -> tuple[str, ...]:
    notes = []
    if silent > len(failures):
        notes.append(f"{silent - len(failures):,} of {count:,} parts have no text: pictures? They are left out.")
    if failures:
        notes.append(f"{len(failures):,} of {count:,} parts could not be read ({failures[0]}) They are left out.")
    return tuple(notes)


@dataclass(frozen=True, slots=True)
class _Item:
    """A file that the book's package names: its path in the archive, its media type, its properties."""

    path: str
    kind: str
    properties: tuple[str, ...]


class _Book:
    """An e-book's archive and what its package file says of it."""

    def __init__(self, archive: ZipFile, job: Job) -> None:
        """Raises DamagedFile if there is no package file."""
        self._archive, self._job = archive, job
        root = self._markup(_CONTAINER).find("rootfile")
        path = _attribute(root, "full-path") if isinstance(root, Tag) else ""
        if not path:
            raise self._damaged(f"{_CONTAINER} names no package file")
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
                f"{self._job.name} is protected against copying (DRM) and can be read only by the shop's own app. "
                "Use a copy without protection."
            )

    def reading_order(self) -> list[str]:
        """The paths of the book's texts, in order."""
        items = [self._items.get(_attribute(entry, "idref")) for entry in self._package.find_all("itemref")]
        paths = [item.path for item in items if item]
        if not paths:
            raise self._damaged("its reading order is empty")
        return paths

    def titles(self) -> dict[str, str]:
        """The first title that the table of contents gives each path; none if there is no such table."""
        for item in self._items.values():
            try:
                if "nav" in item.properties:
                    return self._nav_titles(item.path)
                if item.kind == "application/x-dtbncx+xml":
                    return self._ncx_titles(item.path)
            except DocumentError:  # a book may be read without its table of contents
                continue
        return {}

    def member(self, path: str) -> bytes:
        """A file in the archive. Raises DamagedFile."""
        try:
            return self._archive.read(path)
        except KeyError:
            raise self._damaged(f"{path} is missing") from None
        except (BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            raise self._damaged(f"{path}: {error}") from None

    def _nav_titles(self, path: str) -> dict[str, str]:
        titles: dict[str, str] = {}
        soup = self._markup(path)
        for nav in soup.find_all("nav"):
            if _attribute(nav, "epub:type") in ("toc", ""):
                for link in nav.find_all("a"):
                    _add_title(titles, _resolve(path, _attribute(link, "href")), link)
        return titles

    def _ncx_titles(self, path: str) -> dict[str, str]:
        titles: dict[str, str] = {}
        for point in self._markup(path).find_all("navPoint"):
            content, label = point.find("content"), point.find("navLabel")
            if isinstance(content, Tag) and isinstance(label, Tag):
                _add_title(titles, _resolve(path, _attribute(content, "src")), label)
        return titles

    def _markup(self, path: str) -> BeautifulSoup:
        # lxml neither fetches nor reads what an entity or a DTD refers to.
        return BeautifulSoup(self.member(path), "xml")

    def _damaged(self, reason: str) -> DamagedFile:
        return DamagedFile(f"{self._job.name} is damaged and cannot be read ({reason}). Export it again.")


def _add_title(titles: dict[str, str], path: str, tag: Tag) -> None:
    title = normalise(" ".join(tag.get_text().split()))[:_LONGEST_TITLE]
    if title:
        titles.setdefault(path, title)


def _attribute(tag: Tag, name: str) -> str:
    return str(tag.get(name, "")).strip()


def _resolve(base: str, reference: str) -> str:
    """The path in the archive that `reference`, found in the file `base`, means."""
    path = unquote(reference.partition("#")[0])
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), path)).lstrip("/")
