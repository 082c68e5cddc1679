"""The draft: kept as it is typed, with a history to go back and forth in."""

from __future__ import annotations

import math
import sqlite3

from app.store.database import Store
from app.store.encoding import MEGA, DraftText, check_draft, decode, encode, unpack
from app.store.projects import read_row


def save_draft(
    store: Store, project: str, text: str, *, writer: str = "", checkpoint: bool = False, whole: bool = False
) -> None:
    """Keep the draft; when this returns it is on the disk.

    What one `writer` (a page; empty: nobody in particular) saves within some seconds is one entry of the history; with
    `whole` all that it saves in a row is, such as what a run writes.
    `checkpoint` makes this text an entry that nothing is added to: before a run, or before the model edits. Texts that
    were undone are forgotten once another is saved. Raises StoreError if the text is too long or the project does not
    exist.
    """
    check_draft(store, text)
    draft = DraftText.of(text)
    with store.transaction() as connection:
        put_draft(store, connection, project, draft, writer, checkpoint, whole)


def put_draft(
    store: Store,
    connection: sqlite3.Connection,
    project: str,
    draft: DraftText,
    writer: str,
    checkpoint: bool,
    whole: bool = False,
) -> None:
    """`save_draft` within a transaction."""
    at, former = read_row(store, connection, project, "history_at, draft")
    if draft.encoded != former and draft.text != decode(former):
        connection.execute("DELETE FROM history WHERE project = ? AND number > ?", (project, at))
        now = store.clock()
        youngest = -math.inf if whole else now - store.limits.history_seconds
        if not _amend(connection, project, at, draft, writer, youngest, now):
            at += 1
            connection.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?)", (project, at, now, writer, draft.packed))
            _forget(store, connection, project)
        _set(connection, project, draft.encoded, len(draft.text), at, now)
    if checkpoint:
        _seal(connection, project, at)


def undo(store: Store, project: str) -> str | None:
    """Go back one entry: the draft is now what it was. None if there is nothing before."""
    return _step(store, project, -1)


def redo(store: Store, project: str) -> str | None:
    """Go forward one entry. None if nothing was undone."""
    return _step(store, project, +1)


def _step(store: Store, project: str, by: int) -> str | None:
    with store.transaction() as connection:
        (at,) = read_row(store, connection, project, "history_at")
        row = connection.execute(
            "SELECT text FROM history WHERE project = ? AND number = ?", (project, at + by)
        ).fetchone()
        if row is None:
            return None
        text = unpack(row[0])
        _set(connection, project, encode(text), len(text), at + by, store.clock())
        _seal(connection, project, at + by)  # or what is typed next would replace it
        return text


def _set(connection: sqlite3.Connection, project: str, encoded: bytes, characters: int, at: int, now: float) -> None:
    connection.execute(
        "UPDATE projects SET draft = ?, characters = ?, history_at = ?, changed = ? WHERE id = ?",
        (encoded, characters, at, now, project),
    )


def _amend(
    connection: sqlite3.Connection, project: str, at: int, draft: DraftText, writer: str, youngest: float, now: float
) -> bool:
    """Put the text into the entry `at` if it is this writer's and was begun after `youngest`, and not later than `now`,
    as it is where the clock was put back."""
    if not writer:
        return False
    changed = connection.execute(
        "UPDATE history SET text = ? WHERE project = ? AND number = ? AND writer = ? AND begun > ? AND begun <= ?",
        (draft.packed, project, at, writer, youngest, now),
    )
    return changed.rowcount > 0


def _seal(connection: sqlite3.Connection, project: str, at: int) -> None:
    connection.execute("UPDATE history SET writer = '' WHERE project = ? AND number = ?", (project, at))


def _forget(store: Store, connection: sqlite3.Connection, project: str) -> None:
    """Drop the oldest entries beyond the limits, but never the newest."""
    rows = connection.execute(
        "SELECT number, length(text) FROM history WHERE project = ? ORDER BY number DESC", (project,)
    )
    size = 0
    for count, (number, length) in enumerate(rows.fetchall()):
        size += length
        if count and (count >= store.limits.history_entries or size > store.limits.history_megabytes * MEGA):
            connection.execute("DELETE FROM history WHERE project = ? AND number <= ?", (project, number))
            return


def read_draft(store: Store, project: str) -> str:
    """The draft as it was last kept. Raises StoreError if the project does not exist."""
    with store.reading() as connection:
        (draft,) = read_row(store, connection, project, "draft")
    return decode(draft)
