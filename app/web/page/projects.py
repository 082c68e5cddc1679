"""Projects: which one a page shows, its name, and the others on this computer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.methods import DEFAULT_METHOD, title_of
from app.project.session import Session
from app.prompt.request import WriteRequest
from app.prompt.tasks import TASKS
from app.say.errors import AppError
from app.web.context import AppContext, named, page_of
from app.web.events import QUIET, errors_said, project_name, warn, worded, wording
from app.web.page.labels import words
from app.web.page.task import TaskFields, fields_of
from app.web.page.writing import WritingParts, draft_message
from core.policies import METHODS

CONFIRM = """(...args) => {
  const ja = navigator.language.startsWith("ja");
  const question = ja
    ? "このプロジェクトを資料や版とともに完全に削除しますか？"
    : "Delete this project with its sources and versions, for good?";
  if (!confirm(question)) throw new Error("kept");
  return args;
}"""


@dataclass(frozen=True)
class ProjectParts:
    """The name, the list of the others, and the buttons; on a shared computer there is no list."""

    name: gr.Textbox
    others: gr.Dropdown
    new: gr.Button
    delete: gr.Button

    def named(self, context: AppContext, session: Session, request: gr.Request) -> dict[Any, Any]:
        """The session's name and the list, for the page that sent `request`, if it has not gone over to another."""
        if not context.shows(session, request):
            return {self.name: gr.skip()}
        say = wording(request)
        return {self.name: project_name(session.name, say), self.others: context.others(session, say)}


def add_projects(context: AppContext) -> ProjectParts:
    """The row above the draft."""
    with gr.Row(elem_id="projects", equal_height=False):
        name = gr.Textbox(label=words("project"), max_lines=1, elem_id="project-name", min_width=160, scale=3)
        others = gr.Dropdown(
            [], label=words("projects"), elem_id="project-list", min_width=140, scale=2, visible=not context.shared
        )
        new = gr.Button(words("new_project"), elem_id="new-project", min_width=60, scale=0, size="sm")
        delete = gr.Button(words("delete_project"), elem_id="delete-project", min_width=60, scale=0, size="sm")
    return ProjectParts(name, others, new, delete)


def wire_projects(
    context: AppContext,
    page: gr.Blocks,
    project: gr.BrowserState,
    version: gr.State,
    fields: TaskFields,
    parts: ProjectParts,
    writing: WritingParts,
) -> list[Any]:
    """Opening, renaming, making and deleting. Returns the events after which a page shows another project."""
    outputs = [project, version, parts.name, parts.others, writing.editor, *fields.all]
    defaults = dict(zip(WriteRequest.names(), (field.value for field in fields.all), strict=True))

    def shown(session: Session, request: gr.Request, forget: str = "") -> dict[Any, Any]:
        values = {**defaults, **session.task}  # not those of the project before
        say = wording(request)
        if values["method"] not in METHODS:  # of another version
            gone, usual = str(values["method"])[:80], title_of(DEFAULT_METHOD)
            warn(say("This app has no method “{}” any more: the project goes on with {}.", gone, usual))
            values["method"] = DEFAULT_METHOD
        kept = dict(zip(fields.all, map(values.get, defaults), strict=True))
        asks = say((TASKS.get(str(values["task"])) or TASKS["free"]).asks)
        return {
            project: session.id,
            version: session.sources.version,
            **parts.named(context, session, request),
            writing.editor: {**draft_message(session), "opens": True, "forget": forget},
            **kept,
            fields.detail: gr.update(value=kept[fields.detail], placeholder=asks),
        }

    def opened(project: Any, request: gr.Request) -> dict[Any, Any]:
        with errors_said(request):  # what the browser keeps may be anything
            return shown(context.sessions.open(page_of(request), named(project)), request)

    def made(request: gr.Request) -> dict[Any, Any]:
        with errors_said(request):
            return shown(context.sessions.create(page_of(request)), request)

    def switched(other: str | None, project: str, request: gr.Request) -> Any:
        current = context.session(project, request)
        if context.shared or not other or other == current.id:
            return gr.skip()
        with errors_said(request):
            return shown(context.sessions.open(page_of(request), other), request)

    def deleted(project: str, request: gr.Request) -> dict[Any, Any]:
        session = context.session(project, request)
        with errors_said(request):
            return shown(context.sessions.delete(page_of(request), session.id), request, forget=session.id)

    def renamed(name: str, project: str, request: gr.Request) -> dict[Any, Any]:
        session = context.session(project, request)
        if name.strip() not in (session.name, project_name(session.name, wording(request))):
            try:
                session.rename(name)
            except AppError as error:
                warn(worded(error, request))
        return parts.named(context, session, request)

    def keep_task(project: str, request: gr.Request, *values: Any) -> None:
        try:
            context.session(project, request).keep_task(fields_of(values))
        except AppError as error:
            warn(worded(error, request))

    # What a person changes, that is, and not what opening a project does.
    changed = [field.input for field in fields.plain]
    gr.on(changed, keep_task, [project, *fields.all], trigger_mode="always_last", queue=False, **QUIET)
    fields.suggested.then(keep_task, [project, *fields.all], queue=False, **QUIET)
    gr.on([parts.name.blur, parts.name.submit], renamed, [parts.name, project], [parts.name, parts.others], **QUIET)
    return [
        page.load(opened, project, outputs, **QUIET),
        parts.new.click(made, None, outputs, **QUIET),
        parts.others.input(switched, [parts.others, project], outputs, **QUIET),
        parts.delete.click(deleted, project, outputs, js=CONFIRM, **QUIET),
    ]
