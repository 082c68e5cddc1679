"""The sources of a project: the files as they were uploaded, and their text as it was read."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any

from app.documents import Document, Heading, Page, ReadAs, Recognised, RemovedLine, find_headings
from app.say.errors import StoreError
from app.say.wording import Message, reason
from app.store.database import Store
from app.store.encoding import MEGA, decode, encode
from app.store.files import delete_file, deleted_if_it_fails, new_name, write_file
from app.store.projects import read_row
from app.text.valid import valid, valid_text

_SUFFIX = re.compile(r"\.[a-z0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class StoredSource:
    """A source: its document, the copy of its file, the hash of that (SHA-256), the pages chosen, as typed, whether it
    is left out of what the model reads, and what is chosen for parts of it (see `Source.parts`)."""

    id: int
    document: Document
    path: Path
    hash: str
    chosen: str
    left_out: bool
    parts: dict[str, str] = field(default_factory=dict)


def add_source(store: Store, project: str, file: Path, document: Document, chosen: str = "") -> StoredSource:
    """Copy an uploaded file into the project's folder and keep the document read from it.

    Raises StoreError if the file is too large, cannot be read or copied, there are too many sources, or the project
    does not exist.
    """
    with store.reading() as connection:
        read_row(store, connection, project, "id")  # or a folder would be made for nothing
    data = _read_file(store, file, document.name)
    digest = hashlib.sha256(data).hexdigest()
    suffix = _SUFFIX.fullmatch(Path(document.name).suffix.lower())
    path = store.project_folder(project) / new_name(suffix[0] if suffix else "")
    name, text = json.dumps(document.name), _Text.of(document)
    _copy(path, data, document.name)
    with deleted_if_it_fails(path), store.transaction() as connection:
        read_row(store, connection, project, "id")
        count, place = connection.execute(
            "SELECT count(*), coalesce(max(place) + 1, 0) FROM sources WHERE project = ?", (project,)
        ).fetchone()
        if count >= store.limits.sources:
            raise StoreError("The project has {:,} sources, as many as can be. Remove one that is not needed.", count)
        made = connection.execute(
            "INSERT INTO sources (project, name, file, place, hash, chosen, notes, headings, read_as) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (project, name, path.name, place, digest, valid_text(chosen), text.notes, text.headings, text.read_as),
        ).lastrowid
        assert made is not None
        text.insert_pages(connection, made)
        connection.execute("UPDATE projects SET changed = ? WHERE id = ?", (store.clock(), project))
    return StoredSource(made, document, path, digest, chosen, False)


def read_source_again(store: Store, source: int, document: Document, chosen: str) -> None:
    """Keep what its file is read as now, with these pages chosen and nothing for parts. Raises StoreError if the source
    does not exist."""
    text = _Text.of(document)
    with store.transaction() as connection:
        changed = connection.execute(
            "UPDATE sources SET chosen = ?, parts = '{}', notes = ?, headings = ?, read_as = ? WHERE id = ?",
            (valid_text(chosen), text.notes, text.headings, text.read_as, source),
        )
        if not changed.rowcount:
            raise _missing()
        connection.execute("DELETE FROM pages WHERE source = ?", (source,))
        text.insert_pages(connection, source)


@dataclass(frozen=True, slots=True)
class _Text:
    """What was read, in the columns that hold it: made before a transaction and not in it."""

    notes: str
    headings: str
    read_as: str
    pages: Sequence[tuple[int, str | None, bytes]]

    @classmethod
    def of(cls, document: Document) -> _Text:
        removed = [astuple(line) for line in document.removed]
        recognised = document.recognised and astuple(document.recognised)
        read_as = {**asdict(document.read_as), "removed": removed, "recognised": recognised}
        return cls(
            json.dumps([note.plain for note in document.notes]),
            json.dumps([astuple(heading) for heading in document.headings]),
            json.dumps(read_as),
            [(page.number, page.label, encode(page.text)) for page in document.pages],
        )

    def insert_pages(self, connection: sqlite3.Connection, source: int) -> None:
        connection.executemany("INSERT INTO pages VALUES (?, ?, ?, ?)", ((source, *page) for page in self.pages))


def list_sources(store: Store, project: str) -> list[StoredSource]:
    """The sources of a project in their order, at first that in which they were added."""
    with store.reading() as connection:
        read_row(store, connection, project, "id")
        rows = connection.execute(
            "SELECT id, name, file, hash, chosen, notes, left_out, headings, parts, read_as FROM sources "
            "WHERE project = ? ORDER BY place, id",
            (project,),
        ).fetchall()
        pages = {row[0]: _pages(connection, row[0]) for row in rows}
    return [
        StoredSource(
            number,
            _document(
                valid(json.loads(name)), pages[number], valid(json.loads(notes)), headings, valid(json.loads(read_as))
            ),
            store.project_folder(project) / file,
            digest,
            valid_text(chosen),
            bool(left_out),
            valid(json.loads(parts)),
        )
        for number, name, file, digest, chosen, notes, left_out, headings, parts, read_as in rows
    ]


def list_own_sources(store: Store, project: str) -> list[StoredSource]:
    """Those whose file no other project has."""
    sources = list_sources(store, project)
    with store.reading() as connection:
        rows = connection.execute("SELECT DISTINCT hash FROM sources WHERE project != ?", (project,))
        others = {digest for (digest,) in rows}
    return [source for source in sources if source.hash not in others]


def choose_pages(store: Store, source: int, chosen: str) -> None:
    """Keep the choice of pages as typed. Raises StoreError if the source does not exist."""
    with store.transaction() as connection:
        changed = connection.execute("UPDATE sources SET chosen = ? WHERE id = ?", (valid_text(chosen), source))
        if not changed.rowcount:
            raise _missing()


def choose_parts(store: Store, source: int, parts: Mapping[str, str]) -> None:
    """Keep what is chosen for parts. Raises StoreError if the source does not exist."""
    with store.transaction() as connection:
        kept = json.dumps(dict(parts))
        if not connection.execute("UPDATE sources SET parts = ? WHERE id = ?", (kept, source)).rowcount:
            raise _missing()


def leave_out_source(store: Store, source: int, out: bool) -> None:
    """Keep whether the model does not read it. Raises StoreError if the source does not exist."""
    with store.transaction() as connection:
        if not connection.execute("UPDATE sources SET left_out = ? WHERE id = ?", (out, source)).rowcount:
            raise _missing()


def order_sources(store: Store, project: str, sources: Sequence[int]) -> None:
    """Put the sources of a project in the order of these ids; those that are not named come last."""
    with store.transaction() as connection:
        connection.execute("UPDATE sources SET place = ? WHERE project = ?", (len(sources), project))
        for place, source in enumerate(sources):
            connection.execute("UPDATE sources SET place = ? WHERE project = ? AND id = ?", (place, project, source))


def remove_source(store: Store, source: int) -> None:
    """Take a source out of its project and delete the copy of its file. Raises StoreError if it does not exist."""
    with store.transaction() as connection:
        row = connection.execute("SELECT project, file FROM sources WHERE id = ?", (source,)).fetchone()
        if row is None:
            raise _missing()
        connection.execute("DELETE FROM sources WHERE id = ?", (source,))
        # Sources that an earlier version added have one copy of the same file.
        used = connection.execute("SELECT 1 FROM sources WHERE project = ? AND file = ?", row).fetchone()
    if not used:
        delete_file(store.project_folder(row[0]) / row[1])


def _pages(connection: sqlite3.Connection, source: int) -> tuple[Page, ...]:
    rows = connection.execute("SELECT number, label, text FROM pages WHERE source = ? ORDER BY number", (source,))
    return tuple(Page(number, valid(label), decode(text)) for number, label, text in rows)


def _document(
    name: str, pages: tuple[Page, ...], notes: Sequence[Any], headings: str | None, read_as: dict[str, Any]
) -> Document:
    """`headings` is None if an earlier version kept the source: then they are found in its text."""
    known = (
        find_headings(name, pages) if headings is None else tuple(Heading(*row) for row in valid(json.loads(headings)))
    )
    removed = tuple(RemovedLine(*line) for line in read_as.pop("removed", ()))
    recognised = read_as.pop("recognised", None)
    return Document(
        name,
        pages,
        tuple(map(Message.from_plain, notes)),
        known,
        removed,
        ReadAs(**read_as),
        recognised and Recognised(tuple(recognised[0]), recognised[1]),
    )


def _read_file(store: Store, file: Path, name: str) -> bytes:
    limit = store.limits.file_megabytes
    try:
        size = file.stat().st_size
        if size > limit * MEGA:
            raise StoreError(
                "{} has {:,.1f} MB; the limit for a file that is kept is {:,.0f} MB. Split it.",
                name, size / MEGA, limit,
            )  # fmt: skip
        return file.read_bytes()
    except OSError as error:
        raise StoreError("{} cannot be read to be kept: {}. Upload it again.", name, reason(error)) from error


def _copy(path: Path, data: bytes, name: str) -> None:
    try:
        write_file(path, data)
    except OSError as error:
        raise StoreError(
            "{} cannot be copied to {}: {}. Free some space and upload it again.", name, path.parent, reason(error)
        ) from error


def _missing() -> StoreError:
    return StoreError("This source is not in the project any more; it was removed in another window.")
