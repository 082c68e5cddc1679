"""A run: one generation of the engine's, with the events that nobody has taken yet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from time import perf_counter, sleep
from typing import Literal, TypeAlias

from torch import Tensor

from app.engine.caller import Caller
from app.engine.notifier import Notifier
from app.say.wording import Message
from core import Event, Policy, PrefillProgress

RunState: TypeAlias = Literal["waiting", "running", "finished", "stopped", "failed"]

TimedEvent: TypeAlias = tuple[float, Event]
"""An event, and when it came, in seconds of perf_counter."""


class Priority(IntEnum):
    """Which of the waiting runs is served first: the lowest, of equal ones the oldest. What is under way in the
    background is stopped for what a person waits for; whoever wants it asks again."""

    WRITING = 0
    BACKGROUND = 1


@dataclass(frozen=True)
class Grounding:
    """What decoding is held to: names and numbers only from `sources`, and no loop.

    sources: the documents as they are sent, the instruction, the draft. draft_tokens: so many tokens at the prompt's
    end are the draft, which is not to be repeated either.
    """

    sources: tuple[str, ...]
    draft_tokens: int = 0


@dataclass(frozen=True)
class GenerationRequest:
    """What to generate: the prompt's ids `(1, length)`, int64, and the decoder's options.

    document_end: so many tokens at the prompt's start are documents and what stands before them; they are kept for the
    requests to come. documents: those that are read apart, spans (start, end) of these tokens; where the model's keys
    cannot be moved all are read in one go. window: that of the model, if prompt and answer go on beyond it; None: they
    are within. grounding: None to decode freely. dictated: a text that is written instead of one that the model
    chooses; empty for none.
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
    documents: tuple[tuple[int, int], ...] = ()
    stop_strings: tuple[str, ...] = ()
    grounding: Grounding | None = None
    dictated: str = ""
    window: int | None = None

    @property
    def unkept(self) -> GenerationRequest:
        """The same, of whose documents nothing is kept for the requests to come."""
        return replace(self, document_end=0, documents=())


class Run:
    """One generation: its request, its state, and its events until they are taken. For several threads.

    queued, started: when it was made, and when it left the queue, in seconds of perf_counter. reused: tokens of the
    prompt that were there then, once that is known; placed: those of documents read apart before. cache_bytes: of the
    keys and values when it ended, of the full cache and the small ones. stopped_for: why it was stopped, if not
    because somebody asked.
    """

    def __init__(
        self,
        request: GenerationRequest,
        priority: Priority = Priority.WRITING,
        caller: Caller | None = None,
        *,
        continues: bool = False,
        alone: bool = False,
    ) -> None:
        """A run that waits. `caller`: by default one that always listens. `continues`: it goes on with what an earlier
        one began. `alone`: it has the model for itself, since its speed is looked at."""
        self.request, self.priority, self.caller, self.continues = request, priority, caller or Caller(), continues
        self.alone = alone
        self.stopped_for: Message | None = None
        self.state: RunState = "waiting"
        self.error: Message | None = None
        self.queued = perf_counter()
        self.started: float | None = None
        self.reused: int | None = None
        self.placed = 0
        self.cache_bytes = 0
        self.notifier = Notifier()
        self._events: list[TimedEvent] = []
        self._stopping = False
        self._lock = threading.Lock()

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""
        return self.state not in ("waiting", "running")

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def stop(self, reason: Message | None = None) -> None:
        """Ask it to stop: at once if it waits, else at the next token or prefill chunk. `reason`: if nobody asked."""
        with self._lock:
            if not self._stopping:
                self._stopping, self.stopped_for = True, reason
            if self.state == "waiting":
                self.state = "stopped"
        self.notifier.notify()

    def begin(self) -> bool:
        """Let it run; False if it was stopped while it waited."""
        with self._lock:
            if self.state == "waiting":
                self.started, self.state = perf_counter(), "running"
        self.notifier.notify()
        return self.state == "running"

    def emit(self, event: Event) -> None:
        """Something happened in it, now."""
        if isinstance(event, PrefillProgress):
            self.placed = event.placed
        self._events.append((perf_counter(), event))
        self.notifier.notify()

    def end(self, state: RunState, error: Message | None = None) -> None:
        """It is over, unless it was before; no event comes after."""
        with self._lock:
            if self.done:
                return
            self.error, self.state = error, state
        self.notifier.notify()

    def take(self) -> list[TimedEvent]:
        """The events that were not taken before."""
        taken = self._events[:]
        del self._events[: len(taken)]
        return taken

    def followed(self, pause: float = 0.0) -> Iterator[list[TimedEvent]]:
        """What came, again and again until it is over; also when only the state has changed. `pause`: seconds in which
        events gather, so that who follows is not woken for each token."""
        seen, over = 0, False
        while not over:
            seen = self.notifier.wait(seen)
            if not self.done:
                sleep(pause)
            over = self.done  # before the events are looked at, or the last could be missed
            yield self.take()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end; returns `done`."""
        end = None if timeout is None else perf_counter() + timeout
        seen = 0
        while not self.done and (end is None or perf_counter() < end):
            seen = self.notifier.wait(seen, None if end is None else end - perf_counter())
        return self.done
