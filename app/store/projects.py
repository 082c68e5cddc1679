"""Projects: a name, a task, a draft and a folder of files."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.say.errors import ProjectGone, StoreError
from app.say.wording import Message
from app.store.database import Store, erase
from app.store.encoding import DraftText, check_draft, check_name, decode, kept_name
from app.store.files import delete_folder
from app.text.valid import valid

MOST_PROMISED = 10_000
"""Projects that are promised; of more the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class ProjectEntry:
    """A project in a list. `changed` is in seconds since 1970, `characters` the length of the draft."""

    id: str
    name: str
    changed: float
    characters: int


@dataclass(frozen=True, slots=True)
class Project:
    """A project. `task` is whatever the page keeps of its fields: task, instruction, decoding options."""

    id: str
    name: str
    task: Mapping[str, Any]
    draft: str
    created: float
    changed: float


def create_project(store: Store, name: str, draft: str = "") -> Project:
    """A new project. Raises StoreError for a name or draft that is too long, or if there are too many projects."""
    name = check_name(store, name, Message("project"))
    check_draft(store, draft)
    identity, now, text = uuid.uuid4().hex, store.clock(), DraftText.of(draft)
    with store.transaction() as connection:
        _insert(store, connection, identity, name, now, text)
    return Project(identity, name, {}, draft, now, now)


def promise_project(store: Store, name: str) -> Project:
    """A new project of which nothing is kept until something is to be kept in it; `delete_project` takes it back.
    Raises StoreError for a name that is too long."""
    name = check_name(store, name, Message("project"))
    identity, now = uuid.uuid4().hex, store.clock()
    store.promised[identity] = name, now
    for oldest in list(store.promised)[:-MOST_PROMISED]:
        store.promised.pop(oldest, None)
    return Project(identity, name, {}, "", now, now)


def list_projects(store: Store) -> list[ProjectEntry]:
    """All projects, promised ones too, the one changed last first."""
    promised = dict(store.promised)
    with store.reading() as connection:  # of the index `projects_listed` alone, without the drafts
        rows = connection.execute(
            "SELECT id, name, changed, characters FROM projects ORDER BY changed DESC, id"
        ).fetchall()
    entries = [ProjectEntry(identity, kept_name(name), changed, length) for identity, name, changed, length in rows]
    known = {entry.id for entry in entries}
    entries += [ProjectEntry(id, name, made, 0) for id, (name, made) in promised.items() if id not in known]
    return sorted(entries, key=lambda entry: -entry.changed)


def open_project(store: Store, project: str) -> Project:
    """A project as it was last kept. Raises ProjectGone if it does not exist."""
    with store.reading() as connection:
        name, task, draft, created, changed = read_row(
            store, connection, project, "name, task, draft, created, changed"
        )
    return Project(project, kept_name(name), valid(json.loads(task)), decode(draft), created, changed)


def rename_project(store: Store, project: str, name: str) -> None:
    """Give a project another name. Raises StoreError."""
    name = check_name(store, name, Message("project"))
    with store.transaction() as connection:
        read_row(store, connection, project, "id")
        connection.execute("UPDATE projects SET name = ? WHERE id = ?", (name, project))


def save_task(store: Store, project: str, task: Mapping[str, Any]) -> None:
    """Keep the task's fields, values that JSON can hold. Raises StoreError if the project does not exist."""
    fields = json.dumps(task)
    with store.transaction() as connection:
        read_row(store, connection, project, "id")
        connection.execute("UPDATE projects SET task = ?, changed = ? WHERE id = ?", (fields, store.clock(), project))


def delete_project(store: Store, project: str) -> None:
    """Delete a project with its versions, runs and files, for good: nothing of them stays on the disk, nor in copies
    of the database that updates have left. Raises ProjectGone if it does not exist."""
    if store.promised.pop(project, None) is not None:
        return
    with store.transaction() as connection:
        read_row(store, connection, project, "id")
        connection.execute("DELETE FROM projects WHERE id = ?", (project,))
    delete_folder(store.project_folder(project))
    erase(store, project)


def read_row(store: Store, connection: sqlite3.Connection, project: str, columns: str) -> Any:
    """Columns of a project; in a transaction a promised one is made. Raises ProjectGone if it does not exist."""
    select = f"SELECT {columns} FROM projects WHERE id = ?"
    row = connection.execute(select, (project,)).fetchone()
    promise = store.promised.get(project) if row is None else None
    if promise is not None:
        name, promised = promise
        if store.writes(connection):
            store.admit(project)
            _insert(store, connection, project, name, promised, DraftText.of(""))
            store.made(project)
            row = connection.execute(select, (project,)).fetchone()
        else:
            row = connection.execute(
                f"SELECT {columns} FROM ({_EMPTY})", (project, name, promised, promised)
            ).fetchone()
    if row is None:
        raise ProjectGone()
    return row


_EMPTY = (
    "SELECT ? AS id, ? AS name, '{}' AS task, x'' AS draft, 0 AS characters, 0 AS history_at, ? AS created, "
    "? AS changed, 0 AS notes_wanted"
)
"""The row of a project in which nothing was kept."""

_OLDEST_EMPTY = """SELECT id FROM projects AS project WHERE characters = 0 AND history_at = 0
    AND NOT EXISTS (SELECT 1 FROM sources WHERE project = project.id)
    AND NOT EXISTS (SELECT 1 FROM versions WHERE project = project.id)
    AND NOT EXISTS (SELECT 1 FROM runs WHERE project = project.id)
    ORDER BY changed LIMIT 1"""


def _insert(
    store: Store, connection: sqlite3.Connection, identity: str, name: str, now: float, text: DraftText
) -> None:
    """Make a project; where there are as many as can be, in the place of the oldest in which there is nothing."""
    count = connection.execute("SELECT count(*) FROM projects").fetchone()[0]
    if count >= store.limits.projects:
        empty = connection.execute(_OLDEST_EMPTY).fetchone()
        if empty is None:
            raise StoreError("There are {:,} projects, as many as can be. Delete one that is not needed.", count)
        connection.execute("DELETE FROM projects WHERE id = ?", empty)
    connection.execute(
        "INSERT INTO projects (id, name, task, draft, characters, history_at, created, changed) "
        "VALUES (?, ?, '{}', ?, ?, 0, ?, ?)",
        (identity, name, text.encoded, len(text.text), now, now),
    )
    connection.execute("INSERT INTO history VALUES (?, 0, ?, '', ?)", (identity, now, text.packed))
