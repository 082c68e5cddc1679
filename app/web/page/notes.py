"""The notes that the model makes on the parts of long documents: how far they are, and what begins and stops them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import gradio as gr

from app.project.session import Session
from app.say.wording import Wording
from app.web.context import AppContext
from app.web.events import FOLLOWING, QUIET, errors_said, wording
from app.web.frames import frames
from app.web.html import panels
from app.web.html.run_lines import notes_progress
from app.web.page.labels import words
from app.web.page.writing import FRAME_SECONDS


class NotesPanel:
    """A line and two buttons, which are there where notes are of use."""

    def __init__(self, context: AppContext, project: gr.BrowserState) -> None:
        """Made where it is to stand."""
        self._context = context
        self._line = gr.HTML(elem_id="notes")
        with gr.Row(elem_id="notes-buttons"):
            self._take = gr.Button(words("take_notes"), size="sm", visible=False, elem_id="take-notes")
            self._leave = gr.Button(words("leave_notes"), size="sm", visible=False, elem_id="leave-notes")
        self.outputs: list[Any] = [self._line, self._take, self._leave]
        self._project = project
        self._leave.click(self._left, project, self._leave, queue=False, **QUIET)

    def wire(self, ready: gr.State, after: Any) -> None:
        """Follow the notes when they are begun, and when the model is there; `after` lets something follow that."""
        after(self._take.click(self._begin, self._project, self.outputs, **FOLLOWING))
        after(ready.change(self.follow, self._project, self.outputs, **FOLLOWING))

    def values(self, session: Session, say: Wording, *, offered: bool) -> dict[Any, Any]:
        """How the notes of a project are. offered: whether its texts would be written from notes too."""
        job = session.note_taking
        running = job is not None and not job.done
        if not (offered or running):
            return {self._line: "", self._take: gr.update(visible=False), self._leave: gr.update(visible=False)}
        left, total = self._context.commands.parts_without_notes(session)
        done, each = total - left, job.seconds_each if job and running else None
        fraction, line = notes_progress(done, total, each * left if each else None, say)
        html = panels.progress(fraction if running else None, line)
        if job is not None and job.failed and job.message is not None:
            html = panels.notice(job.message.worded(say))
        return {
            self._line: html,
            self._take: gr.update(visible=offered and not running and left > 0),
            self._leave: gr.update(visible=running, interactive=running and not (job and job.stopping)),
        }

    async def follow(self, project: str, request: gr.Request) -> AsyncIterator[dict[Any, Any]]:
        """Show the notes that are being made, also those that were when the app ended, until they are over."""
        session = await asyncio.to_thread(self._context.session, project, request)
        await asyncio.to_thread(self._context.commands.resume_notes, session)
        async for update in self._shown(session, request):
            yield update

    async def _begin(self, project: str, request: gr.Request) -> AsyncIterator[dict[Any, Any]]:
        session = await asyncio.to_thread(self._context.session, project, request)
        with errors_said(request):
            await asyncio.to_thread(self._context.commands.take_notes, session)
        async for update in self._shown(session, request):
            yield update

    def _left(self, project: str, request: gr.Request) -> Any:
        with errors_said(request):
            self._context.commands.leave_notes(self._context.session(project, request))
        return gr.update(interactive=False)

    async def _shown(self, session: Session, request: gr.Request) -> AsyncIterator[dict[Any, Any]]:
        context, say, job = self._context, wording(request), session.note_taking
        if job is not None and not job.done:

            def going() -> bool:
                return not job.done and context.shows(session, request)

            async for _ in frames(job.notifier, going, FRAME_SECONDS):
                yield await asyncio.to_thread(self.values, session, say, offered=True)
            if context.shows(session, request):
                yield await asyncio.to_thread(self.values, session, say, offered=True)
        await asyncio.sleep(FRAME_SECONDS)  # a browser may drop what comes close before the next
        yield gr.skip()  # Gradio sends the last once more, when the page may show another project
