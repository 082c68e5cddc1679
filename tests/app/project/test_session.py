"""A project while it is open: its draft in turn, what a run writes into it, what stays when it is closed."""

import threading
import time
from pathlib import Path

import pytest

from app.project.insertion import InsertionPoint
from app.project.session import Session
from app.project.sessions import Sessions
from app.say.errors import AppError, ProjectGone, StoreError
from app.settings import Limits
from app.store import (
    Store,
    StoreLimits,
    create_project,
    list_projects,
    list_runs,
    list_versions,
    open_project,
    open_store,
    read_draft,
    restore_version,
    save_version,
    version_text,
)
from tests.app.conftest import wait
from tests.app.scripted import ScriptedRun, into


def versions(store: Store, session: Session) -> list[tuple[str, str]]:
    return [(version.name, version_text(store, version.id)) for version in list_versions(store, session.id)]


def type_in(session: Session, text: str) -> None:
    assert session.edit(text, session.draft.revision)


def run(session: Session, start: int, end: int, *words: str) -> None:
    assert into(session, ScriptedRun().finish(*words), start, end).wait(30)


def test_a_second_page_that_saw_an_older_text_loses_nothing(store: Store, session: Session) -> None:
    assert session.edit("from one", 0)
    assert not session.edit("from the other", 0)
    assert session.draft.text == "from one"
    assert versions(store, session) == [("Text from another window", "from the other")]
    assert not session.edit("from the other", 0)  # sent again
    assert len(versions(store, session)) == 1
    assert session.edit("from one", 0)


def test_what_a_page_sends_before_it_sees_the_other_text_is_one_version(store: Store, session: Session) -> None:
    assert session.edit("theirs", 0, "one", 1)
    for serial, text in enumerate(("m", "mi", "mine"), 1):
        assert not session.edit(text, 0, "two", serial)
    assert versions(store, session) == [("Text from another window", "mine")]
    assert session.edit("theirs, and more", 1, "one", 2)
    assert not session.edit("theirs, and mine again", 1, "two", 4)  # it has seen "theirs": another conflict
    assert [text for _, text in versions(store, session)] == ["theirs, and mine again", "mine"]


def test_a_version_that_another_made_is_not_taken_for_the_conflict(store: Store, session: Session) -> None:
    assert session.edit("theirs", 0)
    save_version(store, session.id, "mi", "Before the model wrote", automatic=True)
    for text in ("mi", "mine"):
        assert not session.edit(text, 0)
    assert [text for _, text in versions(store, session)] == ["mine", "mi"]


def test_text_of_a_browser_is_restored_as_a_step_or_while_the_model_writes_kept(store: Store, session: Session) -> None:
    type_in(session, "The model's new text.")
    assert session.recover("held")
    assert session.draft.text == read_draft(store, session.id) == "held"
    assert versions(store, session) == [("Before restoring unsaved text", "The model's new text.")]
    assert session.recover("held")
    assert session.undo()
    assert session.draft.text == "The model's new text."
    script = ScriptedRun()
    written = into(session, script, 0, 0)
    assert not session.recover("held longer")
    assert versions(store, session)[0] == ("Unsaved text of a browser", "held longer")
    script.finish()
    assert written.wait(30)
    assert session.draft.text == "The model's new text."


def test_undo_and_redo_go_through_typed_text_and_a_run_as_one_step(store: Store, session: Session) -> None:
    type_in(session, "Mine.")
    script = ScriptedRun().say(" It")
    written = into(session, script, 5, 5)
    wait(lambda: read_draft(store, session.id) == "Mine. It")
    script.finish(" stood", " there.")
    assert written.wait(30)
    assert session.draft.text == "Mine. It stood there."
    assert session.draft.written == (5, 21)
    type_in(session, "Mine. It stood there. I say.")
    texts = []
    while session.undo():
        texts.append(session.draft.text)
    assert texts == ["Mine. It stood there.", "Mine.", ""]
    texts = []
    while session.redo():
        texts.append(session.draft.text)
    assert texts == ["Mine.", "Mine. It stood there.", "Mine. It stood there. I say."]
    assert read_draft(store, session.id) == session.draft.text
    assert not session.redo()


def test_each_step_is_a_new_revision(session: Session) -> None:
    type_in(session, "a")
    revision = session.draft.revision
    session.undo()
    assert session.draft.revision > revision
    assert not session.edit("b", revision)


