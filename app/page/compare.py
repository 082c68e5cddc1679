"""Comparing methods: the same request under each of them, side by side."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr

from app import panels
from app.compare import Comparison
from app.compare_view import comparison_html
from app.desk import FULL_ATTENTION, REFRESHKV, Ask
from app.errors import AppError
from app.page.events import QUIET, STREAMING, Office, worded, wording
from app.page.task import TaskFields, ask_of
from app.page.words import words
from app.prompts import trim_draft
from app.session import Session
from app.tasks import TASKS
from app.wording import ENGLISH, Wording
from core import Policy

FRAME_SECONDS = 0.15

NEVER_REFRESHED = "NeverRefreshed"
TITLES = {
    REFRESHKV: "RefreshKV",
    FULL_ATTENTION: "Full attention",
    NEVER_REFRESHED: "Small cache, never refreshed",
}
"""The methods on offer by key, as the columns are headed."""


def add_compare(office: Office, project: gr.BrowserState, fields: TaskFields) -> tuple[Callable[..., str], gr.HTML]:
    """The methods to choose from, two buttons, and what each method wrote. Returns what a page that comes back is shown
    of the latest comparison of its project, and where."""
    comparisons: WeakKeyDictionary[Session, Comparison] = WeakKeyDictionary()
    with gr.Accordion(words("compare"), open=False, elem_id="compare"):
        labels = [words("refreshkv_set"), words("full_attention"), words("never_refreshed")]
        chosen = gr.CheckboxGroup(
            list(zip(labels, TITLES, strict=True)),  # type: ignore[arg-type]
            value=[REFRESHKV, FULL_ATTENTION], label=words("methods"), elem_id="compare-methods",
        )  # fmt: skip
        with gr.Row(elem_id="compare-commands"):
            run = gr.Button(words("compare_run"), elem_id="compare-run", min_width=130)
            stop = gr.Button(words("stop"), variant="stop", interactive=False, elem_id="compare-stop", min_width=80)
        shown = gr.HTML(elem_id="comparison")

    def begin(chosen: list[str] | None, project: str, request: gr.Request, *values: Any) -> list[Any]:
        session = office.session(project, request)
        under_way = comparisons.get(session)
        try:
            if under_way is not None and not (under_way.done or under_way.stopped):
                raise AppError("Methods are being compared already. Stop that first.")
            comparisons[session] = comparison_of(office, session, ask_of(values), chosen or [])
        except AppError as error:
            return [panels.notice(worded(error, request)), gr.skip(), gr.skip()]
        return [comparison_html(comparisons[session], wording(request)), *_buttons(running=True)]

    async def follow(project: str, request: gr.Request) -> AsyncIterator[list[Any]]:
        session, page, say = office.session(project, request), request.session_hash, wording(request)
        comparison = comparisons.get(session)
        if comparison is None or comparison.done:
            yield [gr.skip()] * 3
            return
        try:
            latest = ""
            while not comparison.done and page in session.pages:
                html = await asyncio.to_thread(advanced, comparison, say)
                new = html != latest and page in session.pages
                # Also if nothing is new: Gradio looks only then whether the page is still there.
                yield [html if new else gr.skip(), gr.skip(), gr.skip()]
                latest = html
                await asyncio.sleep(FRAME_SECONDS)
            # Else what the page shows now is of another project, see `again`.
            html = comparison_html(comparison, say) if page in session.pages else gr.skip()
            yield [html, *_buttons(running=False)]
        finally:
            comparison.stop()  # the page was closed or shows another project, and nobody else follows it

    def again(project: str, request: gr.Request) -> str:
        return shown_again(comparisons.get(office.session(project, request)), wording(request))

    def halt(project: str, request: gr.Request) -> Any:
        comparison = comparisons.get(office.session(project, request))
        if comparison is not None:
            comparison.stop()
        return gr.update(interactive=False)

    started = run.click(begin, [chosen, project, *fields.all], [shown, run, stop], **QUIET)
    started.success(follow, project, [shown, run, stop], **STREAMING)
    stop.click(halt, project, stop, queue=False, **QUIET)
    return again, shown


def advanced(comparison: Comparison, say: Wording = ENGLISH) -> str:
    """Take in what it has done, and show it. Finding the differences takes a while: not for the event loop."""
    comparison.advance()
    return comparison_html(comparison, say)


def shown_again(comparison: Comparison | None, say: Wording = ENGLISH) -> str:
    """The latest comparison of a project, for a page that comes to it; one that is under way is driven by another."""
    if comparison is None:
        return ""
    return advanced(comparison, say) if comparison.stopped else comparison_html(comparison, say)


def comparison_of(office: Office, session: Session, ask: Ask, chosen: list[str]) -> Comparison:
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
    return Comparison(desk.engine, request, [(TITLES[key], _policy(ask, key)) for key in methods], opening)


def _policy(ask: Ask, key: str) -> Policy:
    if key == NEVER_REFRESHED:
        return replace(ask, method=REFRESHKV, stride=int(ask.max_new_tokens or 0) + 1, threshold=None).policy()
    return replace(ask, method=key).policy()


def _buttons(*, running: bool) -> list[Any]:
    return [gr.update(interactive=not running), gr.update(interactive=running)]
