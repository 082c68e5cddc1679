"""What was measured, a JSON object a line: written as soon as it is there, and not measured again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Record:
    """The lines of a file, found by the values of some of their keys."""

    def __init__(self, path: Path, keys: tuple[str, ...]) -> None:
        """Read what is there, but for lines that were not finished; of two with the same keys the later counts."""
        self._path, self._keys = path, keys
        self._rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            for line in path.read_text("utf-8").splitlines():
                try:
                    row = json.loads(line)
                except json.JSONDecodeError:
                    continue
                self._rows[self._key(row)] = row

    def __contains__(self, key: tuple[Any, ...]) -> bool:
        """Whether there is a line with these values of the keys."""
        return key in self._rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """All lines."""
        return iter(self._rows.values())

    def add(self, row: dict[str, Any]) -> None:
        """Keep one more."""
        self._rows[self._key(row)] = row
        with self._path.open("a", encoding="utf-8") as file:
            # A line that a killed run left unfinished must not swallow this one.
            file.write(("\n" if self._unfinished() else "") + json.dumps(row) + "\n")

    def _key(self, row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row[key] for key in self._keys)

    def _unfinished(self) -> bool:
        with self._path.open("rb") as file:
            if file.seek(0, 2) == 0:
                return False
            file.seek(-1, 2)
            return file.read(1) != b"\n"
