"""The rates and step times of a run. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from statistics import median
from typing import Literal, TypeAlias

from app.say.wording import ENGLISH, Wording
from core.events import Event, PrefillProgress, TokenGenerated

StepKind: TypeAlias = Literal["full", "partial", "mixed"]

RECENT_SECONDS = 1.0
RECENT_PREFILL_EVENTS = 4
_MIXED = "mixed, {} of {} layers full"


class RunStatistics:
    """The rates and step times of one run, fed with its events. Times are in seconds, rates in tokens per second.

    A decode step is "full" if every layer attended to the whole context, "partial" if none did, else "mixed". Step 0,
    whose token comes from the prefill, is not a decode step. What is not known yet is None.
    """

    def __init__(
        self, layers: int, clock: Callable[[], float], began: Callable[[], float | None] = lambda: None
    ) -> None:
        """`layers` is the number of layers with a small cache; `clock` gives seconds and times the prefill and the
        first token, `began` its time when the run began."""
        self._layers = layers
        self._clock, self._began = clock, began
        self.first_token: float | None = None
        """From the run's begin to its first token, without its wait in the queue."""
        self._prefill: list[tuple[float, int]] = []
        self._steps: dict[StepKind, list[float]] = {"full": [], "partial": [], "mixed": []}
        self._recent: deque[float] = deque()
        self._last: TokenGenerated | None = None

    def add(self, event: Event) -> None:
        """Count an event; those that carry no times are ignored."""
        if isinstance(event, PrefillProgress):
            self._prefill.append((self._clock(), event.done))
        elif isinstance(event, TokenGenerated) and event.step == 0:
            began = self._began()
            self.first_token = None if began is None else self._clock() - began
        elif isinstance(event, TokenGenerated):
            self._last = event
            self._steps[self._kind(event)].append(event.seconds)
            self._recent.append(event.seconds)
            while sum(self._recent) - self._recent[0] >= RECENT_SECONDS:
                self._recent.popleft()

    def _kind(self, event: TokenGenerated) -> StepKind:
        if event.full_layers == 0:
            return "partial"
        return "full" if event.full_layers >= self._layers else "mixed"

    @property
    def decode_steps(self) -> int:
        """Decode steps so far."""
        return sum(len(seconds) for seconds in self._steps.values())

    @property
    def decode_rate(self) -> float | None:
        """Tokens per second over all decode steps."""
        return _rate(self.decode_steps, sum(sum(seconds) for seconds in self._steps.values()))

    @property
    def recent_rate(self) -> float | None:
        """Tokens per second over the last decode steps that together took a second."""
        return _rate(len(self._recent), sum(self._recent))

    @property
    def prefill_rate(self) -> float | None:
        """Prompt tokens per second between the first and the latest progress; a reused cache's tokens do not count."""
        return _progress_rate(self._prefill)

    @property
    def recent_prefill_rate(self) -> float | None:
        """Prompt tokens per second over the latest chunks."""
        return _progress_rate(self._prefill[-RECENT_PREFILL_EVENTS:])

    @property
    def last_step(self) -> str | None:
        """The kind of the latest decode step in words: "full", "partial" or "mixed, 12 of 30 layers full"."""
        return self.last_step_in(ENGLISH)

    def last_step_in(self, say: Wording) -> str | None:
        """The same in a language."""
        if self._last is None:
            return None
        kind = self._kind(self._last)
        return say(kind) if kind != "mixed" else say(_MIXED, self._last.full_layers, self._layers)

    @property
    def full_and_partial(self) -> tuple[int, int] | None:
        """Decode steps in which at least one layer attended to the whole context, and the others: as core counts."""
        partial = len(self._steps["partial"])
        return (self.decode_steps - partial, partial) if self.decode_steps else None

    @property
    def steps(self) -> str | None:
        """The same in words: "12 full, 108 partial (10% full)"."""
        return self.steps_in(ENGLISH)

    def steps_in(self, say: Wording) -> str | None:
        """The same in the words of a language."""
        if self.full_and_partial is None:
            return None
        full, partial = self.full_and_partial
        return say("{:,} full, {:,} partial ({:.0%} full)", full, partial, full / (full + partial))

    @property
    def full_milliseconds(self) -> float | None:
        """The median duration of a full step, in ms."""
        return _median_milliseconds(self._steps["full"])

    @property
    def partial_milliseconds(self) -> float | None:
        """The median duration of a partial step, in ms."""
        return _median_milliseconds(self._steps["partial"])


def _rate(count: int, seconds: float) -> float | None:
    return count / seconds if count and seconds > 0 else None


def _progress_rate(progress: Sequence[tuple[float, int]]) -> float | None:
    if len(progress) < 2:
        return None
    (first_time, first_done), (last_time, last_done) = progress[0], progress[-1]
    return _rate(last_done - first_done, last_time - first_time)


def _median_milliseconds(seconds: Sequence[float]) -> float | None:
    return 1000 * median(seconds) if seconds else None
