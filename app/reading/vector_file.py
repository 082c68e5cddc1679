"""Vectors of texts by the texts' digests, kept in a file, so that each is made once. The file is as private as the
texts, though these are not in it."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.private import FILE, FOLDER, tighten

MOST = 50_000
"""Vectors that are kept, the latest: 40 MB, the parts of some 150 long manuals."""

LET_GO = 8
"""Of vectors that are in memory alone one in so many goes at once, the oldest."""

_AT_ONCE = 500  # below what SQLite takes of parameters, in any version

logger = logging.getLogger(__name__)


class VectorFile:
    """Vectors as float16, in SQLite, each with who owns it. For several threads and processes. What goes wrong with the
    file is logged, and costs vectors that are made again. A `Holder` of those in memory."""

    def __init__(self, path: Path | None = None, most: int = MOST) -> None:
        """`path`: made if need be; without one they are kept in memory."""
        self._lock = threading.Lock()
        self._most = most
        self._in_memory = path is None
        self._used = time.monotonic()
        try:
            self._connection = _opened(path)
        except (OSError, sqlite3.Error) as error:
            logger.warning("vectors of texts are kept in memory alone, not in %s: %s", path, error)
            if path is not None and type(error) is sqlite3.DatabaseError:  # damaged: the next start makes another
                path.unlink(missing_ok=True)
            self._connection, self._in_memory = _opened(None), True

    @property
    def held(self) -> int:
        """Bytes of the vectors in memory."""
        if not self._in_memory:
            return 0
        with self._lock:
            size, pages, free = (
                self._connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_size", "page_count", "freelist_count")
            )
        return int(size * (pages - free))

    @property
    def oldest(self) -> float | None:
        """When vectors were last asked for or made, if any are in memory."""
        return self._used if self._in_memory and self._count() else None

    def let_go(self) -> None:
        """Let go of the oldest."""
        kept = max(0, self._count() - 1) * (LET_GO - 1) // LET_GO
        with self._lock, self._connection as connection:
            _keep_latest(connection, kept)

    def _count(self) -> int:
        with self._lock:
            return int(self._connection.execute("SELECT count(*) FROM vectors").fetchone()[0])

    def get(self, keys: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Those that are kept, by key."""
        found: dict[str, NDArray[np.float32]] = {}
        self._used = time.monotonic()
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
        self._used = time.monotonic()
        try:
            with self._lock, self._connection as connection:
                connection.executemany("INSERT OR REPLACE INTO vectors (key, vector) VALUES (?, ?)", rows)
                _keep_latest(connection, self._most)
        except sqlite3.Error as error:
            logger.warning("vectors are not kept: %s", error)

    def own(self, owner: str, keys: Sequence[str]) -> None:
        """Vectors of these keys are those of `owner`, too."""
        try:
            with self._lock, self._connection as connection:
                connection.executemany("INSERT OR IGNORE INTO owners VALUES (?, ?)", ((owner, key) for key in keys))
        except sqlite3.Error as error:
            logger.warning("whose vectors are is not kept: %s", error)

    def forget(self, owner: str, keys: Sequence[str] = ()) -> None:
        """Delete those that `owner` had, and those of these keys, unless somebody else has them too; nothing of them
        stays in the file."""
        try:
            with self._lock, self._connection as connection:
                owned = connection.execute("SELECT key FROM owners WHERE owner = ?", (owner,)).fetchall()
                connection.execute("DELETE FROM owners WHERE owner = ?", (owner,))
                connection.executemany(
                    "DELETE FROM vectors WHERE key = ? AND key NOT IN (SELECT key FROM owners)",
                    [*owned, *((key,) for key in keys)],
                )
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
    connection.execute(
        "CREATE TABLE IF NOT EXISTS owners (owner TEXT, key TEXT, PRIMARY KEY (owner, key)) WITHOUT ROWID"
    )
    connection.execute("CREATE INDEX IF NOT EXISTS owned ON owners (key)")
    return connection


def _keep_latest(connection: sqlite3.Connection, most: int) -> None:
    """Delete all but the latest, and then what is said of whose they are."""
    gone = connection.execute("DELETE FROM vectors WHERE id <= (SELECT max(id) FROM vectors) - ?", (most,))
    if gone.rowcount > 0:
        connection.execute("DELETE FROM owners WHERE key NOT IN (SELECT key FROM vectors)")
