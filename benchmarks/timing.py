"""How long a call takes, and a step of a generation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter

from core import Event, GenerationFinished


def milliseconds(call: Callable[[], object], repeats: int) -> list[float]:
    """The duration of each of so many calls."""
    taken = []
    for _ in range(repeats):
        started = perf_counter()
        call()
        taken.append(1000 * (perf_counter() - started))
    return taken


def step_milliseconds(events: Iterable[Event]) -> float:
    """Of a decode step, sampling included, in the mean over a whole generation."""
    *_, last = events
    assert isinstance(last, GenerationFinished)
    return 1000 * last.decode_seconds / (last.generated_tokens - 1)
