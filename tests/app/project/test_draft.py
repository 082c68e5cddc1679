"""The draft of a project: edited by pages in turn, written into by runs, undone; nothing that was typed is lost."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from app.project.draft import DraftState, ProjectDraft
from app.project.insertion import Insertion, InsertionPoint
from app.project.proposal import Piece
from app.project.session import Session
from app.say.errors import AppError, StoreError
from app.store import Store, list_versions, read_draft, restore_version, save_version, version_text
from tests.app.conftest import wait
from tests.app.scripted import ScriptedRun, into


def versions(store: Store, session: Session) -> list[tuple[str, str]]:
    return [(version.name, version_text(store, version.id)) for version in list_versions(store, session.id)]


def type_in(session: Session, text: str) -> None:
    assert session.draft.edit(text, session.draft.revision)


def run(session: Session, start: int, end: int, *words: str) -> None:
    assert into(session, ScriptedRun().finish(*words), start, end).wait(30)


# --- several pages ---


def test_a_second_page_that_saw_an_older_text_loses_nothing(store: Store, session: Session) -> None:
    assert session.draft.edit("from one", 0)
    assert not session.draft.edit("from the other", 0)
    assert session.draft.text == "from one"
    assert versions(store, session) == [("Text from another window", "from the other")]
    assert not session.draft.edit("from the other", 0)  # sent again
    assert len(versions(store, session)) == 1
    assert session.draft.edit("from one", 0)


def test_what_a_page_sends_before_it_sees_the_other_text_is_one_version(store: Store, session: Session) -> None:
    assert session.draft.edit("theirs", 0, "one", 1)
    for serial, text in enumerate(("m", "mi", "mine"), 1):
        assert not session.draft.edit(text, 0, "two", serial)
    assert versions(store, session) == [("Text from another window", "mine")]
    assert session.draft.edit("theirs, and more", 1, "one", 2)
    assert not session.draft.edit("theirs, and mine again", 1, "two", 4)  # it has seen "theirs": another conflict
    assert [text for _, text in versions(store, session)] == ["theirs, and mine again", "mine"]


def test_a_version_that_another_made_is_not_taken_for_the_conflict(store: Store, session: Session) -> None:
    assert session.draft.edit("theirs", 0)
    save_version(store, session.id, "mi", "Before the model wrote", automatic=True)
    for text in ("mi", "mine"):
        assert not session.draft.edit(text, 0)
    assert [text for _, text in versions(store, session)] == ["mine", "mi"]


def test_who_may_edit_is_told_beforehand(session: Session) -> None:
    assert session.draft.edit("typed", 0, "one", 1)
    assert session.draft.takes(0, "one")  # its edits follow one another
    assert not session.draft.takes(0, "two")
    assert session.draft.takes(session.draft.revision, "two")
    session.draft.undo()
    assert not session.draft.takes(0, "one")


def test_text_of_a_browser_is_restored_as_a_step_or_while_the_model_writes_kept(store: Store, session: Session) -> None:
    type_in(session, "The model's new text.")
    assert session.draft.recover("held")
    assert session.draft.text == read_draft(store, session.id) == "held"
    assert versions(store, session) == [("Before restoring unsaved text", "The model's new text.")]
    assert session.draft.recover("held")
    assert session.draft.undo()
    assert session.draft.text == "The model's new text."
    script = ScriptedRun()
    written = into(session, script, 0, 0)
    assert not session.draft.recover("held longer")
    assert versions(store, session)[0] == ("Unsaved text of a browser", "held longer")
    script.finish()
    assert written.wait(30)
    assert session.draft.text == "The model's new text."


# --- steps ---


@pytest.mark.slow
def test_undo_and_redo_go_through_typed_text_and_a_run_as_one_step(store: Store, session: Session) -> None:
    type_in(session, "Mine.")
    script = ScriptedRun().say(" It")
    written = into(session, script, 5, 5)
    wait(lambda: read_draft(store, session.id) == "Mine. It")
    script.finish(" stood", " there.")
    assert written.wait(30)
    assert session.draft.text == "Mine. It stood there."
    assert session.draft.state.written == (5, 21)
    type_in(session, "Mine. It stood there. I say.")
    texts = []
    while session.draft.undo():
        texts.append(session.draft.text)
    assert texts == ["Mine. It stood there.", "Mine.", ""]
    texts = []
    while session.draft.redo():
        texts.append(session.draft.text)
    assert texts == ["Mine.", "Mine. It stood there.", "Mine. It stood there. I say."]
    assert read_draft(store, session.id) == session.draft.text
    assert not session.draft.redo()


def test_each_step_is_a_new_revision(session: Session) -> None:
    type_in(session, "a")
    revision = session.draft.revision
    session.draft.undo()
    assert session.draft.revision > revision
    assert not session.draft.edit("b", revision)


def test_replacing_is_one_step_and_keeps_what_was(store: Store, session: Session) -> None:
    type_in(session, "mine")
    session.draft.replace("another", "Before another")
    assert session.draft.text == read_draft(store, session.id) == "another"
    assert versions(store, session) == [("Before another", "mine")]
    assert session.draft.undo()
    assert session.draft.text == "mine"
    store.limits = replace(store.limits, draft_megabytes=4e-6)
    with pytest.raises(StoreError):
        session.draft.replace("too long")
    assert session.draft.text == "mine"


def test_a_version_is_restored_as_one_step_but_not_while_the_model_writes(store: Store, session: Session) -> None:
    type_in(session, "Of granite.")
    kept = save_version(store, session.id, "Of granite.", "Granite")
    type_in(session, "Of oak.")
    session.draft.restore(kept.id)
    assert session.draft.text == read_draft(store, session.id) == "Of granite."
    assert versions(store, session)[0] == ("Before restoring a version", "Of oak.")
    assert session.draft.undo()
    assert session.draft.text == "Of oak."
    script = ScriptedRun()
    written = into(session, script, 7, 7)
    with pytest.raises(AppError, match="Stop it, or wait for its end"):
        session.draft.restore(kept.id)
    script.finish(" It stood.")
    assert written.wait(30)
    assert session.draft.text == "Of oak. It stood."


# --- what a run writes ---


def test_its_state_is_that_of_one_moment(session: Session) -> None:
    type_in(session, "Mine.")
    assert session.draft.state == DraftState("Mine.", session.draft.revision, None, False, None)
    script = ScriptedRun()
    written = into(session, script, 5, 5)
    assert session.draft.state == DraftState("Mine.", session.draft.revision, None, True, None)
    script.finish(" It")
    assert written.wait(30)
    assert session.draft.state == DraftState("Mine. It", session.draft.revision, (5, 8), False, None)


def test_a_second_run_does_not_begin(store: Store, session: Session) -> None:
    insertion = Insertion(InsertionPoint("", "", ""))
    session.draft.begin(insertion)
    with pytest.raises(AppError, match="You are writing already"):
        session.draft.begin(Insertion(InsertionPoint("", "", "")))
    assert session.draft.insertion is insertion
    session.draft.write("It")
    session.draft.end(failed=False)
    assert session.draft.text == "It"
    session.draft.begin(Insertion(InsertionPoint("It", "", "")))
    session.draft.cancel()
    assert (session.draft.busy, session.draft.text) == (False, "It")


@pytest.mark.slow
def test_what_is_typed_while_the_model_reads_stays_and_the_place_moves(store: Store, session: Session) -> None:
    type_in(session, "One. Two.")
    script = ScriptedRun()
    written = into(session, script, 4, 4)
    type_in(session, "So: one. Two.")
    type_in(session, "So: one. Two. Three.")
    assert session.draft.streamed() == (session.draft.revision, InsertionPoint("So: one.", "", " Two. Three."))
    assert not versions(store, session)  # nothing is written over yet
    script.say(" It")
    wait(lambda: read_draft(store, session.id) == "So: one. It Two. Three.")
    assert versions(store, session)[0] == ("Before the model wrote", "So: one. Two. Three.")
    # The last edit may come when the first word has been written.
    type_in(session, "So: one. Two. Three!")
    wait(lambda: read_draft(store, session.id) == "So: one. It Two. Three!")
    script.finish(" stood.")
    assert written.wait(30)
    assert (session.draft.text, session.draft.state.written) == ("So: one. It stood. Two. Three!", (8, 18))
    assert session.draft.streamed() == (session.draft.revision, None)
    assert session.draft.undo()
    assert session.draft.text == "So: one. Two. Three."


def test_what_is_typed_while_the_model_reads_stays_if_it_writes_nothing(store: Store, session: Session) -> None:
    type_in(session, "One.")
    script = ScriptedRun()
    written = into(session, script, 4, 4)
    type_in(session, "One. Two.")
    written.stop()
    assert written.wait(30)
    session.draft.flush()
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
    assert session.draft.undo()
    assert session.draft.text == "Old. But good."


def test_what_another_window_types_into_what_is_written_over_is_refused_and_kept(
    store: Store, session: Session
) -> None:
    type_in(session, "Old.")
    revision = session.draft.revision
    script = ScriptedRun().say("New")
    written = into(session, script, 0, 4)
    wait(lambda: written.text == "New")
    assert not session.draft.edit("Old. But good.", revision, "other", 1)
    assert not session.draft.edit("Old. But good, too.", revision, "other", 2)  # it is told by another revision
    assert (session.draft.text, session.draft.revision) == ("Old.", revision + 1)
    assert session.draft.edit("Old.", revision + 1, "other", 3)
    script.finish(".")
    assert written.wait(30)
    assert session.draft.text == "New."
    assert versions(store, session) == [
        ("Text from another window", "Old. But good, too."), ("Before the model wrote", "Old."),
    ]  # fmt: skip


def test_a_page_may_go_on_only_from_what_it_has_seen(store: Store, session: Session) -> None:
    """A run that ends before the answer to an edit, which merged it, is not in the page's text."""
    type_in(session, "One.")
    script = ScriptedRun().say(" It")
    written = into(session, script, 4, 4)
    wait(lambda: written.text == " It")
    revision = session.draft.revision
    assert session.draft.edit("So: one.", revision, "other", 1)
    assert session.draft.revision_after("So: one.", revision, "other") == session.draft.revision == revision + 1
    assert session.draft.edit("So: one. Two.", revision, "other", 2)
    assert session.draft.revision_after("So: one.", revision, "other") == revision + 2  # its later one came first
    script.finish(" stood.")
    assert written.wait(30)
    assert session.draft.text == "So: one. Two. It stood."
    known = session.draft.revision_after("So: one. Two.", revision + 2, "other")
    assert known == revision + 2 < session.draft.revision
    assert not session.draft.edit("So: one. Two. Three.", known, "other", 3)
    assert session.draft.text == "So: one. Two. It stood."
    assert versions(store, session)[0] == ("Text from another window", "So: one. Two. Three.")


