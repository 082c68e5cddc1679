"""Reads files in processes, some at once: who asks first is served first. One process is kept warm."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from app.documents import Document, Progress
from app.documents.file_input import MEGABYTE
from app.intake.jobs import Job, Waiting, Wanted
from app.intake.process import WATCH_SECONDS, WORKER, ReadingProcess, stopped
from app.intake.reading_log import logged

FILES = 100
"""A process is replaced after so many files: what libraries leave behind in it goes with it."""

KEPT_MEGABYTES = 400
"""A process that holds more between two files is replaced."""

logger = logging.getLogger(__name__)


class ReaderPool:
    """At most `most` files are read at once, each by a process; the others wait. For several threads."""

    def __init__(self, *, most: int = 2, module: str = WORKER) -> None:
        """`module` is what the processes run."""
        self._most, self._module = most, module
        self._waiting: deque[object] = deque()
        """Those whose turn has not come, in order."""
        self._turns = 0
        self._idle: ReadingProcess | None = None
        self._reading: set[ReadingProcess] = set()
        self._closed = False
        self._changed = threading.Condition()

    def start(self) -> None:
        """Have a process ready before the first file comes."""
        with self._changed:
            self._keep_warm()

    def read(
        self, job: Job, progress: Progress | None = None, wanted: Wanted | None = None, waiting: Waiting | None = None
    ) -> Document:
        """The job's document. Raises a DocumentError, OSError if the file cannot be opened, and what `progress` and
        `waiting` raise.

        Once nobody waits for it any more (`wanted`), its process is ended, and ReadingStopped raised.
        """
        return logged(job, lambda: self._read(job, progress, wanted, waiting))

    def _read(self, job: Job, progress: Progress | None, wanted: Wanted | None, waiting: Waiting | None) -> Document:
        with self._turn(job, wanted, waiting):
            process = self._taken(job)
            if process is None:
                return job.read(progress)
            try:
                return process.read(job, progress, wanted)
            finally:
                self._give_back(process)

    def close(self) -> None:
        """End all processes; who waits for a document is told so."""
        with self._changed:
            self._closed = True
            processes = self._processes
            self._idle = None
            self._changed.notify_all()
        for process in processes:
            process.close()

    @property
    def held(self) -> int:
        """Bytes that the processes hold."""
        with self._changed:
            processes = self._processes
        return sum(process.memory for process in processes)

    @property
    def oldest(self) -> None:
        """Nothing is let go of: what a process reads is waited for."""

    def let_go(self) -> None:
        """There is nothing."""

    @property
    def pids(self) -> list[int]:
        """The processes that read or are ready to, by their numbers in the system."""
        with self._changed:
            return [process.pid for process in self._processes]

    @contextmanager
    def _turn(self, job: Job, wanted: Wanted | None, waiting: Waiting | None) -> Iterator[None]:
        """Within it the job is one of the `most` that are read. Raises ReadingStopped."""
        place, told = object(), 0
        with self._changed:
            self._waiting.append(place)
            try:
                while self._waiting[0] is not place or self._turns >= self._most:
                    if self._closed or (wanted is not None and not wanted()):
                        raise stopped(job)
                    before = self._waiting.index(place) + self._turns
                    if waiting is not None and before != told:
                        told = before
                        waiting(before)
                    self._changed.wait(WATCH_SECONDS)
                self._turns += 1
            finally:
                self._waiting.remove(place)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._turns -= 1
                self._changed.notify_all()

    def _taken(self, job: Job) -> ReadingProcess | None:
        """A process for the job; None if none is to be had."""
        with self._changed:
            if self._closed:
                raise stopped(job)
            process, self._idle = self._idle, None
            if process is not None and not process.alive:  # something else ended it
                process.close()
                process = None
            process = process or self._started()
            if process is not None:
                self._reading.add(process)
            return process

    def _give_back(self, process: ReadingProcess) -> None:
        fresh = process.alive and process.files < FILES and process.memory < KEPT_MEGABYTES * MEGABYTE
        with self._changed:
            self._reading.discard(process)
            if kept := fresh and self._idle is None and not self._closed:
                self._idle = process
            self._keep_warm()
        if not kept:
            process.close()

    # --- under the lock ---

    @property
    def _processes(self) -> list[ReadingProcess]:
        return [*self._reading, *([self._idle] if self._idle else [])]

    def _keep_warm(self) -> None:
        if self._idle is None and not self._closed:
            self._idle = self._started()

    def _started(self) -> ReadingProcess | None:
        try:
            return ReadingProcess(self._module)
        except OSError as error:
            logger.warning("files are read without a process of their own, which cannot be had: %s", error)
            return None
