"""The same request under several methods, one run after the other. Knows nothing of Gradio.

The engine keeps a prompt that was read, so the first method would pay for it and the others not. Therefore a run of one
token reads the prompt first, for all of them: each method then begins with the same prompt in the cache.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from app.engine import Engine
from app.errors import AppError
from app.job import Request, Run, RunState
from app.store.diff import Change, diff
from app.wording import Message
from core import FullAttention, Policy, PrefillProgress, TokenGenerated

State: TypeAlias = RunState | Literal["planned"]


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

    def __init__(self, run: Run, opening: str = "") -> None:
        """Nothing was looked at yet. `opening`: how the text begins, given to the model with the prompt."""
        self.run = run
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
    """One method of a comparison. `changes`: from the first method's text to this one's, once both are there."""

    name: str
    policy: Policy
    measured: Measured | None = None
    error: Message | None = None
    dropped: bool = False
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
    """Several methods on one request. `advance` drives it and has to be called now and then; `stop` ends it.

    The request's seed should be set unless it is greedy, or chance would show among the differences.
    """

    def __init__(
        self, engine: Engine, request: Request, methods: Sequence[tuple[str, Policy]], opening: str = ""
    ) -> None:
        """`methods`: a name and a policy each; the request's own policy is not used. `opening`: the end of the prompt
        that is the beginning of each text."""
        self.request, self.opening = request, opening
        self.trials = [Trial(name, policy) for name, policy in methods]
        self.reading = Trial("Reading", FullAttention())
        self._engine = engine
        self._lock = threading.Lock()
        self.stopped = False

    @property
    def done(self) -> bool:
        """Whether all are over."""
        return self.reading.over and all(trial.over for trial in self.trials)

    def stop(self) -> None:
        """Stop the run under way, and begin none of the others."""
        self.stopped = True
        for trial in self._all:
            trial.dropped = True
            if trial.measured:
                trial.measured.run.stop()

    def advance(self) -> None:
        """Take in what the run under way has done, and when it is over begin the next. From any thread."""
        with self._lock:
            self._advance()

    def _advance(self) -> None:
        for trial in self._all:
            if trial.measured:
                trial.measured.update()
            if not trial.over:
                if trial.measured is None:
                    self._begin(trial)
                return
            if trial is self.reading and trial.state == "failed":
                for planned in self.trials:
                    planned.error = trial.message
                return
            self._compare(trial)

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
        trial.measured = Measured(run, self.opening)
        if self.stopped:  # by another thread, meanwhile
            run.stop()

    def _compare(self, trial: Trial) -> None:
        first = self.trials[0].text
        if trial in self.trials[1:] and first and trial.text and not trial.changes:
            trial.changes = diff(first, trial.text)
