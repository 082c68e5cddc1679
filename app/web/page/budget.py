"""Whether all that is asked for fits the model's window: a bar, and a button for each way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from app.project.commands import WindowState
from app.prompt.window import Budget, Choice
from app.say.errors import AppError
from app.say.wording import Wording
from app.web.context import AppContext
from app.web.events import QUIET, worded, wording
from app.web.html import panels
from app.web.page.task import TaskFields, fields_of
from app.web.page.writing import WritingParts, answered

CHOICES = 4
NOTHING_YET = "There is nothing to write about yet: add a source, say what to write, or begin the draft."


def add_budget(
    context: AppContext,
    project: gr.BrowserState,
    version: gr.State,
    fields: TaskFields,
    model: gr.HTML,
    parts: WritingParts,
) -> Callable[[Any], None]:
    """The bar and its buttons; what was refused may be asked for again when they change. Returns what lets them follow
    an event too."""
    bar = gr.HTML(elem_id="window")
    with gr.Row(elem_id="choices"):
        buttons = [gr.Button(visible=False, size="sm", elem_classes="choice") for _ in range(CHOICES)]

    def shown(project: str, request: gr.Request, *values: Any) -> dict[Any, Any]:
        say, session = wording(request), context.session(project, request)
        progress = answered(context, session, parts, values, request)
        try:
            asked = context.commands.request(**fields_of(values))
            state = context.commands.window(session, asked).said(say)
        except AppError as error:
            return {**said(panels.notice(worded(error, request)), ()), **progress}
        return {**said(window_html(state, say), state.choices), **progress}

    def said(html: str, choices: tuple[Choice, ...]) -> dict[Any, Any]:
        labels = [choice.sentence for choice in choices] + [""] * (CHOICES - len(choices))
        shown = [gr.update(value=label, visible=bool(label)) for label in labels]
        return {bar: html, **dict(zip(buttons, shown, strict=True))}

    def choose(place: int) -> Callable[..., dict[Any, Any]]:
        def call(project: str, request: gr.Request, *values: Any) -> dict[Any, Any]:
            session = context.session(project, request)
            try:
                asked = context.commands.request(**fields_of(values))
                changed = context.commands.choose(session, asked, place)
            except AppError:  # which the bar says
                changed = {}
            by_name = {getattr(fields, name): value for name, value in changed.items()}
            return {version: session.sources.version, **by_name}

        return call

    inputs, outputs = [project, *fields.all], [bar, *buttons, parts.progress]
    changed = [
        version.change,
        model.change,
        *(field.change for field in fields.choices),
        *(field.blur for field in fields.typed),
    ]
    gr.on(changed, shown, inputs, outputs, trigger_mode="always_last", **QUIET)
    parts.editor.settled(shown, inputs, outputs, trigger_mode="always_last", **QUIET)
    for place, button in enumerate(buttons):
        button.click(choose(place), inputs, [version, fields.max_new_tokens, fields.draft_tokens], **QUIET)
    return lambda event: event.then(shown, inputs, outputs, **QUIET)


def window_html(state: WindowState, say: Wording) -> str:
    """The bar of what Write takes, with a sentence about Continue where there is a draft to go on with; the bar of that
    alone where there is nothing else to write about. On an empty page, what is missing."""
    goes_on, going_on = state.goes_on, ""
    if goes_on is not None:
        going_on = say("Continue: {}", goes_on.message if isinstance(goes_on, Budget) else goes_on.worded(say))
    if state.writes is not None:
        return panels.window_bar(state.writes, going_on)
    if isinstance(goes_on, Budget):
        return panels.window_bar(goes_on, message=going_on)
    return panels.progress(None, going_on or say(NOTHING_YET))
