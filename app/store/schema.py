"""The tables of the store, as the steps in which they came about. A step that has shipped is never changed."""

from __future__ import annotations

import sqlite3

from app.text.valid import valid_text

_PROJECTS = (
    # Text that a person typed is a blob, UTF-8 with surrogates let through: nothing they can paste is refused.
    """CREATE TABLE projects (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        task TEXT NOT NULL,  -- JSON: the task, the instruction and the decoding options
        draft BLOB NOT NULL,
        history_at INTEGER NOT NULL,  -- number of the entry of history that the draft is
        created REAL NOT NULL,  -- seconds since 1970, as all times
        changed REAL NOT NULL
    )""",
    """CREATE TABLE sources (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        project TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
        name TEXT NOT NULL,  -- JSON: the file's name when it was uploaded, which need not be UTF-8
        file TEXT NOT NULL,  -- its path in the project's folder
        place INTEGER NOT NULL,  -- the sources of a project are in this order
        hash TEXT NOT NULL,  -- SHA-256 of its content, in hexadecimal
        chosen TEXT NOT NULL,  -- the choice of pages as typed, empty for all
        notes TEXT NOT NULL  -- JSON: a list of what the reader said about it
    )""",
    """CREATE TABLE pages (
        source INTEGER NOT NULL REFERENCES sources(id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        label TEXT,
        text BLOB NOT NULL,
        PRIMARY KEY (source, number)
    ) WITHOUT ROWID""",
    """CREATE TABLE history (  -- what the draft was, for undo
        project TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        begun REAL NOT NULL,
        writer TEXT NOT NULL,  -- who may still amend the entry; empty for nobody
        text BLOB NOT NULL,  -- zlib
        PRIMARY KEY (project, number)
    ) WITHOUT ROWID""",
    """CREATE TABLE versions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        project TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        automatic INTEGER NOT NULL,
        created REAL NOT NULL,
        characters INTEGER NOT NULL,
        text BLOB NOT NULL  -- zlib
    )""",
    "CREATE INDEX sources_of ON sources(project)",
    "CREATE INDEX versions_of ON versions(project)",
)

_RUNS = (
    """CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        project TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
        state TEXT NOT NULL,
        position INTEGER NOT NULL,  -- characters of the draft before the first that the run writes
        settings TEXT NOT NULL,  -- JSON
        owner TEXT NOT NULL,  -- the process that runs it
        begun REAL NOT NULL,
        ended REAL,
        error TEXT NOT NULL,
        trace TEXT  -- path in the project's folder
    )""",
    "CREATE INDEX runs_of ON runs(project)",
)

_LEFT_OUT = ("ALTER TABLE sources ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0",)  # 1: the model does not read it

# The list of projects is read from an index, and not through drafts of megabytes.
_LISTED = (
    "ALTER TABLE projects ADD COLUMN characters INTEGER NOT NULL DEFAULT 0",  # of the draft
    "UPDATE projects SET characters = draft_characters(draft)",
    "CREATE INDEX projects_listed ON projects(changed DESC, id, name, characters)",
)

# JSON: [[page, offset, level, title], ...]; NULL for sources that were read before headings were kept.
_HEADINGS = ("ALTER TABLE sources ADD COLUMN headings TEXT",)

# JSON: what is chosen for parts of it, {"page:offset": "full", "note" or "none"}.
_PARTS = ("ALTER TABLE sources ADD COLUMN parts TEXT NOT NULL DEFAULT '{}'",)

_NOTES = (
    """CREATE TABLE notes (
        project TEXT NOT NULL REFERENCES projects(id) ON DELETE CASCADE,
        part TEXT NOT NULL,  -- SHA-256 of the part's text, in hexadecimal
        maker TEXT NOT NULL,  -- the model and the prompt; empty for the person
        text TEXT NOT NULL,
        PRIMARY KEY (project, part, maker)
    ) WITHOUT ROWID""",
    "ALTER TABLE projects ADD COLUMN notes_wanted INTEGER NOT NULL DEFAULT 0",  # 1: a model is to go on with them
)

# JSON: how a person wants the file to be read; what was left out, [[page, text, kind], ...]; and the numbers of the
# pages that were recognised.
_READ_AS = ("ALTER TABLE sources ADD COLUMN read_as TEXT NOT NULL DEFAULT '{}'",)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_PROJECTS, _RUNS, _LEFT_OUT, _LISTED, _HEADINGS, _PARTS, _NOTES, _READ_AS)
"""`MIGRATIONS[n]` leads from version n to n + 1. The version of a database is its `user_version`, 0 when it is new."""


def version(connection: sqlite3.Connection) -> int:
    """The version of a database's tables."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _characters(draft: bytes) -> int:
    return len(valid_text(draft.decode("utf-8", "surrogatepass")))


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to date, all steps or none."""
    connection.create_function("draft_characters", 1, _characters)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for number, statements in enumerate(MIGRATIONS[version(connection) :], version(connection) + 1):
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number:d}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
