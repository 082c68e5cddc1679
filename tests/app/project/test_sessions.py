"""The open projects: which page shows which, several threads that ask for one, closing and opening again."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from app.engine.caller import Caller
from app.project import sessions as sessions_module
from app.project.session import Session
from app.project.sessions import PageView, Sessions
from app.say.errors import AppError, ProjectGone, StoreError
from app.settings import Limits, VisitorLimits
from app.store import Project, Store, create_project, delete_project, list_projects, open_project, read_draft
from tests.app.conftest import wait
from tests.app.scripted import ScriptedRun, into


def type_in(session: Session, text: str) -> None:
    assert session.draft.edit(text, session.draft.revision)


def begun(sessions: Sessions, page: str) -> Session:
    """A new project on a page, with a word in it."""
    session = sessions.create(page)
    type_in(session, "A word.")
    session.draft.flush()
    return session


def shown(sessions: Sessions, session: Session, *pages: str) -> set[str]:
    """Which of these pages show it."""
    return {page for page in pages if sessions.shows(page, session)}


class Gate:
    """Something that waits, for the project named, until it may go on."""

    def __init__(self, project: str) -> None:
        self.project, self.calls = project, 0
        self.reached, self.open = threading.Event(), threading.Event()

    def wait(self, project: str) -> None:
        if project == self.project:
            self.calls += 1
            self.reached.set()
            assert self.open.wait(30)


@pytest.fixture
def pool() -> AbstractContextManager[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as made:
        yield made


# --- pages ---


def test_pages_share_the_session_of_their_project(sessions: Sessions) -> None:
    one = sessions.create("page 1")
    assert sessions.open("page 2", one.id) is one
    assert shown(sessions, one, "page 1", "page 2") == {"page 1", "page 2"}
    other = sessions.create("page 2")
    assert (shown(sessions, one, "page 1", "page 2"), shown(sessions, other, "page 1", "page 2")) == (
        {"page 1"}, {"page 2"},
    )  # fmt: skip
    assert sessions.get("page 1", one.id) is one
    sessions.leave("page 1")
    assert sessions.view("page 1") is None
    assert sessions.get("page 1", one.id) is one
    assert shown(sessions, one, "page 1", "page 2") == {"page 1"}


def test_what_a_page_shows_of_its_project_is_its_own_until_it_shows_another(sessions: Sessions) -> None:
    session = sessions.create("one")
    sessions.open("other", session.id)
    view, others = sessions.view("one"), sessions.view("other")
    assert view == others == PageView(session, None, None)
    assert view is not None
    view.run, view.layer = "a run", 2
    assert sessions.get("one", session.id) is session
    assert sessions.view("one") == PageView(session, "a run", 2)
    assert sessions.view("other") == PageView(session, None, None)
    another = sessions.create("one")
    assert sessions.view("one") == PageView(another, None, None)
    sessions.open("one", session.id)
    assert sessions.view("one") == PageView(session, None, None)


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


def test_a_late_event_of_a_project_left_reaches_it_and_moves_no_page(sessions: Sessions) -> None:
    one = sessions.create("page")
    other = sessions.create("page")
    assert sessions.get("page", one.id) is one
    assert (shown(sessions, one, "page"), shown(sessions, other, "page")) == (set(), {"page"})


# --- closed when unused ---


def test_a_session_long_unused_is_closed_unless_a_page_shows_it_or_it_is_written(
    store: Store, sessions: Sessions
) -> None:
    stays, left, busy = (sessions.create(name) for name in ("shown", "left", "busy"))
    script = ScriptedRun()
    written = into(busy, script, 0, 0)
    type_in(left, "typed")
    sessions.leave("left")
    sessions.leave("busy")
    for session in (stays, left, busy):
        session.used -= 3601
    sessions.open("another", stays.id)
    assert read_draft(store, left.id) == "typed"
    assert sessions.open("shown again", stays.id) is stays
    assert sessions.open("busy again", busy.id) is busy
    assert sessions.open("left again", left.id) is not left
    script.finish()
    assert written.wait(30)


def test_one_used_lately_stays(sessions: Sessions) -> None:
    session = begun(sessions, "page")
    sessions.leave("page")
    session.used = time.monotonic() - 3590
    assert sessions.open("page", session.id) is session


def test_a_text_that_could_not_be_kept_keeps_its_session_open(store: Store, sessions: Sessions) -> None:
    session = sessions.create("page")
    limits, store.limits = store.limits, replace(store.limits, draft_megabytes=1e-6)
    type_in(session, "too long")
    sessions.leave("page")
    session.used -= 3601
    assert sessions.open("page", session.id) is session
    store.limits = limits


def test_what_a_page_asked_for_is_awaited_until_it_has_been_gone_for_a_while(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = sessions.create("page")
    assert sessions.awaits("page", session)
    sessions.create("page")  # it turned to another project, and will come back
    monkeypatch.setattr(sessions_module, "AWAY_SECONDS", 0)
    assert sessions.awaits("page", session)
    sessions.leave("page")
    assert not sessions.awaits("page", session)
    monkeypatch.setattr(sessions_module, "AWAY_SECONDS", 30)
    assert sessions.awaits("page", session)  # it may be reloading
    monkeypatch.setattr(sessions_module, "AWAY_SECONDS", 0)
    sessions.open("reloaded", session.id)
    assert sessions.awaits("page", session)


def test_a_quiet_server_deletes_what_strangers_left(store: Store) -> None:
    sessions = Sessions(store, Limits(), minutes=0.001, forget=True)
    stays, left = begun(sessions, "one"), begun(sessions, "two")
    sessions.leave("two")
    sessions.start()
    wait(lambda: [entry.id for entry in list_projects(store)] == [stays.id])
    assert left.id != stays.id
    sessions.close()


def test_strangers_are_shown_nothing_of_one_another_and_leave_nothing(store: Store) -> None:
    sessions = Sessions(store, Limits(), 60, forget=True)
    one = sessions.create("one")
    one.sources.paste("A secret.")
    type_in(one, "secret")
    folder = store.project_folder(one.id)
    assert folder.exists()
    two = sessions.open("two", None)
    assert two is not one
    assert (two.draft.text, len(two.sources.files)) == ("", 0)
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


def test_what_cannot_be_deleted_keeps_no_other_from_being_and_is_deleted_later(
    store: Store, monkeypatch: pytest.MonkeyPatch, pool: ThreadPoolExecutor
) -> None:
    sessions = Sessions(store, Limits(), 60, forget=True)
    stays, *left = [begun(sessions, name) for name in ("shown", "one", "two")]
    ill = left[0].id

    def refuse(store: Store, project: str) -> None:
        if project == ill:
            raise StoreError("No room.")
        delete_project(store, project)

    monkeypatch.setattr(sessions_module, "delete_project", refuse)
    for session, page in zip(left, ("one", "two"), strict=True):
        sessions.leave(page)
        session.used -= 3601
    assert sessions.open("shown", stays.id) is stays
    assert {entry.id for entry in list_projects(store)} == {stays.id, ill}
    with pytest.raises(ProjectGone):
        pool.submit(sessions.get, "two", left[1].id).result(30)
    ill = ""
    sessions.open("shown", stays.id)
    assert [entry.id for entry in list_projects(store)] == [stays.id]
    sessions.close()


# --- several threads ---


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Gate]:
    """A gate before the reading of a project."""

    def close(project: str) -> Gate:
        gate = Gate(project)

        def slowly(store: Store, project: str) -> Project:
            gate.wait(project)
            return open_project(store, project)

        monkeypatch.setattr(sessions_module, "open_project", slowly)
        return gate

    return close


def test_threads_that_open_one_project_get_one_session_and_read_it_once(
    store: Store, sessions: Sessions, pool: ThreadPoolExecutor, reading: Callable[[str], Gate]
) -> None:
    project = create_project(store, "Mine", "text").id
    gate = reading(project)
    opened: list[Future[Session]] = [pool.submit(sessions.open, "page 0", project)]
    assert gate.reached.wait(30)
    opened += [pool.submit(sessions.get, f"page {number}", project) for number in range(1, 4)]
    assert not any(each.done() for each in opened)
    gate.open.set()
    first, *others = [each.result(30) for each in opened]
    assert (first.id, first.draft.text) == (project, "text")
    assert all(other is first for other in others)
    assert gate.calls == 1


def test_one_project_is_opened_while_another_is_read(
    store: Store, sessions: Sessions, pool: ThreadPoolExecutor, reading: Callable[[str], Gate]
) -> None:
    slow, quick = (create_project(store, name).id for name in ("Slow", "Quick"))
    known = sessions.create("a page")
    gate = reading(slow)
    opened = pool.submit(sessions.open, "slow page", slow)
    assert gate.reached.wait(30)
    assert pool.submit(sessions.open, "quick page", quick).result(30).id == quick
    assert pool.submit(sessions.get, "a page", known.id).result(30) is known
    assert pool.submit(sessions.create, "new page").result(30).name == "Untitled"
    pool.submit(sessions.leave, "a page").result(30)
    assert not opened.done()
    gate.open.set()
    assert opened.result(30).id == slow


@pytest.mark.parametrize("kept", [True, False])
def test_a_project_that_is_being_closed_is_opened_again_whole(
    store: Store, sessions: Sessions, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    session, gate = sessions.create("page"), Gate("")
    type_in(session, "Typed last.")
    flush = session.draft.flush

    def slowly() -> object:
        gate.wait("")
        return flush()

    monkeypatch.setattr(session.draft, "flush", slowly)
    if not kept:
        store.limits = replace(store.limits, draft_megabytes=1e-6)
    sessions.leave("page")
    session.used -= 3601
    closing = pool.submit(sessions.expire)
    assert gate.reached.wait(30)
    opened = [pool.submit(sessions.get, f"page {number}", session.id) for number in range(3)]
    assert not any(each.done() for each in opened)
    gate.open.set()
    closing.result(30)
    first, *others = [each.result(30) for each in opened]
    assert all(other is first for other in others)
    assert (first.draft.text, first is session) == ("Typed last.", not kept)


def test_a_project_that_strangers_left_is_gone_for_who_asks_while_it_is_deleted(
    store: Store, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = Sessions(store, Limits(), 60, forget=True)
    session = begun(sessions, "page")
    gate = Gate(session.id)

    def slowly(store: Store, project: str) -> None:
        gate.wait(project)
        delete_project(store, project)

    monkeypatch.setattr(sessions_module, "delete_project", slowly)
    sessions.leave("page")
    session.used -= 3601
    closing = pool.submit(sessions.expire)
    assert gate.reached.wait(30)
    asking = pool.submit(sessions.get, "page", session.id)
    gate.open.set()
    closing.result(30)
    with pytest.raises(ProjectGone):
        asking.result(30)
    sessions.close()


# --- projects that are gone, or cannot be read ---


def test_a_deleted_project_is_gone_and_its_run_stopped(store: Store, sessions: Sessions) -> None:
    kept = sessions.create("other page")
    session = sessions.create("page")
    script = ScriptedRun().say("It")
    written = into(session, script, 0, 0)
    assert sessions.delete("page", session.id) is kept
    assert script.run is not None
    assert (written.done, script.run.state) == (True, "stopped")
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
    assert made.draft.edit("typed on", 7)
    assert sessions.rescue("page", gone.id) is sessions.get("page", gone.id) is made
    assert (made.instead_of, shown(sessions, made, "page", "other page")) == (gone.id, {"page"})
    assert {entry.id for entry in list_projects(store)} == {other.id, made.id}
    assert (other.draft.text, made.draft.text) == ("", "typed on")


def test_texts_of_a_page_whose_project_is_gone_come_into_one_new_project(
    store: Store, sessions: Sessions, pool: ThreadPoolExecutor
) -> None:
    gone = sessions.create("page")
    sessions.delete("other page", gone.id)
    made = [pool.submit(sessions.rescue, "page", gone.id) for _ in range(8)]
    assert len({each.result(30).id for each in made}) == 1


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


def test_others_are_served_while_a_deleted_project_is_being_stopped(
    store: Store, sessions: Sessions, monkeypatch: pytest.MonkeyPatch, pool: ThreadPoolExecutor
) -> None:
    kept, session = sessions.create("other page"), sessions.create("page")
    gate = Gate("")
    monkeypatch.setattr(session, "close", lambda: gate.wait(""))
    deleting = pool.submit(sessions.delete, "page", session.id)
    assert gate.reached.wait(30)
    assert pool.submit(sessions.get, "other page", kept.id).result(30) is kept
    made = pool.submit(sessions.rescue, "a page that shows it too", session.id).result(30)
    assert made.id not in (kept.id, session.id)
    gate.open.set()
    deleting.result(30)
    assert {entry.id for entry in list_projects(store)} == {kept.id, made.id}


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


def test_a_project_whose_rows_cannot_be_read_says_so_to_all_who_wait_and_can_be_opened_later(
    store: Store, sessions: Sessions, pool: ThreadPoolExecutor, reading: Callable[[str], Gate]
) -> None:
    project = create_project(store, "Mine", "text").id

    def put(task: str) -> None:
        with store.transaction() as connection:
            connection.execute("UPDATE projects SET task = ? WHERE id = ?", (task, project))

    put("no JSON")
    gate = reading(project)
    opened = [pool.submit(sessions.get, "page 0", project)]
    assert gate.reached.wait(30)
    opened += [pool.submit(sessions.rescue, f"page {number}", project) for number in range(1, 3)]
    gate.open.set()
    for each in opened:
        with pytest.raises(StoreError, match="cannot be read") as refusal:
            each.result(30)
        assert not isinstance(refusal.value, ProjectGone)
    put('{"task": "essay"}')
    session = sessions.get("page", project)
    assert (session.draft.text, session.task) == ("text", {"task": "essay"})
    assert len(list_projects(store)) == 1


# --- pages that only look ---


class Streams:
    """Seconds for which pages have had no stream, as a test says."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def silent(self, page: str) -> float:
        return self.seconds.get(page, 0.0)


