"""The same request under several methods, one run after the other, followed in a thread of its own so that no page need
be open. Knows nothing of Gradio.

The engine keeps a prompt that was read, so the first method would pay for it and the others not. Therefore a run of one
token reads the prompt first, for all of them: each method then begins with the same prompt in the cache.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import sleep
from typing import Literal, TypeAlias

from app.engine.engine import Engine
from app.engine.run import Request, Run, RunState
from app.project.trial_runs import TrialRuns
from app.runs.feed import MapFeed
from app.say.errors import AppError
from app.say.wording import Message
from app.text.diff import Change, diff
from core import FullAttention, Policy, PrefillProgress, TokenGenerated

State: TypeAlias = RunState | Literal["planned"]

SECONDS = 0.05
"""Between two looks at what the run under way has done."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Figures:
    """What a run did so far; None: not known yet. Times in seconds, `rate` in tokens per second of decoding.

    first_token: from the run's begin, its wait in the queue left out. reused: of `prompt_tokens`, those that were in
    the cache when it began. A full step is one in which at least one layer attended to all. cache_bytes: keys and
    values at the end, full and small caches together.
    """

    prompt_tokens: int = 0
    reused: int | None = None
    prefill_seconds: float | None = None
    first_token: float | None = None
    tokens: int = 0
    rate: float | None = None
    full_steps: int = 0
    partial_steps: int = 0
    cache_bytes: int | None = None


class Measured:
    """Follows a run: its text, its figures, and its state when they were looked at. Not for several threads at once."""

    def __init__(self, run: Run, opening: str = "", feed: MapFeed | None = None) -> None:
        """Nothing was looked at yet. `opening`: how the text begins, given to the model with the prompt. `feed` is told
        all events."""
        self.run = run
        self.feed = feed
        self.state: RunState = "waiting"
        self.text = opening
        self.figures = Figures(int(run.request.token_ids.shape[1]))
        self._seen = 0
        self._decode_seconds = 0.0
        self._prefill_began = 0.0

    def update(self) -> None:
        """Take in what came since the last call."""
        state = self.run.state  # before the events are looked at, or the last could be missed
        for time, event in self.run.take(self._seen):
            self._seen += 1
            if self.feed:
                self.feed.add(event)
            match event:
                case PrefillProgress():
                    self._read(time, event)
                case TokenGenerated():
                    self._generated(time, event)
        self.state = state
        if self.run.cache_bytes:
            self.figures = replace(self.figures, cache_bytes=self.run.cache_bytes)

    def _read(self, time: float, event: PrefillProgress) -> None:
        if self.figures.reused is None:
            self._prefill_began = time
            self.figures = replace(self.figures, reused=event.done)
        self.figures = replace(self.figures, prefill_seconds=time - self._prefill_began)

    def _generated(self, time: float, event: TokenGenerated) -> None:
        self.text += event.text
        figures = replace(self.figures, tokens=self.figures.tokens + 1)
        if event.step == 0:
            began = self.run.started
            self.figures = replace(figures, first_token=None if began is None else time - began)
            return
        self._decode_seconds += event.seconds
        full = figures.full_steps + (event.full_layers > 0)
        partial = figures.partial_steps + (event.full_layers == 0)
        rate = (full + partial) / self._decode_seconds if self._decode_seconds > 0 else None
        self.figures = replace(figures, full_steps=full, partial_steps=partial, rate=rate)


@dataclass(eq=False)
class Trial:
    """One method of a comparison. `changes`: from the first method's text to this one's, once both are there.

    closed: it is over, and all that is made of it is made.
    """

    name: str
    policy: Policy
    measured: Measured | None = None
    error: Message | None = None
    dropped: bool = False
    closed: bool = False
    changes: list[Change] = field(default_factory=list)

    @property
    def state(self) -> State:
        """Planned until it is its turn."""
        if self.error:
            return "failed"
        if self.dropped and self.measured is None:
            return "stopped"
        return self.measured.state if self.measured else "planned"

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("finished", "stopped", "failed")

    @property
    def message(self) -> Message | None:
        """Why it failed, or None."""
        return self.error or (self.measured.run.error if self.measured else None)

    @property
    def text(self) -> str:
        """What it wrote so far."""
        return self.measured.text if self.measured else ""

    @property
    def figures(self) -> Figures:
        """What it did so far."""
        return self.measured.figures if self.measured else Figures()


class Comparison:
    """Several methods on one request. `start` it, and look at it at any time; `stop` ends it.

    The request's seed should be set unless it is greedy, or chance would show among the differences.
    """

    def __init__(
        self,
        engine: Engine,
        request: Request,
        methods: Sequence[tuple[str, Policy]],
        opening: str = "",
        runs: TrialRuns | None = None,
    ) -> None:
        """`methods`: a name and a policy each; the request's own policy is not used. `opening`: the end of the prompt
        that is the beginning of each text. `runs`: where each is kept, if it is."""
        self.request, self.opening = request, opening
        self.trials = [Trial(name, policy) for name, policy in methods]
        # With a small cache if any has one: what its first use takes after the start is counted against nobody.
        small = (policy for _, policy in methods if not isinstance(policy, FullAttention))
        self.reading = Trial("Reading", next(small, FullAttention()))
        self._engine, self._runs = engine, runs
        self._thread = threading.Thread(target=self._follow, name="comparison", daemon=True)
        self._stopped = False

    def start(self) -> None:
        """Run and follow them from now on."""
        self._thread.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait until all that is to be kept of it is kept."""
        self._thread.join(timeout)

    @property
    def done(self) -> bool:
        """Whether all are over."""
        return all(trial.closed for trial in self._all)

    def stop(self) -> None:
        """Stop the run under way, and begin none of the others."""
        self._stopped = True
        for trial in self._all:
            trial.dropped = True
            if trial.measured:
                trial.measured.run.stop()

    def _follow(self) -> None:
        try:
            while not self.done:
                self.advance()
                sleep(SECONDS)
        except Exception as error:
            logger.exception("a comparison could not be followed")
            self.stop()
            for trial in self._all:
                if not trial.closed:
                    trial.error = Message("The comparison could not go on: {}. Try it again.", str(error))
                    trial.closed = True

    def advance(self) -> None:
        """Take in what the run under way has done, and when it is over begin the next. The thread does."""
        for trial in self._all:
            if trial.closed:
                continue
            if trial.measured:
                trial.measured.update()
            elif not trial.over:
                self._begin(trial)
            if not trial.over:
                return
            self._close(trial)

    @property
    def _all(self) -> list[Trial]:
        return [self.reading, *self.trials]

    def _begin(self, trial: Trial) -> None:
        tokens = 1 if trial is self.reading else self.request.max_new_tokens
        try:
            run = self._engine.submit(replace(self.request, policy=trial.policy, max_new_tokens=tokens))
        except AppError as error:
            trial.error = error.message
            return
        kept = self._runs if trial is not self.reading else None
        feed = kept.begin(trial.name, run, self.opening) if kept else None
        trial.measured = Measured(run, self.opening, feed)
        if self._stopped:  # by another thread, meanwhile
            run.stop()

    def _close(self, trial: Trial) -> None:
        if trial is self.reading and trial.state == "failed":
            for planned in self.trials:
                planned.error = trial.message
        self._compare(trial)
        if self._runs and trial.measured and trial.measured.feed:
            self._runs.end(trial.measured.feed, trial.measured.run)
        trial.closed = True

    def _compare(self, trial: Trial) -> None:
        first = self.trials[0].text
        if trial in self.trials[1:] and first and trial.text and not trial.changes:
            trial.changes = diff(first, trial.text)
