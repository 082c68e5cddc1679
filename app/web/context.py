"""The one object that every part of the page works with."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.engine.caller import Caller
from app.memory import Memory
from app.project.commands import Commands
from app.project.editor_state import EditorState
from app.project.session import Session
from app.project.sessions import PageView, Sessions
from app.say.errors import AppError
from app.say.wording import ENGLISH, Wording
from app.store import list_projects
from app.web.events import errors_said, project_name
from app.web.line import Line
from app.web.presence import Presence
from app.web.visitors import Visitors, kept_key


class AppContext:
    """The commands, the open projects, and which page means which."""

    def __init__(
        self,
        commands: Commands,
        sessions: Sessions,
        *,
        shared: bool,
        presence: Presence | None = None,
        memory: Memory | None = None,
    ) -> None:
        """`shared`: the page is for strangers, who must not see one another's projects. `presence`: who is there, as
        `sessions` knows it too. `memory`: what is kept in which."""
        self.commands, self.sessions, self.shared = commands, sessions, shared
        self.presence, self.memory = presence or Presence(), memory
        self.line = Line()
        """Those for whom the queue has no place yet."""
        self.visitors = Visitors(kept_key(sessions.store.folder))

    def session(self, project: Any, request: gr.Request) -> Session:
        """The session of the project that the page which sent `request` means."""
        page, project = page_of(request), named(project)
        shown = bool(project) and self.sessions.view(page) is not None  # else it has yet to be told which
        with errors_said(request, visible=shown):
            return self._asked(self.sessions.get(page, project), request)

    def view(self, session: Session, request: gr.Request) -> PageView:
        """What the page that sent `request` shows of the session; if it shows another, nothing in particular."""
        view = self.sessions.view(page_of(request))
        return view if view is not None and view.session is session else PageView(session)

    def held(self, state: Any, request: gr.Request) -> tuple[Session, EditorState]:
        """What the editor sent, and the session of the project that it is the draft of: no other gets the text.

        If the project is gone, a new one in its place.
        """
        page = page_of(request)
        with errors_said(request):
            editor = EditorState.of(state, page)
            if not editor.project:
                raise AppError("The page is not there yet. Try again in a moment.")
            return self._asked(self.sessions.rescue(page, editor.project), request), editor

    def caller(self, request: gr.Request) -> Caller:
        """Who calls for a text that belongs to no project, and listens for as long as a stream is read."""
        page = page_of(request)  # none of who asks past the queue, who holds the answer's own stream
        return Caller(self.visitors.of(request), lambda: not page or not self.presence.silent(page), kept=False)

    def _asked(self, session: Session, request: gr.Request) -> Session:
        """What is done in it from now on is done for who sent `request`. On a person's own computer it goes on without
        the page, as if that were there; strangers make way for others."""
        visitor = self.visitors.of(request)
        if session.caller.visitor != visitor:
            heard = (lambda: self.sessions.attended(session.id)) if self.shared else lambda: True
            session.caller = Caller(visitor, heard)
        return session

    def others(self, session: Session, say: Wording = ENGLISH) -> Any:
        """The list of projects with the session's chosen, where there is one."""
        if self.shared:
            return gr.skip()
        entries = list_projects(self.sessions.store)
        choices = [(project_name(entry.name, say), entry.id) for entry in entries]
        return gr.update(choices=choices, value=session.id)

    def shows(self, session: Session, request: gr.Request) -> bool:
        """Whether the page that sent `request` shows the session still."""
        return self.sessions.shows(page_of(request), session)

    def left(self, request: gr.Request) -> None:
        """The page that sent `request` was closed or reloaded."""
        self.sessions.leave(page_of(request))


def page_of(request: gr.Request) -> str:
    """The page that sent it."""
    return request.session_hash or ""


def named(project: Any) -> str | None:
    """The id that a page sent; what is no id names none."""
    return project if isinstance(project, str) and project else None
