"""The sources' part of the page: adding them, the list, and whether all of it fits the model's window."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from app.documents import ACCEPTED_TYPES
from app.project.commands import Commands
from app.project.session import UNTITLED, Session
from app.project.sources import SourceFile, Sources
from app.prompt.request import WriteRequest
from app.prompt.window import Choice, FewerPages, FewerSources, ShorterDraft, ShorterOutput
from app.runs.feed import Json
from app.say.errors import AppError, PromptError
from app.say.wording import ENGLISH, Wording
from app.settings import ASSETS
from app.web.components.editor import DraftEditor
from app.web.components.source_list import SourceList, list_message, page_text, source_card
from app.web.html import panels
from app.web.page.events import QUIET, AppContext, errors_said, worded, wording
from app.web.page.labels import words
from app.web.page.task import TaskFields, ask_of

SAMPLE = ASSETS / "samples" / "lighthouses.pdf"
CHOICES = 4
UPLOADS = 4
"""So many are read at the same time."""
PROGRESS = gr.Progress()  # Gradio finds it among the defaults, and gives each event its own

logger = logging.getLogger(__name__)


def add_sources(
    office: AppContext,
    project: gr.BrowserState,
    name: gr.Textbox,
    others: gr.Dropdown,
    version: gr.State,
    ready: gr.State,
) -> None:
    """Upload, sample and pasted text; below them the list."""
    gr.Markdown(words("sources"), elem_classes="heading")
    files = gr.File(
        label=words("upload"), file_count="multiple", file_types=list(ACCEPTED_TYPES), elem_id="files", height=92
    )
    with gr.Row():
        sample = gr.Button(words("sample"), size="sm", elem_id="sample")
    with gr.Accordion(words("paste"), open=False, elem_id="paste"):
        pasted = gr.Textbox(label=words("pasted"), lines=4, max_lines=10, elem_id="pasted")
        add_pasted = gr.Button(words("add_pasted"), size="sm", elem_id="add-pasted")
    problem = gr.HTML(elem_id="source-problem")

    def add(session: Session, paths: list[Path], progress: gr.Progress) -> None:
        session.sources.add(paths, lambda file, done, total: progress((done, total), desc=file))
        readable = next((file for file in session.sources.files if file.document), None)
        if session.name == UNTITLED and readable is not None:
            session.rename(Path(readable.name).stem[:80] or UNTITLED)

    def uploaded(paths: list[str] | None, project: str, request: gr.Request, progress: Any = PROGRESS) -> Iterator[Any]:
        """Make room for more at once, or what comes next would bring these along; and read what was uploaded."""
        yield None
        add(office.session(project, request), [Path(path) for path in paths or []], progress)
        yield gr.skip()

    def use_sample(project: str, request: gr.Request, progress: Any = PROGRESS) -> Any:
        """Add the sample that comes with the app."""
        add(office.session(project, request), [SAMPLE], progress)
        return gr.skip()

    def show(project: str, request: gr.Request) -> list[Any]:
        """The page may have gone over to another project while files were read."""
        session = office.session(project, request)
        return [*office.named(session, request), session.sources.version]

    def paste(text: str, project: str, request: gr.Request) -> tuple[str, str, Any]:
        """Add a pasted text; one that cannot be added stays where it was pasted."""
        sources = office.session(project, request).sources
        try:
            sources.paste(text, wording(request))
        except AppError as error:
            return text, panels.notice(worded(error, request)), gr.skip()
        return "", "", sources.version

    shown = {**QUIET, "show_progress": "minimal"}
    # Files may come, for another project too, while others are read.
    several = {**shown, "trigger_mode": "multiple", "concurrency_limit": UPLOADS}
    # The list is an event of its own: Gradio would take what others change during a long one for its doing.
    for reads in (
        files.upload(uploaded, [files, project], files, **several),
        sample.click(use_sample, project, files, **shown),
    ):
        reads.then(show, project, [name, others, version], **QUIET)
    add_pasted.click(paste, [pasted, project], [pasted, problem, version], **QUIET)

    def listed(project: str, request: gr.Request) -> Json:
        return cards(office, office.session(project, request), wording(request))

    def acted(project: str, request: gr.Request, event: gr.EventData) -> list[Any]:
        """Do what was done to a source, and answer with the list as it is then."""
        session = office.session(project, request)
        data = event._data if isinstance(event._data, dict) else {}
        file, kind, value = str(data.get("file")), data.get("kind"), data.get("value")
        with errors_said(request):
            act(session.sources, file, kind, value)
        if request.session_hash not in session.pages:  # it has gone over to another project meanwhile
            return [gr.skip(), gr.skip()]
        page = page_read(session.sources, file, value) if kind == "read" else None
        return [cards(office, session, wording(request), page), session.sources.version]

    source_list = SourceList(elem_id="source-list")
    together = {**QUIET, "concurrency_limit": UPLOADS}
    gr.on([version.change, ready.change], listed, project, source_list, trigger_mode="always_last", **together)
    source_list.action(acted, project, [source_list, version], trigger_mode="multiple", **together)


def act(sources: Sources, file: str, kind: Any, value: Any) -> None:
    """Do what the page asks for with the source of that id, if it is still there and that means something."""
    index = sources.index_of(file)
    if index is None:  # pressed twice, or removed in another window
        return
    match kind, value:
        case "unlock", str():
            sources.unlock(index, value)
        case "pages", str():
            sources.choose(index, value)
        case "up", _:
            sources.move(index, -1)
        case "down", _:
            sources.move(index, 1)
        case "leave-out", bool():
            sources.leave_out(index, value)
        case "remove", _:
            sources.remove(index)


def page_read(sources: Sources, file: str, number: Any) -> Json | None:
    """The text of a page of the source of that id, None if it is not there any more."""
    index = sources.index_of(file)
    return None if index is None else page_text(sources.files[index], number if isinstance(number, int) else 1)


def cards(office: AppContext, session: Session, say: Wording = ENGLISH, page: Json | None = None) -> Json:
    """The list of a project's sources, with their tokens once the model is there, and a `page_text` if it is wanted."""
    sources, engine = session.sources, office.desk.engine
    tokenizer = engine.require_model()[1] if engine.ready else None
    try:
        duplicates = sources.duplicate_notes
    except Exception:
        logger.exception("the sources could not be compared")
        duplicates = {}
    same = {sources.files[index].id: note for index, note in duplicates.items()}

    def card(file: SourceFile) -> Json:
        tokens = None
        if tokenizer is not None and file.document is not None:
            tokens = session.token_counts.of(tokenizer, file.document, file.chosen_pages)
        return source_card(file, tokens, same.get(file.id), say)

    return list_message(tuple(sources.files), card, say, page)


