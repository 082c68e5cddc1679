"""What a page is sent while a run writes: its own project's, a refusal that stays, and an end whatever happens."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from itertools import pairwise
from typing import Any

import gradio as gr
import pytest
from gradio.utils import diff

from app.engine.queue import QueueFullError
from app.project.editor_state import EditorState
from app.project.session import INTERRUPTED, Session
from app.project.sessions import Sessions
from app.project.writing import Writing
from app.prompt.request import WriteRequest
from app.say.errors import AppError
from app.store import Store, begin_run, create_project
from app.web.page.projects import add_projects
from app.web.page.writing import FRAME_SECONDS, NOT_SHOWN, SILENT_SECONDS, answered
from app.web.subscription import RunSubscription
from tests.app.conftest import wait
from tests.app.scripted import ScriptedRun, into
from tests.app.web.log_reader import LogReader
from tests.app.web.page.streams import REQUEST, Shown, rest, taken
from tests.app.web.virtual_time import run_virtually

NOTHING = gr.skip()
RESTING, BUSY = [False, *[True] * 5], [True, *[False] * 5]
"""The buttons: Stop, and the five that begin something."""

BLANK = ("report", *[""] * (len(WriteRequest.names()) - 1))
"""The task's fields, with nothing in them."""


@pytest.fixture
def shown(sessions: Sessions) -> Shown:
    return Shown.of(sessions)


def state(session: Session, **fields: Any) -> dict[str, Any]:
    return {"project": session.id, "text": session.draft.text, "revision": session.draft.revision, **fields}


@pytest.mark.slow
def test_a_run_is_shown_until_it_ends(shown: Shown, session: Session) -> None:
    script = ScriptedRun().say("It")
    made = into(session, script, 0, 0)
    wait(lambda: made.text == "It")

    async def look() -> list[Any]:
        updates = shown.stream.follow(session.id, REQUEST)
        first = await taken(updates, 1)
        script.finish(" stood.")
        return first + await rest(updates)

    first, *_, last, end = asyncio.run(look())
    head, place, text = LogReader.of(first[shown.parts.editor]).parts
    assert (head["kind"], head["project"], place["kind"], text) == ("run", session.id, "place", "It")
    assert shown.buttons(first) == BUSY
    draft = LogReader.of(last[shown.parts.editor])
    assert (draft.text, draft.messages[-1]["kind"]) == ("It stood.", "over")
    assert shown.buttons(last) == RESTING
    assert end == NOTHING


@pytest.mark.slow
def test_gradio_sends_a_page_what_is_new_and_nothing_else(shown: Shown, session: Session) -> None:
    script = ScriptedRun().say("It")
    made = into(session, script, 0, 0)
    wait(lambda: made.text == "It")
    order = [*shown.parts.outputs, shown.map]

    async def look() -> list[list[Any]]:
        sent = []
        async with aclosing(shown.stream.follow(session.id, REQUEST)) as updates:
            for word in (" stood", " on", " the", " rock"):
                update = await anext(updates)
                sent.append([update.get(component, NOTHING) for component in order])
                script.say(word)
                wait(lambda: made.text.endswith(word))  # noqa: B023
        return sent

    sent = asyncio.run(look())
    edits = [edit for earlier, later in pairwise(sent) for edit in diff(earlier, later)]
    figures = order.index(shown.parts.rates)  # which are sent whole, now and then
    assert {kind for kind, path, _ in edits if path != [figures]} == {"append"}
    appended = [added for _, path, added in edits if path == [order.index(shown.parts.editor)]]
    assert appended == [" stood", " on", " the"]
    script.finish()
    assert made.wait(30)


@pytest.mark.slow
def test_a_page_that_opens_another_project_is_sent_nothing_more(
    shown: Shown, sessions: Sessions, session: Session
) -> None:
    script = ScriptedRun().say("It")
    made = into(session, script, 0, 0)

    async def look() -> list[Any]:
        updates = shown.stream.follow(session.id, REQUEST)
        await taken(updates, 1)
        sessions.create("page")
        script.say(" stood")
        return await rest(updates)

    assert asyncio.run(look()) == [NOTHING]
    assert not made.done
    script.finish()
    assert made.wait(30)
    assert session.draft.text == "It stood"


@pytest.mark.slow
def test_a_run_goes_on_without_the_page_that_began_it(shown: Shown, session: Session) -> None:
    script = ScriptedRun()

    def command(session: Session, editor: Any) -> Writing:
        return into(session, script, 0, 0)

    async def look() -> None:
        async with aclosing(shown.stream.begin(command, state(session), REQUEST, BLANK)) as updates:
            first = await anext(updates)
            assert shown.buttons(first) == BUSY
            assert len(session.writing.notifier._listeners) == 1  # type: ignore[union-attr]

    asyncio.run(look())
    made = session.writing
    assert made is not None
    assert (made.done, made.stopping) == (False, False)
    assert made.notifier._listeners == set()  # nobody is told any more
    script.finish("It stood.")
    assert made.wait(30)
    assert session.draft.text == "It stood."


