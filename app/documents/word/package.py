"""The parts of a Word file: XML that refers to other parts. Both forms of the standard, transitional and strict."""

from __future__ import annotations

import posixpath
import zlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from zipfile import BadZipFile, ZipFile

from lxml import etree

from app.documents.file_input import FileInput
from app.say.errors import FileTooLarge
from app.say.wording import Message

MOST_TAGS = 3_000_000
"""Tags and attributes of a file: each takes about a hundred bytes, and 50 MB that Word writes have about 3 million."""

_RELATIONSHIP = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_TYPES = "{http://schemas.openxmlformats.org/package/2006/content-types}"
_TRANSITIONAL = b"http://schemas.openxmlformats.org"
_STRICT = {
    b"http://purl.oclc.org/ooxml/officeDocument/relationships": _TRANSITIONAL + b"/officeDocument/2006/relationships",
    b"http://purl.oclc.org/ooxml/officeDocument/math": _TRANSITIONAL + b"/officeDocument/2006/math",
    b"http://purl.oclc.org/ooxml/wordprocessingml/main": _TRANSITIONAL + b"/wordprocessingml/2006/main",
    b"http://purl.oclc.org/ooxml/drawingml/main": _TRANSITIONAL + b"/drawingml/2006/main",
    b"http://purl.oclc.org/ooxml/drawingml/wordprocessingDrawing":
        _TRANSITIONAL + b"/drawingml/2006/wordprocessingDrawing",
    b"http://purl.oclc.org/ooxml/presentationml/main": _TRANSITIONAL + b"/presentationml/2006/main",
}  # fmt: skip


class PackageError(Exception):
    """The package is broken, or is of another kind; says how."""


@dataclass(frozen=True, slots=True)
class Reference:
    """From a part to another: its id, the last word of its type ("footnotes"), and the path it leads to."""

    key: str
    kind: str
    path: str


class Package:
    """An opened docx file. Elements are plain lxml ones: millions of them must be bearable."""

    def __init__(self, archive: ZipFile, job: FileInput) -> None:
        """Raises PackageError if there is no list of content types."""
        self._archive, self._job, self._tags = archive, job, 0
        types = self.part("[Content_Types].xml")
        self._named = {
            _path("", one.get("PartName", "")): one.get("ContentType", "") for one in types.iter(f"{_TYPES}Override")
        }
        self._by_suffix = {
            one.get("Extension", "").lower(): one.get("ContentType", "") for one in types.iter(f"{_TYPES}Default")
        }

    def main(self) -> str:
        """The path of the document. Raises PackageError."""
        for reference in self.references(""):
            if reference.kind == "officeDocument":
                return reference.path
        raise PackageError("it names no document")

    def content_type(self, path: str) -> str:
        """What the package says that a part is."""
        return str(self._named.get(path) or self._by_suffix.get(path.rpartition(".")[2].lower(), ""))

    def references(self, path: str) -> list[Reference]:
        """Where the part at `path` ("": the package) refers to within the package."""
        folder, name = posixpath.split(path)
        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        if relations not in self._archive.namelist():
            return []
        return [
            Reference(one.get("Id", ""), one.get("Type", "").rpartition("/")[2], _path(path, one.get("Target", "")))
            for one in self.part(relations).iter(_RELATIONSHIP)
            if one.get("TargetMode") != "External"
        ]

    def data(self, path: str) -> bytes:
        """A part's bytes. Raises PackageError if it is missing or broken."""
        try:
            return self._archive.read(path)
        except KeyError:
            raise PackageError(f"{path} is missing") from None
        except (BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            raise PackageError(f"{path}: {error}") from None

    def part(self, path: str) -> Any:
        """The root element of a part. Raises PackageError; FileTooLarge before too many elements are made."""
        data = self.data(path)
        for strict, transitional in _STRICT.items():
            data = data.replace(strict, transitional)
        self._tags += data.count(b"<") + data.count(b'="') + data.count(b"='")
        if self._tags > MOST_TAGS:
            raise FileTooLarge(
                "{} has {:,} tags and attributes; the limit is {:,}. Split it, or save it as PDF.",
                self._job.name, self._tags, MOST_TAGS,
            )  # fmt: skip
        # Entities are neither fetched nor put in.
        parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
        try:
            return etree.fromstring(data, parser)
        except etree.XMLSyntaxError as error:
            raise PackageError(f"{path}: {error}") from None


def _path(base: str, target: str) -> str:
    """The path in the archive that `target`, named by the part `base`, means."""
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(base), unquote(target))).lstrip("/")


def brief(error: PackageError) -> Message:
    """What is wrong, on one line."""
    return Message("{}", " ".join(str(error).split())[:120])
