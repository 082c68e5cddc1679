"""One person's files, run and earlier text. State belongs to a session; `Sessions` finds and frees them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from app.documents import Document, Page, read_document, select_pages
from app.engine import Run
from app.errors import DocumentError, PageRangeError, PasswordNeeded, WrongPassword
from app.prompts import Source
from app.settings import Limits


@dataclass
class SourceFile:
    """An uploaded file: its document, or why there is none. `pages` is the choice as typed, empty for all."""

    path: Path
    document: Document | None = None
    pages: str = ""
    error: str = ""
    needs_password: bool = False

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def read(self, limits: Limits, password: str | None = None) -> None:
        """Read the file; what is wrong with it becomes `error`."""
        self.error, self.needs_password = "", False
        try:
            self.document = read_document(self.path, password=password, limits=limits)
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

    @property
    def sources(self) -> list[Source]:
        """The readable files with their chosen pages, in the order of upload."""
        return [Source(file.document, file.chosen_pages) for file in self.files if file.document]

    def set_files(self, paths: list[Path], limits: Limits) -> None:
        """Take the uploaded files: new ones are read, known ones keep their document, choice and error."""
        known = {file.path: file for file in self.files}
        files = [known.get(path) or SourceFile(path) for path in paths]
        for file in files:
            if file.path not in known:
                file.read(limits)
        self.files = files


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