@pytest.mark.slow
def test_a_page_that_was_closed_is_followed_no_longer(shown: Shown, session: Session) -> None:
    script = ScriptedRun().say("It")
    made = into(session, script, 0, 0)

    async def look() -> list[Any]:
        updates = shown.stream.follow(session.id, REQUEST)
        await taken(updates, 1)
        shown.context.left(REQUEST)
        return await rest(updates)

    assert run_virtually(look()) == [NOTHING]
    assert not made.done
    script.finish()
    assert made.wait(30)


def test_nothing_is_polled(shown: Shown, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that watches a run which waits hears of it when something changes, else now and then."""
    script = ScriptedRun()
    made = into(session, script, 0, 0)
    looks = 0
    update = RunSubscription.update

    def counted(subscription: RunSubscription) -> Any:
        nonlocal looks
        looks += 1
        return update(subscription)

    monkeypatch.setattr(RunSubscription, "update", counted)

    silent = FRAME_SECONDS + SILENT_SECONDS

    async def look() -> list[float]:
        times, updates = list[float](), shown.stream.follow(session.id, REQUEST)

        async def follow() -> None:
            async for _ in updates:
                times.append(asyncio.get_running_loop().time())

        await taken(updates, 1)
        following = asyncio.create_task(follow())
        await asyncio.sleep(2 * silent + 0.5)
        made.notifier.notify()  # told at once
        await asyncio.sleep(0.01)
        made.notifier.notify()  # and this one after a frame
        await asyncio.sleep(1.0)
        shown.context.left(REQUEST)
        await following
        return times

    *times, end = run_virtually(look())
    at_once = 2 * silent + 0.5
    assert times == pytest.approx([silent, 2 * silent, at_once, at_once + FRAME_SECONDS])
    assert end == pytest.approx(at_once + FRAME_SECONDS + silent + FRAME_SECONDS)  # changes nothing
    assert looks == 1 + len(times)
    script.finish()
    assert made.wait(30)


def test_a_project_in_which_nothing_was_written_shows_nothing_of_another(shown: Shown, session: Session) -> None:
    (update,) = asyncio.run(rest(shown.stream.follow(session.id, REQUEST)))
    assert (update[shown.parts.progress], update[shown.parts.rates]) == ("", "")
    assert shown.buttons(update) == RESTING
    assert shown.parts.editor not in update
    assert shown.map not in update


@pytest.mark.slow
def test_a_run_that_ended_with_the_app_is_mentioned_until_another_begins(
    shown: Shown, sessions: Sessions, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = create_project(store, "Tides").id
    begin_run(store, project, 0, {})
    monkeypatch.setattr("app.store.runs._is_alive", lambda owner: False)
    session = sessions.open("page", project)
    (update,) = asyncio.run(rest(shown.stream.follow(project, REQUEST)))
    assert INTERRUPTED in update[shown.parts.progress]
    assert shown.buttons(update) == RESTING
    assert into(session, ScriptedRun().finish("It"), 0, 0).wait(30)
    update, _ = asyncio.run(rest(shown.stream.follow(project, REQUEST)))
    assert INTERRUPTED not in update[shown.parts.progress]


@pytest.mark.slow
def test_a_name_reaches_only_a_page_that_shows_its_project(shown: Shown, sessions: Sessions, session: Session) -> None:
    with gr.Blocks():
        projects = add_projects(shown.context)
    update = projects.named(shown.context, session, REQUEST)
    assert (update[projects.name], update[projects.others]["value"]) == ("Untitled", session.id)
    sessions.create("page")
    assert projects.named(shown.context, session, REQUEST) == {projects.name: NOTHING}


@pytest.mark.slow
def test_a_page_that_is_refused_since_another_writes_is_shown_what_that_writes(
    shown: Shown, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned: list[str] = []
    monkeypatch.setattr("app.web.page.writing.warn", warned.append)
    script = ScriptedRun().say("It")
    made = into(session, script, 0, 0)
    wait(lambda: made.text == "It")

    def refused(session: Session, editor: Any) -> Writing:
        raise AppError("You are writing already. Stop that first.")

    async def look() -> list[Any]:
        updates = shown.stream.begin(refused, state(session), REQUEST, BLANK)
        first = await taken(updates, 1)
        script.finish(" stood.")
        return first + await rest(updates)

    first, *_, last, _ = asyncio.run(look())
    assert warned == ["You are writing already. Stop that first."]
    assert (shown.buttons(first), shown.buttons(last)) == (BUSY, RESTING)
    assert LogReader.of(last[shown.parts.editor]).text == "It stood."


def test_a_refusal_is_all_that_is_sent_also_after_a_run(shown: Shown, session: Session) -> None:
    assert into(session, ScriptedRun().finish("Written."), 0, 0).wait(30)

    def refused(session: Session, editor: Any) -> Writing:
        raise AppError("Too long <for> it.")

    (update,) = asyncio.run(rest(shown.stream.begin(refused, state(session), REQUEST, BLANK)))
    assert update.keys() == {shown.parts.progress}
    assert "Too long &lt;for&gt; it." in update[shown.parts.progress]
    # The draft that the page does not know comes along.
    older = state(session, text="older", revision=0)
    (update,) = asyncio.run(rest(shown.stream.begin(refused, older, REQUEST, BLANK)))
    assert update.keys() == {shown.parts.progress, shown.parts.editor}
    assert update[shown.parts.editor]["text"] == "Written."


def test_a_refusal_goes_when_something_else_would_be_asked_for(shown: Shown, session: Session) -> None:
    def refused(session: Session, editor: Any) -> Writing:
        raise AppError("There is nothing to write about.")

    def left(*values: Any) -> dict[Any, Any]:
        return answered(shown.context, session, shown.parts, values, REQUEST)

    def refuse(**fields: Any) -> None:
        (update,) = asyncio.run(rest(shown.stream.begin(refused, state(session, **fields), REQUEST, BLANK)))
        assert "There is nothing" in update[shown.parts.progress]
        assert left(*BLANK) == {}

    gone = {shown.parts.progress: ""}
    assert left(*BLANK) == {}
    refuse()
    assert left("report", "the rock", *BLANK[2:]) == gone
    assert left(*BLANK) == {}  # once
    refuse()
    session.sources.paste("The light stood on the rock.")
    assert left(*BLANK) == gone
    refuse()
    assert session.draft.edit("Mine.", session.draft.revision)
    assert left(*BLANK) == gone
    refuse()
    assert into(session, ScriptedRun().finish("Written."), 0, 0).wait(30)
    refuse(text="older", revision=0)  # the page is told the draft as it is


@pytest.mark.slow
def test_what_cannot_be_shown_leaves_a_draft_that_can_be_edited(
    shown: Shown, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = ScriptedRun().say("It")
    into(session, script, 0, 0)

    def broken(subscription: RunSubscription) -> None:
        raise AssertionError("a race")

    monkeypatch.setattr(RunSubscription, "update", broken)

    async def look() -> list[Any]:
        updates = shown.stream.follow(session.id, REQUEST)
        first = await taken(updates, 2)
        script.finish(" stood.")
        return first + await rest(updates)

    *waiting, last, end = asyncio.run(look())
    assert all(update == NOTHING for update in [*waiting, end])
    message = last[shown.parts.editor]
    assert (message["kind"], message["text"]) == ("set", "It stood.")
    assert shown.buttons(last) == RESTING
    assert 'role="alert"' in last[shown.parts.progress]
    assert NOT_SHOWN in last[shown.parts.progress]


def stood(shown: Shown, session: Session, script: ScriptedRun, act: Callable[[Any], object]) -> tuple[list[Any], Any]:
    """What a page is sent that presses Write before a full queue, and `act`s when it has been told so."""
    engine: Any = shown.context.commands.engine
    engine.full = True
    asked: list[str] = []

    def command(session: Session, editor: EditorState) -> Writing:
        asked.append(editor.text)
        if engine.full:
            raise QueueFullError("{} people are waiting already.", 16)
        return into(session, script, 0, 0)

    async def look() -> list[Any]:
        state = {"text": session.draft.text, "revision": session.draft.revision, "project": session.id}
        updates = shown.stream.begin(command, state, REQUEST, ())
        first = await anext(updates)
        act(engine)
        engine.notifier.notify()
        return [first, *await rest(updates)]

    return asyncio.run(look()), asked


def test_whom_a_full_queue_refuses_keeps_their_place_and_presses_nothing_again(shown: Shown, session: Session) -> None:
    script = ScriptedRun().finish("It stood.")

    def make_room(engine: Any) -> None:
        assert session.draft.edit("Typed on. ", session.draft.revision)
        engine.full = False

    updates, asked = stood(shown, session, script, make_room)
    assert "You keep your place" in updates[0][shown.parts.progress]
    assert "before you in the line: 0" in updates[0][shown.parts.progress]
    assert shown.buttons(updates[0]) == [True, *[False] * 5]
    assert asked == ["", "Typed on. "]
    assert session.writing is not None
    assert session.writing.wait(30)
    assert "It stood." in session.draft.text
    assert len(shown.context.line) == 0


def test_stop_gives_the_place_up(shown: Shown, session: Session) -> None:
    updates, asked = stood(shown, session, ScriptedRun(), lambda _: shown.stream.stop(session.id, REQUEST))
    assert (asked, session.writing, len(shown.context.line)) == ([""], None, 0)
    assert updates[-1][shown.parts.progress] == ""
    assert shown.buttons(updates[-1]) == RESTING


def test_who_comes_later_stands_behind_and_a_page_that_goes_gives_its_place_up(
    shown: Shown, sessions: Sessions, session: Session
) -> None:
    assert shown.context.line.join("another")
    updates, asked = stood(shown, session, ScriptedRun(), lambda _: sessions.leave("page"))
    assert asked == []
    assert "before you in the line: 1" in updates[0][shown.parts.progress]
    assert shown.context.line.before(session.id) is None
