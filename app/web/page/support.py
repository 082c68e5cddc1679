"""What the documents support of what was written last: a count, the sentences without support, and a button that takes
them out of the draft."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.project.commands import put_into, support_in_draft, take_out_unsupported
from app.project.support import SupportReport
from app.say.wording import Wording
from app.web.components.editor import DraftEditor
from app.web.context import AppContext
from app.web.events import QUIET, READ_EDITOR, errors_said, wording
from app.web.html import panels
from app.web.page.labels import words
from app.web.page.writing import draft_message


def add_support(context: AppContext, project: gr.BrowserState, editor: DraftEditor) -> Any:
    """The lines and the button; they follow what is edited. Returns what sets them: (function, inputs, outputs)."""
    found = gr.HTML(elem_id="support")
    remove = gr.Button(words("remove_unsupported"), visible=False, size="sm", elem_id="remove-unsupported")

    def show(project: str, request: gr.Request) -> dict[Any, Any]:
        return shown(support_in_draft(context.session(project, request)), wording(request))

    def take_out(state: Any, project: str, request: gr.Request) -> dict[Any, Any]:
        session, held = context.held(state, request)
        with errors_said(request):
            if put_into(session, held):
                take_out_unsupported(session)
        return {editor: draft_message(session), **shown(support_in_draft(session), wording(request))}

    def shown(report: SupportReport | None, say: Wording) -> dict[Any, Any]:
        html = panels.support(report, say) if report else ""
        return {found: html, remove: gr.update(visible=bool(report and report.unsupported))}

    editor.settled(show, project, [found, remove], trigger_mode="always_last", **QUIET)
    remove.click(take_out, [editor, project], [editor, found, remove], js=READ_EDITOR, **QUIET)
    return show, project, [found, remove]
