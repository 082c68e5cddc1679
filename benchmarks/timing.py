"""How long a call takes."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter


def milliseconds(call: Callable[[], object], repeats: int) -> list[float]:
    """The duration of each of so many calls."""
    taken = []
    for _ in range(repeats):
        started = perf_counter()
        call()
        taken.append(1000 * (perf_counter() - started))
    return taken
