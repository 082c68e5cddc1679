"""What is deleted for good is not on the disk any more, in no file of the folder; what others have stays."""

import sqlite3
from pathlib import Path
from random import Random

import pytest

from app.documents import Document, Page
from app.store import (
    Project,
    Store,
    add_source,
    begin_run,
    change_run,
    create_project,
    delete_project,
    list_own_sources,
    open_project,
    open_store,
    save_draft,
    save_task,
    save_version,
)
from app.store.schema import MIGRATIONS

CANARY = f"{Random(5).getrandbits(400):x}"
"""Cannot be packed, so that it is found in packed text too."""


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def kept(folder: Path, project: str) -> list[bytes]:
    """All values of a project that say anything, as they stand in the database."""
    found: list[bytes] = []
    with sqlite3.connect(folder / "projects.sqlite3") as connection:
        for table in ("history", "versions"):
            found += [row[0] for row in connection.execute(f"SELECT text FROM {table} WHERE project = ?", (project,))]
        found += [row[0] for row in connection.execute("SELECT text FROM pages")]
    return [value for value in found if len(value) > 100]


def fill(store: Store, project: str, folder: Path) -> None:
    file = folder / "rock.txt"
    file.write_text(CANARY)
    add_source(store, project, file, Document("rock.txt", (Page(1, None, f"{CANARY} {CANARY}"),)))
    for number in range(5):
        save_draft(store, project, f"{CANARY}{number} {'long ' * 3000}", writer=str(number))
    save_version(store, project, f"{CANARY} version", name=CANARY[:40])
    save_task(store, project, {"detail": CANARY})
    run = begin_run(store, project, 0, {"detail": CANARY})
    change_run(store, run.id, "finished", trace=CANARY.encode())


def test_nothing_of_a_deleted_project_is_in_any_file(store: Store, project: Project, tmp_path: Path) -> None:
    fill(store, project.id, tmp_path)
    other = create_project(store, "Other", "A draft that stays.")
    values = kept(store.folder, project.id)
    before = everything(store.folder)
    assert CANARY.encode() in before
    assert len(values) > 5
    assert all(value in before for value in values)
    delete_project(store, project.id)
    after = everything(store.folder)
    assert CANARY[:40].encode() not in after
    assert [value for value in values if value in after] == []
    assert (store.folder / "projects.sqlite3-wal").stat().st_size == 0
    assert not store.project_folder(project.id).exists()
    assert open_project(store, other.id).draft == "A draft that stays."


def test_a_reader_does_not_keep_it_in_the_log(store: Store, project: Project, tmp_path: Path) -> None:
    fill(store, project.id, tmp_path)
    with store.reading() as connection:
        connection.execute("SELECT count(*) FROM projects").fetchone()
    delete_project(store, project.id)  # with an idle reader beside it
    assert CANARY[:40].encode() not in everything(store.folder)


def test_it_goes_from_the_copies_that_updates_have_left(store: Store, project: Project, tmp_path: Path) -> None:
    fill(store, project.id, tmp_path)
    other = create_project(store, "Other")
    copy = store.folder / f"projects.before-format-{len(MIGRATIONS)}.sqlite3"
    store.checkpoint()
    copy.write_bytes((store.folder / "projects.sqlite3").read_bytes())
    delete_project(store, project.id)
    assert CANARY[:40].encode() not in everything(store.folder)
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT id FROM projects").fetchall() == [(other.id,)]


def test_only_sources_that_no_other_project_has_are_its_own(store: Store, project: Project, tmp_path: Path) -> None:
    other = create_project(store, "Other")
    for name, projects in (("shared.txt", (project.id, other.id)), ("own.txt", (project.id,))):
        path = tmp_path / name
        path.write_text(name)
        for each in projects:
            add_source(store, each, path, Document(name, (Page(1, None, name),)))
    assert [source.document.name for source in list_own_sources(store, project.id)] == ["own.txt"]
    assert list_own_sources(store, other.id) == []


def test_the_next_start_deletes_what_a_killed_process_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)
    project = create_project(store, "Tides")
    fill(store, project.id, tmp_path)
    folder = store.project_folder(project.id)
    monkeypatch.setattr("app.store.files.psutil.pid_exists", lambda pid: pid == 77)
    (folder / ".a.txt.66.1.part").write_text("half a file")
    (folder / ".a.txt.77.1.part").write_text("another process writes it")
    (tmp_path / "projects" / "gone.deleted").mkdir()
    (tmp_path / "projects" / "gone.deleted" / "rock.txt").write_text("half deleted")
    count = len(list(folder.iterdir()))
    store.close()
    open_store(tmp_path).close()
    assert not (tmp_path / "projects" / "gone.deleted").exists()
    assert {path.name for path in folder.glob(".*")} == {".a.txt.77.1.part"}
    assert len(list(folder.iterdir())) == count - 1
