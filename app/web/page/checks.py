"""What is found in a draft when it is written, and again when it is edited: lines, and a button that puts it right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import gradio as gr

from app.project.checks import checked_table, repair_draft, support_in_draft, take_out_unsupported
from app.project.commands import put_into
from app.project.session import Session
from app.say.wording import Wording
from app.web.components.editor import DraftEditor
from app.web.components.support_list import SupportList, support_message
from app.web.context import AppContext
from app.web.events import QUIET, READ_EDITOR, errors_said, latest, wording
from app.web.html import panels
from app.web.page.labels import words
from app.web.page.writing import draft_message

Look: TypeAlias = Callable[[Session, Wording], tuple[Any, bool]]
"""What is said about a draft, empty for nothing, and whether the button can put something right."""


def add_table_check(context: AppContext, project: gr.BrowserState, editor: DraftEditor) -> Any:
    """A table that was asked for, held against its columns, and its repair. See `_add`."""

    def look(session: Session, say: Wording) -> tuple[str, bool]:
        report = checked_table(session, say)
        return (panels.table_check(report, say), bool(report.repairs)) if report else ("", False)

    found = gr.HTML(elem_id="table-check")
    repair = gr.Button(words("repair_table"), visible=False, size="sm", elem_id="repair-table")
    return _add(context, project, editor, found, repair, look, repair_draft)


def add_support(context: AppContext, project: gr.BrowserState, editor: DraftEditor) -> Any:
    """What the documents support of what was written last, and the draft without one of the rest or all. See `_add`."""

    def look(session: Session, say: Wording) -> tuple[Any, bool]:
        report = support_in_draft(session)
        return (support_message(report, say), bool(report.unsupported)) if report else ("", False)

    def remove_one(project: str, request: gr.Request, event: gr.EventData) -> dict[Any, Any]:
        session, held = context.held(event._data, request)
        sentence = event._data.get("sentence")
        with errors_said(request):
            if put_into(session, held) and isinstance(sentence, str):
                take_out_unsupported(session, sentence)
        said, mendable = look(session, wording(request))
        return {editor: draft_message(session), found: said, remove: gr.update(visible=mendable)}

    found = SupportList(elem_id="support")
    remove = gr.Button(words("remove_unsupported"), visible=False, size="sm", elem_id="remove-unsupported")
    found.remove(remove_one, project, [editor, found, remove], trigger_mode="multiple", **QUIET)
    return _add(context, project, editor, found, remove, look, take_out_unsupported)


def _add(
    context: AppContext, project: gr.BrowserState, editor: DraftEditor, found: gr.HTML, button: gr.Button, look: Look,
    mend: Callable[[Session], None],
) -> Any:  # fmt: skip
    """Let `found` and `button` follow what is edited, and the button `mend` the draft. Returns what sets them:
    (function, inputs, outputs)."""

    def show(project: str, request: gr.Request) -> dict[Any, Any]:
        return shown(context.session(project, request), request)

    def put_right(state: Any, project: str, request: gr.Request) -> dict[Any, Any]:
        session, held = context.held(state, request)
        with errors_said(request):
            if put_into(session, held):
                mend(session)
        return {editor: draft_message(session), **shown(session, request)}

    def shown(session: Session, request: gr.Request) -> dict[Any, Any]:
        said, mendable = look(session, wording(request))
        return {found: said, button: gr.update(visible=mendable)}

    latest(editor.settled, show, project, [found, button], **QUIET)
    button.click(put_right, [editor, project], [editor, found, button], js=READ_EDITOR, **QUIET)
    return show, project, [found, button]


def look_after(begins: Sequence[Any], ended: Sequence[Any], check: Any) -> None:
    """Say nothing of a draft from when a run begins, and look at it when one of these events has succeeded."""
    show, project, outputs = check
    for begin in begins:
        begin(lambda: ["", gr.update(visible=False)], None, outputs, queue=False, **QUIET)
    for event in ended:
        event.success(show, project, outputs, **QUIET)
