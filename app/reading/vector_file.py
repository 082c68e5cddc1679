"""Vectors of texts by the texts' digests, kept in a file, so that each is made once. The file is as private as the
texts, though these are not in it."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.private import FILE, FOLDER, tighten

MOST = 50_000
"""Vectors that are kept, the latest: 40 MB, the parts of some 150 long manuals."""

_AT_ONCE = 500  # below what SQLite takes of parameters, in any version

logger = logging.getLogger(__name__)


class VectorFile:
    """Vectors as float16, in SQLite. For several threads and processes. What goes wrong with the file is logged, and
    costs vectors that are made again."""

    def __init__(self, path: Path | None = None, most: int = MOST) -> None:
        """`path`: made if need be; without one they are kept in memory."""
        self._lock = threading.Lock()
        self._most = most
        try:
            self._connection = _opened(path)
        except (OSError, sqlite3.Error) as error:
            logger.warning("vectors of texts are kept in memory alone, not in %s: %s", path, error)
            if path is not None and type(error) is sqlite3.DatabaseError:  # damaged: the next start makes another
                path.unlink(missing_ok=True)
            self._connection = _opened(None)

    def get(self, keys: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Those that are kept, by key."""
        found: dict[str, NDArray[np.float32]] = {}
        try:
            with self._lock:
                for start in range(0, len(keys), _AT_ONCE):
                    some = keys[start : start + _AT_ONCE]
                    marks = ",".join("?" * len(some))
                    rows = self._connection.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", some)
                    found.update((key, np.frombuffer(vector, "<f2").astype(np.float32)) for key, vector in rows)
        except sqlite3.Error as error:
            logger.warning("kept vectors cannot be read: %s", error)
        return found

    def keep(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep them, in place of the oldest if there are too many."""
        rows = [(key, vector.astype("<f2").tobytes()) for key, vector in vectors.items()]
        try:
            with self._lock, self._connection as connection:
                connection.executemany("INSERT OR REPLACE INTO vectors (key, vector) VALUES (?, ?)", rows)
                connection.execute("DELETE FROM vectors WHERE id <= (SELECT max(id) FROM vectors) - ?", (self._most,))
        except sqlite3.Error as error:
            logger.warning("vectors are not kept: %s", error)

    def forget(self, keys: Sequence[str]) -> None:
        """Delete those of these keys; nothing of them stays in the file."""
        try:
            with self._lock, self._connection as connection:
                connection.executemany("DELETE FROM vectors WHERE key = ?", ((key,) for key in keys))
        except sqlite3.Error as error:
            logger.warning("vectors are not deleted: %s", error)

    def close(self) -> None:
        """Nothing is asked of it afterwards."""
        with self._lock:
            self._connection.close()


def _opened(path: Path | None) -> sqlite3.Connection:
    """Raises OSError or sqlite3.Error."""
    if path is not None:
        path.parent.mkdir(FOLDER, parents=True, exist_ok=True)
        tighten([path])
        path.touch(FILE)
    connection = sqlite3.connect(path or ":memory:", check_same_thread=False)
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS vectors (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE, vector BLOB)"
    )
    return connection
