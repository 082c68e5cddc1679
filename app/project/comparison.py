"""The same request under several methods, one run after the other.

The engine keeps a prompt that was read, so the first method would pay for it and the others not. Therefore a run of one
token reads the prompt first, for all of them: each method then begins with the same prompt in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from app.engine.engine import Engine
from app.engine.run import RunState
from app.engine.statistics import RunStatistics
from app.project.follow import FollowedRun, Job, RunScript
from app.project.run_spec import RunSpec
from app.runs.library import RunLibrary
from app.say.errors import AppError
from app.say.wording import Message
from app.text.diff import Change, diff

TrialState: TypeAlias = RunState | Literal["planned"]


@dataclass(eq=False)
class Trial:
    """One method of a comparison. changes: from the first method's text to this one's, once both are there."""

    name: str
    spec: RunSpec
    followed: FollowedRun | None = None
    error: Message | None = None
    dropped: bool = False
    changes: list[Change] = field(default_factory=list)

    @property
    def state(self) -> TrialState:
        """Planned until it is its turn."""
        if self.error:
            return "failed"
        if self.followed:
            return self.followed.run.state
        return "stopped" if self.dropped else "planned"

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("finished", "stopped", "failed")

    @property
    def message(self) -> Message | None:
        """Why it failed, or None."""
        return self.error or (self.followed.run.error if self.followed else None)

    @property
    def text(self) -> str:
        """What it wrote so far."""
        return self.followed.text if self.followed else ""

    @property
    def statistics(self) -> RunStatistics:
        """What it did so far."""
        return self.followed.statistics if self.followed else RunStatistics(0)


class Comparison(Job):
    """Several methods on one request, side by side.

    The request's seed should be set unless it is greedy, or chance would show among the differences.
    """

    def __init__(
        self, engine: Engine, methods: Sequence[tuple[str, RunSpec]], library: RunLibrary | None = None
    ) -> None:
        """`methods`: what each is called, and its run, which differ in nothing but their policy. `library`: where they
        are recorded, if they are."""
        super().__init__(engine, library, "comparison")
        self.trials = [Trial(name, replace(spec, compared=name)) for name, spec in methods]
        # With a small cache if any has one: what its first use takes after the start is counted against nobody.
        specs = [spec for _, spec in methods]
        reads = next((s for s in specs if s.request.policy.capacity(s.composed.prompt_tokens) is not None), specs[0])
        once = replace(reads.request, max_new_tokens=1)
        self.reading = Trial("Reading", replace(reads, request=once, recorded=False))
        self._turn = self.reading

    def script(self) -> RunScript:
        """The reading, then each method."""
        yield self.reading.spec
        if self.reading.state == "failed":
            for trial in self.trials:
                trial.error = self.reading.message
            return
        for trial in self.trials:
            self._turn = trial
            try:
                yield trial.spec
            except AppError as refusal:
                trial.error = refusal.message
            self._compare(trial)

    def begun(self, followed: FollowedRun) -> None:
        """It is the run of the trial whose turn it is."""
        self._turn.followed = followed

    @property
    def failed(self) -> bool:
        """One method that fails does not end the others."""
        return self.error is not None

    def finish(self) -> None:
        """Those whose turn never came were dropped, or what went wrong is why they and the one under way failed."""
        for trial in self.trials:
            if self.error and trial.followed in (None, self.current) and trial.state != "failed":
                trial.error = self.error
            trial.dropped = True
            self._compare(trial)

    def _compare(self, trial: Trial) -> None:
        first = self.trials[0].text
        if trial is not self.trials[0] and trial.over and first and trial.text and not trial.changes:
            trial.changes = diff(first, trial.text)