def add_budget(
    office: AppContext,
    project: gr.BrowserState,
    version: gr.State,
    fields: TaskFields,
    model: gr.HTML,
    editor: DraftEditor,
) -> None:
    """The bar that shows what fills the window, and if it is too much, a button for each way out."""
    bar = gr.HTML(elem_id="window")
    with gr.Row(elem_id="choices"):
        buttons = [gr.Button(visible=False, size="sm", elem_classes="choice") for _ in range(CHOICES)]

    def choices(project: str, values: tuple[Any, ...], request: gr.Request) -> tuple[str, tuple[Choice, ...]]:
        session, ask = office.session(project, request), ask_of(values)
        try:
            return window_state(office.desk, session, ask, wording(request))
        except AppError as error:
            return panels.notice(worded(error, request)), ()

    def show(project: str, *values: Any) -> list[Any]:
        *fields, request = values
        html, found = choices(project, tuple(fields), request)
        labels = [choice.sentence for choice in found] + [""] * (CHOICES - len(found))
        return [html, *(gr.update(value=label, visible=bool(label)) for label in labels)]

    def shown(project: str, request: gr.Request, *values: Any) -> list[Any]:
        return show(project, *values, request)

    def choose(place: int) -> Callable[..., list[Any]]:
        def call(project: str, request: gr.Request, *values: Any) -> list[Any]:
            session = office.session(project, request)
            _, found = choices(project, values, request)
            length = seen = gr.skip()
            match found[place] if place < len(found) else None:
                case FewerPages(pages=pages):
                    session.sources.apply_pages(pages)
                case FewerSources(left_out=indices):
                    session.sources.apply_left_out(indices)
                case ShorterOutput(tokens=tokens):
                    length = tokens
                case ShorterDraft(tokens=tokens):
                    seen = tokens
            return [session.sources.version, length, seen]

        return call

    inputs = fields.all
    changed = [
        version.change,
        model.change,
        *(field.change for field in fields.choices),
        *(f.blur for f in fields.typed),
    ]
    gr.on(changed, shown, [project, *inputs], [bar, *buttons], trigger_mode="always_last", **QUIET)
    editor.settled(shown, [project, *inputs], [bar, *buttons], trigger_mode="always_last", **QUIET)
    for place, button in enumerate(buttons):
        button.click(choose(place), [project, *inputs], [version, fields.max_new_tokens, fields.draft_tokens], **QUIET)


def window_state(
    desk: Commands, session: Session, ask: WriteRequest, say: Wording = ENGLISH
) -> tuple[str, tuple[Choice, ...]]:
    """The bar of what Write takes, with a sentence about Continue; and the ways out for the first that does not fit.

    Raises AppError while the model is loading, and PromptError.
    """
    sources, counts, draft = session.sources.selected, session.token_counts, session.draft.text
    writes = replace(desk.budget(sources, ask, draft if ask.task == "continue" else "", counts), say=say)
    if ask.task == "continue" or not draft.strip():
        return panels.window_bar(writes), writes.choices
    try:
        goes_on = replace(desk.budget(sources, ask, draft, counts), say=say)
    except PromptError as error:
        return panels.window_bar(writes, say("Continue: {}", error.worded(say))), writes.choices
    return panels.window_bar(writes, say("Continue: {}", goes_on.message)), writes.choices or goes_on.choices
