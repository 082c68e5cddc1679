"""One reading process, as the app sees it: it is given jobs one after another, and killed where one costs too much."""

from __future__ import annotations

import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from app.documents import Document, Progress
from app.documents.file_input import MEGABYTE, too_slow
from app.intake.jobs import Job, Wanted
from app.intake.wire import Advanced, Answer, Failed, Read, Ready, Refused, answer_in, longest, receive, send
from app.say.errors import DamagedFile, DocumentError, ReadingStopped, TooMuchMemory
from app.settings import PREFIX, Limits

WORKER = "app.intake.worker"
ROOT = Path(__file__).resolve().parents[2]

GRACE_SECONDS = 3
"""Longer than the limit: most formats notice by themselves that reading takes too long, and say how far it came."""

START_SECONDS = 120
"""So long a process may take to start on a busy machine."""

WATCH_SECONDS = 0.1
"""Between two looks at what a process costs."""

PROGRAMS_SECONDS = 1.0
"""Between two looks for programs that a process has begun, each of which takes milliseconds."""

NEARLY = 0.75
"""A process that breaks down with so much of its memory in use, as a share of the limit, broke down of that."""

logger = logging.getLogger(__name__)


class ReadingProcess:
    """A process that starts, reads files and ends; for one thread at a time, except `close`."""

    def __init__(self, module: str = WORKER) -> None:
        """Start it. Raises OSError where no process is to be had."""
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths, **one_thread},
            start_new_session=True,  # what it begins ends with it, and Ctrl+C is not for it
        )
        self._stdin, self._stdout = _opened(self._process.stdin), _opened(self._process.stdout)
        self.files = 0
        """How many it was given."""
        self._ready, self._closed, self._used, self._longest = False, False, 0, longest(Limits())
        self._programs: list[psutil.Process] = []
        self._looked = 0.0
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._ending = threading.Lock()
        threading.Thread(target=self._listen, name="reading", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its number in the system."""
        return self._process.pid

    @property
    def memory(self) -> int:
        """Bytes that it holds (resident), with the programs that it began, such as Tesseract; 0 if it has ended."""
        with suppress(psutil.Error):
            process = psutil.Process(self.pid)
            if time.monotonic() - self._looked >= PROGRAMS_SECONDS:
                self._programs, self._looked = process.children(recursive=True), time.monotonic()
            return int(process.memory_info().rss) + sum(map(_resident, self._programs))
        return 0

    @property
    def alive(self) -> bool:
        """Whether it can be given another file."""
        return not self._closed and self._process.poll() is None

    def read(self, job: Job, progress: Progress | None = None, wanted: Wanted | None = None) -> Document:
        """The job's document. Raises a DocumentError, OSError if the file cannot be opened, and what `progress` raises.

        The process lives on only if it has answered.
        """
        try:
            said = self._answer(job, progress, wanted)
        except BaseException:
            self.close()
            raise
        match said:
            case Read(document):
                return document
            case Refused(error):
                raise error
            case Failed(kind, at):
                logger.error("a reader failed", extra={"error": kind, "at": at})
                raise ended(job, kind)
        raise too_much_memory(job, self._used)

    def close(self) -> None:
        """End it at once, with every program that it began."""
        with self._ending:
            if not self._closed:
                self._closed = True
                if sys.platform == "win32":
                    self._process.kill()
                else:
                    with suppress(ProcessLookupError, PermissionError):
                        os.killpg(self.pid, signal.SIGKILL)
                self._process.wait()
                with suppress(OSError):
                    self._stdin.close()

    def _answer(self, job: Job, progress: Progress | None, wanted: Wanted | None) -> Answer:
        """What the process says at last. Raises a DocumentError where it ends, is to be ended, or is not wanted."""
        end = time.monotonic() + START_SECONDS
        while not self._ready:
            self._ready = isinstance(self._heard(job, wanted), Ready)
            if not self._ready and time.monotonic() > end:
                raise ended(job, "start")
        self._longest, self._used, self.files = longest(job.limits), 0, self.files + 1
        with suppress(OSError):  # it has ended, which is heard next
            send(self._stdin, job)
        end = time.monotonic() + job.limits.max_read_seconds + GRACE_SECONDS
        while True:
            said = self._heard(job, wanted)
            if said is not None and not isinstance(said, Ready | Advanced):
                return said
            if isinstance(said, Advanced) and progress is not None:
                progress(said.done, said.total)
            if time.monotonic() > end:
                raise too_slow(job.name, job.limits)
            self._used = self.memory or self._used
            if self._used > job.limits.max_read_megabytes * MEGABYTE:
                raise too_much_memory(job, self._used)

    def _heard(self, job: Job, wanted: Wanted | None) -> Answer | None:
        """What the process says next; None if nothing so far. Raises a DocumentError if it ended, or is not wanted."""
        if wanted is not None and not wanted():
            raise stopped(job)
        try:
            data = self._answers.get(timeout=WATCH_SECONDS)
        except queue.Empty:
            return None
        if data is None:
            raise self._broken(job)
        try:
            return answer_in(data)
        except Exception as error:  # broken bytes lead to anything
            raise ended(job, type(error).__name__) from error

    def _broken(self, job: Job) -> DocumentError:
        """Why it says nothing any more."""
        if self._closed:
            return stopped(job)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        if self._used > NEARLY * job.limits.max_read_megabytes * MEGABYTE:
            return too_much_memory(job, self._used)
        code = self._process.returncode or 0
        return ended(job, signal.Signals(-code).name if code < 0 else f"exit {code}")

    def _listen(self) -> None:
        """Take what it says, until it says nothing any more."""
        with self._stdout:
            while (data := receive(self._stdout, lambda: self._longest)) is not None:
                self._answers.put(data)
            self._answers.put(None)


def ended(job: Job, how: str) -> DamagedFile:
    """What is said of a file whose reader ended without an answer."""
    return DamagedFile(
        "{} could not be read: its reader ended unexpectedly ({}). Save the file again, or as PDF, and add that.",
        job.name, how,
    )  # fmt: skip


def stopped(job: Job) -> ReadingStopped:
    """What is said of a file that is not wanted any more."""
    return ReadingStopped("{}: reading it was stopped. Add it again.", job.name)


def too_much_memory(job: Job, used: int) -> TooMuchMemory:
    """What is said of a file that takes more memory than the limit; `used` bytes were seen."""
    limit = job.limits.max_read_megabytes
    return TooMuchMemory(
        "{}: reading it takes {:,} MB of memory or more; the limit is {:,} MB. Split the file, or raise {}.",
        job.name, max(used // MEGABYTE, limit), limit, f"{PREFIX}MAX_READ_MEGABYTES",
    )  # fmt: skip


def _resident(process: psutil.Process) -> int:
    """Bytes that a process holds; 0 if it has ended."""
    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _opened(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # it was asked for
    return stream
