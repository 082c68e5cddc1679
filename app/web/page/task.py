"""The task's part of the page: what is to be written, how, and how it is decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from app.methods import all_parameters
from app.prompt.request import AS_ONE, MAX_TEMPERATURE, WriteRequest
from app.prompt.tasks import LENGTHS, TASKS, TONES, Shape, parse_length
from app.say.errors import AppError
from app.settings import Settings
from app.web.context import AppContext
from app.web.events import QUIET, warn, worded, wording
from app.web.page.labels import words
from app.web.page.method import HIDDEN, NumberField, add_method

LANGUAGES = ["English", "日本語", "Deutsch", "Français", "Español", "中文"]
TASK = "report"
"""Of a new project."""
SUGGESTING = ("task", "length", "language")
"""The fields by which the most tokens are suggested."""


@dataclass(frozen=True)
class TaskFields:
    """The fields that Ask is made of, in its order; `suggested`: the event after which one has followed another."""

    all: list[Any]
    suggested: Any = None

    def __getattr__(self, name: str) -> Any:
        """The field of that name."""
        return self.all[WriteRequest.names().index(name)]

    @property
    def choices(self) -> list[Any]:
        """Those that change at once."""
        return [
            self.task, self.length, self.tone, self.method, self.max_new_tokens, self.draft_tokens, self.wording,
            self.beyond,
        ]  # fmt: skip

    @property
    def typed(self) -> list[Any]:
        """Those that change when they are left."""
        return [self.detail, self.audience, *map(self.__getattr__, all_parameters())]

    @property
    def plain(self) -> list[Any]:
        """Those after which no other follows."""
        return [field for name, field in zip(WriteRequest.names(), self.all, strict=True) if name not in SUGGESTING]


def fields_of(values: tuple[Any, ...]) -> dict[str, Any]:
    """The fields as the page holds them, valid or not: what a project keeps, and what a request is made of. Anything
    that no field of the page can hold is left out."""
    kept = (value if isinstance(value, str | int | float | None) else None for value in values)
    return dict(zip(WriteRequest.names(), kept, strict=True))


def add_task(context: AppContext, project: gr.BrowserState) -> TaskFields:
    """The fields of the task; those that are seldom needed, and the decoding, are folded away."""
    settings = context.commands.settings
    gr.Markdown(words("task"), elem_classes="heading")
    titles = {"continue": "continue_task"}
    task = gr.Dropdown(
        [(words(titles.get(key, key)), key) for key in TASKS], value=TASK, show_label=False, elem_id="task",
        label=words("task"), filterable=False,
    )  # fmt: skip
    detail = gr.Textbox(label=words("detail"), placeholder=words("report_asks"), lines=2, max_lines=8, elem_id="detail")
    none = (words("as_it_comes"), "")
    length = gr.Dropdown([none, *((words(key), key) for key in LENGTHS)], value="", label=words("length_words"),
                         elem_id="length", allow_custom_value=True, min_width=110)  # fmt: skip
    with gr.Accordion(words("more"), open=False, elem_id="more"):
        tone = gr.Dropdown([none, *((words(key), key) for key in TONES)], value="", label=words("tone"),
                           elem_id="tone", filterable=False, min_width=110)  # fmt: skip
        with gr.Row():
            language = gr.Dropdown([none, *LANGUAGES], value="", label=words("language"), allow_custom_value=True,
                                   elem_id="language", min_width=110)  # fmt: skip
            audience = gr.Textbox(label=words("audience"), placeholder=words("audience_hint"), max_lines=1,
                                  elem_id="audience", min_width=110)  # fmt: skip
        tokens = gr.Slider(
            16, settings.max_new_tokens_limit, settings.max_new_tokens, step=16, label=words("tokens"),
            elem_id="tokens", buttons=[],
        )  # fmt: skip
    method, others = _decoding(settings)
    fields = TaskFields([task, detail, length, tone, language, audience, *method, tokens, *others])

    def ask(task: str, request: gr.Request) -> Any:
        return gr.update(placeholder=wording(request)(TASKS.get(task, TASKS["free"]).asks))

    def suggest(task: str, length: str, language: str, project: str, request: gr.Request) -> Any:
        kept = context.session(project, request).task
        try:
            tokens = suggestion(kept, {"task": task, "length": length, "language": language})
        except AppError as error:
            warn(worded(error, request))
            return gr.skip()
        return gr.skip() if tokens is None else min(tokens, settings.max_new_tokens_limit)

    task.change(ask, task, detail, **QUIET)
    changed = [getattr(fields, name).input for name in SUGGESTING]
    # At once: what is kept of the task must still be that from before the change.
    inputs = [task, length, language, project]
    suggested = gr.on(changed, suggest, inputs, tokens, trigger_mode="always_last", queue=False, **QUIET)
    return replace(fields, suggested=suggested)


def suggestion(before: Mapping[str, Any], now: Mapping[str, Any]) -> int | None:
    """The most tokens for this task, length and language; None if they are as before, as a project keeps them.

    A dropdown says that it was changed also when it was only left: what the person has set by hand stays then. When one
    of the three does change, what was set was meant for another text, and the suggestion takes its place.
    Raises PromptError for a length that means nothing.
    """
    defaults = {"task": TASK, "length": "", "language": ""}
    task, length, language = (str(now.get(name) or defaults[name]) for name in SUGGESTING)
    if [task, length, language] == [before.get(name) or defaults[name] for name in SUGGESTING]:
        return None
    shape = Shape(parse_length(length), language=language)
    return TASKS.get(task, TASKS["free"]).max_new_tokens(shape)


def _decoding(settings: Settings) -> tuple[list[Any], list[Any]]:
    """The method with its parameters, and what stands behind the most tokens in a request."""
    with gr.Accordion(words("options"), open=False, elem_id="options") as fold:
        method = add_method(settings, fold)
        with gr.Row():
            temperature = NumberField(
                settings.temperature, label=words("temperature"), minimum=0, maximum=MAX_TEMPERATURE
            )
            seed = NumberField(None, label=words("seed"), precision=0, elem_id="seed")
        seen = NumberField(None, label=words("draft_tokens"), precision=0, minimum=0, elem_id="draft-tokens")
        whose = [(words("wording_auto"), "auto"), (words("wording_own"), "own"), (words("wording_quoted"), "quoted")]
        sentences = gr.Radio(whose, value="auto", label=words("wording"), elem_id="wording")
        grounded = gr.Checkbox(True, label=words("grounded"), elem_id="grounded")
        apart = gr.Checkbox(False, label=words("apart"), elem_id="apart")
    ways = [(words("beyond_parts"), "parts"), (words("beyond_one"), AS_ONE)]
    # Stands where it is said what fits the window, and only while the documents do not.
    beyond = gr.Radio(ways, value="parts", label=words("beyond"), elem_id="beyond", visible=HIDDEN, render=False)
    return method, [temperature, seed, seen, sentences, grounded, beyond, apart]
