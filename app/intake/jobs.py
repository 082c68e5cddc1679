"""What is to be read, and who reads it: the thread that asks, or a process (`app.intake.pool`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

from app.documents import AS_FOUND, Document, Progress, ReadAs, read_document, read_pasted
from app.settings import Limits
from app.text.valid import valid_text

Wanted: TypeAlias = Callable[[], bool]
"""Whether somebody still waits for the document."""

Waiting: TypeAlias = Callable[[int], None]
"""Is told how many files come before one whose turn has not come, whenever that changes."""


@dataclass(frozen=True)
class FileJob:
    """A file to be read, and how; `shown` is its name where that is not the path's."""

    path: Path
    limits: Limits = field(default_factory=Limits)
    password: str | None = field(default=None, repr=False)
    read_as: ReadAs = AS_FOUND
    shown: str = ""

    @property
    def name(self) -> str:
        """As it is shown."""
        return self.shown or valid_text(self.path.name)

    def read(self, progress: Progress | None = None) -> Document:
        """As `read_document`."""
        return read_document(
            self.path,
            name=self.name,
            password=self.password,
            limits=self.limits,
            progress=progress,
            running_lines="keep" if self.read_as.running_lines else "remove",
            comments=self.read_as.comments,
            encoding=self.read_as.encoding or None,
            whole_page=self.read_as.whole_page,
            languages=self.read_as.languages or None,
        )


@dataclass(frozen=True)
class PastedJob:
    """A pasted text to be read, under the name that is shown."""

    text: str = field(repr=False)
    name: str
    limits: Limits = field(default_factory=Limits)

    def read(self, progress: Progress | None = None) -> Document:
        """As `read_pasted`, which knows no progress."""
        return read_pasted(self.text, self.name, limits=self.limits)


Job: TypeAlias = FileJob | PastedJob


class Reader(Protocol):
    """Reads files and pasted texts, for several threads at once."""

    def read(
        self, job: Job, progress: Progress | None = None, wanted: Wanted | None = None, waiting: Waiting | None = None
    ) -> Document:
        """The job's document. Raises a DocumentError; OSError if the file cannot be opened."""
        ...


class InThread:
    """Reads in the thread that asks. Then nothing limits the memory, and what is not wanted any more is read on."""

    def read(
        self, job: Job, progress: Progress | None = None, wanted: Wanted | None = None, waiting: Waiting | None = None
    ) -> Document:
        """The job's document."""
        return job.read(progress)

    held, oldest = 0, None
    """Of a `Holder`: what is read here is the app's own."""

    def let_go(self) -> None:
        """There is nothing."""

    def start(self) -> None:
        """Nothing is to be prepared."""

    def close(self) -> None:
        """Nothing is left."""
