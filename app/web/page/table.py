"""A table that was asked for, held against its columns: what is wrong with it, and a button that repairs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from app.export.table_check import TableReport
from app.project.commands import checked_table, put_into, repair_draft
from app.say.wording import Wording
from app.web.components.editor import DraftEditor
from app.web.context import AppContext
from app.web.events import QUIET, READ_EDITOR, errors_said, wording
from app.web.html import panels
from app.web.page.labels import words
from app.web.page.writing import draft_message


def add_table_check(context: AppContext, project: gr.BrowserState, editor: DraftEditor) -> Any:
    """A line and a button, seen after a table; they follow what is edited. Returns what sets them: (function, inputs,
    outputs)."""
    found = gr.HTML(elem_id="table-check")
    repair = gr.Button(words("repair_table"), visible=False, size="sm", elem_id="repair-table")

    def show(project: str, request: gr.Request) -> dict[Any, Any]:
        say = wording(request)
        return shown(checked_table(context.session(project, request), say), say)

    def put_right(state: Any, project: str, request: gr.Request) -> dict[Any, Any]:
        session, held = context.held(state, request)
        say = wording(request)
        with errors_said(request):
            if put_into(session, held):
                repair_draft(session)
        return {editor: draft_message(session), **shown(checked_table(session, say), say)}

    def shown(report: TableReport | None, say: Wording) -> dict[Any, Any]:
        html = panels.table_check(report, say) if report else ""
        return {found: html, repair: gr.update(visible=bool(report and report.repairs))}

    editor.settled(show, project, [found, repair], trigger_mode="always_last", **QUIET)
    repair.click(put_right, [editor, project], [editor, found, repair], js=READ_EDITOR, **QUIET)
    return show, project, [found, repair]


def look_after(begins: Sequence[Any], ended: Sequence[Any], check: Any) -> None:
    """Say nothing of the table from when a run begins, and look at it when one of these events has succeeded."""
    show, project, outputs = check
    for begin in begins:
        begin(lambda: ["", gr.update(visible=False)], None, outputs, queue=False, **QUIET)
    for event in ended:
        event.success(show, project, outputs, **QUIET)
