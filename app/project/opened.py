"""The sessions in memory. For several threads: the lock is for what is in memory, and never held while a project is
read or kept."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeAlias

from app.project.session import Session
from app.say.errors import ProjectGone, StoreError

Opening: TypeAlias = "Future[Session | None]"
"""A session that is being opened, is open, or is being closed: None once it is not there any more."""

logger = logging.getLogger(__name__)


class OpenSessions:
    """By their projects; each is opened once, whoever asks for it meanwhile."""

    def __init__(self, read: Callable[[str], Session]) -> None:
        """`read`: opens a project. Raises ProjectGone and StoreError."""
        self._read_project = read
        self._open: dict[str, Opening] = {}
        self._deleting: set[str] = set()
        self.lock = threading.RLock()

    def find(self, project: str | None) -> Session | None:
        """The session of a project, which is opened if need be; None if there is no such project, or not any more.
        Raises StoreError if it cannot be read."""
        while project:
            with self.lock:
                if project in self._deleting:
                    return None
                opening, ours = self._open.get(project), False
                if opening is None:
                    opening, ours = self._open.setdefault(project, Future()), True
            if ours:
                self._read(project, opening)
            session = opening.result()
            with self.lock:
                if session is not None and self._open.get(project) is opening:
                    session.asked()  # and is not closed from now on
                    return session
            if ours:
                return None
        return None

    def put(self, session: Session) -> None:
        """One that was made new."""
        opening: Opening = Future()
        opening.set_result(session)
        with self.lock:
            self._open[session.id] = opening

    @property
    def there(self) -> list[Session]:
        """Those that are open."""
        with self.lock:
            found = [opening.result() for opening in self._open.values() if opening.done() and not opening.exception()]
        return [session for session in found if session is not None]

    def begin_to_close(self, session: Session) -> Opening:
        """Put something in its place for as long as it is closed: who asks for it meanwhile waits."""
        closing: Opening = Future()
        with self.lock:
            self._open[session.id] = closing
        return closing

    def end_closing(self, session: Session, closing: Opening, *, stays: bool) -> None:
        """It is closed, or `stays` open after all."""
        with self.lock:
            if not stays:
                self._open.pop(session.id, None)
        closing.set_result(session if stays else None)

    def begin_to_delete(self, project: str) -> Opening | None:
        """From now on there is no such project for anybody; returns its session, if it has one."""
        with self.lock:
            self._deleting.add(project)
            return self._open.pop(project, None)

    def begin_to_delete_closed(self, project: str) -> bool:
        """The same, unless somebody opens it, or has it open: False then."""
        with self.lock:
            if project in self._open:
                return False
            self._deleting.add(project)
            return True

    def end_deleting(self, project: str) -> None:
        """It is gone, or stays after all."""
        with self.lock:
            self._deleting.discard(project)

    def _read(self, project: str, opening: Opening) -> None:
        """Open a project; who else asks for it waits for the same."""
        session: Session | None = None
        failure: StoreError | None = None
        try:
            session = self._read_project(project)
        except ProjectGone:
            pass
        except StoreError as error:
            failure = error
        except Exception as error:
            logger.exception("a project cannot be read")
            failure = StoreError(
                "This project cannot be read: {}. Nothing of it was changed. Open another project.", str(error)
            )
        with self.lock:
            if session is None and self._open.get(project) is opening:
                del self._open[project]
        if failure is not None:
            opening.set_exception(failure)
        else:
            opening.set_result(session)
