"""The draft when nobody but the person writes: edits, undo, proposals, versions, and files made of it."""

from __future__ import annotations

import importlib.metadata
import platform
from datetime import datetime
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from app.export import FORMATS, Draft, Export, RunRecord, export
from app.project.session import Session
from app.prompt.tasks import columns_asked
from app.runs.feed import Json
from app.runs.trace import write_trace
from app.say.errors import AppError
from app.say.wording import ENGLISH, Wording
from app.store import Version, delete_version, list_versions, save_version, version_text
from app.text.diff import diff
from app.text.spans import changed
from app.web.components.editor import DraftEditor, kept_message, saved_message
from app.web.html import panels
from app.web.page.events import QUIET, READ_EDITOR, AppContext, errors_said, project_name, warn, worded, wording
from app.web.page.labels import words
from app.web.page.projects import ProjectParts
from app.web.page.writing import WritingParts, draft_message

CONFIRM = """(...args) => {
  const ja = navigator.language.startsWith("ja");
  if (!confirm(ja ? "この版を完全に削除しますか？" : "Delete this version for good?")) throw new Error("kept");
  return args;
}"""


def wire_draft(office: AppContext, project: gr.BrowserState, projects: ProjectParts, parts: WritingParts) -> None:
    """What the editor and its undo buttons do."""
    editor = parts.editor

    def edit(project: str, request: gr.Request, event: gr.EventData) -> list[Any]:
        session, held = office.held(event._data, request)
        try:
            taken = held.put_into(session)
            failure = session.flush()
            said = failure.worded(wording(request)) if failure else ""
            message: Json = saved_message(session.id, session.draft.revision, said)
            if not taken:
                message = {**draft_message(session), "note": "refused"}
        except AppError as error:  # not even as a version
            message = saved_message(held.project, held.revision, worded(error, request))
        if session.id != held.project:  # the page takes it over, and sends its text for it
            return [draft_message(session), *[gr.skip()] * 3]
        if session.instead_of == project:
            return [message, session.id, *office.named(session, request)]
        return [message, *[gr.skip()] * 3]

    def resync(project: str, request: gr.Request) -> Json:
        return draft_message(office.session(project, request))

    def recover(project: str, request: gr.Request, event: gr.EventData) -> Json:
        session, held = office.held(event._data, request)
        with errors_said(request):  # the page offers it still
            restored = session.recover(held.text)
        return {**draft_message(session), "note": "restored"} if restored else kept_message(session.id)

    def step(forward: bool) -> Any:
        def call(state: Any, project: str, request: gr.Request) -> Json:
            session, held = office.held(state, request)
            if session.draft.takes(held.revision, held.page):  # else an older text: pressed again before the answer
                held.put_into(session)
            before = session.draft.text
            if forward:
                session.redo()
            else:
                session.undo()
            end = changed(before, session.draft.text)[1]
            return draft_message(session, None if before == session.draft.text else (end, end))

        return call

    def resolve(accept: bool) -> Any:
        def call(project: str, request: gr.Request, event: gr.EventData) -> Json:
            session, data = office.session(project, request), event._data
            with errors_said(request):
                done = session.resolve(str(data.get("id")) if isinstance(data, dict) else "", accept)
            if not done:
                warn(wording(request)("The passage was changed meanwhile, so the proposal no longer fits it."))
            return draft_message(session)

        return call

    editor.edit(edit, project, [editor, project, projects.name, projects.others], queue=False, **QUIET)
    editor.resync(resync, project, editor, queue=False, **QUIET)
    editor.recover(recover, project, editor, **QUIET)
    editor.accept(resolve(True), project, editor, **QUIET)
    editor.reject(resolve(False), project, editor, **QUIET)
    # Each press counts, also one that comes before the last is answered.
    for button, forward in ((parts.undo, False), (parts.redo, True)):
        button.click(step(forward), [editor, project], editor, js=READ_EDITOR, trigger_mode="multiple", **QUIET)