def test_what_is_typed_while_the_model_reads_stays_and_the_place_moves(store: Store, session: Session) -> None:
    type_in(session, "One. Two.")
    script = ScriptedRun()
    written = into(session, script, 4, 4)
    type_in(session, "So: one. Two.")
    type_in(session, "So: one. Two. Three.")
    assert session.streamed(written) == (session.draft.revision, InsertionPoint("So: one.", "", " Two. Three."))
    assert not versions(store, session)  # nothing is written over yet
    script.say(" It")
    wait(lambda: read_draft(store, session.id) == "So: one. It Two. Three.")
    assert versions(store, session)[0] == ("Before the model wrote", "So: one. Two. Three.")
    # The last edit may come when the first word has been written.
    type_in(session, "So: one. Two. Three!")
    wait(lambda: read_draft(store, session.id) == "So: one. It Two. Three!")
    script.finish(" stood.")
    assert written.wait(30)
    assert (session.draft.text, session.draft.written) == ("So: one. It stood. Two. Three!", (8, 18))
    assert session.undo()
    assert session.draft.text == "So: one. Two. Three."


def test_what_is_typed_while_the_model_reads_stays_if_it_writes_nothing(store: Store, session: Session) -> None:
    type_in(session, "One.")
    script = ScriptedRun()
    written = into(session, script, 4, 4)
    type_in(session, "One. Two.")
    script.stop()
    assert written.wait(30)
    session.flush()
    assert session.draft.text == read_draft(store, session.id) == "One. Two."
    assert versions(store, session) == []


def test_a_draft_that_is_replaced_can_be_edited_until_then(store: Store, session: Session) -> None:
    type_in(session, "Old.")
    script = ScriptedRun()
    written = into(session, script, 0, 4)
    type_in(session, "Old. But good.")
    script.finish("New.")
    assert written.wait(30)
    assert session.draft.text == "New."
    assert versions(store, session)[0] == ("Before the model wrote", "Old. But good.")
    assert session.undo()
    assert session.draft.text == "Old. But good."


