"""The runs of a project: what was asked for, how it ended, where in the draft it wrote, and its trace."""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import psutil

from app.say.errors import StoreError
from app.say.wording import reason
from app.store.database import Store
from app.store.encoding import MEGA
from app.store.files import delete_file, deleted_if_it_fails, new_name, write_file
from app.store.projects import read_row
from app.text.valid import valid, valid_text

RunState: TypeAlias = Literal["waiting", "running", "finished", "stopped", "failed", "interrupted"]
"""As in the engine, and "interrupted" for a run whose process ended before it did."""

_OPEN = ("waiting", "running")


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run. `position`: characters of the draft before what it writes. Times are in seconds since 1970."""

    id: int
    project: str
    state: RunState
    position: int
    settings: Mapping[str, Any]
    begun: float
    ended: float | None
    error: str
    has_trace: bool


def begin_run(store: Store, project: str, position: int, settings: Mapping[str, Any]) -> StoredRun:
    """Keep a run that waits for its turn; `settings` are values that JSON can hold. Raises StoreError."""
    asked, owner, begun = json.dumps(settings), _owner(), store.clock()
    with store.transaction() as connection:
        read_row(store, connection, project, "id")
        made = connection.execute(
            "INSERT INTO runs (project, state, position, settings, owner, begun, error) VALUES (?, ?, ?, ?, ?, ?, '')",
            (project, "waiting", position, asked, owner, begun),
        ).lastrowid
    assert made is not None
    return StoredRun(made, project, "waiting", position, json.loads(asked), begun, None, "", False)


def change_run(
    store: Store, run: int, state: RunState, *, position: int | None = None, error: str = "", trace: bytes | None = None
) -> None:
    """Keep a run's new state, with `trace` the written trace; `position` if it moved because the draft was edited.

    Only the newest traces of a project are kept, those of comparisons counted apart: they must not take the place of
    the draft's. Raises StoreError if the run does not exist or its trace is too large or cannot be written.
    """
    ended = None if state in _OPEN else store.clock()
    changed = state, position, ended, valid_text(error)
    if trace is None:
        with store.transaction() as connection:
            _change(connection, run, changed)
        return
    with store.reading() as connection:
        folder = store.project_folder(_row(connection, run, "project")[0])
    path = _write_trace(store, folder, run, trace)
    with deleted_if_it_fails(path), store.transaction() as connection:
        _change(connection, run, changed)
        dropped = _put_trace(store, connection, run, path.relative_to(folder).as_posix())
    for name in dropped:
        delete_file(folder / name)


def forget_run(store: Store, run: int) -> None:
    """Delete a run that never began. Raises StoreError."""
    with store.transaction() as connection:
        connection.execute("DELETE FROM runs WHERE id = ?", (run,))


def list_runs(store: Store, project: str) -> list[StoredRun]:
    """The runs of a project, the newest first."""
    with store.reading() as connection:
        read_row(store, connection, project, "id")
        rows = connection.execute(
            "SELECT id, state, position, settings, begun, ended, error, trace IS NOT NULL, owner FROM runs "
            "WHERE project = ? ORDER BY id DESC",
            (project,),
        ).fetchall()
    return [
        StoredRun(
            number,
            project,
            "interrupted" if state in _OPEN and not _is_alive(owner) else state,
            position,
            valid(json.loads(settings)),
            begun,
            ended,
            valid_text(error),
            bool(has_trace),
        )
        for number, state, position, settings, begun, ended, error, has_trace, owner in rows
    ]


def load_trace(store: Store, run: int) -> bytes:
    """The written trace of a run. Raises StoreError if it has none, or none any more."""
    looked_for: str | None = None
    while True:
        with store.reading() as connection:
            row = connection.execute("SELECT project, trace FROM runs WHERE id = ?", (run,)).fetchone()
        if row is None or row[1] in (None, looked_for):
            raise StoreError("The trace of this run is not kept; those of the last {:,} runs are.", store.limits.traces)
        project, looked_for = row
        try:
            return (store.project_folder(project) / str(looked_for)).read_bytes()
        except FileNotFoundError:  # a later one may have taken its place since
            continue


def _row(connection: sqlite3.Connection, run: int, columns: str) -> Any:
    row = connection.execute(f"SELECT {columns} FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None:
        raise StoreError("This run is not kept any more: its project was deleted in another window.")
    return row


def _change(connection: sqlite3.Connection, run: int, changed: tuple[object, ...]) -> None:
    """`changed`: its state, its position or None, its end, its error."""
    _row(connection, run, "id")
    connection.execute(
        "UPDATE runs SET state = ?, position = coalesce(?, position), ended = ?, error = ? WHERE id = ?",
        (*changed, run),
    )


def _write_trace(store: Store, folder: Path, run: int, trace: bytes) -> Path:
    """A file of its own for each state of the trace: what was written before is there until this is kept."""
    limit = store.limits.trace_megabytes
    if len(trace) > limit * MEGA:
        raise StoreError("The trace has {:,.1f} MB; the limit is {:,.0f} MB. It is not kept.", len(trace) / MEGA, limit)
    path = folder / "traces" / new_name(".json.gz", f"{run}-")
    try:
        write_file(path, trace)
    except OSError as error:
        raise StoreError(
            "The trace cannot be kept in {}: {}. Free some space; the text is kept.", path.parent, reason(error)
        ) from error
    return path


def _put_trace(store: Store, connection: sqlite3.Connection, run: int, name: str) -> list[str]:
    """Name the file of a run's trace; returns those that are not named any more."""
    project, former = _row(connection, run, "project, trace")
    connection.execute("UPDATE runs SET trace = ? WHERE id = ?", (name, run))
    rows = connection.execute(
        "SELECT id, trace, settings FROM runs WHERE project = ? AND trace IS NOT NULL ORDER BY id DESC", (project,)
    )
    traces = [(other, kept, bool(json.loads(settings).get("compared"))) for other, kept, settings in rows]
    compared = next(compared for other, _, compared in traces if other == run)
    dropped = [(other, kept) for other, kept, like in traces if like == compared][store.limits.traces :]
    connection.executemany("UPDATE runs SET trace = NULL WHERE id = ?", ((other,) for other, _ in dropped))
    return [kept for kept in (former, *(kept for _, kept in dropped)) if kept is not None]


def _owner() -> str:
    """This process, so that another that later gets its number is not taken for it."""
    return f"{os.getpid()} {psutil.Process().create_time()}"


def _is_alive(owner: str) -> bool:
    number, created = owner.split()
    try:
        process = psutil.Process(int(number))
        if process.status() == psutil.STATUS_ZOMBIE:  # killed, and nobody has asked how it ended
            return False
        # The system works the time out from its clock, which may have been set since.
        return math.isclose(process.create_time(), float(created), rel_tol=0, abs_tol=2)
    except psutil.Error:
        return False
