"""How the page's events are set, what they are told, and the one object they all belong to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import gradio as gr

from app.project.commands import Commands, EditorState
from app.project.session import UNTITLED, Session
from app.project.sessions import Sessions
from app.say.errors import AppError, StoreError
from app.say.wording import ENGLISH, Wording
from app.store import list_projects
from app.web.html.panels import escape

# A person's events are not an API, and none shows a spinner over the text that streams.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# Runs queue in the engine, so that each says how many are before it; Gradio must not hold them back as well.
STREAMING: dict[str, Any] = {**QUIET, "concurrency_limit": None}

READ_EDITOR = "(...args) => [JSON.stringify(document.querySelector('#draft').draft.state()), ...args.slice(1)]"
"""Puts what the editor holds in place of an event's first input."""


class AppContext:
    """What every part of the page works with."""

    def __init__(self, desk: Commands, sessions: Sessions, *, shared: bool) -> None:
        """`shared`: the page is for strangers, who must not see one another's projects."""
        self.desk, self.sessions, self.shared = desk, sessions, shared

    def session(self, project: str | None, request: gr.Request) -> Session:
        """The session of the project that the page which sent `request` means."""
        page = request.session_hash or ""
        shown = bool(project) and self.sessions.knows(page)  # else it has yet to be told which
        with errors_said(request, visible=shown):
            return self.sessions.get(page, project)

    def held(self, state: Any, request: gr.Request) -> tuple[Session, EditorState]:
        """What the editor sent, and the session of the project that it is the draft of: no other gets the text.

        If the project is gone, a new one in its place.
        """
        page = request.session_hash or ""
        say = wording(request)
        held = replace(caret(state, say), page=page)
        if not held.project:
            raise failure(say("The page is not there yet. Try again in a moment."))
        with errors_said(request):
            return self.sessions.rescue(page, held.project), held

    def others(self, session: Session, say: Wording = ENGLISH) -> Any:
        """The list of projects with the session's chosen, where there is one."""
        if self.shared:
            return gr.skip()
        entries = list_projects(self.sessions.store)
        choices = [(project_name(entry.name, say), entry.id) for entry in entries]
        return gr.update(choices=choices, value=session.id)

    def named(self, session: Session, request: gr.Request) -> list[Any]:
        """The session's name and the list, for the page that sent `request`, if it has not gone over to another."""
        if request.session_hash not in session.pages:
            return [gr.skip(), gr.skip()]
        say = wording(request)
        return [project_name(session.name, say), self.others(session, say)]

    def left(self, request: gr.Request) -> None:
        """The page that sent `request` was closed or reloaded."""
        self.sessions.leave(request.session_hash or "")


def wording(request: gr.Request) -> Wording:
    """In the language of the page that sent `request`."""
    return Wording.of(getattr(request, "headers", {}).get("accept-language") or "")


def project_name(name: str, say: Wording) -> str:
    """As it was typed; one that nobody has named yet is called so in the page's language."""
    return say(name) if name == UNTITLED else name


def caret(state: dict[str, Any] | None, say: Wording = ENGLISH) -> EditorState:
    """What the editor sent. Raises gr.Error if a client sent something else: nothing is changed then."""
    values = state if isinstance(state, dict) else {}
    text = values.get("text")
    if not isinstance(text, str):
        problem = say("The page did not send the draft's text. Reload the page; the draft is kept.")
        raise failure(problem, duration=None)

    def number(key: str) -> int:
        value = values.get(key)
        return value if isinstance(value, int) and value >= 0 else 0

    project = str(values.get("project") or "")
    return EditorState(text, number("start"), number("end"), number("revision"), project, serial=number("serial"))


def worded(error: AppError, request: gr.Request) -> str:
    """What went wrong, in the language of the page that sent `request`."""
    return error.worded(wording(request))


def failure(message: str, **options: Any) -> gr.Error:
    """To be raised; Gradio takes its message for HTML."""
    return gr.Error(escape(message), print_exception=False, **options)


def warn(message: str) -> None:
    """A toast that says what was not done; as above."""
    gr.Warning(escape(message))


@contextmanager
def errors_said(request: gr.Request, *, visible: bool = True) -> Iterator[None]:
    """The page says why something cannot be kept or found; Gradio alone would say "Error"."""
    try:
        yield
    except StoreError as error:
        raise failure(worded(error, request), duration=None, visible=visible) from None