def test_a_draft_that_cannot_be_kept_ends_the_run(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(session, "Mine.")
    script = ScriptedRun()
    written = into(session, script, 5, 5)

    def refuse(*values: object, **options: object) -> None:
        raise StoreError("No room.")

    monkeypatch.setattr("app.project.session.save_version", refuse)
    script.say(" It")
    assert written.wait(30)
    assert (script.state, written.state, str(written.error)) == ("stopped", "failed", "No room.")
    assert session.draft.text == "Mine. It"


def test_a_version_is_restored_as_one_step_but_not_while_the_model_writes(store: Store, session: Session) -> None:
    type_in(session, "Of granite.")
    kept = save_version(store, session.id, "Of granite.", "Granite")
    type_in(session, "Of oak.")
    session.restore(kept.id)
    assert session.draft.text == read_draft(store, session.id) == "Of granite."
    assert versions(store, session)[0] == ("Before restoring a version", "Of oak.")
    assert session.undo()
    assert session.draft.text == "Of oak."
    script = ScriptedRun()
    written = into(session, script, 7, 7)
    with pytest.raises(AppError, match="Stop it, or wait for its end"):
        session.restore(kept.id)
    script.finish(" It stood.")
    assert written.wait(30)
    assert session.draft.text == "Of oak. It stood."


def test_a_run_that_begins_waits_for_a_version_that_is_restored(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = save_version(store, session.id, "Of granite.", "Granite")
    restoring, going_on = threading.Event(), threading.Event()

    def slowly(store: Store, version: int) -> str:
        restoring.set()
        assert going_on.wait(30)
        return restore_version(store, version)

    monkeypatch.setattr("app.project.session.restore_version", slowly)
    restorer = threading.Thread(target=session.restore, args=(kept.id,))
    restorer.start()
    assert restoring.wait(30)
    beginner = threading.Thread(target=into, args=(session, ScriptedRun().finish("It stood."), 0, 0))
    beginner.start()
    beginner.join(0.3)  # as far as it gets
    assert session.writing is None
    going_on.set()
    restorer.join(30)
    beginner.join(30)
    assert session.writing is not None
    assert session.writing.wait(30)
    assert versions(store, session)[0] == ("Before the model wrote", "Of granite.")


def test_while_a_passage_is_written_anew_the_draft_is_fixed(store: Store, session: Session) -> None:
    type_in(session, "Mine.")
    script = ScriptedRun().say(" It")
    written = into(session, script, 0, 4, proposes=True)
    assert session.busy
    assert not session.edit("Mine, typed late.", session.draft.revision)
    assert ("Text from another window", "Mine, typed late.") in versions(store, session)
    assert not session.undo()
    assert not session.redo()
    with pytest.raises(AppError, match="writing already"):
        into(session, ScriptedRun(), 0, 0)
    assert session.writing is written
    script.finish()
    assert written.wait(30)
    assert not session.busy
    assert session.draft.text == "Mine."


def test_what_a_run_replaces_is_kept_as_a_version(store: Store, session: Session) -> None:
    type_in(session, "An hour of my work.")
    run(session, 0, 19, "The model's.")
    assert session.draft.text == "The model's."
    assert versions(store, session) == [("Before the model wrote", "An hour of my work.")]
    assert session.undo()
    assert session.draft.text == "An hour of my work."


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


def test_a_text_that_the_store_refuses_stays_on_the_page_and_says_why(store: Store, session: Session) -> None:
    store.limits = StoreLimits(draft_megabytes=1e-5)
    script = ScriptedRun()
    written = into(session, script, 0, 0)
    script.finish("More than ten characters.")
    assert written.wait(30)
    assert "the limit is 10" in str(written.error)
    assert session.draft.text == "More than ten characters."
    assert [kept.state for kept in list_runs(store, session.id)] == ["failed"]
    type_in(session, "Even more than ten characters.")
    assert "the limit is 10" in str(session.flush())
    store.limits = StoreLimits()
    assert session.flush() is None
    assert read_draft(store, session.id) == "Even more than ten characters."


def propose(session: Session, *words: str) -> str:
    """A proposal for "old" of "My old words."; its id."""
    type_in(session, "My old words.")
    written = into(session, ScriptedRun().finish(*words), 3, 6, proposes=True)
    assert written.wait(30)
    return written.id


def test_a_proposal_leaves_the_draft_until_it_is_accepted(store: Store, session: Session) -> None:
    identity = propose(session, "new", " and better")
    assert session.draft.text == read_draft(store, session.id) == "My old words."
    assert session.proposal is not None
    assert [(change.kind, change.text) for change in session.proposal.changes] == [
        ("delete", "old"), ("insert", "new and better"),
    ]  # fmt: skip
    assert not session.resolve("another", True)
    assert session.resolve(identity, True)
    assert session.draft.text == read_draft(store, session.id) == "My new and better words."
    assert not session.resolve(identity, True)
    assert session.undo()
    assert session.draft.text == "My old words."


def test_a_proposal_that_cannot_be_kept_stays_one(store: Store, session: Session) -> None:
    identity = propose(session, "new")
    store.limits = StoreLimits(draft_megabytes=1e-6)
    with pytest.raises(StoreError):
        session.resolve(identity, True)
    store.limits = StoreLimits()
    assert session.resolve(identity, True)
    assert session.draft.text == "My new words."


def test_a_rejected_proposal_changes_nothing(session: Session) -> None:
    identity = propose(session, "new")
    revision = session.draft.revision
    assert session.resolve(identity, False)
    assert (session.draft.text, session.draft.revision, session.proposal) == ("My old words.", revision, None)
    assert not session.resolve(identity, True)


def test_a_proposal_whose_passage_was_edited_is_refused(session: Session) -> None:
    identity = propose(session, "new")
    type_in(session, "My own words.")
    assert not session.resolve(identity, True)
    assert session.draft.text == "My own words."


def test_an_edit_after_the_passage_leaves_the_proposal(session: Session) -> None:
    identity = propose(session, "new")
    type_in(session, "My old words, and more.")
    assert session.resolve(identity, True)
    assert session.draft.text == "My new words, and more."


def test_a_new_run_and_an_empty_answer_leave_no_proposal(session: Session) -> None:
    identity = propose(session, "new")
    run(session, 13, 13, " More.")
    assert session.proposal is None
    assert not session.resolve(identity, True)
    propose(session, "  ")
    assert session.proposal is None


def test_replacing_is_one_step_and_keeps_what_was(store: Store, session: Session) -> None:
    type_in(session, "mine")
    session.replace("another", "Before another")
    assert session.draft.text == read_draft(store, session.id) == "another"
    assert versions(store, session) == [("Before another", "mine")]
    assert session.undo()
    assert session.draft.text == "mine"
    store.limits = StoreLimits(draft_megabytes=4e-6)
    with pytest.raises(StoreError):
        session.replace("too long")
    assert session.draft.text == "mine"


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
    assert again.edit("from the page that outlived the server", 17)
    assert again.undo()
    assert again.undo()
    assert again.draft.text == "Mine. It stood."
    tomorrow.close()
    other_store.close()


def test_a_project_without_a_run_has_no_trace(store: Store, session: Session) -> None:
    assert session.trace() is None
    script = ScriptedRun()
    into(session, script, 0, 0).stop()
    assert session.trace() is not None  # of a run that wrote nothing
    wait(lambda: not session.busy)
    assert not any(kept.has_trace for kept in list_runs(store, session.id))


def test_pages_share_the_session_of_their_project(sessions: Sessions) -> None:
    one = sessions.create("page 1")
    assert sessions.open("page 2", one.id) is one
    assert one.pages == {"page 1", "page 2"}
    other = sessions.create("page 2")
    assert (one.pages, other.pages) == ({"page 1"}, {"page 2"})
    assert sessions.get("page 1", one.id) is one
    sessions.leave("page 1")
    assert one.pages == set()
    assert sessions.get("page 1", one.id) is one
    assert one.pages == {"page 1"}


def test_without_a_project_the_latest_is_opened_or_a_new_one(store: Store, sessions: Sessions) -> None:
    first = sessions.open("page", None)
    assert [entry.id for entry in list_projects(store)] == [first.id]
    assert (first.name, first.draft.text) == ("Untitled", "")
    assert sessions.open("another page", "of another server") is first
    later = create_project(store, "Later", "text")
    assert sessions.open("page", None).id == later.id


def test_writing_goes_on_when_its_page_leaves(sessions: Sessions, session: Session) -> None:
    script = ScriptedRun().say("It")
    written = into(session, script, 0, 0)
    sessions.leave("page")
    script.finish(" stood.")
    assert written.wait(30)
    assert sessions.open("a new page", session.id).draft.text == "It stood."


def test_closing_stops_what_is_written_and_keeps_it(store: Store, sessions: Sessions, session: Session) -> None:
    script = ScriptedRun().say("It stood")
    written = into(session, script, 0, 0)
    sessions.close()
    assert (written.done, script.state) == (True, "stopped")
    assert read_draft(store, session.id) == "It stood"
    assert [kept.state for kept in list_runs(store, session.id)] == ["stopped"]


def test_a_session_long_unused_is_closed_unless_a_page_shows_it_or_it_is_written(
    store: Store, sessions: Sessions
) -> None:
    shown, left, busy = (sessions.create(name) for name in ("shown", "left", "busy"))
    script = ScriptedRun()
    written = into(busy, script, 0, 0)
    type_in(left, "typed")
    for session in (left, busy):
        session.pages.clear()
    for session in (shown, left, busy):
        session.used -= 3601
    sessions.open("another", shown.id)
    assert read_draft(store, left.id) == "typed"
    assert sessions.open("shown again", shown.id) is shown
    assert sessions.open("busy again", busy.id) is busy
    assert sessions.open("left again", left.id) is not left
    script.finish()
    assert written.wait(30)


def test_one_used_lately_stays(sessions: Sessions) -> None:
    session = sessions.create("page")
    session.pages.clear()
    session.used = time.monotonic() - 3590
    assert sessions.open("page", session.id) is session


def test_strangers_are_shown_nothing_of_one_another_and_leave_nothing(store: Store) -> None:
    sessions = Sessions(store, Limits(), 60, forget=True)
    one = sessions.create("one")
    one.sources.paste("A secret.")
    type_in(one, "secret")
    folder = store.project_folder(one.id)
    assert folder.exists()
    two = sessions.open("two", None)
    assert two is not one
    assert (two.draft.text, two.sources.files) == ("", ())
    one.used -= 3601
    sessions.open("two", two.id)
    assert folder.exists()  # a page shows it
    sessions.leave("one")
    one.used -= 3601
    sessions.open("two", two.id)
    with pytest.raises(StoreError, match="does not exist any more"):
        open_project(store, one.id)
    assert not folder.exists()
    fresh = sessions.rescue("one", one.id)
    assert fresh not in (one, two)
    assert fresh.draft.text == ""
    sessions.close()


def test_a_deleted_project_is_gone_and_its_run_stopped(store: Store, sessions: Sessions) -> None:
    kept = sessions.create("other page")
    session = sessions.create("page")
    script = ScriptedRun().say("It")
    written = into(session, script, 0, 0)
    assert sessions.delete("page", session.id) is kept
    assert (written.done, script.state) == (True, "stopped")
    assert [entry.id for entry in list_projects(store)] == [kept.id]
    with pytest.raises(StoreError):
        sessions.delete("page", session.id)


def test_a_page_whose_project_is_gone_gets_one_new_project_and_no_other(store: Store, sessions: Sessions) -> None:
    other, gone = sessions.create("other page", "Other"), sessions.create("page")
    sessions.open("other page", gone.id)
    sessions.delete("other page", gone.id)
    with pytest.raises(ProjectGone):
        sessions.get("page", gone.id)
    made = sessions.rescue("page", gone.id)
    assert made.edit("typed on", 7)
    assert sessions.rescue("page", gone.id) is sessions.get("page", gone.id) is made
    assert (made.instead_of, made.pages) == (gone.id, {"page"})
    assert {entry.id for entry in list_projects(store)} == {other.id, made.id}
    assert (other.draft.text, made.draft.text) == ("", "typed on")


def test_a_page_that_deleted_its_project_does_not_make_it_again(store: Store, sessions: Sessions) -> None:
    kept, session = sessions.create("other page"), sessions.create("page")
    sessions.delete("page", session.id)
    with pytest.raises(ProjectGone):  # an edit that was under way
        sessions.rescue("page", session.id)
    assert [entry.id for entry in list_projects(store)] == [kept.id]


def test_a_page_told_of_another_project_at_its_opening_puts_no_text_of_the_old_one_into_it(
    sessions: Sessions,
) -> None:
    latest = sessions.create("other page")
    assert sessions.open("page", "gone") is sessions.get("page", "gone") is latest
    made = sessions.rescue("page", "gone")
    assert (made is latest, made.instead_of) == (False, "gone")
    assert sessions.rescue("page", "gone") is made


def test_a_late_event_of_a_project_left_reaches_it_and_moves_no_page(sessions: Sessions) -> None:
    one = sessions.create("page")
    other = sessions.create("page")
    assert sessions.get("page", one.id) is one
    assert (one.pages, other.pages) == (set(), {"page"})


def test_a_store_that_cannot_be_read_is_not_taken_for_a_project_that_is_gone(store: Store, sessions: Sessions) -> None:
    project = create_project(store, "Mine", "text").id
    store._connection.execute("ALTER TABLE projects RENAME TO hidden")  # "no such table" is an OperationalError
    for ask in (sessions.open, sessions.get, sessions.rescue):
        with pytest.raises(StoreError) as refusal:
            ask("page", project)
        assert not isinstance(refusal.value, ProjectGone)
    store._connection.execute("ALTER TABLE hidden RENAME TO projects")
    assert sessions.get("page", project).draft.text == "text"
    assert len(list_projects(store)) == 1


def test_a_quiet_server_deletes_what_strangers_left(store: Store) -> None:
    sessions = Sessions(store, Limits(), minutes=0.001, forget=True)
    shown, left = sessions.create("one"), sessions.create("two")
    sessions.leave("two")
    sessions.start()
    wait(lambda: [entry.id for entry in list_projects(store)] == [shown.id])
    assert left.id != shown.id
    sessions.close()


def test_a_text_that_could_not_be_kept_keeps_its_session_open(store: Store, sessions: Sessions) -> None:
    session = sessions.create("page")
    store.limits = StoreLimits(draft_megabytes=1e-6)
    type_in(session, "too long")
    sessions.leave("page")
    session.used -= 3601
    assert sessions.open("page", session.id) is session
    store.limits = StoreLimits()


def test_others_are_served_while_a_deleted_project_is_being_stopped(
    store: Store, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, session = sessions.create("other page"), sessions.create("page")
    stopping, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(session, "close", lambda: (stopping.set(), go_on.wait(30)))
    thread = threading.Thread(target=sessions.delete, args=("page", session.id))
    thread.start()
    assert stopping.wait(30)
    assert sessions.get("other page", kept.id) is kept
    made = sessions.rescue("a page that shows it too", session.id)
    assert made.id not in (kept.id, session.id)
    go_on.set()
    thread.join()
    assert {entry.id for entry in list_projects(store)} == {kept.id, made.id}
