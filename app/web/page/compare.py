"""Comparing methods: the same request under each of them, side by side."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from app.project.comparison import Comparison
from app.project.session import Session
from app.project.trial_runs import TrialRuns
from app.prompt.messages import trim_draft
from app.prompt.request import FULL_ATTENTION, REFRESHKV, WriteRequest
from app.prompt.tasks import TASKS
from app.say.errors import AppError
from app.web.html import panels
from app.web.html.comparison import comparison_html
from app.web.page.events import QUIET, AppContext, worded, wording
from app.web.page.labels import words
from app.web.page.task import TaskFields, ask_of
from app.web.page.writing import FOLLOWING, SILENT_SECONDS
from core import Policy

FRAME_SECONDS = 0.15

NEVER_REFRESHED = "NeverRefreshed"
TITLES = {
    REFRESHKV: "RefreshKV",
    FULL_ATTENTION: "Full attention",
    NEVER_REFRESHED: "Small cache, never refreshed",
}
"""The methods on offer by key, as the columns are headed."""


@dataclass(frozen=True)
class CompareParts:
    """What a page that comes to a project is shown of its comparison: `follow` into `outputs`. `written`: the event
    that is over when a comparison is."""

    follow: Callable[..., AsyncIterator[list[Any]]]
    outputs: list[Any]
    written: Any


def add_compare(office: AppContext, project: gr.BrowserState, fields: TaskFields) -> CompareParts:
    """The methods to choose from, two buttons, and what each method wrote."""
    with gr.Accordion(words("compare"), open=False, elem_id="compare") as panel:
        labels = [words("refreshkv_set"), words("full_attention"), words("never_refreshed")]
        chosen = gr.CheckboxGroup(
            list(zip(labels, TITLES, strict=True)),  # type: ignore[arg-type]
            value=[REFRESHKV, FULL_ATTENTION], label=words("methods"), elem_id="compare-methods",
        )  # fmt: skip
        with gr.Row(elem_id="compare-commands"):
            run = gr.Button(words("compare_run"), elem_id="compare-run", min_width=130)
            stop = gr.Button(words("stop"), variant="stop", interactive=False, elem_id="compare-stop", min_width=80)
        shown = gr.HTML(elem_id="comparison")
    watch, outputs = Watch(office), [shown, run, stop, panel]
    written = run.click(watch.begin, [chosen, project, *fields.all], outputs, **FOLLOWING)
    stop.click(watch.stop, project, stop, queue=False, **QUIET)
    return CompareParts(watch.follow, outputs, written)


class Watch:
    """Begins comparisons, and shows those that were begun: they go on without a page."""

    def __init__(self, office: AppContext) -> None:
        """For all pages."""
        self._office = office

    async def begin(
        self, chosen: list[str] | None, project: str, request: gr.Request, *values: Any
    ) -> AsyncIterator[list[Any]]:
        """Compare, and show it. While a comparison is under way, also one begun on another page, that is shown."""
        session = await asyncio.to_thread(self._office.session, project, request)

        def compare() -> None:
            session.compare(comparison_of(self._office, session, ask_of(values), chosen or []))

        try:
            await asyncio.to_thread(compare)
        except AppError as error:
            under_way = session.comparison
            if under_way is None or under_way.done:
                yield [panels.notice(worded(error, request)), *[gr.skip()] * 3]
                return
            gr.Info(panels.escape(worded(error, request)))
        async for update in self._shown(session, request):
            yield update

    async def follow(self, project: str, request: gr.Request) -> AsyncIterator[list[Any]]:
        """Show the latest comparison of the project, to its end if it is under way; if there was none, nothing."""
        session = await asyncio.to_thread(self._office.session, project, request)
        async for update in self._shown(session, request):
            yield update

    def stop(self, project: str, request: gr.Request) -> Any:
        """Stop the comparison of this page's project, whichever page began it."""
        comparison = self._office.session(project, request).comparison
        if comparison is not None:
            comparison.stop()
        return gr.update(interactive=False)

    async def _shown(self, session: Session, request: gr.Request) -> AsyncIterator[list[Any]]:
        """Updates for as long as the page shows the session."""
        page, say, comparison = request.session_hash, wording(request), session.comparison
        latest, shown, states = "", 0.0, _states(running=True)
        while comparison is not None and not comparison.done and page in session.pages:
            html = await asyncio.to_thread(comparison_html, comparison, say)
            if page not in session.pages:  # it went over to another project meanwhile
                break
            now = time.monotonic()
            if html != latest or now - shown > SILENT_SECONDS:  # as for what is written, see Stream
                yield [gr.skip() if html == latest else html, *states]
                latest, shown, states = html, now, [gr.skip()] * 3
            await asyncio.sleep(FRAME_SECONDS)
        if page in session.pages:
            yield [comparison_html(comparison, say) if comparison else "", *_states(running=False)]
        await asyncio.sleep(FRAME_SECONDS)  # a browser may drop what comes close before the next
        yield [gr.skip()] * 4  # Gradio sends the last once more, when the page may show another project


def comparison_of(office: AppContext, session: Session, ask: WriteRequest, chosen: list[str]) -> Comparison:
    """What the page's fields ask for, under each method chosen. Raises AppError.

    All sample with one seed, a random one if none is set.
    """
    methods = [key for key in TITLES if key in chosen]
    if len(methods) < 2:
        raise AppError("Choose at least two methods to compare.")
    desk, task = office.desk, TASKS[ask.task]
    opening = task.opening(ask.detail, ask.shape)
    draft = trim_draft(desk.seen(ask, session.draft.text)) if ask.task == "continue" else opening
    composed = desk.compose(session, task.instruction(ask.detail, ask.shape), draft)
    seeded = replace(ask, seed=secrets.randbelow(2**31) if ask.seed is None else ask.seed)
    request = desk.request(composed, seeded, int(ask.max_new_tokens or 0))
    runs = TrialRuns(session.runs, desk.engine, composed, desk.settings_of, seeded.values)
    return Comparison(desk.engine, request, [(TITLES[key], _policy(ask, key)) for key in methods], opening, runs)


def _policy(ask: WriteRequest, key: str) -> Policy:
    if key == NEVER_REFRESHED:
        return replace(ask, method=REFRESHKV, stride=int(ask.max_new_tokens or 0) + 1, threshold=None).policy()
    return replace(ask, method=key).policy()


def _states(*, running: bool) -> list[Any]:
    """Of the two buttons, and of what holds them: a page that comes to a comparison under way is to see it."""
    panel = gr.update(open=True) if running else gr.skip()
    return [gr.update(interactive=not running), gr.update(interactive=running), panel]
