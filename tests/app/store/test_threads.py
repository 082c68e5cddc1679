"""Several threads at one store: reads wait for no writer, and files are written and deleted outside of transactions."""

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from app.documents import Document, Page
from app.say.errors import ProjectGone, StoreError
from app.store import (
    Project,
    Store,
    StoreLimits,
    add_source,
    begin_run,
    change_run,
    create_project,
    delete_project,
    list_projects,
    list_runs,
    list_sources,
    list_versions,
    load_trace,
    open_project,
    open_store,
    read_draft,
    remove_source,
    save_draft,
    save_version,
    version_text,
)
from app.store import runs as store_runs
from app.store import sources as store_sources

DOCUMENT = Document("a.txt", (Page(1, None, "Light"),))
LONG = 60
"""Seconds after which a test gives up waiting."""


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_bytes(b"Light")
    return path


def elsewhere(act: Callable[[], Any]) -> Any:
    """Done in another thread while this one waits."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(act).result(timeout=LONG)


def files(store: Store, project: Project) -> set[str]:
    folder = store.project_folder(project.id)
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def refuse(store: Store, what: str) -> None:
    """Let every later transaction fail that does it."""
    with store.transaction() as connection:
        connection.execute(f"CREATE TRIGGER refused BEFORE {what} BEGIN SELECT RAISE(ABORT, 'refused'); END")


def test_a_reader_is_answered_while_a_writer_is_in_a_transaction(store: Store, project: Project, upload: Path) -> None:
    save_draft(store, project.id, "kept")
    version = save_version(store, project.id, "first", "First").id
    add_source(store, project.id, upload, DOCUMENT)
    run = begin_run(store, project.id, 0, {"seed": 1}).id
    change_run(store, run, "finished", trace=b"trace")

    def read() -> list[object]:
        return [
            list_projects(store),
            open_project(store, project.id),
            read_draft(store, project.id),
            list_sources(store, project.id),
            list_versions(store, project.id),
            version_text(store, version),
            list_runs(store, project.id),
            load_trace(store, run),
        ]

    known, began, go_on = read(), threading.Event(), threading.Event()

    def write() -> None:
        with store.transaction() as connection:
            connection.execute("UPDATE projects SET draft = ?, name = 'half', characters = 0", (b"half",))
            for table in ("sources", "versions", "runs"):
                connection.execute(f"DELETE FROM {table}")
            began.set()
            assert go_on.wait(LONG)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        assert began.wait(LONG)
        try:
            assert elsewhere(read) == known
            assert not writing.done()
        finally:
            go_on.set()
        writing.result(timeout=LONG)
    assert read_draft(store, project.id) == "half"
    assert list_runs(store, project.id) == []


def test_a_reader_sees_one_state_throughout(store: Store, project: Project) -> None:
    count = "SELECT count(*) FROM versions"
    with store.reading() as connection:
        assert connection.execute(count).fetchone() == (0,)
        elsewhere(lambda: save_version(store, project.id, "text", "New"))
        assert connection.execute(count).fetchone() == (0,)
    with store.reading() as connection:
        assert connection.execute(count).fetchone() == (1,)


def test_many_read_at_once(store: Store, project: Project) -> None:
    together = threading.Barrier(12)

    def read() -> int:
        with store.reading() as connection:
            together.wait(LONG)
            return int(connection.execute("SELECT count(*) FROM projects").fetchone()[0])

    with ThreadPoolExecutor(12) as pool:
        assert [done.result(timeout=LONG) for done in [pool.submit(read) for _ in range(12)]] == [1] * 12


def test_a_folder_of_any_name_can_be_read(tmp_path: Path) -> None:
    store = open_store(tmp_path / "a?mode=rw#b%20c 灯台")
    made = create_project(store, "Tides")
    assert [entry.id for entry in list_projects(store)] == [made.id]
    with pytest.raises(StoreError), store.reading() as connection:
        connection.execute("DELETE FROM projects")
    store.close()


def test_nothing_is_written_by_reading(store: Store, project: Project) -> None:
    with (
        pytest.raises(StoreError, match="cannot be read: attempt to write a readonly database"),
        store.reading() as one,
    ):
        one.execute("DELETE FROM projects")
    assert [entry.id for entry in list_projects(store)] == [project.id]


def test_a_read_that_fails_is_explained_and_the_next_one_works(store: Store, project: Project) -> None:
    with pytest.raises(StoreError, match=r"cannot be read: no such table.*start the app again"), store.reading() as one:
        one.execute("SELECT * FROM nowhere")
    with pytest.raises(ProjectGone):
        read_draft(store, "gone")
    assert read_draft(store, project.id) == ""


def test_a_read_under_way_when_the_store_is_closed_ends_well(store: Store, project: Project) -> None:
    with store.reading() as connection:
        elsewhere(store.close)
        assert connection.execute("SELECT name FROM projects").fetchone() == ("Tides",)
    with pytest.raises(sqlite3.ProgrammingError), store.reading():
        pass


@pytest.mark.parametrize(
    ("act", "does"),
    [
        ("add a source", ["write_file"]),
        ("remove a source", ["delete_file"]),
        ("keep a trace", ["write_file", "delete_file"]),
    ],
)
def test_no_transaction_is_open_while_a_file_is_written_or_deleted(
    store: Store, project: Project, upload: Path, monkeypatch: pytest.MonkeyPatch, act: str, does: list[str]
) -> None:
    run, source = begin_run(store, project.id, 0, {}).id, add_source(store, project.id, upload, DOCUMENT).id
    change_run(store, run, "running", trace=b"so far")
    done: list[str] = []

    def watched(name: str, real: Callable[..., None]) -> Callable[..., None]:
        def call(path: Path, *data: bytes) -> None:
            elsewhere(lambda: save_draft(store, project.id, f"typed at {name}"))
            done.append(name)
            real(path, *data)

        return call

    for module in (store_sources, store_runs):
        for name in ("write_file", "delete_file"):
            monkeypatch.setattr(module, name, watched(name, getattr(module, name)))
    {
        "add a source": lambda: add_source(store, project.id, upload, DOCUMENT),
        "remove a source": lambda: remove_source(store, source),
        "keep a trace": lambda: change_run(store, run, "finished", trace=b"all"),
    }[act]()
    assert done == does
    assert read_draft(store, project.id) == f"typed at {does[-1]}"


def test_a_source_that_is_not_kept_leaves_no_file(store: Store, project: Project, upload: Path) -> None:
    refuse(store, "INSERT ON pages")
    with pytest.raises(sqlite3.IntegrityError, match="refused"):
        add_source(store, project.id, upload, DOCUMENT)
    assert (files(store, project), list_sources(store, project.id)) == (set(), [])


def test_a_project_that_is_gone_gets_no_folder_again(store: Store, project: Project, upload: Path) -> None:
    run = begin_run(store, project.id, 0, {}).id
    delete_project(store, project.id)
    with pytest.raises(ProjectGone):
        add_source(store, project.id, upload, DOCUMENT)
    with pytest.raises(StoreError, match="not kept any more"):
        change_run(store, run, "finished", trace=b"trace")
    assert not store.project_folder(project.id).exists()


@pytest.mark.parametrize("limits", [StoreLimits(sources=1)])
def test_two_writers_of_the_same_file_do_each_other_no_harm(
    store: Store, project: Project, upload: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_wrote, write = threading.Barrier(2), store_sources.write_file

    def watched(path: Path, data: bytes) -> None:
        write(path, data)
        both_wrote.wait(LONG)

    def add() -> None:
        with suppress(StoreError):  # of the two there is room for one
            add_source(store, project.id, upload, DOCUMENT)

    monkeypatch.setattr(store_sources, "write_file", watched)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(add) for _ in range(2)]:
            done.result(timeout=LONG)
    (kept,) = list_sources(store, project.id)
    assert kept.path.read_bytes() == b"Light"
    assert files(store, project) == {kept.path.name}


def test_a_file_that_is_added_again_while_it_is_removed_stays(
    store: Store, project: Project, upload: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, write = add_source(store, project.id, upload, DOCUMENT), store_sources.write_file

    def watched(path: Path, data: bytes) -> None:
        write(path, data)
        elsewhere(lambda: remove_source(store, first.id))

    monkeypatch.setattr(store_sources, "write_file", watched)
    second = add_source(store, project.id, upload, DOCUMENT)
    assert [kept.id for kept in list_sources(store, project.id)] == [second.id]
    assert second.path.read_bytes() == b"Light"


def test_a_trace_that_is_not_kept_leaves_the_one_before(store: Store, project: Project) -> None:
    run = begin_run(store, project.id, 0, {}).id
    change_run(store, run, "running", trace=b"first")
    known = files(store, project)
    refuse(store, "UPDATE OF trace ON runs")
    with pytest.raises(sqlite3.IntegrityError, match="refused"):
        change_run(store, run, "finished", trace=b"second")
    assert [kept.state for kept in list_runs(store, project.id)] == ["running"]
    assert load_trace(store, run) == b"first"
    assert files(store, project) == known


def test_a_trace_that_cannot_be_written_is_said(store: Store, project: Project) -> None:
    run = begin_run(store, project.id, 0, {}).id
    folder = store.project_folder(project.id)
    folder.mkdir(parents=True)
    (folder / "traces").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match=r"The trace cannot be kept in .*traces: .*Free some space"):
        change_run(store, run, "finished", trace=b"trace")
    change_run(store, run, "finished")
    assert [(kept.state, kept.has_trace) for kept in list_runs(store, project.id)] == [("finished", False)]


def test_a_trace_is_found_that_takes_anothers_place_while_it_is_looked_for(
    store: Store, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin_run(store, project.id, 0, {}).id
    change_run(store, run, "running", trace=b"first")
    replacements, read = [b"second", b"third"], Path.read_bytes

    def watched(path: Path) -> bytes:
        if replacements:
            change_run(store, run, "running", trace=replacements.pop(0))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", watched)
    assert load_trace(store, run) == b"third"
    assert len(files(store, project)) == 1


def test_a_trace_whose_file_is_gone_is_not_kept(store: Store, project: Project) -> None:
    run = begin_run(store, project.id, 0, {}).id
    change_run(store, run, "finished", trace=b"trace")
    for name in files(store, project):
        (store.project_folder(project.id) / name).unlink()
    with pytest.raises(StoreError, match="The trace of this run is not kept"):
        load_trace(store, run)
