"""Projects: made, listed, renamed, deleted, and found again after the store was closed."""

from pathlib import Path
from typing import Any

import pytest

from app.say.errors import ProjectGone, StoreError
from app.store import (
    ProjectEntry,
    Store,
    StoreLimits,
    begin_run,
    create_project,
    delete_project,
    list_projects,
    list_runs,
    list_sources,
    open_project,
    open_store,
    promise_project,
    read_draft,
    rename_project,
    save_draft,
    save_task,
    save_version,
    want_notes,
)
from app.store.projects import read_row
from tests.app.store.conftest import Clock


def test_a_project_is_as_it_was_after_the_store_was_closed(tmp_path: Path) -> None:
    first = open_store(tmp_path)
    made = create_project(first, "  The   tides ", "# Tides\n")
    save_task(first, made.id, {"task": "report", "detail": "灯台\ud800", "stride": 10, "seed": None})
    first.close()
    second = open_store(tmp_path)
    found = open_project(second, made.id)
    assert (found.name, found.draft, found.created) == ("The tides", "# Tides\n", made.created)
    assert found.task == {"task": "report", "detail": "灯台\ufffd", "stride": 10, "seed": None}
    assert second.notices == ()
    second.close()


def test_the_list_begins_with_what_was_changed_last(store: Store, clock: Clock) -> None:
    older, newer = create_project(store, "a"), create_project(store, "b", "日本")
    clock.now += 5
    save_draft(store, older.id, "five!")
    assert list_projects(store) == [
        ProjectEntry(older.id, "a", clock.now, 5),
        ProjectEntry(newer.id, "b", clock.now - 5, 2),
    ]


def test_the_list_is_made_without_the_drafts(store: Store) -> None:
    known = create_project(store, "a", "long ago")
    with store.transaction() as connection:
        connection.execute("UPDATE projects SET draft = x'ff'")  # which is no text
    assert [entry.characters for entry in list_projects(store)] == [8]
    with pytest.raises(UnicodeDecodeError):
        open_project(store, known.id)


def test_rename_and_delete(store: Store) -> None:
    kept, gone = create_project(store, "a"), create_project(store, "b")
    rename_project(store, kept.id, "c")
    folder = store.project_folder(gone.id)
    folder.mkdir(parents=True)
    (folder / "file.pdf").write_bytes(b"x")
    delete_project(store, gone.id)
    assert [entry.name for entry in list_projects(store)] == ["c"]
    assert not folder.exists()
    with store.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM history").fetchone() == (1,)


@pytest.mark.parametrize("name", ["", " \n", "\x01", "\u200b", "x" * 201])
def test_a_name_must_have_some_characters_and_not_too_many(store: Store, name: str) -> None:
    with pytest.raises(StoreError, match=r"name of the project (is empty|has 201 characters); it must have 1 to 200"):
        create_project(store, name)


def test_what_was_deleted_elsewhere_is_said_to_be_gone(store: Store) -> None:
    gone = create_project(store, "a").id
    delete_project(store, gone)
    for attempt in (
        lambda: open_project(store, gone),
        lambda: save_draft(store, gone, "text"),
        lambda: rename_project(store, gone, "b"),
        lambda: save_task(store, gone, {}),
        lambda: delete_project(store, gone),
    ):
        with pytest.raises(StoreError, match="does not exist any more"):
            attempt()


@pytest.mark.parametrize("limits", [StoreLimits(projects=2, draft_megabytes=1e-5)])
def test_limits_are_stated(store: Store) -> None:
    create_project(store, "a", "x" * 10)
    with pytest.raises(StoreError, match="11 characters; the limit is 10"):
        create_project(store, "b", "x" * 11)
    create_project(store, "b", "x")
    with pytest.raises(StoreError, match="There are 2 projects"):
        create_project(store, "c")


@pytest.mark.parametrize("limits", [StoreLimits(projects=2)])
def test_where_there_are_as_many_as_can_be_the_oldest_empty_one_goes(store: Store) -> None:
    written = create_project(store, "written", "text")
    emptied = create_project(store, "emptied")
    save_draft(store, emptied.id, "a word")
    save_draft(store, emptied.id, "")
    with pytest.raises(StoreError, match="There are 2 projects"):  # undo would bring the word back
        create_project(store, "c")
    delete_project(store, emptied.id)
    empty, later = create_project(store, "empty"), create_project(store, "later")
    assert {entry.id for entry in list_projects(store)} == {written.id, later.id}
    with pytest.raises(ProjectGone):
        open_project(store, empty.id)


def rows(store: Store) -> int:
    with store.reading() as connection:
        return int(connection.execute("SELECT count(*) FROM projects").fetchone()[0])


def test_a_promised_project_is_kept_with_the_first_thing_in_it(store: Store) -> None:
    made = promise_project(store, "  The  tides ")
    assert (made.name, open_project(store, made.id)) == ("The tides", made)
    assert (read_draft(store, made.id), list_runs(store, made.id), list_sources(store, made.id)) == ("", [], [])
    assert [(entry.id, entry.characters) for entry in list_projects(store)] == [(made.id, 0)]
    assert rows(store) == 0
    save_draft(store, made.id, "# Tides")
    assert (rows(store), open_project(store, made.id).draft) == (1, "# Tides")
    assert [(entry.id, entry.characters) for entry in list_projects(store)] == [(made.id, 7)]
    delete_project(store, made.id)
    with pytest.raises(ProjectGone):
        save_draft(store, made.id, "once more")
    assert rows(store) == 0


def test_a_promise_holds_if_what_was_to_be_kept_could_not_be_and_can_be_taken_back(store: Store) -> None:
    made = promise_project(store, "Tides")

    def fail() -> None:
        with store.transaction() as connection:
            read_row(store, connection, made.id, "id")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (rows(store), open_project(store, made.id)) == (0, made)
    delete_project(store, made.id)
    for attempt in (lambda: open_project(store, made.id), lambda: save_draft(store, made.id, "text")):
        with pytest.raises(ProjectGone):
            attempt()


@pytest.mark.parametrize(
    "keep",
    [
        lambda store, project: rename_project(store, project, "Other"),
        lambda store, project: save_task(store, project, {"task": "essay"}),
        lambda store, project: save_version(store, project, "text", "first"),
        lambda store, project: begin_run(store, project, 0, {}),
        lambda store, project: want_notes(store, project, True),
    ],
)
def test_whatever_comes_first_makes_a_promised_project(store: Store, keep: Any) -> None:
    made = promise_project(store, "Tides")
    keep(store, made.id)
    assert rows(store) == 1
