"""The follower of runs: records first, states in order, nobody polls, and nothing of a run is lost."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.engine.queue import QueueFullError
from app.engine.run import Priority, Run
from app.project.follow import FollowedRun, Job, RunScript
from app.project.run_spec import RunSpec
from app.project.session import Session
from app.project.writing import Writing
from app.runs import library as library_module
from app.runs.library import RunLibrary
from app.say.errors import AppError, StoreError
from app.store import Store, list_runs, list_versions, read_draft
from core import TokenGenerated
from tests.app.conftest import wait
from tests.app.scripted import ScriptedEngine, ScriptedRun, into, writing


class Told(Job):
    """Runs that a test says, and what it was called for."""

    def __init__(self, script: Callable[[], RunScript], library: RunLibrary | None = None, engine: Any = None) -> None:
        super().__init__(engine or ScriptedEngine(), library, "told")
        self._told = script
        self.calls: list[str] = []

    def script(self) -> RunScript:
        return self._told()

    def begun(self, followed: FollowedRun) -> None:
        self.calls.append("begun")

    def wrote(self, text: str) -> None:
        self.calls.append(text)

    def finish(self) -> None:
        self.calls.append("finish" if not self.done else "late")


def in_turn(*specs: RunSpec) -> Callable[[], RunScript]:
    def script() -> RunScript:
        for spec in specs:  # noqa: UP028  # a tuple's iterator takes nothing that is sent
            yield spec

    return script


def following(*runs: ScriptedRun, library: RunLibrary | None = None) -> Told:
    """Runs in turn, begun."""
    job = Told(in_turn(*(run.spec() for run in runs)), library)
    job.start()
    return job


def states(store: Store, session: Session) -> list[tuple[str, str]]:
    """Of the recorded runs, the newest first."""
    return [(run.state, run.error) for run in list_runs(store, session.id)]


class FullEngine(ScriptedEngine):
    """As many runs as it takes; the others are refused."""

    def __init__(self, takes: int = 0) -> None:
        super().__init__()
        self.takes = takes

    def submit(self, run: Run) -> None:
        if len(self.runs) >= self.takes:
            raise QueueFullError("{} people are waiting already.", 16)
        super().submit(run)


# --- recorded, then queued ---


def test_a_run_is_recorded_before_it_is_queued(store: Store, session: Session) -> None:
    seen: list[Any] = []

    def look(run: Run) -> None:
        seen.append((states(store, session), [(entry.key, entry.state) for entry in session.runs.entries]))

    made = into(session, ScriptedRun().do(look).finish("It stood."), 0, 0)
    assert made.wait(30)
    assert made.current is not None
    assert seen == [([("waiting", "")], [(made.current.feed.run_id, "waiting")])]
    assert states(store, session) == [("finished", "")]


def test_one_that_the_queue_refuses_leaves_no_record_and_the_draft_free(store: Store, session: Session) -> None:
    assert session.draft.edit("Mine.", 0)
    engine: Any = FullEngine()
    made = writing(ScriptedRun(), "Mine.", session=session)
    made.engine = engine
    with pytest.raises(QueueFullError, match="16 people"):
        session.write(made)
    assert (states(store, session), session.runs.entries) == ([], [])
    assert (session.busy, session.draft.busy, session.writing) == (False, False, None)
    assert list_versions(store, session.id) == []
    assert into(session, ScriptedRun().finish(" It stood."), 5, 5).wait(30)
    assert session.draft.text == "Mine. It stood."


def test_one_that_is_refused_takes_the_place_of_no_other(store: Store, session: Session) -> None:
    store.limits = replace(store.limits, traces=1)
    assert into(session, ScriptedRun().finish("It stood."), 0, 0).wait(30)
    entries = session.runs.entries
    assert into(session, ScriptedRun().finish("new"), 0, 2, proposes=True).wait(30)
    proposal, newest = session.draft.proposal, session.runs.newest
    assert proposal is not None
    entries = session.runs.entries
    made = writing(ScriptedRun(), "It stood.", session=session)
    made.engine = FullEngine()  # type: ignore[assignment]
    with pytest.raises(QueueFullError):
        session.write(made)
    assert (session.runs.entries, session.runs.newest) == (entries, newest)
    assert session.draft.proposal == proposal


def test_one_that_cannot_be_recorded_is_not_queued(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*values: object) -> None:
        raise StoreError("No room.")

    monkeypatch.setattr(library_module, "begin_run", refuse)
    script = ScriptedRun()
    with pytest.raises(StoreError, match="No room"):
        into(session, script, 0, 0)
    assert (script.run, session.draft.busy, session.runs.entries) == (None, False, [])


def test_a_later_run_that_is_refused_leaves_those_before_it(store: Store, session: Session) -> None:
    engine: Any = FullEngine(takes=1)
    job = Told(in_turn(ScriptedRun().finish("One.").spec(), ScriptedRun().spec()), session.runs, engine)
    job.start()
    job.join(30)
    assert (job.state, str(job.message)) == ("failed", "16 people are waiting already.")
    assert job.calls == ["begun", "One.", "finish"]
    (run,) = list_runs(store, session.id)
    assert run.has_trace


def test_what_is_not_to_be_recorded_is_not(store: Store, session: Session) -> None:
    job = Told(in_turn(ScriptedRun().finish("a").spec(recorded=False)), session.runs)
    job.start()
    job.join(30)
    assert (job.state, states(store, session), session.runs.entries) == ("finished", [], [])


def test_an_end_that_cannot_be_recorded_does_not_keep_it_from_ending(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*values: object, **options: object) -> None:
        raise StoreError("No room.")

    monkeypatch.setattr(library_module, "change_run", refuse)
    made = into(session, ScriptedRun().finish("It stood."), 0, 0)
    made.join(30)
    assert (made.done, made.state, session.draft.text) == (True, "finished", "It stood.")


@pytest.mark.parametrize("priority", Priority)
def test_a_run_is_queued_with_the_priority_that_is_asked_for(priority: Priority) -> None:
    script = ScriptedRun().finish("a")
    job = Told(in_turn(script.spec(priority=priority)))
    job.start()
    assert job.wait(30)
    assert script.run is not None
    assert script.run.priority is priority


def test_what_came_of_a_run_is_its_text_its_figures_and_its_trace() -> None:
    engine: Any = ScriptedEngine()
    spec = ScriptedRun().spec("# ")
    followed = FollowedRun(spec, spec.feed("a run", engine, 7), engine.layers)
    assert (followed.text, followed.statistics.prompt_tokens) == ("# ", spec.composed.prompt_tokens)
    followed.run.begin()
    began = followed.run.started or 0.0
    for when, token in [
        (2.0, TokenGenerated(1, "a", 0, 3, 0.1)),
        (2.5, TokenGenerated(1, "b", 1, 0, 0.5)),
        (3.0, TokenGenerated(1, "c", 2, 1, 0.25)),
    ]:
        followed.add(began + when, token)
    figures = followed.statistics
    assert followed.text == "# abc"
    assert (figures.tokens, figures.full_steps, figures.partial_steps) == (3, 1, 1)
    assert figures.first_token == pytest.approx(2.0)
    assert figures.decode_rate == pytest.approx(2 / 0.75)
    assert figures.cache_bytes is None
    assert [token.text for token in followed.feed.trace.tokens] == ["a", "b", "c"]
    assert (followed.feed.run_id, followed.feed.trace.draft_start) == ("a run", 7)


# --- states ---


def test_its_states_come_in_order() -> None:
    first, second = ScriptedRun(), ScriptedRun()
    job = Told(in_turn(first.spec(), second.spec()))
    seen = [job.state]
    for act, state in (
        (job.start, "waiting"),
        (first.begin, "running"),
        (lambda: first.finish("a"), "waiting"),  # of the second
        (second.begin, "running"),
        (lambda: second.finish("b"), "finished"),
    ):
        act()
        wait(lambda state=state: job.state == state)
        seen.append(job.state)
    assert job.wait(30)
    assert seen == ["waiting", "waiting", "running", "waiting", "running", "finished"]
    assert (job.state, job.failed, job.message) == ("finished", False, None)
    assert job.calls == ["begun", "a", "begun", "b", "finish"]


def test_while_the_next_run_is_made_it_is_running() -> None:
    making, going_on = threading.Event(), threading.Event()

    def script() -> RunScript:
        yield ScriptedRun().finish("a").spec()
        making.set()
        assert going_on.wait(30)

    job = Told(script)
    job.start()
    assert making.wait(30)
    assert (job.state, job.done) == ("running", False)
    going_on.set()
    assert job.wait(30)
    assert job.state == "finished"


def test_a_run_that_fails_makes_it_fail() -> None:
    job = following(ScriptedRun().say("Half").fail("It broke."))
    assert job.wait(30)
    assert (job.state, job.failed, str(job.message)) == ("failed", True, "It broke.")
    assert job.calls == ["begun", "Half", "finish"]


# --- stopping ---


def test_one_that_is_stopped_before_its_start_generates_nothing(store: Store, session: Session) -> None:
    assert session.draft.edit("Mine.", 0)
    script = ScriptedRun()
    made = writing(script, "Mine.", session=session)
    made.stop()
    assert (made.state, made.stopping, made.done) == ("waiting", True, False)
    session.write(made)
    made.join(30)
    assert (made.state, made.text, session.draft.text, session.draft.busy) == ("stopped", "", "Mine.", False)
    assert (states(store, session), session.runs.entries) == ([("stopped", "")], [])


def test_to_stop_one_that_is_over_changes_nothing(store: Store, session: Session) -> None:
    made = into(session, ScriptedRun().finish("It stood."), 0, 0)
    made.join(30)
    made.stop()
    assert (made.state, made.stopping, session.draft.text) == ("finished", False, "It stood.")
    assert states(store, session) == [("finished", "")]


def test_one_that_is_stopped_between_two_runs_begins_no_other(store: Store, session: Session) -> None:
    first, second, closed = ScriptedRun().finish("a"), ScriptedRun(), threading.Event()

    def script() -> RunScript:
        try:
            yield first.spec()
            job.stop()
            yield second.spec()
        finally:
            closed.set()

    job = Told(script, session.runs)
    job.start()
    job.join(30)
    assert (job.state, second.run, closed.is_set()) == ("stopped", None, True)
    assert job.calls == ["begun", "a", "finish"]
    assert states(store, session) == [("finished", "")]


def test_a_script_is_not_asked_for_more_once_it_is_stopped() -> None:
    asked: list[str] = []

    def script() -> RunScript:
        yield ScriptedRun().say("a").do(lambda run: job.stop()).spec()
        asked.append("more")

    job = Told(script)
    job.start()
    assert job.wait(30)
    assert (job.state, asked) == ("stopped", [])


# --- what goes wrong ---


def test_what_goes_wrong_in_a_script_ends_it_with_the_reason_and_the_text_kept(store: Store, session: Session) -> None:
    def advance(before: str, text: str) -> RunSpec:
        raise ZeroDivisionError("odd")

    made = into(session, ScriptedRun().finish("It stood."), 0, 0, advance=advance)
    made.join(30)
    assert (made.state, made.failed, session.busy) == ("failed", True, False)
    assert str(made.message) == "The run could not go on: odd. What was written is kept."
    assert session.draft.text == read_draft(store, session.id) == "It stood."
    assert states(store, session) == [("failed", str(made.message))]
    assert [entry.state for entry in session.runs.entries] == ["failed"]


def test_what_goes_wrong_while_it_is_followed_stops_the_run(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Writing, text: str) -> None:
        raise RuntimeError("no more room")

    monkeypatch.setattr(Writing, "wrote", broken)
    script = ScriptedRun().say("It")
    made = into(session, script, 0, 0)
    made.join(30)
    assert script.run is not None
    assert (made.state, script.run.state, session.draft.busy) == ("failed", "stopped", False)
    assert "no more room" in str(made.message)


def test_what_goes_wrong_at_its_end_is_said(session: Session) -> None:
    class Ill(Told):
        def finish(self) -> None:
            raise AppError("It cannot be kept.")

    job = Ill(in_turn(ScriptedRun().finish("a").spec()), session.runs)
    job.start()
    job.join(30)
    assert (job.state, str(job.message)) == ("failed", "It cannot be kept.")


def test_a_script_may_go_on_without_a_run_that_was_refused() -> None:
    refused: list[str] = []

    def script() -> RunScript:
        yield ScriptedRun().finish("a").spec()
        try:
            yield ScriptedRun().spec()
        except AppError as error:
            refused.append(str(error))

    engine = FullEngine(takes=1)
    job = Told(script, engine=engine)
    job.start()
    assert job.wait(30)
    assert (job.state, refused) == ("finished", ["16 people are waiting already."])


# --- watched ---


def test_who_watches_is_woken_by_its_notifier_alone_to_its_end() -> None:
    script, told = ScriptedRun(), threading.Semaphore(0)
    job = Told(in_turn(script.spec()))
    looks: list[tuple[str, int]] = []

    def watch() -> None:
        seen = 0
        while not job.done:
            seen = job.notifier.wait(seen)
            looks.append((job.state, len(job.calls)))
            told.release()

    watcher = threading.Thread(target=watch)
    watcher.start()
    job.start()
    script.say("a")
    while looks[-1:] != [("running", 2)]:
        assert told.acquire(timeout=60)
    script.finish("b")
    watcher.join(60)
    assert looks[-1] == ("finished", 4)


def test_a_page_is_woken_in_its_loop_to_its_end() -> None:
    script = ScriptedRun()
    job = Told(in_turn(script.spec()))

    async def watch() -> list[str]:
        texts: list[str] = []
        with job.notifier.listen() as changed:
            job.start()
            await asyncio.to_thread(script.say, "a")
            while not job.done:
                changed.clear()
                texts.append("".join(call for call in job.calls if len(call) == 1))
                if texts[-1] == "a" and not script.run.done:  # type: ignore[union-attr]
                    await asyncio.to_thread(script.finish, "b")
                if not job.done:
                    await asyncio.wait_for(changed.wait(), 60)
            return texts

    assert "a" in asyncio.run(watch())
    assert job.calls == ["begun", "a", "b", "finish"]


def test_what_it_wrote_is_where_it_belongs_before_its_end_is_told() -> None:
    job = following(ScriptedRun().finish("a"))
    assert job.wait(30)
    assert job.calls[-1] == "finish"  # "late" if it had been done before


# --- words that nothing can hold ---


def test_control_characters_and_half_surrogates_of_a_model_reach_neither_text_nor_trace_nor_draft(
    store: Store, session: Session
) -> None:
    words = ("a\x00b", "\ud83d", "\ude00", "\r\n", "\x1b[0m", "\ud83d\ude00", "\ufffe", "é\n\t.")
    assert session.draft.edit("Mine. ", 0)
    made = into(session, ScriptedRun().finish(*words), 6, 6)
    made.join(30)
    valid = ["ab", "\ufffd", "\ufffd", "\n", "[0m", "😀", "", "é\n\t."]
    text = "".join(valid)
    assert made.text == text
    assert made.current is not None
    assert (made.current.text, made.current.run.state) == (text, "finished")
    assert [token.text for token in made.current.feed.trace.tokens] == valid
    assert session.draft.text == read_draft(store, session.id) == f"Mine. {text}"
    again = RunLibrary(store, session.id)
    opened = again.open(again.newest)
    assert opened is not None
    assert [token.text for token in opened.feed.trace.tokens] == valid
