"""Writing: the buttons around the draft, and the stream of what a run does while it does it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, get_args

import gradio as gr

from app.engine.queue import QueueFullError
from app.project.commands import Where
from app.project.editor_state import EditorState
from app.project.session import Session
from app.project.writing import Writing
from app.runs.feed import Json
from app.say.errors import AppError
from app.web.components.cache_map import CacheMap
from app.web.components.editor import DraftEditor, set_message
from app.web.components.figures import Figures
from app.web.components.preview import DraftPreview
from app.web.components.reading_plan import ReadingPlanView
from app.web.context import AppContext
from app.web.events import FOLLOWING, QUIET, READ_EDITOR, warn, worded, wording
from app.web.html import panels
from app.web.page.labels import words
from app.web.page.task import TaskFields, fields_of
from app.web.subscription import RunSubscription, Update

FRAME_SECONDS, SILENT_SECONDS = 0.2, 1.0
"""Between two updates at least, and at most: Gradio looks only then whether the page is still there. A browser on the
same two cores takes over half a core for twelve updates a second, which decoding then lacks (docs/benchmarks.md)."""

STANDING = (
    "The queue is full. You keep your place and it begins by itself while this page is open; before you in the line: "
    "{}. Stop gives it up."
)
NOT_SHOWN = "What was written could not be shown while it came. It is kept, and is in the draft now."

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WritingParts:
    """The components that a run changes."""

    editor: DraftEditor
    write: gr.Button
    resume: gr.Button
    here: gr.Button
    stop: gr.Button
    undo: gr.Button
    redo: gr.Button
    save: gr.Button
    progress: gr.HTML
    plan: gr.Column
    rates: Figures

    @property
    def begins(self) -> list[Any]:
        """What a run begins with."""
        return [self.write.click, self.resume.click, self.here.click, self.editor.passage]

    @property
    def outputs(self) -> list[Any]:
        """All that a run changes but the map."""
        return [self.editor, self.progress, self.rates, self.stop, *self._resting]

    def states(self, *, writing: bool) -> dict[Any, Any]:
        """Which buttons can be pressed."""
        resting = dict.fromkeys(self._resting, gr.update(interactive=not writing))
        return {self.stop: gr.update(interactive=writing), **resting}

    @property
    def _resting(self) -> list[gr.Button]:
        """Those that rest while a run writes."""
        return [self.write, self.resume, self.here, self.undo, self.redo]


def add_writing(preview: DraftPreview | None = None) -> WritingParts:
    """The buttons, the line that says how far a run is, a place for what is going to be read, the editor with its
    preview, and its figures. Nothing can be pressed until the page knows how its project is."""
    resting: dict[str, Any] = {"interactive": False}
    with gr.Column(elem_id="bar"):
        with gr.Column(elem_id="actions"):  # at the foot of a narrow screen, so that they are always in sight
            with gr.Row(elem_id="commands"):
                write = gr.Button(words("write"), variant="primary", elem_id="write", min_width=90, **resting)
                resume = gr.Button(words("continue"), elem_id="continue", min_width=90, **resting)
                stop = gr.Button(words("stop"), variant="stop", elem_id="stop", min_width=80, **resting)
            progress = gr.HTML(elem_id="progress")
        with gr.Row(elem_id="edits"):
            here = gr.Button(words("here"), elem_id="here", min_width=130, **resting)
            undo = gr.Button(words("undo"), elem_id="undo", min_width=70, **resting)
            redo = gr.Button(words("redo"), elem_id="redo", min_width=70, **resting)
            save = gr.Button(words("save_version"), elem_id="save-version", min_width=100)
    plan = gr.Column(elem_id="plan")
    if preview is not None:
        preview.render()
    editor = DraftEditor(elem_id="draft")
    rates = Figures(elem_id="rates")
    return WritingParts(editor, write, resume, here, stop, undo, redo, save, progress, plan, rates)


def draft_message(session: Session, select: tuple[int, int] | None = None) -> Json:
    """The whole draft, for a page that shows something else."""
    state = session.draft.state
    return set_message(
        state.text, state.revision, select, project=session.id, last=state.written, previous=session.instead_of,
        running=session.busy, proposal=state.proposal,
    )  # fmt: skip


def answered(
    context: AppContext, session: Session, parts: WritingParts, values: tuple[Any, ...], request: gr.Request
) -> dict[Any, Any]:
    """Say no more why something could not be begun, once the task, the sources or the draft are other ones."""
    view = context.view(session, request)
    if view.refused in (None, _asked(session, session.draft.text, values)):
        return {}
    view.refused = None
    return {parts.progress: ""}


def _asked(session: Session, text: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """All that a run is made of."""
    return fields_of(values), session.sources.version, text


def wire_writing(
    context: AppContext, project: gr.BrowserState, fields: TaskFields, parts: WritingParts, plan: ReadingPlanView,
    the_map: CacheMap,
) -> list[Any]:  # fmt: skip
    """What the buttons do, those of the plan too. Returns the events, each of which is over when its run is."""
    stream = Stream(context, parts, the_map)

    def write(where: Where) -> Any:
        async def call(state: Any, project: str, request: gr.Request, *values: Any) -> AsyncIterator[dict[Any, Any]]:
            def command(session: Session, editor: EditorState) -> Writing:
                return context.commands.write(session, asked(session, values), editor, where)

            async for update in stream.begin(command, state, request, values):
                yield update

        return call

    async def passage(
        project: str, request: gr.Request, event: gr.EventData, *values: Any
    ) -> AsyncIterator[dict[Any, Any]]:
        data = event._data if isinstance(event._data, dict) else {}
        kind, wish = str(data.get("kind")), str(data.get("wish") or "")

        def command(session: Session, editor: EditorState) -> Writing:
            if kind == "again":
                return context.commands.write(session, asked(session, values), editor, "again")
            return context.commands.propose(session, asked(session, values), editor, kind, wish)

        async for update in stream.begin(command, event._data, request, values):
            yield update

    async def section(
        state: Any, project: str, request: gr.Request, event: gr.EventData, *values: Any
    ) -> AsyncIterator[dict[Any, Any]]:
        data = event._data if isinstance(event._data, dict) else {}

        def command(session: Session, editor: EditorState) -> Writing:
            return context.commands.write_section(session, asked(session, values), editor, str(data.get("value")))

        async for update in stream.begin(command, state, request, values):
            yield update

    def asked(session: Session, values: tuple[Any, ...]) -> Any:
        typed = fields_of(values)
        session.keep_task(typed)
        return context.commands.request(**typed)

    outputs = [*parts.outputs, the_map]
    events: list[Any] = []
    for button, where in zip((parts.write, parts.resume, parts.here), get_args(Where), strict=False):
        events.append(
            button.click(write(where), [parts.editor, project, *fields.all], outputs, js=READ_EDITOR, **FOLLOWING)
        )
    events.append(plan.again(section, [parts.editor, project, *fields.all], outputs, js=READ_EDITOR, **FOLLOWING))
    events.append(parts.editor.passage(passage, [project, *fields.all], outputs, **FOLLOWING))
    parts.stop.click(stream.stop, project, parts.stop, queue=False, **QUIET)
    return events


class Stream:
    """Begins runs and follows them."""

    def __init__(self, context: AppContext, parts: WritingParts, the_map: CacheMap) -> None:
        """For all pages."""
        self._context, self._parts, self._map = context, parts, the_map
        self._line = context.line

    async def begin(
        self,
        command: Callable[[Session, EditorState], Writing],
        state: Any,
        request: gr.Request,
        values: tuple[Any, ...],
    ) -> AsyncIterator[dict[Any, Any]]:
        """Begin to write and show it; why it cannot be begun is said where the progress stands, and stays there until
        something else would be asked for, see `answered`. `values` are those of the task's fields."""
        parts = self._parts
        session, editor = await asyncio.to_thread(self._context.held, state, request)
        try:
            writing: Writing | None = None
            while writing is None:
                try:
                    if len(self._line) and self._line.before(session.id) != 0:  # others were refused before
                        raise QueueFullError("Others wait for a place in the queue.")
                    writing = await asyncio.to_thread(command, session, editor)
                except QueueFullError:
                    if not self._line.join(session.id):
                        raise
                    async for update in self._standing(session, request):
                        yield update
                    if self._line.before(session.id) is None:  # it was given up
                        yield {parts.progress: "", **parts.states(writing=False)}
                        return
                    now = session.draft.state
                    editor = replace(editor, text=now.text, revision=now.revision)
        except AppError as error:
            other = session.writing
            if other is not None and not other.done:  # in another window: shown here too from now on
                warn(worded(error, request))
                async for update in self._shown(session, other, request):
                    yield update
                return
            stale = editor.text != session.draft.text
            text = editor.text if session.draft.takes(editor.revision, editor.page) else session.draft.text
            self._context.view(session, request).refused = _asked(session, text, values)
            said = {parts.progress: panels.notice(worded(error, request))}
            yield {**said, parts.editor: draft_message(session)} if stale else said
            return
        finally:
            self._line.leave(session.id)
        if editor.project != session.id:  # in place of one that is gone
            yield {parts.editor: draft_message(session)}
        view = self._context.view(session, request)
        view.refused = None
        if not writing.insertion.proposes:
            view.run = None
        async for update in self._shown(session, writing, request):
            yield update

    async def _standing(self, session: Session, request: gr.Request) -> AsyncIterator[dict[Any, Any]]:
        """Say the place before the full queue until it is the first and the queue has room, or it is given up."""
        parts, line, engine, say = self._parts, self._line, self._context.commands.engine, wording(request)
        with engine.notifier.listen() as changed:
            while (before := line.before(session.id)) is not None and (before or engine.full):
                changed.clear()
                standing = say(STANDING, before)
                yield {parts.progress: panels.progress(None, standing), **parts.states(writing=True)}
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), SILENT_SECONDS)
                if not self._context.shows(session, request):
                    line.leave(session.id)

    def stop(self, project: str, request: gr.Request) -> Any:
        """Stop what this page's project is writing, or waits to write, and nothing else."""
        session = self._context.session(project, request)
        self._line.leave(session.id)
        writing = session.writing
        if writing is not None:
            writing.stop()
        return gr.update(interactive=False)

    async def follow(self, project: str, request: gr.Request) -> AsyncIterator[dict[Any, Any]]:
        """Show what is being written until it is over, or how the last run ended; if there was none, nothing of one."""
        session = await asyncio.to_thread(self._context.session, project, request)
        if session.writing is None:
            interrupted = wording(request)(session.interrupted) if session.interrupted else ""
            progress = panels.progress(None, interrupted) if interrupted else ""
            yield {self._parts.progress: progress, self._parts.rates: "", **self._parts.states(writing=False)}
            return
        async for update in self._shown(session, session.writing, request):
            yield update

    async def _shown(self, session: Session, writing: Writing, request: gr.Request) -> AsyncIterator[dict[Any, Any]]:
        """Updates for as long as the page shows the session: what is written goes on without it."""
        context = self._context
        try:
            subscription = RunSubscription(session, writing, context.view(session, request), wording(request))
            with writing.notifier.listen() as changed:
                going = True
                while going and context.shows(session, request):
                    changed.clear()
                    update = subscription.update()
                    going = update.writing
                    yield self._values(update)
                    if going:
                        await asyncio.sleep(FRAME_SECONDS)
                        with suppress(TimeoutError):
                            await asyncio.wait_for(changed.wait(), SILENT_SECONDS)
        except Exception:
            logger.exception("what is being written could not be shown")
            async for values in self._without_showing(session, writing, request):
                yield values
        await asyncio.sleep(FRAME_SECONDS)  # a browser may drop what comes close before the next
        yield gr.skip()  # Gradio sends the last once more, when the page may show another project

    async def _without_showing(
        self, session: Session, writing: Writing, request: gr.Request
    ) -> AsyncIterator[dict[Any, Any]]:
        """Wait for the end all the same, and show that."""
        with writing.notifier.listen() as changed:
            while not writing.done and self._context.shows(session, request):
                yield gr.skip()
                changed.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), SILENT_SECONDS)
        if self._context.shows(session, request):
            parts = self._parts
            said = panels.notice(wording(request)(NOT_SHOWN))
            yield {parts.editor: draft_message(session), parts.progress: said, **parts.states(writing=False)}

    def _values(self, update: Update) -> dict[Any, Any]:
        """An update as the components' values."""
        parts = self._parts
        values = {
            parts.editor: update.editor,
            parts.progress: update.progress,
            parts.rates: update.rates,
            **parts.states(writing=update.writing),
        }
        return values if update.cache_map is None else {**values, self._map: update.cache_map}
