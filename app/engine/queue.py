"""The runs that wait: who comes next, who may queue, and who is heard no more. Not for several threads at once."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.engine.run import Priority, Run
from app.say.errors import AppError
from app.say.wording import Message

SILENT_SECONDS = 5.0
"""A run to which nobody has listened for so long comes after those that somebody listens to."""

ABANDONED_SECONDS = 30.0
"""One to which nobody has listened for so long is stopped when somebody else waits, or if nothing keeps it."""

ABANDONED = Message("Stopped, since others waited and nobody was here to read it.")


class QueueFullError(AppError):
    """As many people are waiting as settings allow."""

    @property
    def waiting(self) -> int:
        """How many."""
        return int(self.args[1])


class TooManyRunsError(AppError):
    """A visitor has as many runs as each may have."""


class RunQueue:
    """Visitors come one after the other, each with one run a round (virtual time, as in start-time fair queueing: Goyal
    and others, 1996). First comes what people wait for, of that what somebody listens to."""

    def __init__(self, size: int, each: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """`size`: runs that may wait; `each`: those a visitor may have, waiting or under way, None for any number."""
        self._size, self._each, self._clock = size, each, clock
        self._begun: list[Run] = []
        self._waiting: list[Run] = []
        self._round = 0
        """Of the run that was begun last."""
        self._rounds: dict[Run, int] = {}
        self._latest: dict[str, int] = {}
        """The latest round of each visitor's runs, if it is still to come."""

    def add(self, run: Run) -> None:
        """Let it wait. A run that goes on with a text under way is never refused. Raises QueueFullError and
        TooManyRunsError."""
        self._waiting = [other for other in self._waiting if not other.done]
        if run.priority is Priority.WRITING and not run.continues:
            self._admit(run)
        self._silence(run)  # from now on
        visitor = run.caller.visitor
        self._rounds[run] = self._latest[visitor] = max(self._round, self._latest.get(visitor, -1) + 1)
        self._waiting.append(run)

    def _admit(self, run: Run) -> None:
        own = [other for other in self.runs if other.caller.visitor == run.caller.visitor and _is_writing(other)]
        if self._each is not None and len(own) >= self._each:
            raise TooManyRunsError(
                "{} of your runs wait or write already, as many as each visitor can have (REFRESHKV_RUNS_EACH). Wait "
                "until one of them has ended, or stop it, and press Write again.",
                len(own),
            )
        if not self.full:
            return
        people = [other for other in self._waiting if _is_writing(other)]
        quietest = max(people, key=self._silence)
        if self._silence(quietest) < SILENT_SECONDS:
            raise QueueFullError(
                "{} people are waiting already, as many as can (REFRESHKV_QUEUE_SIZE). "
                "Your text and files are kept: press Write again in a few minutes.",
                len(people),
            )
        quietest.stop(ABANDONED)
        self._waiting.remove(quietest)

    @property
    def full(self) -> bool:
        """Whether as many wait as can."""
        return sum(map(_is_writing, self._waiting)) >= self._size

    @property
    def under_way(self) -> list[Run]:
        """Those that left the queue and are not over, the oldest first."""
        return [run for run in self._begun if not run.done]

    @property
    def runs(self) -> list[Run]:
        """Those that wait or are under way, in the order in which they are served."""
        return [*self.under_way, *(run for run in self.waiting if not run.done)]

    @property
    def waiting(self) -> list[Run]:
        """Those that wait, in order."""
        return sorted(self._waiting, key=self._rank)  # stable: of equal ones the oldest first

    def next(self, most: int = 1) -> Run | None:
        """Let the first of those that wait leave the queue, if it can go on beside those under way, `most` in all. What
        is to be alone, and what nobody waits for, goes on beside no other; nobody overtakes it."""
        self._waiting = [run for run in self._waiting if not run.done]
        self._begun = self.under_way
        if len(self._begun) >= most or not self._waiting:  # the order is not asked for at every step
            return None
        run = self.waiting[0]
        if self._begun and any(map(is_alone, [run, *self._begun])):
            return None
        self._waiting.remove(run)
        self._begun.append(run)
        self._round = max(self._round, self._rounds[run])
        self._rounds = {run: self._rounds[run] for run in self._waiting}
        self._latest = {visitor: last for visitor, last in self._latest.items() if last >= self._round}
        return run

    def tend(self) -> None:
        """Stop what nobody has listened to for long, while somebody else waits or if nothing keeps it."""
        heard = [run for run in self.waiting if _is_writing(run) and not self._silence(run)]
        for run in self.runs:
            abandoned = _is_writing(run) and self._silence(run) >= ABANDONED_SECONDS  # looked at even if nobody waits
            if abandoned and (not run.caller.kept or any(other is not run for other in heard)):
                run.stop(ABANDONED)

    def _rank(self, run: Run) -> tuple[int, bool, int]:
        return run.priority, self._silence(run) >= SILENT_SECONDS, self._rounds[run]

    def _silence(self, run: Run) -> float:
        return run.caller.silence(self._clock())


def _is_writing(run: Run) -> bool:
    return run.priority is Priority.WRITING and not run.done


def is_alone(run: Run) -> bool:
    """Whether it goes on beside no other."""
    return run.alone or run.priority is Priority.BACKGROUND
