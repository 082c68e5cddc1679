"""Those whom a full queue refused: they keep their place before it, and press nothing again."""

from __future__ import annotations

import threading

MOST = 64
"""So many stand there; who comes after is refused."""


class Line:
    """The projects that wait for a place in the queue, in order. For several threads."""

    def __init__(self) -> None:
        """Nobody stands in it."""
        self._projects: list[str] = []
        self._lock = threading.Lock()

    def join(self, project: str) -> bool:
        """Take the last place, unless one is taken already; False if there is none."""
        with self._lock:
            if project not in self._projects and len(self._projects) < MOST:
                self._projects.append(project)
            return project in self._projects

    def leave(self, project: str) -> None:
        """Give the place up, if there is one."""
        with self._lock:
            if project in self._projects:
                self._projects.remove(project)

    def before(self, project: str) -> int | None:
        """How many stand before it; of one that has no place None."""
        with self._lock:
            return self._projects.index(project) if project in self._projects else None

    def __len__(self) -> int:
        """How many stand in it."""
        return len(self._projects)
