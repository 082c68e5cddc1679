"""The open projects, and which page shows which. Pages come and go; a session stays until it is long unused."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.intake import InThread, Reader
from app.project.allowance import Allowance
from app.project.opened import Opening, OpenSessions
from app.project.resting import Resting
from app.project.session import UNTITLED, Session
from app.reading.meanings import Meanings
from app.say.errors import ProjectGone
from app.settings import Limits, VisitorLimits
from app.store import Store, delete_project, list_projects, open_project, promise_project

AWAY_SECONDS = 30
"""So long what a page asked for is read on after it left."""
ABSENT_SECONDS = 120.0
"""A page that has had no stream for so long has gone, though nobody said so."""

UNTOUCHED_SECONDS, MOST_UNTOUCHED = 60.0, 200
"""So long a session in which nothing was kept stays open when no page shows it, and so many do at most: of more the
oldest go whose pages have no stream. A page that comes to it later finds it as it was: empty."""

RESTING_SECONDS = 60.0
"""A session for which no page has asked for so long may be closed to make room, though a page shows it."""

STARTING_SECONDS = 5.0
"""A page may have no stream for so long when it is opened or reloaded."""

logger = logging.getLogger(__name__)


@dataclass
class PageView:
    """What one page shows: a project, and on the map a run of it, by its key, and a single layer, by its index; None
    for the run that wrote last, and for all layers. `refused`: what it asked for, while it shows why that could not be
    begun."""

    session: Session
    run: str | None = None
    layer: int | None = None
    refused: object = None


class Sessions:
    """The open projects. One that no page has shown for `minutes`, and nobody writes, is closed; with `forget` deleted.

    A project is kept with the first thing in it: opening a page leaves nothing behind. Pages that go without a word are
    known by their silence.

    A page whose project is gone never gets another in its place, into which its text would be saved, but a new one,
    and the same each time. For several threads. A `Holder` of what is in memory of projects that nobody uses now.
    """

    def __init__(
        self,
        store: Store,
        limits: Limits,
        minutes: float,
        *,
        forget: bool = False,
        meanings: Meanings | None = None,
        reader: Reader | None = None,
        silent: Callable[[str], float] = lambda page: 0.0,
        each: VisitorLimits | None = None,
        delete: Callable[[str], None] | None = None,
    ) -> None:
        """`forget`: the store is for strangers, whose documents must not stay. `reader` reads files, see `Sources`.
        `silent`: seconds for which a page has had no stream. `each`: what a visitor may have. `delete`: deletes a
        project for good; by default from the store alone."""
        self.store, self.silent = store, silent
        self.reader = reader or InThread()
        self._meanings = meanings
        self._limits, self._seconds, self._forget = limits, 60 * minutes, forget
        self._delete = delete or (lambda project: delete_project(store, project))
        self._open, self._resting = OpenSessions(self._read), Resting()
        self._lock = self._open.lock
        self._allowance = Allowance(store, each or VisitorLimits(), self._open, self._resting)
        store.admit = self._allowance.admit
        self._views: dict[str, PageView] = {}
        self._instead: dict[tuple[str, str], str] = {}
        """By page and project that is gone, the project in its place; empty if the page itself has deleted it."""
        self._replacing = threading.Lock()
        self._closed = threading.Event()

    def start(self) -> None:
        """Close what is long unused also while nobody opens a page, until `close`."""
        threading.Thread(target=self._watch, name="sessions", daemon=True).start()

    # --- pages ---

    def open(self, page: str, project: str | None) -> Session:
        """Show `project` on `page`; without one, or if it is gone, the latest of this computer or else a new one."""
        self.expire()
        session = self._open.find(project) or self._open.find(self._latest()) or self._made(project or "")
        with self._lock:
            if project and session.id != project:  # the page may ask for that one until it is told
                self._instead[page, project] = session.id
            return self._show(page, session)

    def create(self, page: str, name: str = UNTITLED) -> Session:
        """A new project, shown on `page`."""
        return self.open(page, promise_project(self.store, name).id)

    def get(self, page: str, project: str | None) -> Session:
        """The session of the project that a page means; it is opened again if the page outlived it or the server.

        Raises ProjectGone, and StoreError if it cannot be read.
        """
        session = self._open.find(self._meant(page, project))
        if session is None:
            raise ProjectGone()
        with self._lock:
            if page not in self._views:
                self._show(page, session)
        return session

    def rescue(self, page: str, project: str | None) -> Session:
        """As `get`, for a page that has a text to be kept: if the project is gone, a new one takes its place.

        Raises ProjectGone if the page itself has deleted it.
        """
        session = self._open.find(self._meant(page, project))
        if session is None or project not in (session.id, session.instead_of):
            self._replace(page, project or "")
        return self.get(page, project)

    def _replace(self, page: str, project: str) -> None:
        """Put a new project in the place of one that is gone; once, or two texts of one page would get one each."""
        with self._replacing:
            session = self._open.find(self._meant(page, project))
            ours = session is not None and project in (session.id, session.instead_of)
            if self._instead.get((page, project)) != "" and not ours:
                self._instead[page, project] = self._made(project).id

    def view(self, page: str) -> PageView | None:
        """What `page` shows; None if it was never told, or has left."""
        return self._views.get(page)

    def shows(self, page: str, session: Session) -> bool:
        """Whether `page` shows it still."""
        view = self._views.get(page)
        return view is not None and view.session is session

    def awaits(self, page: str, session: Session) -> bool:
        """Whether somebody may still look at what `page` asked of the session: a page that is reloaded is away for a
        moment, and one that turned to another project comes back."""
        with self._lock:
            shown = page in self._views or any(view.session is session for view in self._views.values())
        return shown or time.monotonic() - session.used < AWAY_SECONDS

    def attended(self, project: str) -> bool:
        """Whether a page shows it that has a stream."""
        with self._lock:
            pages = [page for page, view in self._views.items() if view.session.id == project]
        return any(not self.silent(page) for page in pages)

    def leave(self, page: str) -> None:
        """The page was closed. What it was writing goes on."""
        with self._lock:
            view = self._views.pop(page, None)
        if view is not None:
            view.session.used = time.monotonic()

    # --- projects ---

    def require_room(self, session: Session, paths: Sequence[Path]) -> None:
        """Raises AppError if a visitor's documents are more than each may have, with these files."""
        self._allowance.require_room(session.caller.visitor, paths)

    def delete(self, page: str, project: str) -> Session:
        """Delete a project for good; returns the one that `page` shows then."""
        opening = self._open.begin_to_delete(project)
        try:
            if opening is not None and (session := opening.result()) is not None:
                session.close()
            self._delete(project)
        finally:
            self._open.end_deleting(project)
            self._resting.forget(project)
            with self._lock:
                self._views = {key: view for key, view in self._views.items() if view.session.id != project}
        self._instead[page, project] = ""
        return self.open(page, None)

    def close(self) -> None:
        """Close all."""
        self._closed.set()
        sessions = self._open.there
        for session in sessions:
            session.stop()
        for session in sessions:
            session.close()

    # --- closed when unused ---

    def expire(self) -> None:
        """Close what is long unused."""
        now = time.monotonic()
        for page in list(self._views):
            if self.silent(page) > ABSENT_SECONDS:
                self.leave(page)
        with self._lock:
            shown = {view.session.id for view in self._views.values()}
            unused: list[tuple[Session, Opening]] = []
            for session in self._open.there:
                untouched = session.id in self.store.promised
                if session.busy or session.id in shown:
                    session.used = now
                elif now - session.used > (min(self._seconds, UNTOUCHED_SECONDS) if untouched else self._seconds):
                    unused.append((session, self._closing(session)))
            unused += [(session, self._closing(session)) for session in self._too_many()]
        for session, closing in unused:
            self._let_go(session, closing, delete=self._forget and session.id not in self.store.promised)
        for project in self._resting.unused(self._seconds, lambda page: self.silent(page) < ABSENT_SECONDS):
            self._end_rest(project)

    @property
    def held(self) -> int:
        """Bytes that the open projects take, about."""
        return sum(session.held for session in self._open.there)

    @property
    def oldest(self) -> float | None:
        """When that was asked for last which is closed next to make room."""
        return min((session.asked_at for session in self._idle()), default=None)

    def let_go(self) -> None:
        """Close that; pages that show it find it as it was."""
        with self._lock:
            session = min(self._idle(), key=lambda idle: idle.asked_at, default=None)
            if session is None:
                return
            pages = frozenset(page for page, view in self._views.items() if view.session is session)
            closing = self._closing(session)
        self._let_go(session, closing, delete=False, pages=pages)

    def _idle(self) -> list[Session]:
        """Those that may be closed to make room."""
        latest = time.monotonic() - RESTING_SECONDS
        return [session for session in self._open.there if session.asked_at < latest and session.kept]

    def _too_many(self) -> list[Session]:
        """Of more untouched ones than can be open, the oldest that no page with a stream shows."""
        untouched = [session for session in self._open.there if session.id in self.store.promised and not session.busy]
        excess = len(untouched) - MOST_UNTOUCHED
        if excess <= 0:
            return []
        heard = {view.session.id for page, view in self._views.items() if self.silent(page) < STARTING_SECONDS}
        return [session for session in untouched if session.id not in heard][:excess]

    def _closing(self, session: Session) -> Opening:
        self._views = {page: view for page, view in self._views.items() if view.session is not session}
        return self._open.begin_to_close(session)

    def _let_go(self, session: Session, closing: Opening, *, delete: bool, pages: frozenset[str] | None = None) -> None:
        """Keep or delete what is left of it; it stays open if that cannot be done, for no text must be dropped and
        nothing of a stranger's forgotten. pages: those that showed it, where it only rests."""
        stays = True
        try:
            session.stop()  # a comparison that nobody has looked at for so long
            failure = session.draft.flush()
            if delete:
                with suppress(ProjectGone):
                    self._delete(session.id)
            stays = failure is not None and not delete
            if pages is not None and not stays:
                self._resting.put(session, pages)
        except Exception as error:
            logger.warning("a project that is not used cannot be closed: %s", error)
        finally:
            if not stays and pages is None:
                self._stand_for_none(session.id)
            self._open.end_closing(session, closing, stays=stays)

    def _end_rest(self, project: str) -> None:
        """Nobody came back to it."""
        if self._forget and project not in self.store.promised:
            if not self._open.begin_to_delete_closed(project):
                return
            try:
                with suppress(ProjectGone):
                    self._delete(project)
            except Exception as error:
                logger.warning("a project that is not used cannot be deleted: %s", error)
                return
            finally:
                self._open.end_deleting(project)
        self._resting.forget(project)
        self._stand_for_none(project)

    def _stand_for_none(self, project: str) -> None:
        """It stands in the place of no other any more."""
        with self._lock:
            self._instead = {key: other for key, other in self._instead.items() if other != project}

    def _show(self, page: str, session: Session) -> Session:
        self.leave(page)
        self._views[page] = PageView(session)
        session.asked()
        return session

    def _meant(self, page: str, project: str | None) -> str | None:
        return self._instead.get((page, project or ""), project)

    def _read(self, project: str) -> Session:
        """As the store has it. Raises ProjectGone and StoreError."""
        stored = open_project(self.store, project)
        session = Session(self.store, stored, self._limits, meanings=self._meanings, reader=self.reader)
        self._resting.wake(session)
        return session

    def _latest(self) -> str | None:
        entries = [] if self._forget else list_projects(self.store)
        return entries[0].id if entries else None

    def _made(self, instead_of: str) -> Session:
        made = promise_project(self.store, UNTITLED)
        session = Session(self.store, made, self._limits, instead_of, self._meanings, self.reader)
        self._open.put(session)
        return session

    def _watch(self) -> None:
        while not self._closed.wait(min(60.0, self._seconds)):
            self.expire()
