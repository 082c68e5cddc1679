"""One person's files, run and earlier text. State belongs to a session; `Sessions` finds and frees them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeAlias

from app.composer import TokenCounts
from app.documents import Document, Page, Progress, duplicates, read_document, read_pasted, select_pages
from app.engine import Run
from app.errors import DocumentError, PageRangeError, PasswordNeeded, WrongPassword
from app.prompts import Source
from app.settings import Limits

FileProgress: TypeAlias = Callable[[str, int, int], None]


@dataclass
class SourceFile:
    """An uploaded file, or a pasted text, which has no `path`: its document, or why there is none.

    `pages` is the choice as typed, empty for all.
    """

    path: Path | None
    document: Document | None = None
    pages: str = ""
    error: str = ""
    needs_password: bool = False

    @property
    def name(self) -> str:
        """The file's name, or that of the pasted text."""
        return self.path.name if self.path else self.document.name if self.document else ""

    def read(self, limits: Limits, password: str | None = None, progress: Progress | None = None) -> None:
        """Read the file; what is wrong with it becomes `error`."""
        assert self.path is not None
        self.error, self.needs_password = "", False
        try:
            self.document = read_document(self.path, password=password, limits=limits, progress=progress)
        except DocumentError as error:
            self.error = str(error)
            self.needs_password = isinstance(error, PasswordNeeded | WrongPassword)
        except OSError as error:
            self.error = f"{self.name} cannot be opened: {error.strerror}. Upload it again."

    def choose(self, pages: str) -> None:
        """Choose pages ("1-3, 7, 12-"). A choice that cannot be read leaves the earlier one and becomes `error`."""
        assert self.document is not None
        try:
            select_pages(self.document, pages)
        except PageRangeError as error:
            self.error = str(error)
            return
        self.pages, self.error = pages, ""

    @property
    def chosen_pages(self) -> tuple[Page, ...]:
        """The pages to be read, none if there is no document."""
        return select_pages(self.document, self.pages) if self.document else ()


@dataclass
class Session:
    """What one open page holds on the server."""

    files: list[SourceFile] = field(default_factory=list)
    run: Run | None = None
    previous_draft: str = ""
    used: float = field(default_factory=time.monotonic)
    token_counts: TokenCounts = field(default_factory=TokenCounts)

    @property
    def sources(self) -> list[Source]:
        """The readable files with their chosen pages, in order."""
        return [Source(file.document, file.chosen_pages) for file in self.files if file.document]

    @property
    def duplicate_notes(self) -> dict[int, str]:
        """For each file whose text an earlier one has too, by its index, a sentence that says which."""
        readable = [(index, file.document) for index, file in enumerate(self.files) if file.document]
        notes = duplicates([document for _, document in readable])
        return {readable[place][0]: note for place, note in notes.items()}

    def set_files(self, paths: list[Path], limits: Limits, progress: FileProgress | None = None) -> None:
        """Take the uploaded files: known ones keep place, document, choice and error; new ones are read and come last.

        Pasted texts stay. `progress` is called with the name of the file that is read, its pages done and their total.
        """
        self.files = [file for file in self.files if file.path is None or file.path in paths]
        known = {file.path for file in self.files}
        for path in dict.fromkeys(paths):
            if path not in known:
                file = SourceFile(path)
                file.read(limits, progress=partial(progress, file.name) if progress else None)
                self.files.append(file)

    def paste(self, text: str, limits: Limits) -> None:
        """Add a pasted text as the last source. Raises DocumentError, and then adds none."""
        names = {file.name for file in self.files}
        name = next(name for name in _pasted_names() if name not in names)
        self.files.append(SourceFile(None, read_pasted(text, name, limits=limits)))

    def move(self, index: int, by: int) -> None:
        """Move the file at `index` by so many places, at most to the beginning or the end."""
        self.files.insert(max(index + by, 0), self.files.pop(index))

    def remove(self, index: int) -> None:
        """Forget the file at `index`."""
        del self.files[index]


def _pasted_names() -> Iterator[str]:
    yield "Pasted text"
    for number in count(2):
        yield f"Pasted text {number}"


class Sessions:
    """All open sessions by their id. One unused for `minutes` is freed, and its run stopped."""

    def __init__(self, minutes: float) -> None:
        """`minutes` without use after which a session is freed."""
        self._seconds = 60 * minutes
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def get(self, session_id: str) -> Session:
        """The session, made new if it is not known."""
        now = time.monotonic()
        with self._lock:
            expired = [key for key, other in self._sessions.items() if now - other.used > self._seconds]
        for key in expired:
            self.close(key)
        with self._lock:
            session = self._sessions.setdefault(session_id, Session())
        session.used = now
        return session

    def close(self, session_id: str) -> None:
        """Free a session; its run stops, so that the next in the queue need not wait for a page nobody sees."""
        with self._lock:
            session = self._sessions.pop(session_id, None)
        if session and session.run:
            session.run.stop()
