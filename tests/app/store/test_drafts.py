"""The draft and its history, against a plain list."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.say.errors import StoreError
from app.store import (
    Autosave,
    Project,
    Store,
    StoreLimits,
    create_project,
    open_project,
    read_draft,
    redo,
    save_draft,
    undo,
)
from app.text.valid import valid_text
from tests.app.conftest import wait
from tests.app.store.conftest import Clock


def test_undo_and_redo(store: Store, project: Project) -> None:
    for text in ("a", "ab", "abc"):
        save_draft(store, project.id, text)
    assert [undo(store, project.id) for _ in range(4)] == ["ab", "a", "", None]
    assert read_draft(store, project.id) == ""
    assert [redo(store, project.id) for _ in range(4)] == ["a", "ab", "abc", None]


def test_what_a_run_writes_is_one_entry_however_long_it_takes(store: Store, project: Project, clock: Clock) -> None:
    save_draft(store, project.id, "mine", checkpoint=True)
    for text in ("mine a", "mine ab", "mine abc"):
        save_draft(store, project.id, text, writer="run", whole=True)
        clock.now += 100
    save_draft(store, project.id, "mine abcd", writer="run", checkpoint=True, whole=True)
    save_draft(store, project.id, "mine abcde", writer="run", whole=True)
    assert [undo(store, project.id) for _ in range(4)] == ["mine abcd", "mine", "", None]


def test_an_entry_of_another_writer_is_never_taken_in(store: Store, project: Project) -> None:
    save_draft(store, project.id, "a", writer="page")
    save_draft(store, project.id, "b", writer="run", whole=True)
    save_draft(store, project.id, "c", writer="page")
    save_draft(store, project.id, "d", writer="run", whole=True)
    assert [undo(store, project.id) for _ in range(4)] == ["c", "b", "a", ""]


def test_a_new_text_forgets_what_was_undone(store: Store, project: Project) -> None:
    save_draft(store, project.id, "a")
    save_draft(store, project.id, "b")
    undo(store, project.id)
    save_draft(store, project.id, "c")
    assert redo(store, project.id) is None
    assert [undo(store, project.id) for _ in range(2)] == ["a", ""]


def test_the_page_that_sends_the_undone_text_back_changes_nothing(store: Store, project: Project) -> None:
    save_draft(store, project.id, "a")
    save_draft(store, project.id, "b")
    assert undo(store, project.id) == "a"
    save_draft(store, project.id, "a", writer="page")
    assert redo(store, project.id) == "b"


def test_what_one_writer_types_in_three_seconds_is_one_entry(store: Store, project: Project, clock: Clock) -> None:
    for text in ("a", "ab", "abc"):
        save_draft(store, project.id, text, writer="page 1")
        clock.now += 1
    save_draft(store, project.id, "abcd", writer="page 1")
    assert [undo(store, project.id) for _ in range(3)] == ["abc", "", None]


def test_a_clock_that_is_put_back_runs_no_entries_together(store: Store, project: Project, clock: Clock) -> None:
    save_draft(store, project.id, "a", writer="page 1")
    clock.now -= 3600
    for text in ("ab", "abc"):
        save_draft(store, project.id, text, writer="page 1")
        clock.now += 10
    assert [undo(store, project.id) for _ in range(4)] == ["ab", "a", "", None]


def test_another_writer_a_checkpoint_and_an_undo_begin_a_new_entry(store: Store, project: Project) -> None:
    save_draft(store, project.id, "a", writer="page 1")
    save_draft(store, project.id, "b", writer="page 2")
    save_draft(store, project.id, "b", writer="page 2", checkpoint=True)
    save_draft(store, project.id, "c", writer="page 2")
    assert [undo(store, project.id) for _ in range(2)] == ["b", "a"]
    save_draft(store, project.id, "d", writer="page 1")
    assert undo(store, project.id) == "a"


@pytest.mark.parametrize("limits", [StoreLimits(history_entries=3)])
def test_the_oldest_entries_go_first(store: Store, project: Project) -> None:
    for text in "abcde":
        save_draft(store, project.id, text)
    assert [undo(store, project.id) for _ in range(3)] == ["d", "c", None]


@pytest.mark.parametrize("limits", [StoreLimits(history_megabytes=0.001)])
def test_the_history_has_a_size_and_the_draft_is_kept_whatever_its_size(store: Store, project: Project) -> None:
    long = "".join(chr(0x4E00 + (number * 7919) % 20000) for number in range(5000))
    save_draft(store, project.id, "short")
    save_draft(store, project.id, long)
    assert read_draft(store, project.id) == long
    assert undo(store, project.id) is None


@pytest.mark.parametrize("limits", [StoreLimits(draft_megabytes=1e-5)])
def test_a_draft_that_is_too_long_is_refused_and_the_last_one_stays(store: Store, project: Project) -> None:
    save_draft(store, project.id, "0123456789")
    with pytest.raises(StoreError, match="The draft has 11 characters; the limit is 10"):
        save_draft(store, project.id, "0123456789a")
    assert read_draft(store, project.id) == "0123456789"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("save"), st.text(max_size=3).map(valid_text), st.sampled_from(["", "p", "q"]), st.booleans()),
        st.sampled_from([("undo",), ("redo",), ("wait",)]),
    ),
    max_size=30,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_the_history_is_what_a_plain_list_would_be(store: Store, clock: Clock, steps: list[tuple]) -> None:
    project = create_project(store, "x").id
    entries: list[list] = [["", "", clock.now]]  # text, who may amend it, since when
    at = 0
    for step in steps:
        if step[0] == "wait":
            clock.now += 2
        elif step[0] == "save":
            _, text, writer, checkpoint = step
            save_draft(store, project, text, writer=writer, checkpoint=checkpoint)
            if text != entries[at][0]:
                del entries[at + 1 :]
                if writer and entries[at][1] == writer and clock.now - entries[at][2] < 3:
                    entries[at][0] = text
                else:
                    entries.append([text, writer, clock.now])
                    at += 1
            if checkpoint:
                entries[at][1] = ""
        else:
            to = at + (1 if step[0] == "redo" else -1)
            found = (redo if step[0] == "redo" else undo)(store, project)
            assert found == (entries[to][0] if 0 <= to < len(entries) else None)
            if found is not None:
                at = to
                entries[at][1] = ""
        assert read_draft(store, project) == entries[at][0]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text() | st.sampled_from(["\ud800", "a\x00b", "🙂" * 100, "\r\n"]))
def test_any_text_is_kept_and_comes_back_valid(store: Store, text: str) -> None:
    project = create_project(store, "x").id
    save_draft(store, project, text + "!")
    save_draft(store, project, text)
    assert read_draft(store, project) == open_project(store, project).draft == valid_text(text)
    assert undo(store, project) == valid_text(text + "!")


def test_the_page_that_sends_the_valid_form_back_changes_nothing(store: Store, project: Project) -> None:
    for text in ("a\r\n\x00\ud800", "b"):
        save_draft(store, project.id, text)
    undo(store, project.id)
    save_draft(store, project.id, read_draft(store, project.id), writer="page")
    assert redo(store, project.id) == "b"


def test_autosave_keeps_the_last_text_by_itself(store: Store, project: Project) -> None:
    autosave = Autosave(store, project.id, "page", seconds=0.01)
    for number in range(50):
        autosave.note(f"text {number}")
    end = time.monotonic() + 10
    while read_draft(store, project.id) != "text 49" and time.monotonic() < end:
        time.sleep(0.01)
    assert read_draft(store, project.id) == "text 49"


def test_autosave_flushes_at_once(store: Store, project: Project) -> None:
    autosave = Autosave(store, project.id, "page", seconds=60)
    autosave.note("a")
    autosave.note("b")
    assert read_draft(store, project.id) == ""
    autosave.flush()
    assert read_draft(store, project.id) == "b"
    autosave.note("c")
    autosave.flush()
    assert read_draft(store, project.id) == "c"


@pytest.mark.parametrize("limits", [StoreLimits(draft_megabytes=1e-5)])
def test_autosave_says_what_is_wrong_and_tries_again(store: Store, project: Project) -> None:
    autosave = Autosave(store, project.id, "page", seconds=60)
    autosave.note("0123456789a")
    autosave.flush()
    assert "11 characters" in str(autosave.error)
    store.limits = StoreLimits()
    autosave.flush()
    assert autosave.error is None
    assert read_draft(store, project.id) == "0123456789a"


def test_a_draft_that_meets_a_full_disk_is_kept_by_itself_once_there_is_room(
    store: Store, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.autosave.RETRY_SECONDS", 0.01)
    autosave = Autosave(store, project.id, "page", seconds=60)
    with store.transaction() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")  # as a full disk does, SQLite raises SQLITE_FULL
    text = "".join(chr(0x4E00 + (number * 7919) % 20000) for number in range(50_000))
    autosave.note(text)
    autosave.flush()
    assert "could not be kept" in str(autosave.error)
    assert "database or disk is full" in str(autosave.error)
    assert read_draft(store, project.id) == ""
    with store.transaction() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    wait(lambda: autosave.error is None)
    assert read_draft(store, project.id) == text
