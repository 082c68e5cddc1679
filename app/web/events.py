"""How the page's events are set, and how something is said to the page that sent one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from app.project.session import UNTITLED
from app.say.errors import AppError
from app.say.wording import Wording
from app.web.html.panels import escape

# A person's events are not an API, and none shows a spinner over the text that streams. Progress is "on" nothing: else
# each message of an event makes the page walk through its tree once for every component that any event has as output.
QUIET: dict[str, Any] = {"show_progress": "hidden", "show_progress_on": [], "api_visibility": "private"}
# Runs queue in the engine, so that each says how many are before it; Gradio must not hold them back as well.
STREAMING: dict[str, Any] = {**QUIET, "concurrency_limit": None}
# A page may begin a run in one project while it still follows that of another, for a moment.
FOLLOWING: dict[str, Any] = {**STREAMING, "trigger_mode": "multiple"}

READ_EDITOR = "(...args) => [JSON.stringify(document.querySelector('#draft').draft.state()), ...args.slice(1)]"
"""Puts what the editor holds in place of an event's first input."""


def latest(listen: Callable[..., Any], fn: Callable[..., Any], inputs: Any, outputs: Any, **how: Any) -> Any:
    """Let `fn` follow an event, once more if it comes while `fn` runs. listen: sets a listener. Returns what can be
    followed.

    It follows a listener that does nothing: where several of an event's own listeners are "always_last", Gradio sends
    the event to all of them again for each that had to wait, and two may keep each other going for good.
    """
    return listen(None, js="() => {}", **QUIET).then(fn, inputs, outputs, trigger_mode="always_last", **how)


def wording(request: gr.Request) -> Wording:
    """In the language of the page that sent `request`."""
    return Wording.of(getattr(request, "headers", {}).get("accept-language") or "")


def project_name(name: str, say: Wording) -> str:
    """As it was typed; one that nobody has named yet is called so in the page's language."""
    return say(name) if name == UNTITLED else name


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
    """The page says why something cannot be done; Gradio alone would say "Error"."""
    try:
        yield
    except AppError as error:
        raise failure(worded(error, request), duration=None, visible=visible) from None
