"""The open projects, and which page shows which. Pages come and go; a session stays until it is long unused."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress

from app.project.session import UNTITLED, Session
from app.say.errors import ProjectGone, StoreError
from app.settings import Limits
from app.store import Store, create_project, delete_project, list_projects, open_project

logger = logging.getLogger(__name__)


class Sessions:
    """The open projects. One that no page has shown for `minutes`, and nobody writes, is closed; with `forget` deleted.

    A page whose project is gone never gets another in its place, into which its text would be saved, but a new one,
    and the same each time.
    """

    def __init__(self, store: Store, limits: Limits, minutes: float, *, forget: bool = False) -> None:
        """`forget`: the store is for strangers, whose documents must not stay."""
        self.store = store
        self._limits, self._seconds, self._forget = limits, 60 * minutes, forget
        self._sessions: dict[str, Session] = {}
        self._instead: dict[tuple[str, str], str] = {}
        """By page and project that is gone, the project in its place; empty if the page itself has deleted it."""
        self._deleting: set[str] = set()
        self._lock = threading.RLock()  # not held while a run is stopped, which takes its time
        self._closed = threading.Event()

    def start(self) -> None:
        """Close what is long unused also while nobody opens a page, until `close`."""
        threading.Thread(target=self._watch, name="sessions", daemon=True).start()

    def open(self, page: str, project: str | None) -> Session:
        """Show `project` on `page`; without one, or if it is gone, the latest of this computer or else a new one."""
        with self._lock:
            self._expire()
            session = self._found(project) or self._found(self._latest()) or self._made(project or "")
            if project and session.id != project:  # the page may ask for that one until it is told
                self._instead[page, project] = session.id
            return self._show(page, session)

    def create(self, page: str, name: str = UNTITLED) -> Session:
        """A new project, shown on `page`."""
        return self.open(page, create_project(self.store, name).id)

    def get(self, page: str, project: str | None) -> Session:
        """The session of the project that a page means; it is opened again if the page outlived it or the server.

        Raises ProjectGone, and StoreError if it cannot be read.
        """
        with self._lock:
            session = self._found(self._instead.get((page, project or ""), project))
            if session is None:
                raise ProjectGone()
            if not self.knows(page):
                self._show(page, session)
            session.used = time.monotonic()
            return session

    def rescue(self, page: str, project: str | None) -> Session:
        """As `get`, for a page that has a text to be kept: if the project is gone, a new one takes its place.

        Raises ProjectGone if the page itself has deleted it.
        """
        with self._lock:
            key = page, project or ""
            session = self._found(self._instead.get(key, project))
            ours = session is not None and project in (session.id, session.instead_of)
            if self._instead.get(key) != "" and not ours:
                self._instead[key] = self._made(project or "").id
            return self.get(page, project)

    def knows(self, page: str) -> bool:
        """Whether a project is shown on `page`."""
        return any(page in session.pages for session in list(self._sessions.values()))

    def delete(self, page: str, project: str) -> Session:
        """Delete a project for good; returns the one that `page` shows then."""
        with self._lock:
            session = self._sessions.pop(project, None)
            self._deleting.add(project)
        try:
            if session is not None:
                session.close()
            delete_project(self.store, project)
        finally:
            with self._lock:
                self._deleting.discard(project)
        with self._lock:
            self._instead[page, project] = ""
            return self.open(page, None)

    def leave(self, page: str) -> None:
        """The page was closed. What it was writing goes on."""
        with self._lock:
            for session in self._sessions.values():
                if page in session.pages:
                    session.pages.discard(page)
                    session.used = time.monotonic()

    def close(self) -> None:
        """Close all."""
        self._closed.set()
        with self._lock:
            sessions = list(self._sessions.values())
        for session in sessions:
            session.stop()
        for session in sessions:
            session.close()

    def _show(self, page: str, session: Session) -> Session:
        self.leave(page)
        session.pages.add(page)
        session.used = time.monotonic()
        return session

    def _found(self, project: str | None) -> Session | None:
        """None if there is no such project, or not any more. Raises StoreError if it cannot be read."""
        if not project or project in self._deleting:
            return None
        if project not in self._sessions:
            try:
                opened = open_project(self.store, project)
            except ProjectGone:
                return None
            self._sessions[project] = Session(self.store, opened, self._limits)
        return self._sessions[project]

    def _latest(self) -> str | None:
        entries = [] if self._forget else list_projects(self.store)
        return entries[0].id if entries else None

    def _made(self, instead_of: str) -> Session:
        made = create_project(self.store, UNTITLED)
        self._sessions[made.id] = Session(self.store, made, self._limits, instead_of)
        return self._sessions[made.id]

    def _watch(self) -> None:
        while not self._closed.wait(min(60.0, self._seconds)):
            try:
                self._expire()
            except StoreError as error:
                logger.warning("what is unused could not be closed: %s", error)

    def _expire(self) -> None:
        with self._lock:
            now = time.monotonic()
            for project, session in list(self._sessions.items()):
                if session.busy or session.pages:
                    session.used = now
                elif now - session.used > self._seconds and self._let_go(session):
                    del self._sessions[project]
                    self._instead = {key: other for key, other in self._instead.items() if other != project}

    def _let_go(self, session: Session) -> bool:
        """Keep or delete what is left of it; False if a text could not be kept, which must not be dropped then."""
        session.stop()  # a comparison that nobody has looked at for so long
        failure = session.flush()
        if not self._forget:
            return not failure
        with suppress(ProjectGone):
            delete_project(self.store, session.id)
        return True
