"""One file being read: what it is called, what it may cost, and who watches."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from app.documents.document import AS_FOUND, ReadAs
from app.say.errors import FileTooLarge, ReadingTooSlow, TooManyPages
from app.say.wording import Message
from app.settings import PREFIX, Limits

MEGABYTE = 10**6

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the pages done and their total."""


@dataclass(frozen=True)
class FileInput:
    """A file's name, the limits on reading it, the password given for it, a callback for its progress.

    `read_as` is what a person has chosen; `depth` is how many files it lies in.
    """

    name: str
    limits: Limits
    password: str | None = None
    progress: Progress | None = None
    read_as: ReadAs = AS_FOUND
    depth: int = 0
    started: float = field(default_factory=time.monotonic)

    def check_size(self, size: int, subject: Message, *, times: int = 1) -> None:
        """Raise FileTooLarge if `size` (bytes or characters) is over the limit, or `times` the limit."""
        limit = times * self.limits.max_file_megabytes
        if size > limit * MEGABYTE:
            raise FileTooLarge(
                "{} {:,.1f} MB; the limit is {:,} MB. Split the file, or raise {}.",
                subject, size / MEGABYTE, limit, f"{PREFIX}MAX_FILE_MEGABYTES",
            )  # fmt: skip

    def check_pages(self, count: int) -> None:
        """Raise TooManyPages if `count` is over the limit."""
        if count > self.limits.max_pages:
            raise TooManyPages(
                "{} has {:,} pages; the limit is {:,}. Split the file, or raise {}.",
                self.name, count, self.limits.max_pages, f"{PREFIX}MAX_PAGES",
            )  # fmt: skip

    @property
    def seconds_left(self) -> float:
        """How much longer reading may take."""
        return self.limits.max_read_seconds - (time.monotonic() - self.started)

    def advance(self, done: int, total: int) -> None:
        """Report that `done` of `total` pages are read; raise ReadingTooSlow if that took longer than the limit."""
        if self.progress:
            self.progress(done, total)
        self._check_time(done, total)

    def check_time(self) -> None:
        """Raise ReadingTooSlow if reading has taken longer than the limit: for formats that have no pages."""
        if self.seconds_left < 0:
            raise too_slow(self.name, self.limits)

    def _check_time(self, done: int, total: int) -> None:
        if self.seconds_left < 0:
            raise ReadingTooSlow(
                "{}: {:,} of {:,} pages took longer than the limit of {:,} seconds. Split the file, or raise {}.",
                self.name, done, total, self.limits.max_read_seconds, f"{PREFIX}MAX_READ_SECONDS",
            )  # fmt: skip


def too_slow(name: str, limits: Limits) -> ReadingTooSlow:
    """What is said of a file of that name that takes longer than the limit."""
    return ReadingTooSlow(
        "{}: reading it takes longer than the limit of {:,} seconds. Split the file, or raise {}.",
        name, limits.max_read_seconds, f"{PREFIX}MAX_READ_SECONDS",
    )  # fmt: skip
