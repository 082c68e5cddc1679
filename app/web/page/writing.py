"""Writing: the buttons around the draft, and the stream of what a run does while it does it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, get_args

import gradio as gr

from app.project.commands import EditorState, Where
from app.project.session import Session
from app.project.writing import Writing
from app.prompt.passages import PASSAGE_TASKS
from app.runs.feed import Json
from app.say.errors import AppError
from app.say.wording import Wording
from app.web.components.cache_map import CacheMap
from app.web.components.editor import DraftEditor, proposal_message, reading_message, set_message, stream_message
from app.web.html import panels
from app.web.page.events import QUIET, READ_EDITOR, STREAMING, AppContext, worded, wording
from app.web.page.labels import words
from app.web.page.task import TaskFields, ask_of
from app.web.subscription import RunSubscription, Update

FRAME_SECONDS, SILENT_SECONDS = 0.08, 1.0
# A page may begin a run in one project while it still follows that of another, for a moment.
FOLLOWING: dict[str, Any] = {**STREAMING, "trigger_mode": "multiple"}
NOT_SHOWN = "What was written could not be shown while it came. It is kept, and is in the draft now."
WISH_CHARACTERS = 200

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
    rates: gr.HTML

    @property
    def buttons(self) -> list[gr.Button]:
        """In the order in which updates set them: stop, then those that rest while a run writes."""
        return [self.stop, self.write, self.resume, self.here, self.undo, self.redo]

    @property
    def begins(self) -> list[Any]:
        """What a run begins with."""
        return [self.write.click, self.resume.click, self.here.click, self.editor.passage]


def add_writing() -> WritingParts:
    """The editor, its buttons, and the lines that say how far a run is."""
    editor = DraftEditor(elem_id="draft")
    with gr.Row(elem_id="commands"):
        write = gr.Button(words("write"), variant="primary", elem_id="write", min_width=90)
        resume = gr.Button(words("continue"), elem_id="continue", min_width=90)
        stop = gr.Button(words("stop"), variant="stop", interactive=False, elem_id="stop", min_width=80)
        here = gr.Button(words("here"), elem_id="here", min_width=130)
        undo = gr.Button(words("undo"), elem_id="undo", min_width=70)
        redo = gr.Button(words("redo"), elem_id="redo", min_width=70)
        save = gr.Button(words("save_version"), elem_id="save-version", min_width=100)
    progress = gr.HTML(elem_id="progress")
    rates = gr.HTML(elem_id="rates")
    return WritingParts(editor, write, resume, here, stop, undo, redo, save, progress, rates)


def draft_message(session: Session, select: tuple[int, int] | None = None) -> Json:
    """The whole draft, for a page that shows something else."""
    draft = session.draft
    return set_message(
        draft.text, draft.revision, select, project=session.id, last=draft.written, previous=session.instead_of,
        running=session.busy,
    )  # fmt: skip


def wire_writing(
    office: AppContext,
    project: gr.BrowserState,
    fields: TaskFields,
    parts: WritingParts,
    the_map: CacheMap,
) -> list[Any]:
    """What the buttons do. Returns the events, each of which is over when its run is."""
    stream = Stream(office)
    outputs = [parts.editor, parts.progress, parts.rates, the_map, *parts.buttons]

    def write(where: Where) -> Any:
        async def call(state: Any, project: str, request: gr.Request, *values: Any) -> AsyncIterator[list[Any]]:
            def command(session: Session, held: EditorState) -> Writing:
                return office.desk.write(session, ask_of(values), held, where)

            async for update in stream.write(command, state, request):
                yield update

        return call

    async def passage(project: str, request: gr.Request, event: gr.EventData, *values: Any) -> AsyncIterator[list[Any]]:
        data = event._data if isinstance(event._data, dict) else {}
        kind, wish = str(data.get("kind")), str(data.get("wish") or "")[:WISH_CHARACTERS]

        def command(session: Session, held: EditorState) -> Writing:
            if kind == "again":
                return office.desk.write(session, ask_of(values), held, "again")
            if kind not in PASSAGE_TASKS:
                raise AppError("“{}” is nothing that can be done with a passage.", kind)
            return office.desk.propose(session, ask_of(values), held, kind, wish)

        async for update in stream.write(command, event._data, request):
            yield update

    events: list[Any] = []
    for button, where in zip((parts.write, parts.resume, parts.here), get_args(Where), strict=False):
        events.append(
            button.click(write(where), [parts.editor, project, *fields.all], outputs, js=READ_EDITOR, **FOLLOWING)
        )
    events.append(parts.editor.passage(passage, [project, *fields.all], outputs, **FOLLOWING))
    parts.stop.click(stream.stop, project, parts.stop, queue=False, **QUIET)
    return events


class Stream:
    """Begins runs and follows them."""

    def __init__(self, office: AppContext) -> None:
        """For all pages."""
        self._office = office

    async def write(
        self, command: Callable[[Session, EditorState], Writing], state: Any, request: gr.Request
    ) -> AsyncIterator[list[Any]]:
        """Begin to write and show it; why it cannot be begun is said where the progress stands, and stays there."""
        session, held = await asyncio.to_thread(self._office.held, state, request)
        try:
            writing = await asyncio.to_thread(command, session, held)
        except AppError as error:
            stale = held.text != session.draft.text and not session.busy
            yield [
                draft_message(session) if stale else gr.skip(),
                panels.notice(worded(error, request)),
                *_nothing()[2:],
            ]
            return
        if held.project != session.id:  # in place of one that is gone
            yield [draft_message(session), *_nothing()[1:]]
        async for update in self._shown(session, writing, request.session_hash or "", wording(request)):
            yield update

    def stop(self, project: str, request: gr.Request) -> Any:
        """Stop what this page's project is writing, and nothing else."""
        writing = self._office.session(project, request).writing
        if writing is not None:
            writing.stop()
        return gr.update(interactive=False)

    async def follow(self, project: str, request: gr.Request) -> AsyncIterator[list[Any]]:
        """Show what is being written until it is over, or how the last run ended; if there was none, nothing of one."""
        session = await asyncio.to_thread(self._office.session, project, request)
        if session.writing is None:
            yield [gr.skip(), "", "", gr.skip(), *_buttons(writing=False)]
            return
        async for update in self._shown(session, session.writing, request.session_hash or "", wording(request)):
            yield update

    async def _shown(self, session: Session, writing: Writing, page: str, say: Wording) -> AsyncIterator[list[Any]]:
        """Updates for as long as the page shows the session: what is written goes on without it."""
        buttons: bool | None = True
        try:
            tail = RunSubscription(self._office.desk.engine, session, writing, say)
            shown = 0.0
            while not writing.done and page in session.pages:
                frame, now = tail.frame(), time.monotonic()
                # Now and then also if nothing is new: Gradio looks only then whether the page is still there.
                if buttons or not frame.empty or now - shown > SILENT_SECONDS:
                    yield self._update(session, tail, frame, buttons)
                    buttons, shown = None, now
                await asyncio.sleep(FRAME_SECONDS)
            if page in session.pages:
                yield self._update(session, tail, tail.frame(), buttons=False)
        except Exception:
            logger.exception("what is being written could not be shown")
            while not writing.done and page in session.pages:
                yield _nothing()
                await asyncio.sleep(FRAME_SECONDS)
            if page in session.pages:
                yield [
                    draft_message(session),
                    panels.notice(say(NOT_SHOWN)),
                    *_nothing()[2:4],
                    *_buttons(writing=False),
                ]
        await asyncio.sleep(FRAME_SECONDS)  # a browser may drop what comes close before the next
        yield _nothing()  # Gradio sends the last once more, when the page may show another project

    def _update(self, session: Session, tail: RunSubscription, frame: Update, buttons: bool | None) -> list[Any]:
        """A frame as Gradio's updates; `buttons`: whether it is being written, if that changed.

        Plain values and `gr.update`, since making a component for an update costs more than all the rest.
        """
        states = [gr.skip()] * 6 if buttons is None else _buttons(writing=buttons)
        return [
            _editor(session, tail, frame, ended=buttons is False) or gr.skip(),
            frame.progress or gr.skip(),
            frame.rates or gr.skip(),
            frame.cache_map or gr.skip(),
            *states,
        ]


def _nothing() -> list[Any]:
    """An update that changes nothing; without any, Gradio would empty everything."""
    return [gr.skip()] * 10


def _editor(session: Session, tail: RunSubscription, frame: Update, *, ended: bool) -> Json | None:
    writing = tail.writing
    revision, place = session.streamed(writing)
    start, replaced = len(place.before), len(place.replaced)
    if writing.proposes:
        proposal = session.proposal
        if ended and (proposal is None or proposal.id != writing.id):
            return draft_message(session)
        changes = proposal.changes if ended and proposal else ()
        text = proposal.text if ended and proposal else frame.text or ""
        return proposal_message(session.id, writing.id, start, start + replaced, text, changes, done=ended)
    if ended:
        return draft_message(session)
    if frame.text is None:
        return None
    if writing.empty:  # the draft is the person's until then
        return reading_message(session.id)
    return stream_message(session.id, writing.id, revision, start, replaced, frame.text + place.seam)


def _buttons(*, writing: bool) -> list[Any]:
    return [gr.update(interactive=writing), *[gr.update(interactive=not writing)] * 5]
