"""Which files of a project are being read, how far each is, and whether it is to be read on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from app.engine.notifier import Notifier


@dataclass(eq=False, slots=True)
class BeingRead:
    """A file that is read now or waits for it: `done` of `total` pages so far, 0 while that is not known; `before`:
    while it waits, the files of everybody's that come first. It is read on while it is `wanted`. `file` is the id of
    the source that it is already, if it is one."""

    name: str
    file: str | None = None
    done: int = 0
    total: int = 0
    before: int = 0
    wanted: bool = True
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


class Readings:
    """The files that are being read, in the order in which they came. For several threads."""

    def __init__(self) -> None:
        """None yet."""
        self.now: tuple[BeingRead, ...] = ()
        self.notifier = Notifier()
        """Told whenever a file comes, advances by a page, or is done."""
        self._lock = Lock()

    @contextmanager
    def begun(self, name: str, file: str | None = None) -> Iterator[BeingRead]:
        """Within it a file of that name is one of them; `file` as in `BeingRead`."""
        entry = BeingRead(name, file)
        with self._lock:
            self.now = (*self.now, entry)
        self.notifier.notify()
        try:
            yield entry
        finally:
            self.end(entry)

    def end(self, entry: BeingRead) -> None:
        """It is not one of them any more."""
        with self._lock:
            self.now = tuple(other for other in self.now if other is not entry)
        self.notifier.notify()

    def advance(self, entry: BeingRead, done: int, total: int) -> None:
        """So many of its pages are read."""
        entry.done, entry.total, entry.before = done, total, 0
        self.notifier.notify()

    def wait(self, entry: BeingRead, before: int) -> None:
        """So many files of everybody's are read before it; 0 once its turn has come."""
        entry.before = before
        self.notifier.notify()

    def stop(self, reading: str) -> None:
        """Do not read on what has that id: nothing comes of it."""
        for entry in self.now:
            if entry.id == reading:
                entry.wanted = False
