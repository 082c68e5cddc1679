"""Projects that are closed to make room: nothing of them is lost, and nobody but memory notices."""

from pathlib import Path

import pytest

from app.engine.caller import Caller
from app.memory import Memory
from app.project import sessions as sessions_module
from app.project.session import Session
from app.project.sessions import Sessions
from app.say.errors import AppError, ProjectGone
from app.settings import Limits, VisitorLimits
from app.store import Store, list_projects
from tests.app.scripted import ScriptedRun, into

TEXT = "The lamp was lit at dusk. The keepers wrote a line in the log.\n" * 200


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is waited for."""
    monkeypatch.setattr(sessions_module, "RESTING_SECONDS", -1.0)


def filled(sessions: Sessions, page: str, folder: Path, text: str = TEXT) -> Session:
    """A project with a source and a draft, on a page."""
    session = sessions.create(page)
    session.caller = Caller(page)
    file = folder / f"{page}.txt"
    file.write_text(text)
    session.sources.add([file])
    assert session.draft.edit(f"Of {page}.", session.draft.revision, page)
    return session


def test_the_one_asked_for_longest_ago_goes_and_comes_back_as_it_was(sessions: Sessions, tmp_path: Path) -> None:
    one, other = filled(sessions, "one", tmp_path), filled(sessions, "other", tmp_path)
    for number in range(3):
        assert one.draft.edit(f"Draft {number}.", one.draft.revision, "one")
    one.sources.choose(one.sources.files[0].id, "1")
    sessions.get("other", other.id)
    memory = Memory(other.held)
    memory.add("projects", sessions)
    assert memory.make_room()
    assert sessions._open.there == [other]
    again = sessions.get("one", one.id)
    assert again is not one
    assert (again.draft.text, again.draft.revision) == ("Draft 2.", one.draft.revision)
    assert [file.document for file in again.sources.files] == [file.document for file in one.sources.files]
    assert again.sources.files[0].pages == "1"
    assert again.draft.edit("Goes on.", one.draft.revision, "one")
    assert sessions.shows("one", again)


def test_what_the_store_has_not_is_not_closed(sessions: Sessions, tmp_path: Path) -> None:
    written, broken, kept = (filled(sessions, name, tmp_path) for name in ("written", "broken", "kept"))
    script = ScriptedRun().say("It")
    writing = into(written, script, 0, 0)
    locked = tmp_path / "broken.pdf"
    locked.write_text("no PDF")
    broken.sources.add([locked])  # its card says why; the store has nothing of it
    while sessions.oldest is not None:
        sessions.let_go()
    assert {session.id for session in sessions._open.there} == {written.id, broken.id}
    assert sessions.get("kept", kept.id) is not kept
    script.finish()
    assert writing.wait(30)


def test_a_proposal_that_waits_for_an_answer_keeps_its_project_open(sessions: Sessions, tmp_path: Path) -> None:
    session = filled(sessions, "page", tmp_path)
    assert session.kept
    session.draft.proposal = object()  # type: ignore[assignment]
    assert not session.kept


def test_one_that_cannot_be_kept_stays_open(store: Store, sessions: Sessions, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    session = filled(sessions, "page", tmp_path)
    flush = session.draft.flush
    monkeypatch.setattr(session.draft, "flush", lambda: flush() or "the disk is full")
    sessions.let_go()
    assert sessions.get("page", session.id) is session


def test_what_rests_counts_for_its_visitor_and_goes_with_the_page(store: Store, tmp_path: Path) -> None:
    silent = {"ann": 0.0}
    deleted: list[str] = []
    sessions = Sessions(
        store, Limits(), 60, forget=True, each=VisitorLimits(1, 1), silent=lambda page: silent.get(page, 0.0),
        delete=deleted.append,
    )  # fmt: skip
    ann = filled(sessions, "ann", tmp_path)
    sessions.let_go()
    assert sessions._open.there == []
    big = tmp_path / "big.txt"
    big.write_bytes(b"a" * 999_000)
    another = sessions.create("ann 2")
    another.caller = Caller("ann")
    with pytest.raises(AppError, match="You have 1 projects"):
        another.rename("Another")
    with pytest.raises(AppError, match="would have 2 MB"):
        sessions.require_room(another, [big])
    rested = sessions._resting.of("ann")[0]
    rested.used -= 3601
    sessions.expire()  # the page is open still
    assert (deleted, len(sessions._resting.of("ann"))) == ([], 1)
    silent["ann"] = sessions_module.ABSENT_SECONDS + 1
    rested.used -= 3601
    sessions.expire()
    assert (deleted, sessions._resting.of("ann")) == ([ann.id], [])
    sessions.close()


def test_what_strangers_left_resting_is_deleted(store: Store, tmp_path: Path) -> None:
    sessions = Sessions(store, Limits(), 60, forget=True, silent=lambda page: 200.0)
    session = filled(sessions, "page", tmp_path)
    sessions.let_go()
    assert len(list_projects(store)) == 1
    sessions._resting.of("page")[0].used -= 3601
    sessions.expire()
    assert list_projects(store) == []
    with pytest.raises(ProjectGone):
        sessions.get("page", session.id)
    sessions.close()


def test_one_that_took_the_place_of_another_does_so_still(sessions: Sessions) -> None:
    made = sessions.rescue("page", "gone")
    assert made.draft.edit("typed on", 7, "page")
    sessions.let_go()
    again = sessions.rescue("page", "gone")
    assert (again.id, again is made, again.instead_of, again.draft.text) == (made.id, False, "gone", "typed on")


def test_one_that_somebody_opens_while_it_expires_stays(store: Store, tmp_path: Path) -> None:
    sessions = Sessions(store, Limits(), 60, forget=True, silent=lambda page: 200.0)
    session = filled(sessions, "page", tmp_path)
    sessions.let_go()
    again = sessions.get("page", session.id)
    sessions._end_rest(session.id)  # found to be unused just before
    assert sessions.get("page", session.id) is again
    assert again.draft.flush() is None
    assert len(list_projects(store)) == 1
    sessions.close()
