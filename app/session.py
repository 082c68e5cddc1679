"""A project while it is open, and all that are. Pages come and go; a session stays until it is long unused."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.composer import TokenCounts
from app.draft import Draft
from app.errors import AppError, StoreError
from app.map_feed import MapFeed
from app.runs import Runs
from app.settings import Limits
from app.sources import Sources
from app.store import (
    Autosave,
    Change,
    Project,
    Store,
    create_project,
    delete_project,
    diff,
    list_projects,
    open_project,
    redo,
    rename_project,
    save_draft,
    save_task,
    save_version,
    undo,
)
from app.trace import Trace
from app.writing import Writing

UNTITLED = "Untitled"

TRACE_SECONDS = 20.0
"""Of a trace, which takes a tenth of a second to write, more may be lost if the process is killed than of the text."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Proposal:
    """What a run wrote for the characters `start` to `end` of the draft, to be accepted or not."""

    id: str
    start: int
    end: int
    old: str
    text: str

    @property
    def changes(self) -> list[Change]:
        """From the old passage to the new one."""
        return diff(self.old, self.text)


class Session:
    """One project: its sources, its draft, what is being written into it. Handlers of several pages may call it."""

    def __init__(self, store: Store, project: Project, limits: Limits) -> None:
        """The project as the store keeps it."""
        self.id, self.name, self.task = project.id, project.name, dict(project.task)
        self.sources = Sources(store, project.id, limits)
        self.draft = Draft(project.draft)
        self.writing: Writing | None = None
        self.runs = Runs(store, project.id)
        self.map_run: str | None = None
        """The key of the run that the map shows; None for the one that wrote last."""
        self.proposal: Proposal | None = None
        self.token_counts = TokenCounts()
        self.map_layer: int | None = None
        """The one layer that the map shows, an index into its feed's; None for all."""
        self.used = time.monotonic()
        self.pages: set[str] = set()
        self._store = store
        self._autosave = Autosave(store, project.id, writer=uuid.uuid4().hex)
        self._lock = threading.RLock()
        self._edited = project.draft
        self._run_settings: Mapping[str, Any] = {}
        self._traced = 0.0

    @property
    def busy(self) -> bool:
        """Whether something is being written."""
        return self.writing is not None and not self.writing.done

    # --- the draft ---

    def edit(self, text: str, revision: int) -> bool:
        """A page's text. False if it was made from an older revision, or while the model writes: what it holds that the
        draft does not is kept as a version then."""
        with self._lock:
            if not self.busy and self.draft.edit(text, revision):
                self._autosave.note(text)
                self._edited = text
                return True
            if text not in (self.draft.text, self._edited):  # a page may send an edit twice
                save_version(self._store, self.id, text, "Text from another window", automatic=True)
            return False

    def replace(self, text: str, version: str = "") -> None:
        """Make `text` the draft, as one step of undo; with `version` the text before is kept under that name."""
        with self._lock:
            self._autosave.flush()
            if version and self.draft.text.strip():
                save_version(self._store, self.id, self.draft.text, version, automatic=True)
            save_draft(self._store, self.id, self.draft.text, checkpoint=True)
            save_draft(self._store, self.id, text, checkpoint=True)
            self.draft.put(text)

    def undo(self) -> bool:
        """Go back one step; False if there is none."""
        return self._travel(undo)

    def redo(self) -> bool:
        """Go forward one step; False if there is none."""
        return self._travel(redo)

    def _travel(self, step: Any) -> bool:
        with self._lock:
            if self.busy:
                return False
            self._autosave.flush()
            text = step(self._store, self.id)
            if text is not None:
                self.draft.put(text)
            return text is not None

    def flush(self) -> str:
        """Keep the draft now; returns why it could not be, or nothing."""
        self._autosave.flush()
        return self._autosave.error

    # --- writing ---

    def begin(self, writing: Writing, task: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        """Let `writing` write into the draft. Raises AppError if another does or the draft cannot be kept."""
        with self._lock:
            if self.busy:
                raise AppError("You are writing already. Stop that first.")
            self._autosave.flush()
            if not writing.proposes and self.draft.text.strip():
                save_version(self._store, self.id, self.draft.text, "Before the model wrote", automatic=True)
            save_draft(self._store, self.id, self.draft.text, checkpoint=True)
            self.keep_task(task)
            self._run_settings, self._traced = settings, time.monotonic()
            self.runs.begin(writing.feed, settings, proposes=writing.proposes)
            self.proposal = None
            self._run_autosave = Autosave(self._store, self.id, writer=writing.id, whole=True)
            self.writing = writing
            if not writing.proposes:
                self.map_run = None
        writing.start()

    def wrote(self, writing: Writing) -> None:
        """The model has written more: kept like what is typed."""
        if writing.proposes:
            return
        self._run_autosave.note(writing.draft)
        now = time.monotonic()
        if now - self._traced > TRACE_SECONDS:
            self._traced = now
            self.runs.save(writing.feed)

    def ended(self, writing: Writing) -> None:
        """The model has stopped writing."""
        with self._lock:
            place = writing.place
            start = len(place.before)
            if writing.proposes:
                if writing.text.strip() not in ("", place.replaced.strip()) and writing.state != "failed":
                    self.proposal = Proposal(
                        writing.id, start, start + len(place.replaced), place.replaced, writing.text
                    )
            elif not writing.empty:  # or a run that wrote nothing would leave nothing of what it was to replace
                self._run_autosave.flush()
                self.draft.put(writing.draft, (start, start + len(writing.text)))
                try:
                    save_draft(self._store, self.id, self.draft.text, writer=writing.id, checkpoint=True, whole=True)
                except StoreError as refusal:  # it is on the page still
                    writing.error = str(refusal)
            state = writing.state
            final: Any = state if state in ("finished", "stopped", "failed") else "stopped"
            self.runs.end(writing.feed, final, writing.error or writing.part.run.error)

    def over(self, writing: Writing, feed: MapFeed) -> None:
        """A run of the writing is over, and another has begun or all has ended: not under the lock, for the trace takes
        a while to be kept, and the page is told of the end meanwhile."""
        if writing.feed is not feed:
            try:
                self.runs.end(feed, "finished")
                self.runs.begin(writing.feed, self._run_settings)
            except StoreError as refusal:  # the text goes on, and says at its end if it could not be kept
                logger.warning("a run is not kept: %s", refusal)
        self.runs.keep(feed)

    def resolve(self, proposal: str, accept: bool) -> bool:
        """Accept or reject the proposal of that id. False if it is not there any more, or its passage was edited."""
        with self._lock:
            found = self.proposal
            if found is None or found.id != proposal:
                return False
            self.proposal = None
            text = self.draft.text
            if not accept:
                return True
            if text[found.start : found.end] != found.old:
                return False
            self.replace(text[: found.start] + found.text + text[found.end :])
            return True

    def trace(self) -> Trace | None:
        """Of the run that wrote last into the draft, also on an earlier day; None if there is none."""
        run = self.runs.open(self.runs.newest)
        return run.feed.trace if run else None

    # --- the project ---

    def keep_task(self, task: Mapping[str, Any]) -> None:
        """Keep the fields of the page."""
        if dict(task) != self.task:
            self.task = dict(task)
            save_task(self._store, self.id, task)

    def rename(self, name: str) -> None:
        """Give the project another name. Raises StoreError."""
        rename_project(self._store, self.id, name)
        self.name = name.strip()

    def close(self) -> None:
        """Stop what is being written and keep everything."""
        if self.writing is not None:
            self.writing.stop()
            self.writing.wait(30)
            self.writing.join(30)
        self._autosave.flush()


class Sessions:
    """The open projects. One that no page has used for `minutes` is closed, and with `forget` deleted."""

    def __init__(self, store: Store, limits: Limits, minutes: float, *, forget: bool = False) -> None:
        """`forget`: the store is for strangers, whose documents must not stay."""
        self.store = store
        self._limits, self._seconds, self._forget = limits, 60 * minutes, forget
        self._sessions: dict[str, Session] = {}
        self._lock = threading.RLock()

    def open(self, page: str, project: str | None) -> Session:
        """Show `project` on `page`; without one, or if it is gone, the latest of this computer or else a new one."""
        with self._lock:
            self._expire()
            self.leave(page)
            session = self._sessions.get(project or "") or self._opened(project)
            session.pages.add(page)
            session.used = time.monotonic()
            return session

    def create(self, page: str, name: str = UNTITLED) -> Session:
        """A new project, shown on `page`."""
        return self.open(page, create_project(self.store, name).id)

    def get(self, page: str, project: str | None) -> Session:
        """The session a page shows. A page that outlived the server, or its own session, opens its project again."""
        with self._lock:
            session = self._sessions.get(project or "")
            if session is None or page not in session.pages:
                return self.open(page, project)
            session.used = time.monotonic()
            return session

    def delete(self, page: str, project: str) -> Session:
        """Delete a project for good; returns the one that `page` shows then."""
        with self._lock:
            session = self._sessions.pop(project, None)
            if session is not None:
                session.close()
            delete_project(self.store, project)
            return self.open(page, None)

    def leave(self, page: str) -> None:
        """The page was closed. What it was writing goes on."""
        with self._lock:
            for session in self._sessions.values():
                session.pages.discard(page)

    def close(self) -> None:
        """Close all."""
        with self._lock:
            for session in self._sessions.values():
                session.close()

    def _opened(self, project: str | None) -> Session:
        entries = [] if self._forget else [entry.id for entry in list_projects(self.store)]
        for candidate in [project, *entries[:1]]:
            try:
                if candidate:
                    return self._sessions.setdefault(
                        candidate, Session(self.store, open_project(self.store, candidate), self._limits)
                    )
            except StoreError:  # deleted, or of another server
                continue
        made = create_project(self.store, UNTITLED)
        return self._sessions.setdefault(made.id, Session(self.store, made, self._limits))

    def _expire(self) -> None:
        now = time.monotonic()
        for key, session in list(self._sessions.items()):
            if now - session.used > self._seconds and (self._forget or not (session.busy or session.pages)):
                del self._sessions[key]
                session.close()
                if self._forget:
                    delete_project(self.store, key)
