"""The file that keeps what a person made: opened, brought up to date, or if it is damaged set aside.

SQLite in WAL mode: several processes and threads may use one folder at once, reads wait for no writer, and a process
that is killed loses nothing it has committed. Uploaded files and traces are files of their own, in a folder for each
project; see `files`.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import platformdirs
from filelock import FileLock

from app.private import FILE, FOLDER, tighten_within
from app.say.errors import StoreError
from app.say.wording import Message, reason
from app.store.files import clear_leftovers
from app.store.schema import MIGRATIONS, migrate, version

Clock: TypeAlias = Callable[[], float]
"""Gives the time in seconds since 1970."""

FILE_NAME, LOCK_NAME, PROJECTS = "projects.sqlite3", "opening.lock", "projects"
_BUSY_SECONDS = 30.0
_IDLE_READERS = 4
_SIDE_FILES = ("", "-wal", "-shm")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoreLimits:
    """What may be kept. Sizes in megabytes (10^6 bytes, of a draft 10^6 characters).

    Of automatic versions, history and traces the oldest go when there are more; what has a name never does. A history
    entry takes in what one writer types in `history_seconds`.
    """

    draft_megabytes: float = 5
    file_megabytes: float = 200
    trace_megabytes: float = 200
    name_characters: int = 200
    projects: int = 1000
    sources: int = 100
    named_versions: int = 500
    automatic_versions: int = 100
    history_entries: int = 200
    history_megabytes: float = 50
    history_seconds: float = 3
    traces: int = 60


class Store:
    """An open store. Everything in it is reached through the functions of this package; close it at the end."""

    def __init__(
        self,
        folder: Path,
        connection: sqlite3.Connection,
        notices: tuple[Message, ...],
        limits: StoreLimits,
        clock: Clock,
    ) -> None:
        """Made by `open_store`. `notices` are for the person: what was wrong with the folder."""
        self.folder, self.notices, self.limits, self.clock = folder, notices, limits, clock
        self._connection = connection
        self.promised: dict[str, tuple[str, float]] = {}
        """Names, and when they were promised, of projects that are made with the first thing to be kept in them."""
        self.admit: Callable[[str], None] = lambda project: None
        """Raises StoreError if a promised project must not be made; asked in a transaction."""
        self._made: set[str] = set()
        self._lock = threading.Lock()
        self._readers: list[sqlite3.Connection] | None = []
        """Connections to read with that nobody uses; None once the store is closed."""
        self._readers_lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are all kept, on the disk, when the block ends, or none if it raises.

        Transactions wait for those of other threads and processes: nothing is to be done in one that could be done
        before or after it. Raises StoreError if the database cannot be read or
        written.
        """
        connection = self._connection
        with self._lock, _explained(self.folder):
            connection.execute("BEGIN IMMEDIATE")
            self._made.clear()
            try:
                yield connection
                connection.execute("COMMIT")
                for project in self._made:
                    self.promised.pop(project, None)
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read with, for as many threads as want one; none waits for a transaction.

        It sees what is committed when it is first used, and nothing that comes later. Raises StoreError if the database
        cannot be read.
        """
        with _explained(self.folder, reading=True):
            connection = self._reader()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                self._let_go(connection)

    def writes(self, connection: sqlite3.Connection) -> bool:
        """Whether it is that of a transaction."""
        return connection is self._connection

    def made(self, project: str) -> None:
        """A promised project is made in the transaction under way; the promise holds until that is committed."""
        self._made.add(project)

    def checkpoint(self) -> None:
        """Write the log into the one file and empty it. Raises StoreError."""
        with self._lock, _explained(self.folder):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def project_folder(self, project: str) -> Path:
        """Where a project's files are."""
        return self.folder / PROJECTS / project

    def close(self) -> None:
        """Let go of the file."""
        with self._readers_lock:
            readers, self._readers = self._readers, None
        for connection in readers or ():
            connection.close()
        with self._lock:
            self._connection.close()  # the last, for it writes all into the one file

    def _reader(self) -> sqlite3.Connection:
        with self._readers_lock:
            if self._readers is None:
                raise sqlite3.ProgrammingError("the store is closed")
            if self._readers:
                return self._readers.pop()
        address = f"{(self.folder / FILE_NAME).as_uri()}?mode=ro"
        return sqlite3.connect(address, _BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=True)

    def _let_go(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        with self._readers_lock:
            if self._readers is not None and len(self._readers) < _IDLE_READERS:
                self._readers.append(connection)
                return
        connection.close()


def default_folder() -> Path:
    """The folder of this user's data."""
    return platformdirs.user_data_path("refreshkv")


def open_store(folder: Path | None = None, *, limits: StoreLimits | None = None, clock: Clock = time.time) -> Store:
    """The store in `folder` (default: the user's), made if there is none.

    An older one is brought up to date, after a copy of it was laid beside it. A damaged one is moved aside and a new
    one begun; `notices` of the store say so. Raises StoreError if a newer version of the app made it or the folder
    cannot be written.
    """
    folder = (folder or default_folder()).absolute()
    try:
        folder.mkdir(FOLDER, parents=True, exist_ok=True)
        with FileLock(folder / LOCK_NAME, timeout=_BUSY_SECONDS):
            clear_leftovers(folder)
            connection, notices = _open(folder, clock)
            tighten_within(folder, (f"{Path(FILE_NAME).stem}.*", PROJECTS, LOCK_NAME))
    except OSError as error:
        raise StoreError(
            "Projects cannot be kept in {}: {}. Free some space or allow writing there, or choose another folder.",
            folder,
            reason(error),
        ) from error
    return Store(folder, connection, notices, limits or StoreLimits(), clock)


def erase(store: Store, project: str) -> None:
    """After the transaction that deletes a project: empty the log, in which its text stood too, and delete it from the
    copies that updates have left. What goes wrong is logged: the next deletion does it again, and so does the end."""
    try:
        store.checkpoint()
        for path in store.folder.glob(_copy_name("*")):
            with closing(sqlite3.connect(path, _BUSY_SECONDS)) as copy, copy:
                copy.execute("PRAGMA secure_delete = ON")
                copy.execute("PRAGMA foreign_keys = ON")
                copy.execute("DELETE FROM projects WHERE id = ?", (project,))
    except (StoreError, sqlite3.Error) as error:
        logger.warning("traces of a deleted project may be left in %s: %s", store.folder, error)


def _copy_name(version: object) -> str:
    return f"{Path(FILE_NAME).stem}.before-format-{version}{Path(FILE_NAME).suffix}"


def _open(folder: Path, clock: Clock) -> tuple[sqlite3.Connection, tuple[Message, ...]]:
    path = folder / FILE_NAME
    try:
        return _checked(path), ()
    except sqlite3.OperationalError as error:
        raise OSError(str(error)) from error  # locked, full, no permission: not damaged
    except sqlite3.DatabaseError:
        aside = _set_aside(path, clock)
    notice = Message(
        "The file of your projects was damaged and could not be opened. It was not deleted: it is now {} in {}. A new "
        "one has been begun. Your uploaded files are still in {}.",
        aside.name, folder, folder / PROJECTS,
    )  # fmt: skip
    return _checked(path), (notice,)


def _checked(path: Path) -> sqlite3.Connection:
    """An open database that is whole and up to date."""
    if not path.exists():
        path.touch(FILE)  # and its log is as private
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is written over
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a commit survives a power cut
        connection.execute("PRAGMA foreign_keys = ON")
        problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise sqlite3.DatabaseError(problem)
        made = version(connection)
        if made > len(MIGRATIONS):
            raise StoreError(
                "{} was written by a newer version of this app (format {}; this one knows {}). Update the app, or "
                "choose another folder.",
                path, made, len(MIGRATIONS),
            )  # fmt: skip
        if 0 < made < len(MIGRATIONS):
            _copy(connection, path.with_name(_copy_name(len(MIGRATIONS))))
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _copy(connection: sqlite3.Connection, path: Path) -> None:
    with closing(sqlite3.connect(path)) as copy:
        connection.backup(copy)


def _set_aside(path: Path, clock: Clock) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(clock()))
    number, aside = 1, path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.stem}.damaged-{stamp}-{number}{path.suffix}")
    for side in _SIDE_FILES:
        source = path.with_name(path.name + side)
        if source.exists():
            source.rename(aside.with_name(aside.name + side))
    return aside


@contextmanager
def _explained(folder: Path, *, reading: bool = False) -> Iterator[None]:
    """SQLite's errors in words."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise  # ours
    except sqlite3.OperationalError as error:
        if reading:
            raise StoreError(
                "Your projects in {} cannot be read: {}. Copy your text from the page and start the app again.",
                folder, reason(error),
            ) from error  # fmt: skip
        raise StoreError(
            "Your text could not be kept in {}: {}. It is still on the page: free some space, and go on.",
            folder, reason(error),
        ) from error  # fmt: skip
    except sqlite3.DatabaseError as error:
        raise StoreError(
            "The file of your projects in {} is damaged ({}). Copy your text from the page and start the app again: it "
            "sets the file aside, and deletes nothing.",
            folder, reason(error),
        ) from error  # fmt: skip
