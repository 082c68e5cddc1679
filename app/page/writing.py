"""Writing: the buttons around the draft, and the stream of what a run does while it does it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, get_args

import gradio as gr

from app import panels
from app.cache_map import CacheMap
from app.desk import Where
from app.editor import DraftEditor, proposal_message, set_message, stream_message
from app.errors import AppError
from app.page.events import QUIET, READ_EDITOR, STREAMING, Office, caret
from app.page.task import TaskFields, ask_of
from app.page.words import words
from app.passages import PASSAGE_TASKS
from app.session import Session
from app.tail import Frame, Tail
from app.view import Json
from core import InvalidParameterError

FRAME_SECONDS = 0.08


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


def add_writing() -> WritingParts:
    """The editor, its buttons, and the lines that say how far a run is."""
    editor = DraftEditor(elem_id="draft")
    with gr.Row(elem_id="commands"):
        write = gr.Button(words("write"), variant="primary", elem_id="write", min_width=90)
        resume = gr.Button(words("continue"), elem_id="continue", min_width=90)
        here = gr.Button(words("here"), elem_id="here", min_width=130)
        stop = gr.Button(words("stop"), variant="stop", interactive=False, elem_id="stop", min_width=80)
        undo = gr.Button(words("undo"), elem_id="undo", min_width=70)
        redo = gr.Button(words("redo"), elem_id="redo", min_width=70)
        save = gr.Button(words("save_version"), elem_id="save-version", min_width=100)
    progress = gr.HTML(elem_id="progress")
    rates = gr.HTML(elem_id="rates")
    return WritingParts(editor, write, resume, here, stop, undo, redo, save, progress, rates)


def draft_message(session: Session, select: tuple[int, int] | None = None) -> Json:
    """The whole draft, for a page that shows something else."""
    draft = session.draft
    return set_message(draft.text, draft.revision, select, project=session.id, last=draft.written)


def wire_writing(
    office: Office,
    project: gr.BrowserState,
    fields: TaskFields,
    parts: WritingParts,
    the_map: CacheMap,
) -> list[Any]:
    """What the buttons do. Returns the events that stream a run, after which there is one more to look at."""
    stream = Stream(office)
    streamed = []
    outputs = [parts.editor, parts.progress, parts.rates, the_map, *parts.buttons]
    begun = [parts.progress, *parts.buttons]

    def begin(where: Where) -> Any:
        def call(state: Any, project: str, request: gr.Request, *values: Any) -> Any:
            session = office.session(project, request)
            return stream.begin(lambda: office.desk.write(session, ask_of(values), caret(state), where))

        return call

    for button, where in zip((parts.write, parts.resume, parts.here), get_args(Where), strict=False):
        started = button.click(begin(where), [parts.editor, project, *fields.all], begun, js=READ_EDITOR, **QUIET)
        streamed.append(started.success(stream.follow, project, outputs, **STREAMING))

    def passage(project: str, request: gr.Request, event: gr.EventData, *values: Any) -> Any:
        data = event._data if isinstance(event._data, dict) else {}
        session, kind = office.session(project, request), str(data.get("kind"))
        if kind == "again":
            return stream.begin(lambda: office.desk.write(session, ask_of(values), caret(data), "again"))
        if kind not in PASSAGE_TASKS:
            return stream.refusal(f"{kind!r} is nothing that can be done with a passage.")
        return stream.begin(lambda: office.desk.propose(session, ask_of(values), caret(data), kind))

    started = parts.editor.passage(passage, [project, *fields.all], begun, **QUIET)
    streamed.append(started.success(stream.follow, project, outputs, **STREAMING))
    parts.stop.click(stream.stop, project, parts.stop, queue=False, **QUIET)
    return streamed


class Stream:
    """Begins runs and follows them."""

    def __init__(self, office: Office) -> None:
        """For all pages."""
        self._office = office

    def begin(self, command: Any) -> list[Any]:
        """Begin to write; why it cannot be is said where the progress stands."""
        try:
            command()
        except (AppError, InvalidParameterError) as error:
            return self.refusal(str(error))
        return [gr.skip(), *_buttons(writing=True)]

    def refusal(self, text: str) -> list[Any]:
        """Nothing was begun."""
        return [panels.notice(text), *[gr.skip()] * 6]

    def stop(self, project: str, request: gr.Request) -> Any:
        """Stop what this page's project is writing, and nothing else."""
        writing = self._office.session(project, request).writing
        if writing is not None:
            writing.stop()
        return gr.update(interactive=False)

    async def follow(self, project: str, request: gr.Request) -> AsyncIterator[list[Any]]:
        """Show what is being written until it is over; at once if nothing is."""
        session = self._office.session(project, request)
        writing = session.writing
        if writing is None:  # without an update Gradio would empty everything
            yield [gr.skip()] * 10
            return
        tail, sent = Tail(self._office.desk.engine, session, writing), False
        while not writing.done:
            frame = tail.frame()
            yield self._update(session, tail, frame, buttons=None if sent else True)
            sent = True
            await asyncio.sleep(FRAME_SECONDS)
        yield self._update(session, tail, tail.frame(), buttons=False)

    def _update(self, session: Session, tail: Tail, frame: Frame, buttons: bool | None) -> list[Any]:
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


def _editor(session: Session, tail: Tail, frame: Frame, *, ended: bool) -> Json | None:
    writing = tail.writing
    start, replaced = len(writing.place.before), len(writing.place.replaced)
    if writing.proposes:
        proposal = session.proposal
        if ended and (proposal is None or proposal.id != writing.id):
            return draft_message(session)
        changes = proposal.changes if ended and proposal else ()
        text = proposal.text if ended and proposal else frame.text or ""
        return proposal_message(writing.id, start, start + replaced, text, changes, done=ended)
    if ended:
        return draft_message(session)
    if frame.text is None:
        return None
    return stream_message(writing.id, session.draft.revision, start, replaced, frame.text)


def _buttons(*, writing: bool) -> list[Any]:
    return [gr.update(interactive=writing), *[gr.update(interactive=not writing)] * 5]
