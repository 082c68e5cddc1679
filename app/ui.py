"""The page: components, where they stand, and which handler each event calls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app import panels
from app.cache_map import cache_map
from app.documents import ACCEPTED_TYPES
from app.handlers import FULL_ATTENTION, REFRESHKV, Handlers
from app.settings import Settings
from app.tasks import TASKS

ASSETS = Path(__file__).resolve().parent.parent / "assets"
SAMPLE = ASSETS / "samples" / "lighthouses.pdf"

# A person's events are not an API, and none shows a spinner over the text that streams.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# Runs queue in the engine, so that each says how many are before it; Gradio must not hold them back as well.
STREAMING: dict[str, Any] = {**QUIET, "concurrency_limit": None}


@dataclass(frozen=True)
class Task:
    """The fields that say what is to be written."""

    kind: gr.Dropdown
    detail: gr.Textbox
    draft: gr.Textbox
    max_new_tokens: gr.Slider


def build(settings: Settings, handlers: Handlers) -> gr.Blocks:
    """The whole page. Launch it with `launch_options`."""
    seconds = round(60 * settings.session_minutes)
    page: gr.Blocks
    # Uploaded files are deleted when they have outlived a session.
    with gr.Blocks(title="Long-document writer", analytics_enabled=False, delete_cache=(seconds, seconds)) as page:
        gr.HTML("<h1>Long-document writer</h1>", elem_id="title")
        model = gr.HTML(panels.progress(None, "Starting …"), elem_id="model-line")
        timer = gr.Timer(0.5)
        version = gr.State(0)
        with gr.Row(equal_height=False):
            with gr.Column(scale=4, min_width=340):
                _sources(handlers, version)
                kind, detail = _task()
                window = gr.HTML(elem_id="window")
                options = _options(settings)
            with gr.Column(scale=7, min_width=340):
                draft = _draft()
                buttons = _buttons()
                progress = gr.HTML(elem_id="progress")
                rates = gr.HTML(elem_id="rates")
        the_map = cache_map()

        task = Task(kind, detail, draft, options[4])
        timer.tick(handlers.model_line, None, [model, timer], queue=False, **QUIET)
        _keep_window_true(settings, handlers, task, version, model, window)
        _wire_writing(handlers, task, options, buttons, [progress, rates, the_map])
        page.unload(handlers.closed)
    return page


def launch_options(settings: Settings) -> dict[str, Any]:
    """What `Blocks.launch` needs for this page."""
    fonts = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")  # the system's: nothing is fetched
    mono = ("ui-monospace", "SFMono-Regular", "Menlo", "monospace")
    return {
        "theme": gr.themes.Base(primary_hue="teal", neutral_hue="stone", font=fonts, font_mono=mono),
        "css": (ASSETS / "style.css").read_text("utf-8"),
        "server_name": settings.host,
        "server_port": settings.port,
        # A backstop: the app's own limit answers in words and keeps the other files.
        "max_file_size": 4 * settings.max_file_megabytes * 10**6,
        "allowed_paths": [],
        "footer_links": [],
        # Documents and drafts are private: no copy of them in the browser's history of runs.
        "run_history": False,
    }


def _sources(handlers: Handlers, version: gr.State) -> None:
    """Upload, and below it a card for each file with its pages, its choice of pages and what is wrong with it."""
    files = gr.File(
        label="Documents", file_count="multiple", file_types=list(ACCEPTED_TYPES), elem_id="files", height=150
    )
    sample = gr.Button("Use the sample report", size="sm", elem_id="sample")
    sample.click(lambda: [str(SAMPLE)], None, files, **QUIET)
    files.change(handlers.files_changed, [files, version], version, **QUIET)

    @gr.render(inputs=version, show_progress="hidden")  # type: ignore[untyped-decorator]
    def cards(current: int, request: gr.Request) -> None:
        for index, file in enumerate(handlers.session(request).files):
            gr.HTML(panels.file_card(file, handlers.page_tokens(file, request)), elem_classes="file-card")
            if file.needs_password:
                password = gr.Textbox(label=f"Password of {file.name}", type="password", elem_classes="password")
                password.submit(_at(handlers.password_given, index), [password, version], version, **QUIET)
            elif file.document and len(file.document.pages) > 1:
                pages = gr.Textbox(
                    file.pages, label="Pages", placeholder="all, or for example 1-3, 7", elem_classes="pages"
                )
                gr.on([pages.submit, pages.blur], _at(handlers.pages_chosen, index), [pages, version], version, **QUIET)


def _at(handler: Any, index: int) -> Any:
    """`handler` for the file at `index`."""

    def call(value: str, version: int, request: gr.Request) -> int:
        return int(handler(index, value, version, request))

    return call


def _task() -> tuple[gr.Dropdown, gr.Textbox]:
    choices = [(entry.title, key) for key, entry in TASKS.items()]
    kind = gr.Dropdown(choices, value="summary", label="Task", elem_id="task", filterable=False)
    detail = gr.Textbox(label=TASKS["summary"].asks, lines=2, max_lines=8, elem_id="detail")
    return kind, detail


def _options(settings: Settings) -> list[Any]:
    """The fields of handlers.Options, in its order."""
    length = gr.Slider(
        16, settings.max_new_tokens_limit, settings.max_new_tokens, step=16, label="Length of the answer, in tokens",
        elem_id="length",
    )  # fmt: skip
    with gr.Accordion("How it is written and decoded", open=False):
        with gr.Row():
            temperature = gr.Number(settings.temperature, label="Temperature (0: always the likeliest)", minimum=0)
            seed = gr.Number(None, label="Seed (empty: a new text each time)", precision=0, elem_id="seed")
        method = gr.Radio([REFRESHKV, FULL_ATTENTION], value=REFRESHKV, label="Attention", elem_id="method")
        with gr.Row():
            budget = gr.Textbox(_as_text(settings.budget), label="Small cache: share of the prompt, or tokens")
            stride = gr.Number(settings.stride, label="Steps between refreshes", precision=0, minimum=1)
        threshold = gr.Number(
            settings.similarity_threshold,
            label="Stay with the small cache above this query similarity (empty: refresh at every check)",
            minimum=-1,
            maximum=1,
        )
    return [method, budget, stride, threshold, length, temperature, seed]


def _draft() -> gr.Textbox:
    return gr.Textbox(
        label="Draft",
        lines=18,
        max_lines=18,
        elem_id="draft",
        buttons=["copy"],
        placeholder="The text appears here. Edit it as you like; Continue goes on from its end.",
    )


def _buttons() -> list[gr.Button]:
    with gr.Row():
        return [
            gr.Button("Write", variant="primary", elem_id="write"),
            gr.Button("Continue", elem_id="continue"),
            gr.Button("Stop", variant="stop", interactive=False, elem_id="stop"),
            gr.Button("Text before", elem_id="swap"),
        ]


def _keep_window_true(
    settings: Settings, handlers: Handlers, task: Task, version: gr.State, model: gr.HTML, window: gr.HTML
) -> None:
    """The bar that shows what fills the window follows everything that changes it."""

    def suggest(key: str) -> tuple[Any, int]:
        chosen = TASKS[key]
        return gr.Textbox(label=chosen.asks), min(chosen.max_new_tokens, settings.max_new_tokens_limit)

    task.kind.change(suggest, task.kind, [task.detail, task.max_new_tokens], **QUIET)
    triggers = [version.change, model.change, task.max_new_tokens.change, task.kind.change]
    gr.on(
        [*triggers, task.detail.blur, task.draft.blur],
        handlers.window,
        [task.kind, task.detail, task.draft, task.max_new_tokens],
        window,
        trigger_mode="always_last",
        **QUIET,
    )


def _wire_writing(
    handlers: Handlers, task: Task, options: list[Any], buttons: list[gr.Button], views: list[Any]
) -> None:
    write, resume, stop, swap = buttons
    inputs = [task.kind, task.detail, task.draft, *options]
    outputs = [task.draft, *views, *buttons]
    write.click(handlers.write, inputs, outputs, **STREAMING)
    resume.click(handlers.resume, inputs, outputs, **STREAMING)
    stop.click(handlers.stop, None, stop, queue=False, **QUIET)
    swap.click(handlers.swap, task.draft, task.draft, **QUIET)


def _as_text(budget: float | int) -> str:
    """A budget as the person would write it: 0.125 as 1/8."""
    if isinstance(budget, float) and (1 / budget).is_integer():
        return f"1/{round(1 / budget)}"
    return str(budget)
