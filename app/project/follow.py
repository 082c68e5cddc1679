"""The one follower of runs: work in the background that people watch, whether or not a page is open.

A job says which runs it needs, one after another, as a generator of RunSpecs that is sent each FollowedRun when it is
over. Each run is recorded, then queued, then followed: its events go to its statistics, its trace and the job.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Literal, TypeAlias

from app.engine.caller import Caller
from app.engine.engine import Engine
from app.engine.notifier import Notifier
from app.engine.run import Run
from app.engine.statistics import RunStatistics
from app.project.run_spec import RunSpec
from app.runs.feed import MapFeed
from app.runs.library import RunLibrary
from app.say.errors import AppError, StoreError
from app.say.wording import Message
from app.text.valid import valid_text
from core import Event, TokenGenerated

JobState: TypeAlias = Literal["waiting", "running", "finished", "stopped", "failed"]

GATHER_SECONDS = 0.03
"""In which events gather before they are looked at: people see no difference, and decoding is not disturbed."""

TRACE_SECONDS = 20.0
"""Of a trace, which takes a tenth of a second to write, more may be lost if the process is killed than of the text."""

logger = logging.getLogger(__name__)


class FollowedRun:
    """A run as it is followed. Its figures belong to the thread that follows it, and are only read elsewhere."""

    def __init__(
        self, spec: RunSpec, feed: MapFeed, layers: int, caller: Caller | None = None, *, continues: bool = False
    ) -> None:
        """Nothing has happened yet. `caller`, `continues`: of the run."""
        self.spec, self.feed = spec, feed
        self.run = Run(spec.request, spec.priority, caller, continues=continues, alone=bool(spec.compared))
        self.statistics = RunStatistics(layers, spec.composed.prompt_tokens)
        self.text = spec.opening

    def add(self, time: float, event: Event) -> None:
        """Take in what happened."""
        self.statistics.started = self.run.started
        self.statistics.add(time, event)
        self.feed.add(event)
        if isinstance(event, TokenGenerated):
            self.text += event.text


RunScript: TypeAlias = Generator[RunSpec, FollowedRun, None]
"""The runs of a job in order; what keeps one from being begun is raised in it."""


class Job:
    """Runs in a row. `start` it once; look at it at any time, from any thread; `stop` ends it.

    caller: who asked for it; to be set before it is started. current: the run under way, or the last. error: why it
    failed, though its last run may not have.
    """

    def __init__(self, engine: Engine, library: RunLibrary | None, name: str) -> None:
        """`library`: where its runs are recorded, if they are; `name`: of its thread."""
        self.id = uuid.uuid4().hex[:12]
        self.notifier = Notifier()
        self.error: Message | None = None
        self.current: FollowedRun | None = None
        self.engine = engine
        self.caller = Caller()
        self._library = library
        self._runs = 0
        self._stopped = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"{name}-{self.id}", daemon=True)

    # --- what kinds of jobs differ in ---

    def script(self) -> RunScript:
        """The runs, in order."""
        raise NotImplementedError

    def adapted(self, event: Event) -> Event:
        """The event as it is to be recorded."""
        return event

    def begun(self, followed: FollowedRun) -> None:
        """A run was queued."""

    def wrote(self, text: str) -> None:
        """The run under way has written more. What it raises ends the job."""

    def finish(self) -> None:
        """All runs are over: called once, before anybody is told."""

    @property
    def draft_start(self) -> int:
        """Characters of a draft before the first word of the next run, without its opening."""
        return 0

    # --- what all jobs do alike ---

    @property
    def done(self) -> bool:
        """Whether it is over, and what it wrote is where it belongs."""
        return self._ended.is_set()

    @property
    def settled(self) -> bool:
        """Whether all that is to be kept of it is kept, too."""
        return self.done and not self._thread.is_alive()

    @property
    def state(self) -> JobState:
        """As of the latest run, while another may come "running"; "failed" too if the next could not be begun."""
        if self.failed:
            return "failed"
        if self.current is None:
            return "waiting"
        if not self.done:
            return "running" if self.current.run.done else self.current.run.state
        return "stopped" if self._stopped else self.current.run.state

    @property
    def failed(self) -> bool:
        """Whether it could not go on, over or not."""
        return self.error is not None or (self.current is not None and self.current.run.state == "failed")

    @property
    def message(self) -> Message | None:
        """Why it failed, or None."""
        return self.error or (self.current.run.error if self.current else None)

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopped

    def start(self) -> None:
        """Record and queue the first run, and follow it from now on. Raises AppError, and then nothing was begun."""
        self._script = self.script()
        self._begin(next(self._script))
        self._thread.start()

    def stop(self) -> None:
        """Stop the run under way, and begin no other."""
        if self.done:
            return
        self._stopped = True
        if self.current is not None:
            self.current.run.stop()
        self.notifier.notify()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end; returns `done`."""
        return self._ended.wait(timeout)

    def join(self, timeout: float | None = None) -> None:
        """Wait until all that is to be kept of it is kept, too."""
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _begin(self, spec: RunSpec) -> None:
        """Record a run and queue it. Raises AppError, and then it is not recorded either."""
        self._runs += 1
        feed = spec.feed(f"{self.id}-{self._runs}", self.engine, self.draft_start + len(spec.opening))
        followed = FollowedRun(spec, feed, self.engine.layers, self.caller, continues=self._runs > 1)
        library = self._library if spec.recorded else None
        if library:
            library.begin(feed, spec.described)
        try:
            self.engine.submit(followed.run)
        except AppError:
            if library:
                library.discard(feed)
            raise
        self.current = followed
        self.begun(followed)
        if self._stopped:  # while it was made, when `stop` could not know of it
            followed.run.stop()
        self.notifier.notify()

    def _follow(self) -> None:
        self._try(self._follow_all)
        last = self.current
        assert last is not None
        if not last.run.done:  # what came of it is the reason
            last.run.stop()
        self._try(self.finish)  # what was written is on the page still, if it cannot be kept
        try:
            self._record_end(last)
        finally:
            self._ended.set()
            self.notifier.notify()
        self._keep(last)

    def _try(self, act: Callable[[], None]) -> None:
        """What goes wrong is why it failed."""
        try:
            act()
        except AppError as error:
            self.error = error.message
        except Exception as error:
            logger.exception("a job could not be followed")
            self.error = Message("The run could not go on: {}. What was written is kept.", str(error))

    def _follow_all(self) -> None:
        going = True
        while going:
            followed = self.current
            assert followed is not None
            self._follow_run(followed)
            if self._stopped:
                self._script.close()
                return
            going = self._go_on(lambda over=followed: self._script.send(over))  # type: ignore[misc]
            if going:
                self._record_end(followed)
                self._keep(followed)

    def _go_on(self, resume: Callable[[], RunSpec]) -> bool:
        """Begin the next run of the script; False if there is none, or it was stopped meanwhile. Raises what the script
        does not take."""
        try:
            spec = resume()
        except StopIteration:
            return False
        if self._stopped:
            self._script.close()
            return False
        try:
            self._begin(spec)
        except AppError as refusal:
            return self._go_on(lambda error=refusal: self._script.throw(error))  # type: ignore[misc]
        return True

    def _follow_run(self, followed: FollowedRun) -> None:
        kept = time.monotonic()
        for events in followed.run.followed(GATHER_SECONDS):
            for when, event in events:
                if isinstance(event, TokenGenerated):
                    event = replace(event, text=valid_text(event.text))
                event = self.adapted(event)
                followed.add(when, event)
                if isinstance(event, TokenGenerated) and event.text:
                    self.wrote(event.text)
            if time.monotonic() - kept > TRACE_SECONDS and self._recorded(followed):
                kept = time.monotonic()
                self._recorded(followed).save(followed.feed)  # type: ignore[union-attr]
            self.notifier.notify()
        followed.statistics.cache_bytes = followed.run.cache_bytes or None

    def _recorded(self, followed: FollowedRun) -> RunLibrary | None:
        return self._library if followed.spec.recorded else None

    def _record_end(self, followed: FollowedRun) -> None:
        """How a run ended, without its trace."""
        library, run = self._recorded(followed), followed.run
        state = "failed" if self.error else run.state if run.done else "stopped"
        try:
            if library:
                library.end(followed.feed, state, str(self.error or run.error or ""))  # type: ignore[arg-type]
        except StoreError as refusal:  # the text goes on, and says at its end if it could not be kept
            logger.warning("the end of a run is not kept: %s", refusal)

    def _keep(self, followed: FollowedRun) -> None:
        """Its trace, which takes a while; whoever watches was told of the end."""
        if library := self._recorded(followed):
            library.keep(followed.feed)
