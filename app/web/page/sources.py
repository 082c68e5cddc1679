"""The sources' part of the page: adding them, a card for each, and whether all of it fits the model's window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from app.documents import ACCEPTED_TYPES
from app.project.session import UNTITLED, Session
from app.project.sources import SourceFile, Sources
from app.say.errors import AppError
from app.say.wording import ENGLISH, Message, Wording
from app.settings import ASSETS
from app.web.context import AppContext
from app.web.events import QUIET, project_name, worded, wording
from app.web.html import panels
from app.web.page.labels import words

SAMPLE = ASSETS / "samples" / "lighthouses.pdf"
CHOICES = 4
UPLOADS = 4
"""So many are read at the same time."""
PROGRESS = gr.Progress()  # Gradio finds it among the defaults, and gives each event its own


def add_sources(
    context: AppContext,
    project: gr.BrowserState,
    name: gr.Textbox,
    others: gr.Dropdown,
    version: gr.State,
    chosen: gr.State,
    ready: gr.State,
) -> None:
    """Upload, sample and pasted text; below them the cards."""
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
        add(context.session(project, request), [Path(path) for path in paths or []], progress)
        yield gr.skip()

    def use_sample(project: str, request: gr.Request, progress: Any = PROGRESS) -> Any:
        """Add the sample that comes with the app."""
        add(context.session(project, request), [SAMPLE], progress)
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
    # The cards are an event of their own: Gradio would take what others change during a long one for its doing.
    for reads in (
        files.upload(uploaded, [files, project], files, **several),
        sample.click(use_sample, project, files, **shown),
    ):
        reads.then(show, project, [name, others, version], **QUIET)
    add_pasted.click(paste, [pasted, project], [pasted, problem, version], **QUIET)

    @gr.render(inputs=[version, project, ready], show_progress="hidden")  # type: ignore[untyped-decorator]
    def cards(current: str, project_id: str, ready: bool, request: gr.Request) -> None:
        session = context.session(project_id, request)
        files, notes = session.sources.files, session.sources.duplicate_notes
        for index, file in enumerate(files):
            with gr.Column(elem_classes="source", key=file.id):
                html = source_card(context, session, file, notes.get(file.id), wording(request))
                card = gr.HTML(html, elem_classes="file-card")
                _card_fields(context, file, project, version)
                if file.document and len(file.document.pages) > 1 and not file.left_out:
                    _choice_of_pages(context, file, card, project, chosen)
                _card_buttons(context, index, files, project, version)
                if file.document:
                    _text_of(file)


def source_card(
    context: AppContext, session: Session, file: SourceFile, duplicate: Message | None, say: Wording = ENGLISH
) -> str:
    """With its tokens, once the model is there."""
    if file.document is None or not context.commands.engine.ready:
        return panels.source_card(file, None, duplicate, say)
    _, tokenizer = context.commands.engine.require_model()
    tokens = session.token_counts.of(tokenizer, file.document, file.chosen_pages)
    return panels.source_card(file, tokens, duplicate, say)


def _card_fields(context: AppContext, file: SourceFile, project: gr.BrowserState, version: gr.State) -> None:
    """A password, where one is needed."""
    if not file.needs_password:
        return
    password = gr.Textbox(label=words("password"), type="password", elem_classes="password", interactive=True)

    def unlock(value: str, project: str, request: gr.Request) -> str:
        sources = context.session(project, request).sources
        sources.unlock(file.id, value)
        return sources.version

    password.submit(unlock, [password, project], version, **QUIET)


def _choice_of_pages(
    context: AppContext, file: SourceFile, card: gr.HTML, project: gr.BrowserState, chosen: gr.State
) -> None:
    """Which pages to read. The card alone changes: made anew, the field would be left while it is still in use."""
    pages = gr.Textbox(
        file.pages,
        label=words("pages"),
        placeholder=words("pages_hint"),
        elem_classes="pages",
        max_lines=1,
        interactive=True,
    )

    def choose(value: str, project: str, count: int, request: gr.Request) -> list[Any]:
        session = context.session(project, request)
        session.sources.choose(file.id, value)
        now = session.sources.find(file.id)
        if now is None:  # removed in another window
            return [gr.skip(), gr.skip()]
        duplicate = session.sources.duplicate_notes.get(file.id)
        return [source_card(context, session, now, duplicate, wording(request)), count + 1]

    gr.on([pages.submit, pages.blur], choose, [pages, project, chosen], [card, chosen], **QUIET)


def _card_buttons(
    context: AppContext, index: int, files: Sequence[SourceFile], project: gr.BrowserState, version: gr.State
) -> None:
    """Order, leaving out, removal."""
    file = files[index]

    def button(label: str, name: str, act: Callable[[Sources], None]) -> None:
        pressed = gr.Button(words(label), size="sm", elem_classes=name)

        def call(project: str, request: gr.Request) -> str:
            sources = context.session(project, request).sources
            act(sources)
            return sources.version

        pressed.click(call, project, version, **QUIET)

    with gr.Row(elem_classes="source-actions"):
        if index:
            button("up", "up", lambda sources: sources.move(file.id, -1))
        if index < len(files) - 1:
            button("down", "down", lambda sources: sources.move(file.id, 1))
        if file.document:
            out = not file.left_out
            label = "leave_out" if out else "take_in"
            button(label, "leave-out", lambda sources: sources.leave_out(file.id, out))
        button("remove", "remove", lambda sources: sources.remove(file.id))


def _text_of(file: SourceFile) -> None:
    """The text as it was read, a page at a time."""
    assert file.document is not None
    document = file.document
    with gr.Accordion(words("read_text"), open=False, elem_classes="source-text") as opened:
        last = len(document.pages)
        number = gr.Slider(
            1,
            max(last, 2),
            1,
            step=1,
            label=words("page"),
            visible=last > 1,
            elem_classes="page-number",
            buttons=[],
            interactive=True,
        )
        text = gr.Textbox(show_label=False, lines=8, max_lines=14, interactive=False, elem_classes="page-text")

    def show(page: float) -> dict[str, Any]:
        chosen = document.pages[min(max(int(page), 1), last) - 1]
        label = (
            f"{chosen.number}" if chosen.label in (None, str(chosen.number)) else f"{chosen.label} ({chosen.number})"
        )
        return gr.update(value=chosen.text, label=label, show_label=True)

    gr.on([opened.expand, number.change], show, number, text, trigger_mode="always_last", **QUIET)
