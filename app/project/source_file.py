"""A source of a project at one moment: its file, its document, and what is chosen of that."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from app.documents import Document, Page, Progress, select_pages
from app.intake import FileJob, Reader, Waiting, Wanted
from app.say.errors import DocumentError, PageRangeError, PasswordNeeded, WrongPassword
from app.say.wording import Message, reason
from app.text.valid import valid_text

TEXT_BYTES = 16
"""Of a character in memory: 9 of a PDF's page, with the text as it was extracted and where each character stands in
that; 8 of the index and the sentences of the parts."""


@dataclass(frozen=True, eq=False)
class SourceFile:
    """An uploaded file or a pasted text, at one moment: its document, or why there is none.

    `pages` is the choice as typed, empty for all, and `chosen_pages` are those to be read: none if there is no
    document, or if the choice cannot be read, which is an `error` then. One that is left out stays in the list. `parts`
    is what is chosen for parts of those pages, see `Source.parts`.
    `stored` is its id in the store, None while it is not kept there; `id` is its own while the project is open.
    """

    path: Path
    document: Document | None = None
    pages: str = ""
    error: Message | None = None
    needs_password: bool = False
    left_out: bool = False
    parts: Mapping[str, str] = field(default_factory=dict)
    stored: int | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    chosen_pages: tuple[Page, ...] = field(init=False, default=(), repr=False)

    def __post_init__(self) -> None:
        """What an earlier version kept need not be what this one would."""
        if self.document is not None:
            try:
                object.__setattr__(self, "chosen_pages", _select(self.document, self.pages))
            except PageRangeError as error:
                object.__setattr__(self, "error", self.error or error.message)

    @cached_property
    def held(self) -> int:
        """Bytes that its text takes in memory, with what is made of it to be searched and read."""
        return TEXT_BYTES * self.document.characters if self.document else 0

    @property
    def file_bytes(self) -> int:
        """Of the file."""
        try:
            return self.path.stat().st_size
        except OSError:  # gone meanwhile
            return 0

    @property
    def name(self) -> str:
        """The file's name, or that of the pasted text."""
        return self.document.name if self.document else valid_text(self.path.name)

    def read(
        self, reader: Reader, job: FileJob, progress: Progress | None, wanted: Wanted, waiting: Waiting | None = None
    ) -> SourceFile:
        """With its document, or with what is wrong with the file as `error`."""
        try:
            document = reader.read(job, progress, wanted, waiting)
        except DocumentError as error:
            locked = isinstance(error, PasswordNeeded | WrongPassword)
            return replace(self, error=error.message, needs_password=locked)
        except OSError as error:
            problem = Message("{} cannot be opened: {}. Upload it again.", self.name, reason(error))
            return replace(self, error=problem, needs_password=False)
        return replace(self, document=document, error=None, needs_password=False)


def _select(document: Document, pages: str) -> tuple[Page, ...]:
    """As `select_pages`; an earlier version took in texts of control characters too."""
    if not document.pages_with_text:
        raise PageRangeError(
            "{} holds no text that can be seen, so that nothing of it is read. Remove it.", document.name
        )
    return select_pages(document, pages)
