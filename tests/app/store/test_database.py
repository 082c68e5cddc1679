"""What survives: killed processes, several at once, damage, older and newer formats, full disks."""

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from app.say.errors import StoreError
from app.store import (
    Store,
    create_project,
    list_projects,
    list_versions,
    open_project,
    open_store,
    read_draft,
    save_draft,
    save_version,
    undo,
    version_text,
)
from app.store.database import FILE_NAME
from app.store.files import write_file
from app.store.schema import MIGRATIONS

HEAD = "import os, sys; from pathlib import Path; from app.store import *\nstore = open_store(Path(sys.argv[1]))\n"


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HEAD + script, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_process_killed_in_the_middle_of_writing_loses_only_that(tmp_path: Path) -> None:
    script = (
        "project = create_project(store, 'Tides').id\n"
        "for number in range(20):\n"
        "    save_draft(store, project, f'text {number}')\n"
        "print(project, flush=True)\n"
        "with store.transaction() as connection:\n"
        "    connection.execute('UPDATE projects SET draft = ?', (b'half',))\n"
        "    connection.execute('DELETE FROM history')\n"
        "    os._exit(1)\n"
    )
    process = start(script, tmp_path)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    store = open_store(tmp_path)
    project = output.strip()
    assert store.notices == ()
    assert read_draft(store, project) == "text 19"
    assert undo(store, project) == "text 18"
    store.close()


@pytest.mark.slow
def test_a_process_killed_at_any_time_keeps_what_it_said_it_kept(tmp_path: Path) -> None:
    script = (
        "project = create_project(store, 'Tides').id\n"
        "print(project, flush=True)\n"
        "number = 0\n"
        "while True:\n"
        "    save_draft(store, project, f'text {number}')\n"
        "    print(number, flush=True)\n"
        "    number += 1\n"
    )
    process = start(script, tmp_path)
    assert process.stdout is not None
    project = process.stdout.readline().strip()
    for _ in range(30):
        process.stdout.readline()
    process.kill()
    said = [int(line) for line in process.stdout.read().split()]
    process.wait(timeout=60)
    store = open_store(tmp_path)
    assert int(read_draft(store, project).removeprefix("text ")) - max(said, default=29) in (0, 1)
    store.close()


@pytest.mark.slow
def test_two_processes_write_at_once(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    project = create_project(store, "Tides").id
    script = (
        "name = sys.argv[3]\n"
        "for number in range(40):\n"
        "    save_version(store, sys.argv[2], f'{name} {number}', f'{name} {number}')\n"
        "    save_draft(store, sys.argv[2], f'{name} {number}')\n"
        "store.close()\n"
    )
    processes = [start(script, tmp_path, project, name) for name in ("a", "b")]
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0
    names = {version.name for version in list_versions(store, project)}
    assert names == {f"{name} {number}" for name in ("a", "b") for number in range(40)}
    assert read_draft(store, project) in ("a 39", "b 39")
    seen = {read_draft(store, project)}
    while (text := undo(store, project)) is not None:
        seen.add(text)
    assert seen == names | {""}
    store.close()


def test_several_threads_write_at_once(store: Store) -> None:
    project = create_project(store, "Tides").id
    failures: list[BaseException] = []

    def write(name: str) -> None:
        try:
            for number in range(25):
                save_version(store, project, f"{name} {number}", f"{name} {number}")
                save_draft(store, project, f"{name} {number}", writer=name)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(list_versions(store, project)) == 100


def test_a_failure_within_a_transaction_undoes_all_of_it(store: Store) -> None:
    project = create_project(store, "Tides", "kept").id

    def fail() -> None:
        with store.transaction() as connection:
            connection.execute("UPDATE projects SET draft = ?", (b"half",))
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert read_draft(store, project) == "kept"


@pytest.mark.parametrize("damage", ["no database", "cut off", "overwritten"])
def test_a_damaged_database_is_set_aside_and_a_new_one_begun(tmp_path: Path, damage: str) -> None:
    store = open_store(tmp_path)
    project = create_project(store, "Tides", "text " * 20000).id
    save_version(store, project, "x" * 50000, "First")
    store.close()
    path = tmp_path / FILE_NAME
    data = path.read_bytes()
    if damage == "no database":
        damaged = b"This is no database." * 100
    elif damage == "cut off":
        damaged = data[: len(data) // 2]
    else:
        damaged = data[:4096] + bytes(8192) + data[12288:]
    path.write_bytes(damaged)
    uploaded = store.project_folder(project) / "file.pdf"
    uploaded.parent.mkdir(parents=True)
    uploaded.write_bytes(b"%PDF")
    fresh = open_store(tmp_path)
    (notice,) = fresh.notices
    (aside,) = tmp_path.glob("projects.damaged-*.sqlite3")
    assert aside.read_bytes() == damaged
    assert aside.name in str(notice)
    assert "not deleted" in str(notice)
    assert list_projects(fresh) == []
    create_project(fresh, "New")
    fresh.close()
    assert uploaded.exists()
    again = open_store(tmp_path)
    assert again.notices == ()
    assert [entry.name for entry in list_projects(again)] == ["New"]
    again.close()


def test_damage_twice_in_a_second_keeps_both(tmp_path: Path) -> None:
    for content in (b"first" * 200, b"second" * 200):
        (tmp_path / FILE_NAME).write_bytes(content)
        open_store(tmp_path, clock=lambda: 1_700_000_000.0).close()
    assert {path.read_bytes()[:5] for path in tmp_path.glob("*damaged*")} == {b"first", b"secon"}


def test_damage_that_shows_while_the_store_is_open_is_explained(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(StoreError, match=r"is damaged .*start the app again"), store.transaction():
        raise sqlite3.DatabaseError("database disk image is malformed")
    with pytest.raises(StoreError, match=r"could not be kept .* disk is full"), store.transaction():
        raise sqlite3.OperationalError("database or disk is full")
    store.close()


def old_store(folder: Path, made: int) -> None:
    """A database as the version `made` of its format left it, with one project."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        for statements in MIGRATIONS[:made]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {made}")
        connection.execute("INSERT INTO projects VALUES ('p', 'Tides', '{}', ?, 0, 1.0, 2.0)", (b"# Tides",))
        connection.execute("INSERT INTO versions VALUES (1, 'p', 'First', 0, 1.0, 0, x'789c030000000001')")
        connection.commit()


def test_an_older_store_is_brought_up_to_date_and_copied_before(tmp_path: Path) -> None:
    old_store(tmp_path, 1)
    store = open_store(tmp_path)
    found = open_project(store, "p")
    assert (found.name, found.draft) == ("Tides", "# Tides")
    assert version_text(store, 1) == ""
    with store.transaction() as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)
    store.close()
    copy = tmp_path / f"projects.before-format-{len(MIGRATIONS)}.sqlite3"
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT name FROM projects").fetchone() == ("Tides",)


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"newer version of this app \(format 99"):
        open_store(tmp_path)
    assert list(tmp_path.glob("*damaged*")) == []


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be kept in .*file"):
        open_store(tmp_path / "file")
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(StoreError, match="cannot be kept in"):
        open_store(tmp_path)
    assert list(tmp_path.glob("*damaged*")) == []


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_file(path, b"first")
    write_file(path, b"second")
    assert [other.name for other in path.parent.iterdir()] == ["file"]
    assert path.read_bytes() == b"second"
    with pytest.raises(TypeError):
        write_file(path, "text")  # type: ignore[arg-type]
    assert [other.name for other in path.parent.iterdir()] == ["file"]
    assert path.read_bytes() == b"second"
