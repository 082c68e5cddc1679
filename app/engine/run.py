"""A run: one job of the engine, with a buffer of events. Pages tail it, and it goes on or stops by itself."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Literal, TypeAlias

import numpy as np
from torch import Tensor

from app.say.wording import Message
from core import CacheRefreshed, Event, Policy

RunState: TypeAlias = Literal["waiting", "running", "finished", "stopped", "failed"]


@dataclass(frozen=True)
class Request:
    """What to generate: the prompt's ids `(1, length)` and the decoder's options.

    document_end: so many tokens at the prompt's start are documents and what stands before them; they are kept for the
    requests to come.
    """

    token_ids: Tensor
    policy: Policy
    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    document_end: int = 0
    stop_strings: tuple[str, ...] = ()


class Run:
    """One job: its request, the events so far with the time (seconds, perf_counter) at which each came, its state.

    cache_bytes: of the keys and values when it ended, of the full cache and the small ones.
    """

    def __init__(self, request: Request) -> None:
        """A run that waits."""
        self.request = request
        self.events: list[tuple[float, Event]] = []
        self.state: RunState = "waiting"
        self.error: Message | None = None
        self.started: float | None = None
        self.cache_bytes = 0
        self._stopping = False
        self._lock = threading.Lock()

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""
        return self.state not in ("waiting", "running")

    def stop(self) -> None:
        """Ask it to stop: at once if it waits, else at the next token or prefill chunk."""
        with self._lock:
            self._stopping = True
            if self.state == "waiting":
                self.state = "stopped"

    def begin(self) -> bool:
        """Let it run; False if it was stopped while it waited."""
        with self._lock:
            if self.state == "waiting":
                self.started, self.state = perf_counter(), "running"
            return self.state == "running"

    def take(self, seen: int) -> list[tuple[float, Event]]:
        """The events from the `seen`-th on, for the one that follows the run. What refreshes kept, hundreds of
        kilobytes, is in these alone from now on, and not in `events`."""
        taken = self.events[seen:]
        self.events[seen : seen + len(taken)] = [(time, _lighter(event)) for time, event in taken]
        return taken

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping


def _lighter(event: Event) -> Event:
    if not isinstance(event, CacheRefreshed):
        return event
    return replace(event, kept=np.zeros(0, np.int64), kept_by_layer=np.zeros((0, 0), np.uint8))
