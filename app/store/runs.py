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
from app.store.database import Store, write_file
from app.store.encoding import MEGA, utf8
from app.store.projects import read_row

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
    with store.transaction() as connection:
        read_row(connection, project, "id")
        made = connection.execute(
            "INSERT INTO runs (project, state, position, settings, owner, begun, error) VALUES (?, ?, ?, ?, ?, ?, '')",
            (project, "waiting", position, json.dumps(settings), _owner(), store.clock()),
        )
        return _runs(connection, "id", made.lastrowid)[0]


def change_run(
    store: Store, run: int, state: RunState, *, position: int | None = None, error: str = "", trace: bytes | None = None
) -> None:
    """Keep a run's new state, with `trace` the written trace; `position` if it moved because the draft was edited.

    Only the newest traces of a project are kept, those of comparisons counted apart: they must not take the place of
    the draft's. Raises StoreError if the run does not exist or its trace is too large.
    """
    with store.transaction() as connection:
        row = connection.execute("SELECT project FROM runs WHERE id = ?", (run,)).fetchone()
        if row is None:
            raise StoreError("This run is not kept any more: its project was deleted in another window.")
        ended = None if state in _OPEN else store.clock()
        connection.execute(
            "UPDATE runs SET state = ?, position = coalesce(?, position), ended = ?, error = ? WHERE id = ?",
            (state, position, ended, utf8(error), run),
        )
        if trace is not None:
            _put_trace(store, connection, row[0], run, trace)


def forget_run(store: Store, run: int) -> None:
    """Delete a run that never began. Raises StoreError."""
    with store.transaction() as connection:
        connection.execute("DELETE FROM runs WHERE id = ?", (run,))


def list_runs(store: Store, project: str) -> list[StoredRun]:
    """The runs of a project, the newest first."""
    with store.transaction() as connection:
        read_row(connection, project, "id")
        return _runs(connection, "project", project)


def load_trace(store: Store, run: int) -> bytes:
    """The written trace of a run. Raises StoreError if it has none, or none any more."""
    with store.transaction() as connection:
        row = connection.execute("SELECT project, trace FROM runs WHERE id = ?", (run,)).fetchone()
    if row is not None and row[1] is not None:
        path = store.project_folder(row[0]) / str(row[1])
        if path.exists():
            return path.read_bytes()
    raise StoreError("The trace of this run is not kept; those of the last {:,} runs are.", store.limits.traces)


def _put_trace(store: Store, connection: sqlite3.Connection, project: str, run: int, trace: bytes) -> None:
    limit = store.limits.trace_megabytes
    if len(trace) > limit * MEGA:
        raise StoreError("The trace has {:,.1f} MB; the limit is {:,.0f} MB. It is not kept.", len(trace) / MEGA, limit)
    path = Path("traces") / f"{run}.json.gz"
    write_file(store.project_folder(project) / path, trace)
    connection.execute("UPDATE runs SET trace = ? WHERE id = ?", (path.as_posix(), run))
    rows = connection.execute(
        "SELECT id, trace, settings FROM runs WHERE project = ? AND trace IS NOT NULL ORDER BY id DESC", (project,)
    )
    traces = [(old, name, bool(json.loads(settings).get("compared"))) for old, name, settings in rows]
    compared = next(compared for old, _, compared in traces if old == run)
    alike = [(old, name) for old, name, other in traces if other == compared]
    for old, name in alike[store.limits.traces :]:
        connection.execute("UPDATE runs SET trace = NULL WHERE id = ?", (old,))
        (store.project_folder(project) / name).unlink(missing_ok=True)


def _runs(connection: sqlite3.Connection, column: str, value: object) -> list[StoredRun]:
    rows = connection.execute(
        "SELECT id, project, state, position, settings, begun, ended, error, trace IS NOT NULL, owner FROM runs "
        f"WHERE {column} = ? ORDER BY id DESC",
        (value,),
    )
    return [
        StoredRun(
            number,
            project,
            "interrupted" if state in _OPEN and not _is_alive(owner) else state,
            position,
            json.loads(settings),
            begun,
            ended,
            error,
            bool(has_trace),
        )
        for number, project, state, position, settings, begun, ended, error, has_trace, owner in rows
    ]


def _owner() -> str:
    """This process, so that another that later gets its number is not taken for it."""
    return f"{os.getpid()} {psutil.Process().create_time()}"


def _is_alive(owner: str) -> bool:
    number, created = owner.split()
    try:
        # The system works the time out from its clock, which may have been set since.
        return math.isclose(psutil.Process(int(number)).create_time(), float(created), rel_tol=0, abs_tol=2)
    except psutil.Error:
        return False
