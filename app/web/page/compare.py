"""Comparing methods: the same request under each of them, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.methods import DEFAULT_METHOD, FULL_ATTENTION, REFRESHED
from app.project.commands import COMPARED
from app.project.session import Session
from app.say.errors import AppError
from app.web.context import AppContext
from app.web.events import FOLLOWING, QUIET, worded, wording
from app.web.frames import frames
from app.web.html import panels
from app.web.html.comparison import comparison_html
from app.web.page.labels import titled, words
from app.web.page.task import TaskFields, fields_of

FRAME_SECONDS = 0.25
"""Between two updates, each of which brings all texts again."""


@dataclass(frozen=True)
class CompareParts:
    """What a page that comes to a project is shown of its comparison: `follow` into `outputs`. `written`: the event
    that is over when a comparison is."""

    follow: Callable[..., AsyncIterator[dict[Any, Any]]]
    outputs: list[Any]
    written: Any


def add_compare(context: AppContext, project: gr.BrowserState, fields: TaskFields) -> CompareParts:
    """The methods to choose from, two buttons, and what each method wrote."""
    with gr.Accordion(words("compare"), open=False, elem_id="compare") as panel:
        chosen = gr.CheckboxGroup(
            [(titled(title), key) for key, title in COMPARED.items()],  # type: ignore[misc]
            value=[DEFAULT_METHOD, REFRESHED, FULL_ATTENTION], label=words("methods"), elem_id="compare-methods",
        )  # fmt: skip
        with gr.Row(elem_id="compare-commands"):
            run = gr.Button(words("compare_run"), elem_id="compare-run", min_width=130)
            stop = gr.Button(words("stop"), variant="stop", interactive=False, elem_id="compare-stop", min_width=80)
        shown = gr.HTML(elem_id="comparison")
    watch = Watch(context, shown, run, stop, panel)
    written = run.click(watch.begin, [chosen, project, *fields.all], watch.outputs, **FOLLOWING)
    stop.click(watch.stop, project, stop, queue=False, **QUIET)
    return CompareParts(watch.follow, watch.outputs, written)


class Watch:
    """Begins comparisons, and shows those that were begun: they go on without a page."""

    def __init__(
        self, context: AppContext, shown: gr.HTML, run: gr.Button, stop: gr.Button, panel: gr.Accordion
    ) -> None:
        """For all pages."""
        self._context, self._html, self._run, self._stop, self._panel = context, shown, run, stop, panel
        self.outputs: list[Any] = [shown, run, stop, panel]

    async def begin(
        self, chosen: list[str] | None, project: str, request: gr.Request, *values: Any
    ) -> AsyncIterator[dict[Any, Any]]:
        """Compare, and show it. While a comparison is under way, also one begun on another page, that is shown."""
        session = await asyncio.to_thread(self._context.session, project, request)

        def compare() -> None:
            asked = self._context.commands.request(**fields_of(values))
            self._context.commands.compare(session, asked, chosen or [])

        try:
            await asyncio.to_thread(compare)
        except AppError as error:
            under_way = session.comparison
            if under_way is None or under_way.done:
                yield {self._html: panels.notice(worded(error, request))}
                return
            gr.Info(panels.escape(worded(error, request)))
        async for update in self._shown(session, request):
            yield update

    async def follow(self, project: str, request: gr.Request) -> AsyncIterator[dict[Any, Any]]:
        """Show the latest comparison of the project, to its end if it is under way; if there was none, nothing."""
        session = await asyncio.to_thread(self._context.session, project, request)
        async for update in self._shown(session, request):
            yield update

    def stop(self, project: str, request: gr.Request) -> Any:
        """Stop the comparison of this page's project, whichever page began it."""
        comparison = self._context.session(project, request).comparison
        if comparison is not None:
            comparison.stop()
        return gr.update(interactive=False)

    async def _shown(self, session: Session, request: gr.Request) -> AsyncIterator[dict[Any, Any]]:
        """Updates for as long as the page shows the session."""
        context, say, comparison = self._context, wording(request), session.comparison
        if comparison is not None:

            def going() -> bool:
                return not comparison.done and context.shows(session, request)

            async for _ in frames(comparison.notifier, going, FRAME_SECONDS):
                html = await asyncio.to_thread(comparison_html, comparison, say)
                if context.shows(session, request):  # it may have gone over to another project meanwhile
                    yield {self._html: html, **self._states(running=True)}
        if context.shows(session, request):
            html = comparison_html(comparison, say) if comparison else ""
            yield {self._html: html, **self._states(running=False)}
        await asyncio.sleep(FRAME_SECONDS)  # a browser may drop what comes close before the next
        yield gr.skip()  # Gradio sends the last once more, when the page may show another project

    def _states(self, *, running: bool) -> dict[Any, Any]:
        """Of the two buttons, and of what holds them: a page that comes to a comparison under way is to see it."""
        states = {self._run: gr.update(interactive=not running), self._stop: gr.update(interactive=running)}
        return {**states, self._panel: gr.update(open=True)} if running else states
