"""Projects that were closed to make room in memory, and are not forgotten: pages and visitors come back to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.project.revised_text import Mark
from app.project.session import Session


@dataclass
class Rested:
    """What such a project counts for still: whose it is, the bytes of its files, the pages that showed it, in whose
    place it was made, where its draft was, and when it was last in use, in seconds of time.monotonic."""

    visitor: str
    file_bytes: int
    pages: frozenset[str]
    instead_of: str
    mark: Mark
    used: float


class Resting:
    """By project. For several threads."""

    def __init__(self) -> None:
        """None rests."""
        self._rested: dict[str, Rested] = {}
        self._lock = threading.Lock()

    def put(self, session: Session, pages: frozenset[str]) -> None:
        """It is closed; `pages` showed it."""
        rested = Rested(
            session.caller.visitor,
            session.sources.file_bytes,
            pages,
            session.instead_of,
            session.draft.mark,
            session.used,
        )
        with self._lock:
            self._rested[session.id] = rested

    def wake(self, session: Session) -> None:
        """It was opened again, and goes on where it was."""
        with self._lock:
            rested = self._rested.pop(session.id, None)
        if rested is not None:
            session.instead_of = rested.instead_of
            session.draft.go_on(rested.mark)

    def forget(self, project: str) -> None:
        """It is gone."""
        with self._lock:
            self._rested.pop(project, None)

    def of(self, visitor: str) -> list[Rested]:
        """Those of a visitor."""
        with self._lock:
            return [rested for rested in self._rested.values() if rested.visitor == visitor]

    def unused(self, seconds: float, is_there: Callable[[str], bool]) -> Iterator[str]:
        """Those to which for so long no page came that `is_there`."""
        now = time.monotonic()
        with self._lock:
            rested = list(self._rested.items())
        for project, one in rested:
            if any(map(is_there, one.pages)):
                one.used = now
            elif now - one.used > seconds:
                yield project
