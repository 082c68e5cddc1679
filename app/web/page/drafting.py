"""The draft when nobody but the person writes: edits, undo, proposals, versions, and files made of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import gradio as gr

from app.project.commands import put_into
from app.project.exporting import export_draft
from app.project.session import Session
from app.runs.feed import Json
from app.say.errors import AppError
from app.say.wording import Wording
from app.store import Version
from app.text.spans import changed
from app.web.components.editor import DraftEditor, kept_message, saved_message
from app.web.context import AppContext
from app.web.events import QUIET, READ_EDITOR, errors_said, project_name, warn, worded, wording
from app.web.html import panels
from app.web.page.labels import words
from app.web.page.projects import ProjectParts
from app.web.page.writing import WritingParts, draft_message
from app.web.passing import offer

CONFIRM = """(...args) => {
  const ja = navigator.language.startsWith("ja");
  if (!confirm(ja ? "この版を完全に削除しますか？" : "Delete this version for good?")) throw new Error("kept");
  return args;
}"""

EXPORTED = ("docx", "pdf", "md", "txt", "csv", "tsv", "zip")
"""Of app.export.FORMATS, the usual ones first."""

DOWNLOAD = """(file) => {
  if (file) Object.assign(document.createElement("a"), { href: file.url, download: file.orig_name }).click();
}"""


def wire_draft(context: AppContext, project: gr.BrowserState, projects: ProjectParts, parts: WritingParts) -> None:
    """What the editor and its undo buttons do."""
    editor, shown = parts.editor, project

    def edit(project: str, request: gr.Request, event: gr.EventData) -> dict[Any, Any]:
        session, held = context.held(event._data, request)
        try:
            taken = put_into(session, held)
            failure = session.draft.flush()
            said = failure.worded(wording(request)) if failure else ""
            revision = session.draft.revision_after(held.text, held.revision, held.page)
            message: Json = saved_message(session.id, revision, said)
            if not taken:
                message = {**draft_message(session), "note": "refused"}
        except AppError as error:  # not even as a version
            message = saved_message(held.project, held.revision, worded(error, request))
        if session.id != held.project:  # the page takes it over, and sends its text for it
            return {editor: draft_message(session)}
        if session.instead_of == project:
            return {editor: message, shown: session.id, **projects.named(context, session, request)}
        return {editor: message}

    def resync(project: str, request: gr.Request) -> Json:
        return draft_message(context.session(project, request))

    def recover(project: str, request: gr.Request, event: gr.EventData) -> Json:
        session, held = context.held(event._data, request)
        with errors_said(request):  # the page offers it still
            restored = session.draft.recover(held.text)
        return {**draft_message(session), "note": "restored"} if restored else kept_message(session.id)

    def replace(project: str, request: gr.Request, event: gr.EventData) -> Json:
        session, held = context.held(event._data, request)
        replaced = event._data.get("replaced")
        with errors_said(request):
            if put_into(session, held) and isinstance(replaced, str) and not session.busy:
                session.draft.replace(replaced)
        return draft_message(session)

    def step(forward: bool) -> Any:
        def call(state: Any, project: str, request: gr.Request) -> Json:
            session, held = context.held(state, request)
            draft = session.draft
            if draft.takes(held.revision, held.page):  # else an older text: pressed again before the answer
                put_into(session, held)
            before = draft.text
            if forward:
                draft.redo()
            else:
                draft.undo()
            end = changed(before, draft.text)[1]
            return draft_message(session, None if before == draft.text else (end, end))

        return call

    def resolve(accept: bool) -> Any:
        def call(project: str, request: gr.Request, event: gr.EventData) -> dict[Any, Any]:
            session, say = context.session(project, request), wording(request)
            data = event._data if isinstance(event._data, dict) else {}
            piece = data.get("piece")
            with errors_said(request):
                done = session.draft.resolve(str(data.get("id")), accept, piece if isinstance(piece, int) else None)
            if not done:
                warn(say("The passage was changed meanwhile, so the proposal no longer fits it."))
            left = session.draft.proposal
            if left is not None:
                said = say("Accepted. Undo opens it again.") if accept else say("Rejected. The other changes are open.")
            else:
                said = say("Accepted. Undo brings the other back.") if accept else say("Rejected.")
            progress = panels.progress(None, said if done else "")  # or it would still ask for the verdict
            return {editor: draft_message(session), parts.progress: progress}

        return call

    edited = [editor, project, projects.name, projects.others]
    editor.edit(edit, project, edited, queue=False, **QUIET)
    editor.resync(resync, project, editor, queue=False, **QUIET)
    editor.recover(recover, project, editor, **QUIET)
    editor.replace(replace, project, editor, **QUIET)
    # Each press counts, also one that comes before the last is answered.
    editor.accept(resolve(True), project, [editor, parts.progress], trigger_mode="multiple", **QUIET)
    editor.reject(resolve(False), project, [editor, parts.progress], trigger_mode="multiple", **QUIET)
    for button, forward in ((parts.undo, False), (parts.redo, True)):
        button.click(step(forward), [editor, project], editor, js=READ_EDITOR, trigger_mode="multiple", **QUIET)


def add_versions(context: AppContext, project: gr.BrowserState, parts: WritingParts) -> None:
    """Named versions: kept, compared with the draft, restored."""
    editor = parts.editor
    with gr.Accordion(words("versions"), open=False, elem_id="versions") as opened:
        name = gr.Textbox(label=words("version_name"), max_lines=1, elem_id="version-name")
        chosen = gr.Dropdown([], label=words("version"), elem_id="version-list")
        with gr.Row():
            compare = gr.Button(words("compare_version"), size="sm", elem_id="compare-version")
            restore = gr.Button(words("restore"), size="sm", elem_id="restore-version")
            delete = gr.Button(words("delete_version"), size="sm", elem_id="delete-version")
        changes = gr.HTML(elem_id="version-changes")

    def listed(session: Session, say: Wording) -> Any:
        return gr.update(choices=[(_titled(version, say), version.id) for version in session.versions.all()])

    def keep(state: Any, label: str | None, project: str, request: gr.Request) -> dict[Any, Any]:
        session, held = context.held(state, request)
        try:
            put_into(session, held)
            kept = session.versions.keep(label or "")
        except AppError as error:
            return {parts.progress: panels.notice(worded(error, request))}
        say = wording(request)
        said = panels.progress(None, say("Kept as “{}”.", kept.name))
        return {name: "", chosen: {**listed(session, say), "value": kept.id}, parts.progress: said}

    def show(version: int | None, project: str, request: gr.Request) -> str:
        session = context.session(project, request)
        try:
            return panels.changes(session.versions.changes(version))
        except AppError as error:
            return panels.notice(worded(error, request))

    def bring_back(version: int | None, project: str, request: gr.Request) -> dict[Any, Any]:
        session, say = context.session(project, request), wording(request)
        try:
            session.versions.restore(version)
        except AppError as error:
            return {changes: panels.notice(worded(error, request))}
        said = panels.progress(None, say("Restored. Undo brings the other back."))
        return {editor: draft_message(session), chosen: listed(session, say), changes: said}

    def drop(version: int | None, project: str, request: gr.Request) -> dict[Any, Any]:
        session, say = context.session(project, request), wording(request)
        try:
            session.versions.delete(version)
        except AppError as error:
            return {changes: panels.notice(worded(error, request))}
        return {chosen: {**listed(session, say), "value": None}, changes: panels.progress(None, say("Deleted."))}

    def unfold(project: str, request: gr.Request) -> Any:
        return listed(context.session(project, request), wording(request))

    opened.expand(unfold, project, chosen, **QUIET)
    parts.save.click(keep, [editor, name, project], [name, chosen, parts.progress], js=READ_EDITOR, **QUIET)
    compare.click(show, [chosen, project], changes, **QUIET)
    restore.click(bring_back, [chosen, project], [editor, chosen, changes], **QUIET)
    delete.click(drop, [chosen, project], [chosen, changes], js=CONFIRM, **QUIET)


def add_export(context: AppContext, project: gr.BrowserState, editor: DraftEditor) -> None:
    """The draft as a file: a button for each format, which downloads it."""
    with gr.Row(elem_id="export"):
        gr.HTML(f"<span>{words('export')}</span>", elem_id="export-label", min_width=0)
        buttons = {
            kind: gr.Button(words(f"format_{kind}"), size="sm", elem_id=f"export-{kind}", min_width=0)
            for kind in EXPORTED
        }
    made = gr.DownloadButton(visible="hidden")  # holds the file until it is downloaded
    problem = gr.HTML(elem_id="export-problem")

    def write(kind: str) -> Any:
        def call(state: Any, project: str, request: gr.Request) -> dict[Any, Any]:
            session, held = context.held(state, request)
            say = wording(request)
            try:
                put_into(session, held)
                file = export_draft(session, kind, project_name(session.name, say))
            except AppError as error:
                return {made: None, problem: panels.notice(worded(error, request))}
            said = "".join(panels.notice(note.worded(say)) for note in file.notes)
            return {made: offer(file, session.id), problem: said}

        return call

    for kind, button in buttons.items():
        pressed = button.click(write(kind), [editor, project], [made, problem], js=READ_EDITOR, **QUIET)
        pressed.then(None, made, None, js=DOWNLOAD, **QUIET)


def _titled(version: Version, say: Wording) -> str:
    """Its name, when it was kept, unless that is its name, and how long it is."""
    name = say(version.name) if version.automatic else version.name
    when = datetime.fromtimestamp(version.created).strftime("%Y-%m-%d %H:%M")
    characters = say.count(version.characters, "{:,} character", "{:,} characters")
    return " · ".join([name, *([] if name.startswith(when) else [when]), characters])
