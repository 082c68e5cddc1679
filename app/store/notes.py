"""Notes on parts of a project's documents, by the digest of the part's text and who made them; and whether a model is
to go on making them."""

from __future__ import annotations

from app.store.database import Store
from app.store.projects import read_row
from app.text.valid import valid_text


def list_notes(store: Store, project: str, maker: str) -> dict[str, str]:
    """The notes that `maker` made, by digest. Raises StoreError if the project does not exist."""
    with store.reading() as connection:
        read_row(store, connection, project, "id")
        rows = connection.execute("SELECT part, text FROM notes WHERE project = ? AND maker = ?", (project, maker))
        return {part: valid_text(text) for part, text in rows.fetchall()}


def keep_note(store: Store, project: str, part: str, maker: str, text: str) -> None:
    """Keep a note, in place of an earlier one of the same maker. Raises StoreError if the project does not exist."""
    with store.transaction() as connection:
        read_row(store, connection, project, "id")
        connection.execute(
            "INSERT OR REPLACE INTO notes (project, part, maker, text) VALUES (?, ?, ?, ?)",
            (project, part, maker, valid_text(text)),
        )


def forget_note(store: Store, project: str, part: str, maker: str) -> None:
    """Keep it no more."""
    with store.transaction() as connection:
        connection.execute("DELETE FROM notes WHERE project = ? AND part = ? AND maker = ?", (project, part, maker))


def notes_wanted(store: Store, project: str) -> bool:
    """Whether a model is to go on with the notes."""
    with store.reading() as connection:
        return bool(read_row(store, connection, project, "notes_wanted")[0])


def want_notes(store: Store, project: str, wanted: bool) -> None:
    """Keep whether a model is to go on with them. Raises StoreError if the project does not exist."""
    with store.transaction() as connection:
        read_row(store, connection, project, "id")
        connection.execute("UPDATE projects SET notes_wanted = ? WHERE id = ?", (wanted, project))
