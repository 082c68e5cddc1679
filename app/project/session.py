"""A project while it is open: its draft in turn, what a run writes into it, what of it is kept."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

from app.project.comparison import Comparison
from app.project.conflicts import Conflicts
from app.project.insertion import InsertionPoint
from app.project.proposal import Proposal
from app.project.revised_text import RevisedText
from app.project.sources import Sources
from app.project.writing import Writing
from app.prompt.compose import TokenCounts
from app.runs.feed import MapFeed
from app.runs.library import Runs
from app.runs.trace import Trace
from app.say.errors import AppError, StoreError
from app.say.wording import Message
from app.settings import Limits
from app.store import (
    Autosave,
    Project,
    Store,
    redo,
    rename_project,
    restore_version,
    save_draft,
    save_task,
    save_version,
    undo,
)

UNTITLED = "Untitled"

TRACE_SECONDS = 20.0
"""Of a trace, which takes a tenth of a second to write, more may be lost if the process is killed than of the text."""

logger = logging.getLogger(__name__)


class Session:
    """One project: its sources, its draft, what is being written into it. Handlers of several pages may call it."""

    def __init__(self, store: Store, project: Project, limits: Limits, instead_of: str = "") -> None:
        """The project as the store keeps it. `instead_of`: one that was asked for and is gone, if this was made new."""
        self.instead_of = instead_of
        self.id, self.name, self.task = project.id, project.name, dict(project.task)
        self.sources = Sources(store, project.id, limits)
        self.draft = RevisedText(project.draft)
        self.writing: Writing | None = None
        self.comparison: Comparison | None = None
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
        self._conflicts = Conflicts(store, project.id)
        self._run_settings: Mapping[str, Any] = {}
        self._wrote = False
        """Whether the latest run has begun to change the draft."""
        self._traced = 0.0

    @property
    def busy(self) -> bool:
        """Whether something is being written."""
        return self.writing is not None and not self.writing.done

    # --- the draft ---

    def edit(self, text: str, revision: int, page: str = "", serial: int = 0) -> bool:
        """A page's text, see RevisedText.edit; a run that writes goes on at its place in that. False if it was made
        from an older revision, or while a passage is written anew: what it holds that the draft does not is kept as a
        version then. Raises StoreError if even that cannot be."""
        with self._lock:
            before, writing = self.draft.text, self.writing if self.busy else None
            fixed = writing is not None and writing.proposes and text != before
            if not fixed and self.draft.edit(text, revision, page, serial):
                if writing is not None and self.draft.text != before:
                    writing.place = writing.place.edited(self.draft.text)
                if writing is None or writing.proposes or writing.empty:
                    self._autosave.note(self.draft.text)
                else:
                    self._run_autosave.note(writing.draft)
                self._edited = text
                return True
            if text != self._edited:  # a page may send an edit twice
                self._conflicts.keep(text, page, revision)
            return False

    def recover(self, text: str) -> bool:
        """Make what a browser held the draft, as `replace` does. While the model writes it becomes a version, and the
        answer is False. Raises StoreError."""
        with self._lock:
            if self.busy:
                save_version(self._store, self.id, text, "Unsaved text of a browser", automatic=True)
            elif text != self.draft.text:
                self.replace(text, "Before restoring unsaved text")
            return not self.busy

    def replace(self, text: str, version: str = "") -> None:
        """Make `text` the draft, as one step of undo; with `version` the text before is kept under that name."""
        with self._lock:
            self._autosave.flush()
            if version and self.draft.text.strip():
                save_version(self._store, self.id, self.draft.text, version, automatic=True)
            save_draft(self._store, self.id, self.draft.text, checkpoint=True)
            save_draft(self._store, self.id, text, checkpoint=True)
            self.draft.put(text)

    def restore(self, version: int) -> None:
        """Make a version the draft, as one step of undo; the text before is kept as a version too.

        Raises AppError while the model writes, which would go on with another text, and StoreError.
        """
        with self._lock:
            if self.busy:
                raise AppError("The model is writing. Stop it, or wait for its end, then restore the version.")
            self._autosave.flush()
            self.draft.put(restore_version(self._store, version))

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

    def flush(self) -> Message | None:
        """Keep the draft now; returns why it could not be, or None."""
        self._autosave.flush()
        return self._autosave.error

    # --- writing ---

    def begin(self, writing: Writing, task: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        """Let `writing` write into the draft. Raises AppError if another does or the draft cannot be kept."""
        with self._lock:
            if self.busy:
                raise AppError("You are writing already. Stop that first.")
            self._autosave.flush()
            save_draft(self._store, self.id, self.draft.text, checkpoint=True)
            self.keep_task(task)
            self._run_settings, self._traced = settings, time.monotonic()
            self.runs.begin(writing.feed, {**settings, **writing.part.described}, proposes=writing.proposes)
            self.proposal = None
            self._run_autosave = Autosave(self._store, self.id, writer=writing.id, whole=True)
            self._wrote = False
            self.writing = writing
            if not writing.proposes:
                self.map_run = None
        writing.start()

    def wrote(self, writing: Writing) -> None:
        """The model has written more: kept like what is typed."""
        if writing.proposes:
            return
        if not self._wrote:
            self._wrote = True
            self._keep_before(writing)
        self._run_autosave.note(writing.draft)
        now = time.monotonic()
        if now - self._traced > TRACE_SECONDS:
            self._traced = now
            self.runs.save(writing.feed)

    def _keep_before(self, writing: Writing) -> None:
        """The draft that the model begins to change, as a version and as a step of undo."""
        with self._lock:
            self._autosave.flush()
            try:
                if self.draft.text.strip():
                    save_version(self._store, self.id, self.draft.text, "Before the model wrote", automatic=True)
                save_draft(self._store, self.id, self.draft.text, checkpoint=True)
            except StoreError as refusal:
                writing.fail(refusal.message)

    def streamed(self, writing: Writing) -> tuple[int, InsertionPoint]:
        """The revision of the draft into which it writes, and where in that."""
        with self._lock:
            return self.draft.revision, writing.place

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
                    writing.error = refusal.message
            state = writing.state
            final: Any = state if state in ("finished", "stopped", "failed") else "stopped"
            self.runs.end(writing.feed, final, str(writing.error or writing.part.run.error or ""))

    def over(self, writing: Writing, feed: MapFeed) -> None:
        """A run of the writing is over, and another has begun or all has ended: not under the lock, for the trace takes
        a while to be kept, and the page is told of the end meanwhile."""
        if writing.feed is not feed:
            try:
                self.runs.end(feed, "finished")
                self.runs.begin(writing.feed, {**self._run_settings, **writing.part.described})
            except StoreError as refusal:  # the text goes on, and says at its end if it could not be kept
                logger.warning("a run is not kept: %s", refusal)
        self.runs.keep(feed)

    def resolve(self, proposal: str, accept: bool) -> bool:
        """Accept or reject the proposal of that id. False if it is not there any more, or its passage was edited.

        Raises StoreError if the draft it makes cannot be kept.
        """
        with self._lock:
            found = self.proposal
            if found is None or found.id != proposal:
                return False
            text = found.applied(self.draft.text) if accept else None
            if text is not None:
                self.replace(text)
            self.proposal = None  # not before: what cannot be kept stays a proposal
            return text is not None or not accept

    def trace(self) -> Trace | None:
        """Of the run that wrote last into the draft, also on an earlier day; None if there is none."""
        run = self.runs.open(self.runs.newest)
        return run.feed.trace if run else None

    def compare(self, comparison: Comparison) -> None:
        """Let methods be compared, beside the draft. Raises AppError while others are."""
        with self._lock:
            if self.comparison is not None and not self.comparison.done:
                raise AppError("Methods are being compared already. Stop that first.")
            comparison.start()
            self.comparison = comparison

    # --- the project ---

    def keep_task(self, task: Mapping[str, Any]) -> None:
        """Keep the fields of the page. Raises StoreError."""
        if dict(task) != self.task:
            save_task(self._store, self.id, task)
            self.task = dict(task)

    def rename(self, name: str) -> None:
        """Give the project another name. Raises StoreError."""
        rename_project(self._store, self.id, name)
        self.name = name.strip()

    def stop(self) -> None:
        """Stop what is being written or compared, if anything is."""
        if self.writing is not None:
            self.writing.stop()
        if self.comparison is not None:
            self.comparison.stop()

    def close(self) -> None:
        """Stop what is being written or compared and keep everything."""
        self.stop()
        if self.writing is not None:
            self.writing.wait(30)
            self.writing.join(30)
        if self.comparison is not None:
            self.comparison.join(30)
        self._autosave.flush()
