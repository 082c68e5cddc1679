"""The sources' part of the page: adding them, the list, and whether all of it fits the model's window."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from app.documents import ACCEPTED_TYPES, ReadAs
from app.project.session import UNTITLED, Session
from app.project.source_file import SourceFile
from app.project.sources import Sources
from app.runs.feed import Json
from app.say.errors import AppError
from app.say.wording import ENGLISH, Wording
from app.settings import ASSETS
from app.web.components.source_list import SourceList, list_message, page_text, source_card
from app.web.context import AppContext, page_of
from app.web.events import QUIET, errors_said, latest, project_name, worded, wording
from app.web.html import panels
from app.web.page.labels import words

SAMPLE = ASSETS / "samples" / "lighthouses.pdf"
UPLOADS = 4
"""So many are taken in at the same time; how many are read is for the reader to say."""
WAITS = "{} waits its turn. Files before it: {}"
PROGRESS = gr.Progress()  # Gradio finds it among the defaults, and gives each event its own

logger = logging.getLogger(__name__)


def add_sources(
    context: AppContext,
    project: gr.BrowserState,
    name: gr.Textbox,
    others: gr.Dropdown,
    version: gr.State,
    ready: gr.State,
) -> None:
    """Upload, sample and pasted text; below them the list."""
    gr.Markdown(words("sources"), elem_classes="heading")
    files = gr.File(
        label=words("upload"), file_count="multiple", file_types=list(ACCEPTED_TYPES), elem_id="files", height=56
    )
    with gr.Row():
        sample = gr.Button(words("sample"), size="sm", elem_id="sample")
    with gr.Accordion(words("paste"), open=False, elem_id="paste"):
        pasted = gr.Textbox(label=words("pasted"), lines=4, max_lines=10, elem_id="pasted")
        add_pasted = gr.Button(words("add_pasted"), size="sm", elem_id="add-pasted")
    problem = gr.HTML(elem_id="source-problem")

    def add(project: str, paths: list[Path], request: gr.Request, progress: gr.Progress) -> None:
        session, say = context.session(project, request), wording(request)
        session.sources.add(
            paths,
            lambda file, done, total: progress((done, total), desc=file),
            lambda: context.sessions.awaits(page_of(request), session),
            lambda file, before: progress(None, desc=say(WAITS, file, before)),
        )
        readable = next((file for file in session.sources.files if file.document), None)
        if session.name == UNTITLED and readable is not None:
            session.rename(Path(readable.name).stem[:80] or UNTITLED)

    def uploaded(paths: list[str] | None, project: str, request: gr.Request, progress: Any = PROGRESS) -> Iterator[Any]:
        """Make room for more at once, or what comes next would bring these along; and read what was uploaded."""
        yield None
        session, files = context.session(project, request), [Path(path) for path in paths or []]
        with errors_said(request):
            context.sessions.require_room(session, files)
        add(project, files, request, progress)
        yield gr.skip()

    def use_sample(project: str, request: gr.Request, progress: Any = PROGRESS) -> Any:
        """Add the sample that comes with the app."""
        add(project, [SAMPLE], request, progress)
        return gr.skip()

    def show(project: str, request: gr.Request) -> list[Any]:
        """The page may have gone over to another project while files were read."""
        session = context.session(project, request)
        if not context.shows(session, request):
            return [gr.skip()] * 3
        say = wording(request)
        return [project_name(session.name, say), context.others(session, say), session.sources.version]

    def paste(text: str, project: str, request: gr.Request) -> tuple[str, str, Any]:
        """Add a pasted text; one that cannot be added stays where it was pasted."""
        sources = context.session(project, request).sources
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

    def listed(project: str, request: gr.Request) -> Any:
        if not project:  # the model was there first: after an error Gradio would not ask again
            return gr.skip()
        return cards(context, context.session(project, request), wording(request))

    def acted(project: str, request: gr.Request, event: gr.EventData) -> list[Any]:
        """Do what was done to a source, and answer with the list as it is then."""
        session = context.session(project, request)
        data = event._data if isinstance(event._data, dict) else {}
        file, kind, value = str(data.get("file")), data.get("kind"), data.get("value")
        with errors_said(request):
            act(session.sources, file, kind, value)
        if not context.shows(session, request):  # it has gone over to another project meanwhile
            return [gr.skip(), gr.skip()]
        page = page_read(session.sources, file, value) if kind == "read" else None
        return [cards(context, session, wording(request), page), session.sources.version]

    source_list = SourceList(elem_id="source-list")
    together = {**QUIET, "concurrency_limit": UPLOADS}
    latest(partial(gr.on, [version.change, ready.change]), listed, project, source_list, **together)
    source_list.action(acted, project, [source_list, version], trigger_mode="multiple", **together)


def act(sources: Sources, file: str, kind: Any, value: Any) -> None:
    """Do what the page asks for with the source of that id, if it is still there and that means something."""
    match kind, value:
        case "unlock", str():
            sources.unlock(file, value)
        case "pages", str():
            sources.choose(file, value)
        case "up", _:
            sources.move(file, -1)
        case "down", _:
            sources.move(file, 1)
        case "leave-out", bool():
            sources.leave_out(file, value)
        case "read-as", {"encoding": str(encoding), "whole_page": bool(whole), "running_lines": bool(running)}:
            sources.read_again(file, ReadAs(encoding[:40], whole, running))
        case "remove", _:
            sources.remove(file)


def page_read(sources: Sources, file: str, number: Any) -> Json | None:
    """The text of a page of the source of that id, None if it is not there any more."""
    found = sources.find(file)
    return None if found is None else page_text(found, number if isinstance(number, int) else 1)


def cards(context: AppContext, session: Session, say: Wording = ENGLISH, page: Json | None = None) -> Json:
    """The list of a project's sources, with their tokens once the model is there, and a `page_text` if it is wanted."""
    sources, engine = session.sources, context.commands.engine
    tokenizer = engine.require_model()[1] if engine.ready else None
    try:
        duplicates = sources.duplicate_notes
    except Exception:
        logger.exception("the sources could not be compared")
        duplicates = {}

    def card(file: SourceFile) -> Json:
        tokens = None
        if tokenizer is not None and file.document is not None:
            tokens = session.token_counts.of(tokenizer, file.document, file.chosen_pages)
        return source_card(file, tokens, duplicates.get(file.id), say)

    return list_message(sources.files, card, say, page)
