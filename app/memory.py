"""One budget for what is kept in memory only so that it need not be computed or read again.

Whoever keeps such things is a `Holder`: it says what it holds, and lets go of what was used longest ago. Knows nothing
of what that is.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import psutil

MEGABYTE = 10**6
MOST_DEFAULT = 6_000 * MEGABYTE
WATCH_SECONDS = 2.0
"""Between two looks at what is held."""

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")

logger = logging.getLogger(__name__)


class Holder(Protocol):
    """Keeps what can be had again. For several threads."""

    @property
    def held(self) -> int:
        """Bytes that it holds."""
        ...

    @property
    def oldest(self) -> float | None:
        """When that was used last which it would let go of next, in seconds of time.monotonic; None if it cannot let go
        of anything now."""
        ...

    def let_go(self) -> None:
        """Let go of that. It may turn out to be in use."""
        ...


class Memory:
    """Holders that together hold at most `limit` bytes, as far as they can let go. For several threads; no holder may
    ask for room while it holds a lock that another thread needs to let go of something."""

    def __init__(self, limit: int | None = None) -> None:
        """`limit` defaults to `default_limit`."""
        self.limit = default_limit() if limit is None else limit
        self._holders: dict[str, Holder] = {}
        self._letting_go = threading.Lock()
        self._closed = threading.Event()

    def add(self, name: str, holder: Holder) -> None:
        """Count what `holder` holds, in the place of an earlier one of that name."""
        self._holders = {**self._holders, name: holder}

    @property
    def held(self) -> Mapping[str, int]:
        """Bytes by the holders' names."""
        return {name: holder.held for name, holder in self._holders.items()}

    def make_room(self, needed: int = 0) -> bool:
        """Let go of what was used longest ago until `needed` more bytes can be held. False if that is not to be had."""
        with self._letting_go:
            able = dict(self._holders)
            while sum(self.held.values()) + needed > self.limit:
                ages = {name: age for name, holder in able.items() if (age := holder.oldest) is not None}
                if not ages:
                    return False
                name = min(ages, key=ages.__getitem__)
                before = able[name].held
                able[name].let_go()
                freed = before - able[name].held
                logger.info("memory let go", extra={"of": name, "megabytes": _megabytes(freed)})
                if freed <= 0:  # it was in use after all
                    del able[name]
        return True

    def start(self) -> None:
        """Keep the budget from now on, in a thread of its own."""
        threading.Thread(target=self._watch, name="memory", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closed.set()

    @property
    def in_megabytes(self) -> dict[str, int]:
        """The budget, and what each holder holds, in 10^6 bytes."""
        return {"budget": _megabytes(self.limit)} | {name: _megabytes(held) for name, held in self.held.items()}

    def _watch(self) -> None:
        while not self._closed.wait(WATCH_SECONDS):
            try:
                self.make_room()
            except Exception:  # of a holder; the others are asked the next time
                logger.exception("the memory could not be looked after")


def default_limit() -> int:
    """A third of the memory that there is, at most MOST_DEFAULT: the model, the run under way and the files that are
    being read take theirs beside it."""
    return min(machine_memory() // 3, MOST_DEFAULT)


def machine_memory() -> int:
    """Bytes that this process may have: the machine's, or its container's where that has fewer."""
    total = int(psutil.virtual_memory().total)
    for path in _CGROUP_LIMITS:
        try:
            text = Path(path).read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            total = min(total, int(text))
    return total


def _megabytes(held: int) -> int:
    return round(held / MEGABYTE)
