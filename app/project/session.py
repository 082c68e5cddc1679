"""A project while it is open: its sources, its draft, its runs, and what is being done in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from app.engine.caller import Caller
from app.intake import Reader
from app.project.comparison import Comparison
from app.project.draft import ProjectDraft
from app.project.material import Material
from app.project.notes import Notes, NoteTaking
from app.project.sources import Sources
from app.project.versions import Versions
from app.project.writing import Writing
from app.prompt.compose import TokenCounts
from app.reading.meanings import Meanings
from app.reading.reading import Readings
from app.runs.library import RunLibrary
from app.runs.trace import Trace
from app.say.errors import AppError
from app.settings import Limits
from app.store import Project, Store, rename_project, save_task

UNTITLED = "Untitled"

BYTES, TEXT_BYTES = 50_000, 4
"""Of one in which there is nothing, and of a character of the draft with what was made of it."""

INTERRUPTED = "The app ended while the model wrote here. What it had written is kept; press Continue to go on."


class Session:
    """One project. Handlers of several pages may call it at once."""

    def __init__(
        self,
        store: Store,
        project: Project,
        limits: Limits,
        instead_of: str = "",
        meanings: Meanings | None = None,
        reader: Reader | None = None,
    ) -> None:
        """The project as the store keeps it. `instead_of`: one that was asked for and is gone, if this was made new."""
        self.instead_of = instead_of
        self.id, self.name, self.task = project.id, project.name, dict(project.task)
        self.sources = Sources(store, project.id, limits, reader)
        self.draft = ProjectDraft(store, project.id, project.draft)
        self.versions = Versions(store, project.id, self.draft)
        self.runs = RunLibrary(store, project.id)
        self.token_counts = TokenCounts()
        self.readings = Readings(meanings, project.id)
        self.notes = Notes(store, project.id)
        self.note_taking: NoteTaking | None = None
        self.writing: Writing | None = None
        self.comparison: Comparison | None = None
        self.caller = Caller()
        """Who asks for what is done in it."""
        self.used = self.asked_at = time.monotonic()
        """When it was last in use, by a page that shows it too; and when a page last asked for something."""
        self._store = store
        self._lock = threading.Lock()

    @property
    def interrupted(self) -> str:
        """What is to be said of a run that was killed with the app; empty if none was, or another has been begun."""
        return INTERRUPTED if self.writing is None and self.runs.interrupted else ""

    @property
    def busy(self) -> bool:
        """Whether something is being written."""
        return self.writing is not None and not self.writing.done

    @property
    def kept(self) -> bool:
        """Whether the store has all of it, so that it can be closed, and opened again as it is."""
        jobs = [self.writing, self.note_taking]
        settled = all(job is None or job.settled for job in jobs) and self.comparison is None
        return settled and self.sources.kept and self.runs.kept and self.draft.proposal is None

    @property
    def held(self) -> int:
        """Bytes that it takes in memory, about."""
        return BYTES + self.sources.held + self.runs.held + TEXT_BYTES * len(self.draft.text)

    def asked(self) -> None:
        """A page asks for something in it."""
        self.used = self.asked_at = time.monotonic()

    @property
    def material(self) -> Material:
        """What is to be written about."""
        return Material(self.sources.selected, self.token_counts, self.readings)

    def write(self, writing: Writing) -> None:
        """Begin to write. Raises AppError if another writes or is about to, or if it cannot be begun."""
        writing.caller = self.caller
        writing.start()
        self.writing = writing

    def compare(self, comparison: Comparison) -> None:
        """Let methods be compared, beside the draft. Raises AppError while others are, or if it cannot be begun."""
        with self._lock:
            before = self.comparison
            if before is not None and not before.done:
                raise AppError("Methods are being compared already. Stop that first.")
            self.comparison = comparison
        comparison.caller = self.caller
        try:
            comparison.start()
        except BaseException:
            self.comparison = before
            raise

    def trace(self) -> Trace | None:
        """Of the run that wrote last into the draft, also on an earlier day; None if there is none."""
        run = self.runs.open(self.runs.newest)
        return run.feed.trace if run else None

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
        """Stop what is being written, compared or noted, if anything is."""
        for job in (self.writing, self.comparison, self.note_taking):
            if job is not None:
                job.stop()

    def close(self) -> None:
        """Stop what is being read, written, compared or noted, and keep everything."""
        self.sources.close()
        self.stop()
        for job in (self.writing, self.comparison, self.note_taking):
            if job is not None:
                job.join(30)
        self.draft.flush()
