"""What a run did so far, in figures: the one place where they are worked out. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import median
from typing import Any, Literal, TypeAlias

from core.events import Event, GenerationFinished, PrefillProgress, TokenGenerated

StepKind: TypeAlias = Literal["full", "partial", "mixed"]

RECENT_SECONDS = 1.0
RECENT_PREFILL_EVENTS = 4


class RunStatistics:
    """The figures of one run, fed with its events. Times are in seconds, rates in tokens per second.

    A decode step is "full" if every layer attended to the whole context, "partial" if none did, else "mixed". Step 0,
    whose token comes from the prefill, is not a decode step. What is not known yet is None.

    started: when the run left the queue, by the clock of its events. cache_bytes: keys and values at the end, full and
    small caches together. Both are set by who follows the run.
    """

    def __init__(self, layers: int, prompt_tokens: int = 0) -> None:
        """`layers` is the number of layers with a small cache."""
        self.layers, self.prompt_tokens = layers, prompt_tokens
        self.started: float | None = None
        self.cache_bytes: int | None = None
        self.first_token: float | None = None
        """From the run's begin to its first token, without its wait in the queue."""
        self.progress: PrefillProgress | None = None
        self.ending: GenerationFinished | None = None
        self.last: TokenGenerated | None = None
        self._prefill: list[tuple[float, int]] = []
        self._steps: dict[StepKind, list[float]] = {"full": [], "partial": [], "mixed": []}
        self._recent: deque[float] = deque()
        self._seconds = 0.0

    def add(self, time: float, event: Event) -> None:
        """Count an event that came at `time`."""
        match event:
            case PrefillProgress():
                self.progress = event
                self._prefill.append((time, event.done - event.placed))
            case TokenGenerated():
                self._generated(time, event)
            case GenerationFinished():
                self.ending = event

    def _generated(self, time: float, event: TokenGenerated) -> None:
        self.last = event
        if event.step == 0:
            self.first_token = None if self.started is None else time - self.started
            return
        self._steps[self.kind(event)].append(event.seconds)
        self._seconds += event.seconds
        self._recent.append(event.seconds)
        while sum(self._recent) - self._recent[0] >= RECENT_SECONDS:
            self._recent.popleft()

    def kind(self, event: TokenGenerated) -> StepKind:
        """Of a decode step."""
        if event.full_layers == 0:
            return "partial"
        return "full" if event.full_layers >= self.layers else "mixed"

    # --- reading the prompt ---

    @property
    def reused(self) -> int | None:
        """Tokens of the prompt that were read before: in the cache when the run began, or put there from elsewhere."""
        return self._prefill[0][1] + (self.progress.placed if self.progress else 0) if self._prefill else None

    @property
    def prefill_seconds(self) -> float | None:
        """From the first progress to the latest."""
        return self._prefill[-1][0] - self._prefill[0][0] if self._prefill else None

    @property
    def reading_seconds(self) -> float:
        """From the run's begin to the latest progress."""
        return max(self._prefill[-1][0] - self.started, 0.0) if self._prefill and self.started is not None else 0.0

    @property
    def prefill_rate(self) -> float | None:
        """Prompt tokens per second between the first and the latest progress; a reused cache's tokens do not count."""
        return _progress_rate(self._prefill)

    @property
    def recent_prefill_rate(self) -> float | None:
        """Prompt tokens per second over the latest chunks."""
        return _progress_rate(self._prefill[-RECENT_PREFILL_EVENTS:])

    # --- decoding ---

    @property
    def decode_steps(self) -> int:
        """Decode steps so far."""
        return sum(len(seconds) for seconds in self._steps.values())

    @property
    def tokens(self) -> int:
        """Tokens so far: that of the prefill, and one a decode step."""
        return self.decode_steps + (self.last is not None)

    @property
    def decode_rate(self) -> float | None:
        """Tokens per second over all decode steps."""
        return _rate(self.decode_steps, self._seconds)

    @property
    def recent_rate(self) -> float | None:
        """Tokens per second over the last decode steps that together took a second."""
        return _rate(len(self._recent), sum(self._recent))

    @property
    def full_steps(self) -> int:
        """Decode steps in which at least one layer attended to the whole context, as core counts them."""
        return self.decode_steps - self.partial_steps

    @property
    def partial_steps(self) -> int:
        """The other decode steps."""
        return len(self._steps["partial"])

    @property
    def full_milliseconds(self) -> float | None:
        """The median duration of a full step, in ms."""
        return _median_milliseconds(self._steps["full"])

    @property
    def partial_milliseconds(self) -> float | None:
        """The median duration of a partial step, in ms."""
        return _median_milliseconds(self._steps["partial"])

    @property
    def step_milliseconds(self) -> float | None:
        """The median duration of all decode steps, in ms."""
        return _median_milliseconds([seconds for found in self._steps.values() for seconds in found])

    @property
    def plain(self) -> dict[str, Any]:
        """The figures as values that JSON can hold, for programs."""
        return {
            "reason": self.ending.reason if self.ending else None,
            "prompt_tokens": self.prompt_tokens,
            "reused_prompt_tokens": self.reused,
            "prefill_seconds": self.prefill_seconds,
            "seconds_to_first_token": self.first_token,
            "generated_tokens": self.tokens,
            "tokens_per_second": self.decode_rate,
            "full_steps": self.full_steps,
            "partial_steps": self.partial_steps,
            "cache_bytes": self.cache_bytes,
        }


def _rate(count: int, seconds: float) -> float | None:
    return count / seconds if count and seconds > 0 else None


def _progress_rate(progress: Sequence[tuple[float, int]]) -> float | None:
    if len(progress) < 2:
        return None
    (first_time, first_done), (last_time, last_done) = progress[0], progress[-1]
    return _rate(last_done - first_done, last_time - first_time)


def _median_milliseconds(seconds: Sequence[float]) -> float | None:
    return 1000 * median(seconds) if seconds else None
