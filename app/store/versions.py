"""Versions: drafts that are kept under a name, or by themselves before something changes them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from app.say.errors import StoreError
from app.say.wording import Message
from app.store.database import Store
from app.store.drafts import put_draft
from app.store.encoding import DraftText, check_draft, check_name, decode, kept_name, unpack
from app.store.projects import read_row
from app.text.diff import Change, diff

BEFORE_RESTORING = "Before restoring a version"


@dataclass(frozen=True, slots=True)
class Version:
    """A version in a list. `automatic`: nobody asked for it by name. `created` is in seconds since 1970."""

    id: int
    name: str
    automatic: bool
    created: float
    characters: int


def save_version(store: Store, project: str, text: str, name: str, *, automatic: bool = False) -> Version:
    """Keep `text` as a version, for example automatically as "Before a run".

    An automatic version that equals the one before is not kept twice. Raises StoreError for a name or text that is too
    long, if there are too many named versions, or if the project does not exist.
    """
    name = check_name(store, name, Message("version"))
    check_draft(store, text)
    draft = DraftText.of(text)
    with store.transaction() as connection:
        read_row(store, connection, project, "id")
        return _put(store, connection, project, draft, name, automatic)


def list_versions(store: Store, project: str) -> list[Version]:
    """The versions of a project, the newest first."""
    with store.reading() as connection:
        read_row(store, connection, project, "id")
        return _rows(connection, "project = ?", project)


def version_text(store: Store, version: int) -> str:
    """The text of a version. Raises StoreError if it does not exist."""
    with store.reading() as connection:
        return _read(connection, version)[1]


def delete_version(store: Store, version: int) -> None:
    """Delete a version. Raises StoreError if it does not exist."""
    with store.transaction() as connection:
        if not connection.execute("DELETE FROM versions WHERE id = ?", (version,)).rowcount:
            raise _missing()


def restore_version(store: Store, version: int) -> str:
    """Make a version the draft and return its text. The draft that was is kept as a version, and can be undone to.

    Raises StoreError if the version does not exist.
    """
    with store.reading() as connection:
        project, text = _read(connection, version)
    restored = DraftText.of(text)
    with store.transaction() as connection:
        draft = decode(read_row(store, connection, project, "draft")[0])
        if draft != text:
            _put(store, connection, project, DraftText.of(draft), BEFORE_RESTORING, automatic=True)
        put_draft(store, connection, project, restored, writer="", checkpoint=True)
    return text


def diff_versions(store: Store, older: int, newer: int) -> list[Change]:
    """What changed from one version to another. Raises StoreError if one does not exist."""
    return diff(version_text(store, older), version_text(store, newer))


def _put(
    store: Store, connection: sqlite3.Connection, project: str, draft: DraftText, name: str, automatic: bool
) -> Version:
    kept = _rows(connection, "project = ? AND automatic = ?", project, automatic)
    if automatic and kept and _read(connection, kept[0].id)[1] == draft.text:
        return kept[0]
    limits = store.limits
    if not automatic and len(kept) >= limits.named_versions:
        raise StoreError(
            "The project has {:,} named versions, as many as can be. Delete one that is not needed.", len(kept)
        )
    made = connection.execute(
        "INSERT INTO versions (project, name, automatic, created, characters, text) VALUES (?, ?, ?, ?, ?, ?)",
        (project, name, automatic, store.clock(), len(draft.text), draft.packed),
    )
    if automatic:
        for old in kept[limits.automatic_versions - 1 :]:
            connection.execute("DELETE FROM versions WHERE id = ?", (old.id,))
    return _rows(connection, "id = ?", made.lastrowid)[0]


def _rows(connection: sqlite3.Connection, where: str, *values: object) -> list[Version]:
    rows = connection.execute(
        f"SELECT id, name, automatic, created, characters FROM versions WHERE {where} ORDER BY id DESC", values
    )
    return [Version(number, kept_name(name), bool(auto), created, size) for number, name, auto, created, size in rows]


def _read(connection: sqlite3.Connection, version: int) -> tuple[str, str]:
    """The project of a version, and its text."""
    row = connection.execute("SELECT project, text FROM versions WHERE id = ?", (version,)).fetchone()
    if row is None:
        raise _missing()
    return row[0], unpack(row[1])


def _missing() -> StoreError:
    return StoreError("This version does not exist any more. Open the list of versions again, and choose another.")
