"""Who asks for runs."""

from __future__ import annotations

import time
from collections.abc import Callable


class Caller:
    """Whose turn it is when it comes, and whether anybody listens still. One for all runs of a job."""

    def __init__(self, visitor: str = "", heard: Callable[[], bool] = lambda: True, *, kept: bool = True) -> None:
        """`visitor`: one of those between whom the queue is fair. `heard`: whether somebody listens now. `kept`:
        whether what is written is of use though nobody does."""
        self.visitor, self.heard, self.kept = visitor, heard, kept
        self._last: float | None = None

    def awaits(self, seconds: float) -> bool:
        """Whether somebody listened within so many seconds, as far as it was asked."""
        return self.silence(time.monotonic()) < seconds

    def silence(self, now: float) -> float:
        """Seconds, up to `now`, for which nobody was found to listen; at first none."""
        if self._last is None or self.heard():
            self._last = now
        return now - self._last
