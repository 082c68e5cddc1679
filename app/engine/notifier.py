"""Word that something has changed: threads wait for it on a condition, pages on an event of their loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Notifier:
    """Counts changes. Whoever looked after the n-th waits for the next; nobody looks in vain. For several threads."""

    def __init__(self) -> None:
        """Nothing has changed yet."""
        self._condition = threading.Condition()
        self._count = 0
        self._listeners: set[Callable[[], None]] = set()

    def notify(self) -> None:
        """Something has changed."""
        with self._condition:
            self._count += 1
            listeners = tuple(self._listeners)
            self._condition.notify_all()
        for tell in listeners:
            tell()

    def wait(self, seen: int = 0, timeout: float | None = None) -> int:
        """Wait, at most `timeout` seconds, until there were more changes than `seen`; returns how many there were."""
        with self._condition:
            self._condition.wait_for(lambda: self._count > seen, timeout)
            return self._count

    @contextmanager
    def listen(self) -> Iterator[asyncio.Event]:
        """An event of the running loop that is set at every change; who waits for it clears it."""
        loop, event = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(event.set)

        with self._condition:
            self._listeners.add(tell)
        try:
            yield event
        finally:
            with self._condition:
                self._listeners.discard(tell)
