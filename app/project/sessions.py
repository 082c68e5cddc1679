"""The open projects, and which page shows which. Pages come and go; a session stays until it is long unused."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from app.intake import InThread, Reader
from app.project.session import UNTITLED, Session
from app.reading.meanings import Meanings
from app.say.errors import AppError, ProjectGone, StoreError
from app.settings import Limits, VisitorLimits
from app.store import Project, Store, delete_project, list_projects, open_project, promise_project

Opening: TypeAlias = "Future[Session | None]"
"""A session that is being opened, is open, or is being closed: None once it is not there any more."""

AWAY_SECONDS = 30
"""So long what a page asked for is read on after it left."""
ABSENT_SECONDS = 120.0
"""A page that has had no stream for so long has gone, though nobody said so."""

UNTOUCHED_SECONDS, MOST_UNTOUCHED = 60.0, 200
"""So long a session in which nothing was kept stays open when no page shows it, and so many do at most: of more the
oldest go whose pages have no stream. A page that comes to it later finds it as it was: empty."""

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
    and the same each time. For several threads: the lock is for what is in memory, and never held while a project is
    read or kept.
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
    ) -> None:
        """`forget`: the store is for strangers, whose documents must not stay. `reader` reads files, see `Sources`.
        `silent`: seconds for which a page has had no stream. `each`: what a visitor may have."""
        self.store, self.silent, self._each = store, silent, each or VisitorLimits()
        self.reader = reader or InThread()
        store.admit = self._admit
        self._meanings = meanings
        self._limits, self._seconds, self._forget = limits, 60 * minutes, forget
        self._open: dict[str, Opening] = {}
        self._views: dict[str, PageView] = {}
        self._instead: dict[tuple[str, str], str] = {}
        """By page and project that is gone, the project in its place; empty if the page itself has deleted it."""
        self._deleting: set[str] = set()
        self._lock = threading.RLock()
        self._replacing = threading.Lock()
        self._closed = threading.Event()

    def start(self) -> None:
        """Close what is long unused also while nobody opens a page, until `close`."""
        threading.Thread(target=self._watch, name="sessions", daemon=True).start()

    # --- pages ---

    def open(self, page: str, project: str | None) -> Session:
        """Show `project` on `page`; without one, or if it is gone, the latest of this computer or else a new one."""
        self.expire()
        session = self._found(project) or self._found(self._latest()) or self._made(project or "")
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
        session = self._found(self._meant(page, project))
        if session is None:
            raise ProjectGone()
        with self._lock:
            if page not in self._views:
                self._show(page, session)
        session.used = time.monotonic()
        return session

    def rescue(self, page: str, project: str | None) -> Session:
        """As `get`, for a page that has a text to be kept: if the project is gone, a new one takes its place.

        Raises ProjectGone if the page itself has deleted it.
        """
        session = self._found(self._meant(page, project))
        if session is None or project not in (session.id, session.instead_of):
            self._replace(page, project or "")
        return self.get(page, project)

    def _replace(self, page: str, project: str) -> None:
        """Put a new project in the place of one that is gone; once, or two texts of one page would get one each."""
        with self._replacing:
            session = self._found(self._meant(page, project))
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
        limit = self._each.megabytes
        if limit is None:
            return
        kept = [file.path for other in self._of(session) for file in other.sources.files]
        size = sum(path.stat().st_size for path in [*kept, *paths] if path.exists())
        if size > limit * 10**6:
            raise AppError(
                "With these files your documents would have {:,} MB; the limit of each visitor is {:,} MB "
                "(REFRESHKV_UPLOAD_MEGABYTES_EACH). Remove some, or a project, and add these again.",
                -(-size // 10**6), limit,
            )  # fmt: skip

    def _admit(self, project: str) -> None:
        """Whether the visitor may have one more project. Raises StoreError."""
        with self._lock:
            found = next((session for session in self._there() if session.id == project), None)
        if found is None or self._each.projects is None:
            return
        own = [other for other in self._of(found) if other.id not in self.store.promised]
        if len(own) >= self._each.projects:
            raise StoreError(
                "You have {:,} projects, as many as each visitor can (REFRESHKV_PROJECTS_EACH). Delete one that is not "
                "needed; your text is on the page still.",
                len(own),
            )

    def _of(self, session: Session) -> list[Session]:
        """The open sessions of the visitor who uses this one."""
        with self._lock:
            return [other for other in self._there() if other.caller.visitor == session.caller.visitor]

    def delete(self, page: str, project: str) -> Session:
        """Delete a project for good; returns the one that `page` shows then."""
        with self._lock:
            opening = self._open.pop(project, None)
            self._deleting.add(project)
        try:
            if opening is not None and (session := opening.result()) is not None:
                session.close()
            delete_project(self.store, project)
        finally:
            with self._lock:
                self._deleting.discard(project)
                self._views = {key: view for key, view in self._views.items() if view.session.id != project}
        self._instead[page, project] = ""
        return self.open(page, None)

    def close(self) -> None:
        """Close all."""
        self._closed.set()
        with self._lock:
            sessions = [opening.result() for opening in self._open.values() if opening.done()]
        for session in sessions:
            if session:
                session.stop()
        for session in sessions:
            if session:
                session.close()

    def expire(self) -> None:
        """Close what is long unused."""
        now = time.monotonic()
        for page in list(self._views):
            if self.silent(page) > ABSENT_SECONDS:
                self.leave(page)
        with self._lock:
            shown = {view.session.id for view in self._views.values()}
            unused: list[tuple[Session, Opening]] = []
            for session in self._there():
                untouched = session.id in self.store.promised
                if session.busy or session.id in shown:
                    session.used = now
                elif now - session.used > (min(self._seconds, UNTOUCHED_SECONDS) if untouched else self._seconds):
                    unused.append((session, self._closing(session)))
            unused += [(session, self._closing(session)) for session in self._too_many()]
        for session, closing in unused:
            self._let_go(session, closing)

    def _there(self) -> list[Session]:
        """Those that are open."""
        found = [opening.result() for opening in self._open.values() if opening.done() and not opening.exception()]
        return [session for session in found if session is not None]

    def _too_many(self) -> list[Session]:
        """Of more untouched ones than can be open, the oldest that no page with a stream shows."""
        untouched = [session for session in self._there() if session.id in self.store.promised and not session.busy]
        excess = len(untouched) - MOST_UNTOUCHED
        if excess <= 0:
            return []
        heard = {view.session.id for page, view in self._views.items() if self.silent(page) < STARTING_SECONDS}
        return [session for session in untouched if session.id not in heard][:excess]

    def _closing(self, session: Session) -> Opening:
        """What stands in its place while it is closed: who asks for it meanwhile waits."""
        self._views = {page: view for page, view in self._views.items() if view.session is not session}
        closing: Opening = Future()
        self._open[session.id] = closing
        return closing

    def _show(self, page: str, session: Session) -> Session:
        self.leave(page)
        self._views[page] = PageView(session)
        session.used = time.monotonic()
        return session

    def _meant(self, page: str, project: str | None) -> str | None:
        return self._instead.get((page, project or ""), project)

    def _found(self, project: str | None) -> Session | None:
        """None if there is no such project, or not any more. Raises StoreError if it cannot be read."""
        while project:
            with self._lock:
                if project in self._deleting:
                    return None
                opening, ours = self._open.get(project), False
                if opening is None:
                    opening, ours = self._open.setdefault(project, Future()), True
            if ours:
                self._read(project, opening)
            session = opening.result()
            if session is not None:
                return session
            if ours:
                return None
        return None

    def _read(self, project: str, opening: Opening) -> None:
        """Open a project; who else asks for it waits for the same."""
        session: Session | None = None
        failure: StoreError | None = None
        try:
            stored = open_project(self.store, project)
            session = Session(self.store, stored, self._limits, meanings=self._meanings, reader=self.reader)
        except ProjectGone:
            pass
        except StoreError as error:
            failure = error
        except Exception as error:
            logger.exception("a project cannot be read")
            failure = StoreError(
                "This project cannot be read: {}. Nothing of it was changed. Open another project.", str(error)
            )
        with self._lock:
            if session is None and self._open.get(project) is opening:
                del self._open[project]
        if failure is not None:
            opening.set_exception(failure)
        else:
            opening.set_result(session)

    def _latest(self) -> str | None:
        entries = [] if self._forget else list_projects(self.store)
        return entries[0].id if entries else None

    def _made(self, instead_of: str) -> Session:
        made: Project = promise_project(self.store, UNTITLED)
        opening: Opening = Future()
        session = Session(self.store, made, self._limits, instead_of, self._meanings, self.reader)
        opening.set_result(session)
        with self._lock:
            self._open[made.id] = opening
        return session

    def _watch(self) -> None:
        while not self._closed.wait(min(60.0, self._seconds)):
            self.expire()

    def _let_go(self, session: Session, closing: Opening) -> None:
        """Keep or delete what is left of it; it stays open if that cannot be done, for no text must be dropped and
        nothing of a stranger's forgotten."""
        stays = True
        try:
            session.stop()  # a comparison that nobody has looked at for so long
            failure = session.draft.flush()
            if self._forget and session.id not in self.store.promised:
                with suppress(ProjectGone):
                    delete_project(self.store, session.id)
            stays = failure is not None and not self._forget
        except Exception as error:
            logger.warning("a project that is not used cannot be closed: %s", error)
        finally:
            with self._lock:
                if not stays:
                    self._open.pop(session.id, None)
                    self._instead = {key: other for key, other in self._instead.items() if other != session.id}
            closing.set_result(session if stays else None)
