"""What a page is sent while a run writes: its own project's, a refusal that stays, and an end whatever happens."""

import asyncio
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from app.project.session import Session
from app.project.sessions import Sessions
from app.project.writing import Writing
from app.say.errors import AppError
from app.web.events import AppContext
from app.web.page.writing import Stream
from app.web.subscription import RunSubscription
from tests.app.conftest import wait
from tests.app.scripted import ScriptedEngine, ScriptedRun, into

REQUEST: Any = SimpleNamespace(session_hash="page")
NOTHING = [gr.skip()] * 10


@pytest.fixture
def stream(sessions: Sessions) -> Stream:
    desk: Any = SimpleNamespace(engine=ScriptedEngine())
    return Stream(AppContext(desk, sessions, shared=False))


def state(session: Session, **fields: Any) -> dict[str, Any]:
    return {"project": session.id, "text": session.draft.text, "revision": session.draft.revision, **fields}


async def taken(updates: Any, count: int) -> list[list[Any]]:
    """The first so many."""
    return [await anext(updates) for _ in range(count)]


async def rest(updates: Any) -> list[list[Any]]:
    return [update async for update in updates]


def buttons(update: list[Any]) -> list[bool]:
    return [button["interactive"] for button in update[4:]]


def test_a_run_is_shown_until_it_ends(stream: Stream, session: Session) -> None:
    script = ScriptedRun().say("It")
    made = into(session, script, 0, 0)
    wait(lambda: made.text == "It")

    async def look() -> tuple[list[Any], list[list[Any]]]:
        updates = stream.follow(session.id, REQUEST)
        (first,) = await taken(updates, 1)
        script.finish(" stood.")
        return first, await rest(updates)

    first, later = asyncio.run(look())
    assert (first[0]["kind"], first[0]["project"], first[0]["text"]) == ("stream", session.id, "It")
    assert buttons(first) == [True, *[False] * 5]
    assert (later[-2][0]["kind"], later[-2][0]["text"], buttons(later[-2])) == (
        "set",
        "It stood.",
        [False, *[True] * 5],
    )
    assert later[-1] == NOTHING


def test_a_page_that_opens_another_project_is_sent_nothing_more(
    stream: Stream, sessions: Sessions, session: Session
) -> None:
    script = ScriptedRun().say("It")
    made = into(session, script, 0, 0)

    async def look() -> list[list[Any]]:
        updates = stream.follow(session.id, REQUEST)
        await taken(updates, 1)
        sessions.create("page")
        script.say(" stood")
        return await rest(updates)

    assert asyncio.run(look()) == [NOTHING]
    assert not made.done
    script.finish()
    assert made.wait(30)
    assert session.draft.text == "It stood"


def test_a_project_in_which_nothing_was_written_shows_nothing_of_another(stream: Stream, session: Session) -> None:
    (update,) = asyncio.run(rest(stream.follow(session.id, REQUEST)))
    assert (update[1:3], buttons(update)) == (["", ""], [False, *[True] * 5])


def test_a_name_reaches_only_a_page_that_shows_its_project(
    stream: Stream, sessions: Sessions, session: Session
) -> None:
    office = stream._office
    name, others = office.named(session, REQUEST)
    assert (name, others["value"]) == ("Untitled", session.id)
    sessions.create("page")
    assert office.named(session, REQUEST) == [gr.skip(), gr.skip()]


def test_a_refusal_is_all_that_is_sent_also_after_a_run(stream: Stream, session: Session) -> None:
    assert into(session, ScriptedRun().finish("Written."), 0, 0).wait(30)

    def refused(session: Session, held: Any) -> Writing:
        raise AppError("Too long <for> it.")

    (update,) = asyncio.run(rest(stream.write(refused, state(session), REQUEST)))
    assert "Too long &lt;for&gt; it." in update[1]
    assert [*update[:1], *update[2:]] == NOTHING[1:]
    # The draft that the page does not know comes along.
    (update,) = asyncio.run(rest(stream.write(refused, state(session, text="older", revision=0), REQUEST)))
    assert update[0]["text"] == "Written."


def test_what_cannot_be_shown_leaves_a_draft_that_can_be_edited(
    stream: Stream, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = ScriptedRun().say("It")
    into(session, script, 0, 0)

    def broken(tail: RunSubscription) -> None:
        raise AssertionError("a race")

    monkeypatch.setattr(RunSubscription, "frame", broken)

    async def look() -> list[list[Any]]:
        updates = stream.follow(session.id, REQUEST)
        first = await taken(updates, 2)
        script.finish(" stood.")
        return first + await rest(updates)

    *waiting, last, end = asyncio.run(look())
    assert all(update == NOTHING for update in [*waiting, end])
    assert (last[0]["kind"], last[0]["text"], buttons(last)) == ("set", "It stood.", [False, *[True] * 5])
    assert 'role="alert"' in last[1]
