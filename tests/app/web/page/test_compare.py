"""The part of the page that shows comparisons, without a page: what it sends, by component."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from app.methods import FULL_ATTENTION, REFRESHED
from app.project.commands import Commands
from app.project.session import Session
from app.project.sessions import Sessions
from app.web.context import AppContext
from app.web.html.comparison import comparison_html
from app.web.page.compare import Watch
from tests.app.conftest import held
from tests.app.project.test_comparison import compared, compared_request


def of(page: str) -> Any:
    """What that page sends with an event."""
    return SimpleNamespace(session_hash=page, headers={})


@dataclass(frozen=True)
class Shown:
    """A Watch, with the components that it gives values for."""

    watch: Watch
    html: gr.HTML
    run: gr.Button
    stop: gr.Button
    panel: gr.Accordion

    def running(self) -> dict[Any, Any]:
        return {
            self.run: gr.update(interactive=False), self.stop: gr.update(interactive=True),
            self.panel: gr.update(open=True),
        }  # fmt: skip

    def resting(self) -> dict[Any, Any]:
        return {self.run: gr.update(interactive=True), self.stop: gr.update(interactive=False)}


@pytest.fixture
def shown(commands: Commands, sessions: Sessions) -> Shown:
    with gr.Blocks():
        html, run, stop, panel = gr.HTML(), gr.Button(), gr.Button(), gr.Accordion()
    context = AppContext(commands, sessions, shared=False)
    return Shown(Watch(context, html, run, stop, panel), html, run, stop, panel)


def all_of(updates: AsyncIterator[Any]) -> list[Any]:
    async def take() -> list[Any]:
        return [update async for update in updates]

    return asyncio.run(take())


@pytest.mark.slow
def test_without_a_comparison_nothing_is_shown(shown: Shown, session: Session) -> None:
    first, end = all_of(shown.watch.follow(session.id, of("page")))
    assert first == {shown.html: "", **shown.resting()}
    assert end == gr.skip()


@pytest.mark.slow
def test_a_page_that_comes_back_watches_it_to_its_end(
    shown: Shown, commands: Commands, sessions: Sessions, session: Session
) -> None:
    async def watch() -> list[Any]:
        with held(commands.engine):
            compared(commands, session, max_new_tokens=60)
            sessions.leave("page")
            sessions.open("later", session.id)
            updates = shown.watch.follow(session.id, of("later"))
            first = await anext(updates)
        return [first, *[update async for update in updates]]

    first, *_, last, end = asyncio.run(watch())
    comparison = session.comparison
    assert comparison is not None
    assert comparison.done
    assert first.keys() == {shown.html, *shown.running()}
    assert {key: first[key] for key in shown.running()} == shown.running()
    assert last == {shown.html: comparison_html(comparison), **shown.resting()}
    assert end == gr.skip()


@pytest.mark.slow
def test_a_page_of_another_project_is_shown_nothing_of_it(
    shown: Shown, commands: Commands, sessions: Sessions, session: Session
) -> None:
    async def watch() -> list[Any]:
        updates = shown.watch.follow(session.id, of("page"))
        await anext(updates)
        sessions.create("page")
        return [update async for update in updates]

    with held(commands.engine):
        comparison = compared(commands, session)
        assert asyncio.run(watch()) == [gr.skip()]
        assert not comparison.done
        comparison.stop()
    comparison.join(60)


def test_stop_is_anybodys(shown: Shown, commands: Commands, sessions: Sessions, session: Session) -> None:
    sessions.open("another", session.id)
    with held(commands.engine):
        comparison = compared(commands, session)
        assert shown.watch.stop(session.id, of("another")) == gr.update(interactive=False)
    comparison.join(60)
    assert {trial.state for trial in comparison.trials} == {"stopped"}


@pytest.mark.slow
def test_what_is_asked_for_is_compared_and_shown(shown: Shown, session: Session) -> None:
    values = compared_request(max_new_tokens=2).fields.values()
    *_, last, _ = all_of(shown.watch.begin([REFRESHED, FULL_ATTENTION], session.id, of("page"), *values))
    assert session.comparison is not None
    assert [trial.name for trial in session.comparison.trials] == ["RefreshKV", "Full attention"]
    assert last == {shown.html: comparison_html(session.comparison), **shown.resting()}


def test_why_it_cannot_be_begun_is_said(shown: Shown, session: Session) -> None:
    values = compared_request().fields.values()
    (only,) = all_of(shown.watch.begin([REFRESHED], session.id, of("page"), *values))
    assert only.keys() == {shown.html}
    assert "at least two" in only[shown.html]
    assert session.comparison is None
