"""What a file becomes: a document of pages of plain text. Values only; knows nothing of files, tokens or the screen."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Literal
from zlib import crc32

from app.say.wording import Message
from app.text.valid import is_visible

PIECE, SAMPLED, COMPARED = 24, 8, 500_000
"""Of a fingerprint: bytes of a piece, one hash in so many, and characters of the text."""

MOSTLY = 0.75
"""Two documents have mostly the same text if they share so much of their fingerprints."""


LEVELS = 6
"""Headings are at most so many levels deep."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a repaired text comes from: the text as it was `extracted`, and the runs taken over from it.

    Run k begins at character `starts[k]` of the repaired text and at `offsets[k]` of the extracted one; both grow, and
    `starts` begins with 0. Between two starts both move on character by character.
    """

    extracted: str
    starts: tuple[int, ...]
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its 1-based `number` in the file, the `label` it bears there, its text, and where that comes from.

    The label is what is printed on a page of a PDF, if the file states it, or the title of an e-book's chapter.
    `origin` is None if the text stands as it was extracted. Of a page that was cut, `text` is the stretch that begins
    at character `begin`.
    """

    number: int
    label: str | None
    text: str
    origin: Origin | None = field(default=None, repr=False)
    begin: int = 0

    @property
    def extracted(self) -> str:
        """The text as the file gave it, before any repair."""
        return self.origin.extracted if self.origin else self.text

    def offset(self, position: int) -> int:
        """Where in `extracted` the character at `position` of `text` stands.

        The letters of a ligature that was spelt out all stand where the ligature stood. Raises IndexError if there is
        no such character.
        """
        if not 0 <= position < len(self.text):
            raise IndexError(f"page {self.number} has {len(self.text):,} characters; there is none at {position:,}")
        if self.origin is None:
            return position
        run = bisect_right(self.origin.starts, position) - 1
        return self.origin.offsets[run] + position - self.origin.starts[run]


@dataclass(frozen=True, slots=True)
class Heading:
    """Where a section begins: at character `offset` of the text of the page of that 1-based number.

    `level` is 1 for the outermost, LEVELS at most; `title` is one line, without its marks (of Markdown, of leaders).
    """

    page: int
    offset: int
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class RemovedLine:
    """A running header or footer, or a comment, that was left out: the page on which it stood, by its 1-based number,
    and its text. A comment begins with its author: "Orr: check the date"."""

    page: int
    text: str
    kind: Literal["running", "comment"] = "running"


@dataclass(frozen=True, slots=True)
class ReadAs:
    """How a person wants a file to be read: in which `encoding` (empty: found by evidence), with all of a web page
    (`whole_page`), with its running headers and footers (`running_lines`) and its `comments`, and in which `languages`
    scans are recognised ("deu+eng"; empty: those of the limits)."""

    encoding: str = ""
    whole_page: bool = False
    running_lines: bool = False
    comments: bool = False
    languages: str = ""


AS_FOUND = ReadAs()


@dataclass(frozen=True, slots=True)
class Recognised:
    """The pages whose text was recognised in pictures, by their 1-based numbers, and the `languages` in which it was
    looked for ("deu+eng")."""

    pages: tuple[int, ...]
    languages: str


@dataclass(frozen=True)
class Document:
    """All pages of a file, those without text included: `pages[n - 1].number == n`. `notes` are for the reader,
    `headings` in reading order, `removed` what was left out, page by page, `read_as` is how it was read, and
    `recognised` names the pages that are pictures of text, if there are any.

    From `read_document` and `read_pasted` all its text is valid, see `app.text.valid`, and at least a page has text.
    """

    name: str
    pages: tuple[Page, ...]
    notes: tuple[Message, ...] = ()
    headings: tuple[Heading, ...] = ()
    removed: tuple[RemovedLine, ...] = ()
    read_as: ReadAs = AS_FOUND
    recognised: Recognised | None = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the pages' texts, in hexadecimal: the same for the same text, whatever the file."""
        # No page holds a form feed, so that moving a boundary between two pages gives another digest.
        return sha256("\f".join(page.text for page in self.pages).encode("utf-8", "surrogatepass")).hexdigest()

    @cached_property
    def fingerprint(self) -> frozenset[int]:
        """A sample of the hashes of all pieces of PIECE letters, without what lies between words: texts that are alike
        have most of them in common, however their lines and pages are broken. Of a long text its beginning is taken."""
        beginning = "".join(page.text for page in self.pages)[:COMPARED]
        letters = re.sub(r"\W+", "", beginning).casefold().encode("utf-8", "surrogatepass")
        hashes = (crc32(letters[at : at + PIECE]) for at in range(len(letters) - PIECE + 1))
        return frozenset(piece for piece in hashes if piece % SAMPLED == 0)

    @cached_property
    def characters(self) -> int:
        """Characters of all pages together."""
        return sum(len(page.text) for page in self.pages)

    @cached_property
    def pages_with_text(self) -> int:
        """Pages on which a reader sees something."""
        return sum(is_visible(page.text) for page in self.pages)


def duplicates(documents: Sequence[Document]) -> dict[int, Message]:
    """For each document whose text an earlier one has too, all or most of it, by its index, a sentence that says so."""
    notes: dict[int, Message] = {}
    for index, document in enumerate(documents):
        for earlier in documents[:index]:
            if document.digest == earlier.digest:
                notes[index] = Message("{} has the same text as {}.", document.name, earlier.name)
                break
            if _overlap(document.fingerprint, earlier.fingerprint) >= MOSTLY:
                notes[index] = Message("{} has mostly the same text as {}.", document.name, earlier.name)
                break
    return notes


def _overlap(one: frozenset[int], other: frozenset[int]) -> float:
    """How much of the larger they share; 0 if there is nothing to compare."""
    return len(one & other) / max(len(one), len(other), 1)
