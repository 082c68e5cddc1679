"""A project while it is open: what is written in it, one run at a time, and what stays when it is closed."""

from pathlib import Path

import pytest

from app.project.session import INTERRUPTED, Session
from app.project.sessions import Sessions
from app.say.errors import AppError, StoreError
from app.settings import Limits
from app.store import Store, list_runs, open_project, open_store, read_draft
from tests.app.conftest import wait
from tests.app.scripted import ScriptedRun, into


def type_in(session: Session, text: str) -> None:
    assert session.draft.edit(text, session.draft.revision)


def run(session: Session, start: int, end: int, *words: str) -> None:
    assert into(session, ScriptedRun().finish(*words), start, end).wait(30)


def test_one_run_at_a_time(session: Session) -> None:
    script = ScriptedRun().say("It")
    written = into(session, script, 0, 0)
    assert (session.busy, session.writing) == (True, written)
    other = ScriptedRun()
    with pytest.raises(AppError, match="writing already"):
        into(session, other, 0, 0)
    assert (session.busy, session.writing, other.run) == (True, written, None)
    script.finish()
    assert written.wait(30)
    assert not session.busy


@pytest.mark.parametrize("how", ["fails", "is stopped", "finishes"])
def test_a_run_that_writes_nothing_leaves_the_draft(store: Store, session: Session, how: str) -> None:
    type_in(session, "An hour of my work.")
    script = ScriptedRun()
    written = into(session, script, 0, 19, opening="# Report")
    {"fails": lambda: script.fail("It broke."), "is stopped": written.stop, "finishes": script.finish}[how]()
    assert written.wait(30)
    assert session.draft.text == read_draft(store, session.id) == "An hour of my work."
    (kept,) = list_runs(store, session.id)
    assert (kept.state, kept.error) == {
        "fails": ("failed", "It broke."), "is stopped": ("stopped", ""), "finishes": ("finished", ""),
    }[how]  # fmt: skip


def test_what_a_failed_run_wrote_is_kept(store: Store, session: Session) -> None:
    written = into(session, ScriptedRun().say("Half").fail("It broke."), 0, 0)
    written.join(30)
    assert session.draft.text == read_draft(store, session.id) == "Half"
    assert [(kept.state, kept.error, kept.has_trace) for kept in list_runs(store, session.id)] == [
        ("failed", "It broke.", True)
    ]


def test_a_run_whose_text_cannot_be_kept_is_one_that_failed(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*values: object, **options: object) -> None:
        raise StoreError("No room.")

    written = into(session, ScriptedRun().say("It"), 0, 0)
    wait(lambda: written.text == "It")
    monkeypatch.setattr("app.project.draft.save_draft", refuse)
    written.stop()
    written.join(30)
    assert (session.draft.text, written.state) == ("It", "failed")
    assert [(kept.state, kept.error) for kept in list_runs(store, session.id)] == [("failed", "No room.")]


def test_all_is_there_when_it_is_opened_again(store: Store, sessions: Sessions, tmp_path: Path) -> None:
    session = sessions.create("page", "Tides")
    session.sources.paste("The light stood on the rock.")
    type_in(session, "Mine.")
    run(session, 5, 5, " It stood.")
    session.keep_task({"task": "essay", "detail": "灯台"})
    session.rename("  High tides ")
    type_in(session, "Mine. It stood. Typed just now.")
    sessions.close()
    other_store = open_store(store.folder)
    tomorrow = Sessions(other_store, Limits(), 60)
    again = tomorrow.open("a page of tomorrow", session.id)
    assert (again.id, again.name, again.task) == (session.id, "High tides", {"task": "essay", "detail": "灯台"})
    assert again.draft.text == "Mine. It stood. Typed just now."
    assert [source.document.name for source in again.sources.selected] == ["Pasted text"]
    trace = again.trace()
    assert trace is not None
    assert ([token.text for token in trace.tokens], trace.draft_start) == ([" It stood."], 5)
    assert again.draft.edit("from the page that outlived the server", 17)
    assert again.draft.undo()
    assert again.draft.undo()
    assert again.draft.text == "Mine. It stood."
    tomorrow.close()
    other_store.close()


def test_a_task_that_is_as_it_was_is_not_written_again(store: Store, session: Session) -> None:
    session.keep_task({"task": "essay"})
    changed = open_project(store, session.id).changed
    session.keep_task({"task": "essay"})
    assert open_project(store, session.id).changed == changed
    session.keep_task({"task": "report"})
    assert open_project(store, session.id).task == session.task == {"task": "report"}


def test_a_project_without_a_run_has_no_trace(store: Store, session: Session) -> None:
    assert session.trace() is None
    written = into(session, ScriptedRun(), 0, 0)
    assert session.trace() is not None  # of a run that has written nothing yet
    written.stop()
    written.join(30)
    assert session.trace() is None
    assert not any(kept.has_trace for kept in list_runs(store, session.id))


def test_a_run_that_was_killed_with_the_app_is_mentioned_until_another_begins(
    store: Store, sessions: Sessions, session: Session
) -> None:
    assert session.interrupted == ""
    written = into(session, ScriptedRun().say("It"), 0, 0)
    with store.transaction() as connection:  # as if another process had begun it and were gone
        connection.execute("UPDATE runs SET owner = '0 0.0'")
    again = Session(store, open_project(store, session.id), Limits())
    assert again.interrupted == INTERRUPTED
    run(again, 0, 0, "It stood.")
    assert again.interrupted == ""
    assert Session(store, open_project(store, session.id), Limits()).interrupted == ""
    written.stop()
    written.join(30)


def test_closing_stops_what_is_written_and_keeps_it(store: Store, sessions: Sessions, session: Session) -> None:
    script = ScriptedRun().say("It stood")
    written = into(session, script, 0, 0)
    sessions.close()
    assert script.run is not None
    assert (written.done, script.run.state) == (True, "stopped")
    assert read_draft(store, session.id) == "It stood"
    assert [kept.state for kept in list_runs(store, session.id)] == ["stopped"]