def add_versions(office: AppContext, project: gr.BrowserState, parts: WritingParts) -> None:
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
        versions = list_versions(office.sessions.store, session.id)
        return gr.update(choices=[(_titled(version, say), version.id) for version in versions])

    def known(session: Session, version: int | None) -> bool:
        """Whether it is one of this project's: what a client sends may be anything."""
        return version in {kept.id for kept in list_versions(office.sessions.store, session.id)}

    def keep(state: Any, name: str | None, project: str, request: gr.Request) -> list[Any]:
        session, held = office.held(state, request)
        label = (name or "").strip() or datetime.now().strftime("%Y-%m-%d %H:%M:%S")
        try:
            held.put_into(session)
            kept = save_version(office.sessions.store, session.id, session.draft.text, label)
        except AppError as error:
            return [name, gr.skip(), panels.notice(worded(error, request))]
        say = wording(request)
        return ["", {**listed(session, say), "value": kept.id}, panels.progress(None, say("Kept as “{}”.", kept.name))]

    def show(version: int | None, project: str, request: gr.Request) -> str:
        session = office.session(project, request)
        if not known(session, version):
            return panels.notice(wording(request)("Choose a version first."))
        return panels.changes(diff(version_text(office.sessions.store, int(version or 0)), session.draft.text))

    def bring_back(version: int | None, project: str, request: gr.Request) -> list[Any]:
        session, say = office.session(project, request), wording(request)
        if not known(session, version):
            return [gr.skip(), gr.skip(), panels.notice(say("Choose a version first."))]
        try:
            session.restore(int(version or 0))
        except AppError as error:
            return [gr.skip(), gr.skip(), panels.notice(worded(error, request))]
        return [
            draft_message(session),
            listed(session, say),
            panels.progress(None, say("Restored. Undo brings the other back.")),
        ]

    def drop(version: int | None, project: str, request: gr.Request) -> list[Any]:
        session, say = office.session(project, request), wording(request)
        if not known(session, version):
            return [gr.skip(), panels.notice(say("Choose a version first."))]
        with errors_said(request):
            delete_version(office.sessions.store, int(version or 0))
        return [{**listed(session, say), "value": None}, panels.progress(None, say("Deleted."))]

    def unfold(project: str, request: gr.Request) -> Any:
        return listed(office.session(project, request), wording(request))

    opened.expand(unfold, project, chosen, **QUIET)
    parts.save.click(keep, [editor, name, project], [name, chosen, parts.progress], js=READ_EDITOR, **QUIET)
    compare.click(show, [chosen, project], changes, **QUIET)
    restore.click(bring_back, [chosen, project], [editor, chosen, changes], **QUIET)
    delete.click(drop, [chosen, project], [chosen, changes], js=CONFIRM, **QUIET)


def add_export(office: AppContext, project: gr.BrowserState, editor: DraftEditor) -> None:
    """The draft as a file."""
    with gr.Accordion(words("export"), open=False, elem_id="export"):
        with gr.Row():
            formats = [(words(f"format_{key}"), key) for key in FORMATS]
            kind = gr.Dropdown(formats, value="docx", label=words("format"), elem_id="format", min_width=190)
            make = gr.Button(words("export"), elem_id="make-export", min_width=110)
        file = gr.File(label=words("file"), show_label=False, visible=False, elem_id="exported", height=90)
        problem = gr.HTML(elem_id="export-problem")

    def write(state: Any, kind: str, project: str, request: gr.Request) -> list[Any]:
        (session, held), say = office.held(state, request), wording(request)
        try:
            held.put_into(session)
            made = exported(session, kind, say)
        except AppError as error:
            return [gr.update(visible=False), panels.notice(worded(error, request))]
        # Where Gradio deletes it again.
        path = save_bytes_to_cache(made.data, made.name, get_upload_folder())
        said = "".join(panels.notice(note.worded(say)) for note in made.notes)
        # A label of a component that was hidden is not translated when it is shown.
        return [gr.update(value=path, visible=True, label=say("File")), said]

    make.click(write, [editor, kind, project], [file, problem], js=READ_EDITOR, **QUIET)


def exported(session: Session, kind: str, say: Wording = ENGLISH) -> Export:
    """The draft as a file. Raises ExportError."""
    # A trace is large, and only the bundle holds it.
    run = run_record(session) if kind == "zip" else None
    title = project_name(session.name, say)
    return export(Draft(title, session.draft.text, run, columns_asked(session.task) or ()), kind)


def run_record(session: Session) -> RunRecord | None:
    """The run that wrote last, for a bundle."""
    trace = session.trace()
    if trace is None:
        return None
    settings = trace.settings
    packages = ("torch", "transformers", "gradio", "bitsandbytes")
    return RunRecord(
        {
            "model": settings.model,
            "quantization": settings.quantization,
            "policy": dict(settings.policy),
            "sampling": dict(settings.sampling),
        },
        settings.seed,
        {"task": session.task, "documents": [page.title for page in trace.prompt.pages]},
        {"python": platform.python_version(), **{name: found for name in packages if (found := _version(name))}},
        write_trace(trace),
    )


def _version(package: str) -> str | None:
    """Of a package; None if it is not installed, as bitsandbytes need not be."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _titled(version: Version, say: Wording) -> str:
    name = say(version.name) if version.automatic else version.name
    when = datetime.fromtimestamp(version.created).strftime("%Y-%m-%d %H:%M")
    return f"{name} · {when} · {version.characters:,}"
