"""A table that was asked for, held against its columns: what is wrong with it, and a button that repairs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from app.export.table_check import TableReport, check_table, repair_table
from app.project.session import Session
from app.prompt.tasks import columns_asked
from app.say.wording import ENGLISH, Wording
from app.web.components.editor import DraftEditor
from app.web.html import panels
from app.web.page.events import QUIET, READ_EDITOR, AppContext, errors_said, wording
from app.web.page.labels import words
from app.web.page.writing import draft_message


def add_table_check(office: AppContext, project: gr.BrowserState, editor: DraftEditor) -> Any:
    """A line and a button, seen after a table; they follow what is edited. Returns what sets them: (function, inputs,
    outputs)."""
    found = gr.HTML(elem_id="table-check")
    repair = gr.Button(words("repair_table"), visible=False, size="sm", elem_id="repair-table")

    def show(project: str, request: gr.Request) -> list[Any]:
        say = wording(request)
        return shown(checked(office.session(project, request), say), say)

    def put_right(state: Any, project: str, request: gr.Request) -> list[Any]:
        session, held = office.held(state, request)
        say = wording(request)
        with errors_said(request):
            if held.put_into(session):
                repair_draft(session)
        return [draft_message(session), *shown(checked(session, say), say)]

    def shown(report: TableReport | None, say: Wording) -> list[Any]:
        html = panels.table_check(report, say) if report else ""
        return [html, gr.update(visible=bool(report and report.repairs))]

    editor.settled(show, project, [found, repair], trigger_mode="always_last", **QUIET)
    repair.click(put_right, [editor, project], [editor, found, repair], js=READ_EDITOR, **QUIET)
    return show, project, [found, repair]


def checked(session: Session, say: Wording = ENGLISH) -> TableReport | None:
    """The draft's table against the columns asked for last; None if that was no table, or while it is written."""
    columns = columns_asked(session.task)
    if columns is None or session.busy or not session.draft.text.strip():
        return None
    return check_table(session.draft.text, columns, say)


def repair_draft(session: Session) -> None:
    """Put the table right in the draft, as one step of undo."""
    text = repair_table(session.draft.text, columns_asked(session.task) or ())
    if text != session.draft.text:
        session.replace(text)


def look_after(begins: Sequence[Any], ended: Sequence[Any], check: Any) -> None:
    """Say nothing of the table from when a run begins, and look at it when one of these events has succeeded."""
    show, project, outputs = check
    for begin in begins:
        begin(lambda: ["", gr.update(visible=False)], None, outputs, queue=False, **QUIET)
    for event in ended:
        event.success(show, project, outputs, **QUIET)