def test_what_is_put_right_around_the_place_stays(session: Session) -> None:
    type_in(session, "One. Two.")
    script = ScriptedRun().say(" It")
    written = into(session, script, 4, 4)
    wait(lambda: written.text == " It")
    session.draft.replace("One. Two. Three.")
    script.finish(" stood.")
    assert written.wait(30)
    assert session.draft.text == "One. It stood. Two. Three."


def test_a_draft_that_cannot_be_kept_ends_the_run(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(session, "Mine.")
    script = ScriptedRun()
    written = into(session, script, 5, 5)

    def refuse(*values: object, **options: object) -> None:
        raise StoreError("No room.")

    monkeypatch.setattr("app.project.draft.save_version", refuse)
    script.say(" It")
    assert written.wait(30)
    assert script.run is not None
    assert (script.run.state, written.state, str(written.error)) == ("stopped", "failed", "No room.")
    assert session.draft.text == "Mine. It"


def test_while_a_passage_is_written_anew_the_draft_is_fixed(store: Store, session: Session) -> None:
    type_in(session, "Mine.")
    script = ScriptedRun().say(" It")
    written = into(session, script, 0, 4, proposes=True)
    assert session.busy
    assert not session.draft.edit("Mine, typed late.", session.draft.revision)
    assert ("Text from another window", "Mine, typed late.") in versions(store, session)
    assert not session.draft.undo()
    assert not session.draft.redo()
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
    assert session.draft.undo()
    assert session.draft.text == "An hour of my work."


def test_a_text_that_the_store_refuses_stays_on_the_page_and_says_why(store: Store, session: Session) -> None:
    limits, store.limits = store.limits, replace(store.limits, draft_megabytes=1e-5)
    script = ScriptedRun()
    written = into(session, script, 0, 0)
    script.finish("More than ten characters.")
    assert written.wait(30)
    assert "the limit is 10" in str(written.error)
    assert (written.state, session.draft.busy) == ("failed", False)
    assert session.draft.text == "More than ten characters."
    type_in(session, "Even more than ten characters.")
    assert "the limit is 10" in str(session.draft.flush())
    store.limits = limits
    assert session.draft.flush() is None
    assert read_draft(store, session.id) == "Even more than ten characters."


# --- proposals ---


def propose(session: Session, *words: str) -> str:
    """A proposal for "old" of "My old words."; its id."""
    type_in(session, "My old words.")
    written = into(session, ScriptedRun().finish(*words), 3, 6, proposes=True)
    assert written.wait(30)
    return written.insertion.id


def test_a_proposal_leaves_the_draft_until_it_is_accepted(store: Store, session: Session) -> None:
    identity = propose(session, "new", " and better")
    assert session.draft.text == read_draft(store, session.id) == "My old words."
    assert session.draft.proposal is not None
    assert session.draft.proposal.pieces == (Piece("old", "new and better", "open"),)
    assert not session.draft.resolve("another", True)
    assert session.draft.resolve(identity, True)
    assert session.draft.text == read_draft(store, session.id) == "My new and better words."
    assert not session.draft.resolve(identity, True)
    assert session.draft.undo()
    assert session.draft.text == "My old words."


def test_a_proposal_that_cannot_be_kept_stays_one(store: Store, session: Session) -> None:
    identity = propose(session, "new")
    limits, store.limits = store.limits, replace(store.limits, draft_megabytes=1e-6)
    with pytest.raises(StoreError):
        session.draft.resolve(identity, True)
    store.limits = limits
    assert session.draft.resolve(identity, True)
    assert session.draft.text == "My new words."


def test_a_rejected_proposal_changes_nothing(session: Session) -> None:
    identity = propose(session, "new")
    revision = session.draft.revision
    assert session.draft.resolve(identity, False)
    assert (session.draft.text, session.draft.revision, session.draft.proposal) == ("My old words.", revision, None)
    assert not session.draft.resolve(identity, True)


def test_a_proposal_whose_passage_was_edited_is_refused(session: Session) -> None:
    identity = propose(session, "new")
    type_in(session, "My own words.")
    assert session.draft.state.proposal is not None
    assert session.draft.state.proposal.outdated
    assert not session.draft.resolve(identity, True)
    assert session.draft.proposal is None
    assert session.draft.text == "My own words."


def test_an_edit_after_the_passage_leaves_the_proposal(session: Session) -> None:
    identity = propose(session, "new")
    type_in(session, "My old words, and more.")
    assert session.draft.resolve(identity, True)
    assert session.draft.text == "My new words, and more."


def test_one_piece_accepted_is_one_step_of_undo_and_the_rest_stays_open(store: Store, session: Session) -> None:
    old, new = "The lamp was lit at dusk. It was cold.", "The lamp was kindled at dusk."
    type_in(session, f"My {old} words.")
    assert into(session, ScriptedRun().finish(new), 3, 3 + len(old), proposes=True).wait(30)
    draft = session.draft

    def opened() -> list[int]:
        return [at for at, piece in enumerate(draft.proposal.pieces) if piece.state == "open"] if draft.proposal else []

    first, second = opened()
    assert draft.proposal is not None
    identity = draft.proposal.id
    assert draft.resolve(identity, True, first)
    accepted = "My The lamp was kindled at dusk. It was cold. words."
    assert draft.text == read_draft(store, session.id) == accepted
    assert opened() == [second]
    assert draft.resolve(identity, True, first)  # pressed again elsewhere: it is decided
    assert draft.text == accepted
    assert draft.undo()
    assert (draft.text, opened()) == (f"My {old} words.", [first, second])
    assert draft.redo()
    assert (draft.text, opened()) == (accepted, [second])
    type_in(session, f"All {accepted}")
    assert draft.resolve(identity, False, second)
    assert (draft.text, draft.proposal) == (f"All {accepted}", None)


def test_a_new_run_and_an_empty_answer_leave_no_proposal(session: Session) -> None:
    identity = propose(session, "new")
    run(session, 13, 13, " More.")
    assert session.draft.proposal is None
    assert not session.draft.resolve(identity, True)
    propose(session, "  ")
    assert session.draft.proposal is None


def test_a_run_that_fails_proposes_nothing(session: Session) -> None:
    type_in(session, "My old words.")
    written = into(session, ScriptedRun().say("ne").fail("It broke."), 3, 6, proposes=True)
    assert written.wait(30)
    assert (session.draft.proposal, session.draft.text) == (None, "My old words.")


# --- while the disk is waited for ---


def while_it_waits_for_the_disk(
    store: Store, monkeypatch: pytest.MonkeyPatch, command: Callable[[], object], act: Callable[[], object]
) -> tuple[object, object]:
    """Let another thread have the store, so that `command` waits for it, and then `act`; what both returned."""
    transaction, commanding = store.transaction, threading.local()
    holds, waits, let_go = threading.Event(), threading.Event(), threading.Event()

    def hold() -> None:
        with transaction():
            holds.set()
            assert let_go.wait(60)

    def told() -> object:
        if getattr(commanding, "here", False):
            waits.set()
        return transaction()

    def begin() -> object:
        commanding.here = True
        return command()

    monkeypatch.setattr(store, "transaction", told)
    with ThreadPoolExecutor() as pool:
        holder = pool.submit(hold)
        try:
            assert holds.wait(30)
            commanded = pool.submit(begin)
            assert waits.wait(30)
            acted = pool.submit(act).result(30)
        finally:
            let_go.set()
        holder.result(30)
        return commanded.result(30), acted


COMMANDS: dict[str, Callable[[ProjectDraft, int], object]] = {
    "undo": lambda draft, version: draft.undo(),
    "redo": lambda draft, version: draft.redo(),
    "restore": lambda draft, version: draft.restore(version),
    "replace": lambda draft, version: draft.replace("Put right."),
}


@pytest.fixture
def stepped(store: Store, session: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """With something to be undone, done again and restored. Nothing is kept unasked: whoever needs it to be kept waits
    for the disk."""
    monkeypatch.setattr(session.draft._autosave, "_seconds", 3600)
    save_version(store, session.id, "A version.", "Mine")
    for text in ("First.", "Second.", "Third.", "Fourth."):
        session.draft.replace(text)
    assert session.draft.undo()
    return session


@pytest.mark.parametrize(
    ("name", "pending", "text"),
    [
        ("undo", False, "Second."), ("undo", True, "Third."), ("redo", False, "Fourth."),
        ("restore", False, "A version."), ("restore", True, "A version."), ("replace", False, "Put right."),
        ("replace", True, "Put right."),
    ],
)  # fmt: skip
def test_what_is_typed_while_a_command_waits_for_the_disk_is_taken_and_never_lost(
    store: Store, stepped: Session, monkeypatch: pytest.MonkeyPatch, name: str, pending: bool, text: str
) -> None:
    draft, version = stepped.draft, list_versions(store, stepped.id)[-1].id
    if pending:  # which is kept first
        type_in(stepped, "Third, typed before.")
    revision = draft.revision
    while_it_waits_for_the_disk(
        store, monkeypatch, lambda: COMMANDS[name](draft, version), lambda: type_in(stepped, "Typed meanwhile.")
    )
    assert draft.text == text
    assert versions(store, stepped)[0] == ("Text from another window", "Typed meanwhile.")
    assert not draft.edit("Typed meanwhile, and on.", revision, "page", 2)
    assert versions(store, stepped)[0] == ("Text from another window", "Typed meanwhile, and on.")
    assert draft.flush() is None
    assert read_draft(store, stepped.id) == text


def test_a_draft_can_be_looked_at_while_a_command_waits_for_the_disk(
    store: Store, stepped: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = while_it_waits_for_the_disk(
        store, monkeypatch, stepped.draft.undo,
        lambda: (stepped.draft.state.text, stepped.draft.streamed()[1], stepped.draft.takes(99, ""), stepped.busy),
    )  # fmt: skip
    assert seen[:2] == (True, ("Third.", None, True, False))


def test_what_is_typed_while_a_run_begins_moves_its_place(
    store: Store, stepped: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = ScriptedRun()
    while_it_waits_for_the_disk(
        store, monkeypatch, lambda: into(stepped, script, 6, 6), lambda: type_in(stepped, "Third. And more.")
    )
    assert stepped.draft.streamed()[1] == InsertionPoint("Third. And more.", "", "", touched=True)
    script.finish("It stood.")
    assert stepped.writing is not None
    assert stepped.writing.wait(30)
    assert stepped.draft.text == read_draft(store, stepped.id) == "Third. And more.\n\nIt stood."


@pytest.mark.parametrize(
    ("kept", "typed", "text"),
    [
        (False, "Third. And more.", "Third. And more. It stood."),  # what is written is not the draft's yet
        (True, "Third. It stood. And more.", "Third. It stood. And more."),
    ],
)
def test_what_is_typed_while_the_end_of_a_run_waits_for_the_disk_stays(
    store: Store, stepped: Session, monkeypatch: pytest.MonkeyPatch, kept: bool, typed: str, text: str
) -> None:
    draft = stepped.draft
    draft.begin(Insertion(InsertionPoint("Third.", "", "")))
    monkeypatch.setattr(draft._run_autosave, "_seconds", 3600)
    draft.write(" It stood.")
    if kept:
        draft._run_autosave.flush()
    while_it_waits_for_the_disk(store, monkeypatch, lambda: draft.end(failed=False), lambda: type_in(stepped, typed))
    assert draft.flush() is None
    assert draft.text == read_draft(store, stepped.id) == text


def test_a_run_that_begins_waits_for_a_version_that_is_restored(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = save_version(store, session.id, "Of granite.", "Granite")
    restoring, going_on, order = threading.Event(), threading.Event(), list[str]()

    def slowly(store: Store, version: int) -> str:
        restoring.set()
        assert going_on.wait(30)
        order.append("restored")
        return restore_version(store, version)

    def begin() -> None:
        beginning.set()
        written = into(session, ScriptedRun().do(lambda run: order.append("begun")).finish("It stood."), 0, 0)
        assert written.wait(30)

    monkeypatch.setattr("app.project.draft.restore_version", slowly)
    beginning = threading.Event()
    with ThreadPoolExecutor() as pool:
        restorer = pool.submit(session.draft.restore, kept.id)
        assert restoring.wait(30)
        beginner = pool.submit(begin)
        assert beginning.wait(30)
        assert session.writing is None
        going_on.set()
        restorer.result(30)
        beginner.result(30)
    assert order == ["restored", "begun"]
    assert versions(store, session)[0] == ("Before the model wrote", "Of granite.")