def kept(store: Store) -> int:
    """Projects on the disk."""
    with store.reading() as connection:
        return int(connection.execute("SELECT count(*) FROM projects").fetchone()[0])


@pytest.mark.parametrize("forget", [False, True])
def test_a_thousand_pages_that_only_open_leave_nothing_and_close_nobody_out(store: Store, forget: bool) -> None:
    streams = Streams()
    sessions = Sessions(store, Limits(), 60, forget=forget, silent=streams.silent)
    person = sessions.create("person")
    for number in range(1000):
        sessions.create(f"page {number}")
        streams.seconds[f"page {number}"] = 6.0
    assert kept(store) == 0
    assert len(sessions._open.there) == sessions_module.MOST_UNTOUCHED + 1
    assert sessions.shows("person", person)
    type_in(person, "A draft.")
    person.sources.paste("A source.")
    late = sessions.create("late")
    assert late.draft.edit("Served too.", late.draft.revision)
    sessions.close()
    assert kept(store) == 2


def test_a_page_without_a_stream_has_gone_and_comes_back_to_its_empty_project(store: Store) -> None:
    streams = Streams()
    sessions = Sessions(store, Limits(), 60, forget=True, silent=streams.silent)
    session = sessions.create("page")
    assert sessions.attended(session.id)
    streams.seconds["page"] = sessions_module.ABSENT_SECONDS + 1
    sessions.expire()
    assert (sessions.view("page"), sessions.attended(session.id)) == (None, False)
    session.used -= sessions_module.UNTOUCHED_SECONDS + 1
    sessions.expire()
    assert sessions._open.there == []
    streams.seconds["page"] = 0.0
    again = sessions.get("page", session.id)
    assert (again.id, again is session, again.draft.text) == (session.id, False, "")
    sessions.close()


def test_each_visitor_has_so_many_projects_and_megabytes(store: Store, tmp_path: Path) -> None:
    sessions = Sessions(store, Limits(), 60, forget=True, each=VisitorLimits(2, 1))
    ann = [sessions.create(f"ann {number}") for number in range(3)]
    ben = sessions.create("ben")
    for session, visitor in [*((one, "ann") for one in ann), (ben, "ben")]:
        session.caller = Caller(visitor)
    for session in ann[:2]:
        session.rename("Mine")
    with pytest.raises(
        StoreError, match=r"You have 2 projects, as many as each visitor can \(REFRESHKV_PROJECTS_EACH\)"
    ):
        ann[2].rename("Mine")
    ben.rename("His")
    sessions.delete("ann 0", ann[0].id)
    ann[2].rename("Mine")
    half = tmp_path / "half.txt"
    half.write_text("A line of text.\n" * 40_000)  # 0.64 MB
    sessions.require_room(ann[1], [half])
    ann[1].sources.add([half])
    with pytest.raises(AppError, match=r"would have 2 MB; the limit of each visitor is 1 MB .* Remove some"):
        sessions.require_room(ann[2], [half])
    sessions.require_room(ben, [half])
    sessions.close()
