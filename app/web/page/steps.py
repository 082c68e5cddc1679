"""The way to a first text, for those who come to an empty page; where there is a draft the style hides it."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from app.web.context import AppContext
from app.web.events import QUIET, latest, wording
from app.web.html import panels
from app.web.page.task import TaskFields


def wire_steps(
    context: AppContext, project: gr.BrowserState, version: gr.State, fields: TaskFields, way: gr.HTML
) -> None:
    """Let the steps follow the sources and what is asked for."""

    def show(project: str, request: gr.Request, detail: str | None) -> str:
        documents = any(file.document and not file.left_out for file in context.session(project, request).sources.files)
        return panels.steps(documents, bool((detail or "").strip()), wording(request))

    changed: list[Any] = [version.change, fields.detail.change]
    latest(partial(gr.on, changed), show, [project, fields.detail], way, **QUIET)
