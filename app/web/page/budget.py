"""Whether all that is asked for fits the model's window: a bar, and a button for each way out; and what is read of long
documents, which can be changed there."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import gradio as gr

from app.project.commands import Commands
from app.project.long_reading import LongReading, Way
from app.project.material import parts_chosen
from app.project.section_point import sections_in
from app.project.session import Session
from app.project.whole import HEADED
from app.project.window_state import WindowState
from app.prompt.request import WriteRequest
from app.prompt.window import Budget, Choice
from app.runs.feed import Json
from app.say.errors import AppError
from app.say.wording import Wording
from app.web.components.reading_plan import ReadingPlanView, plan_message
from app.web.context import AppContext
from app.web.events import QUIET, latest, warn, worded, wording
from app.web.html import panels
from app.web.html.run_lines import long_reading
from app.web.page.method import HIDDEN
from app.web.page.notes import NotesPanel
from app.web.page.task import TaskFields, fields_of
from app.web.page.writing import WritingParts, answered

CHOICES = 5
NOTHING_YET = "There is nothing to write about yet: add a source, say what to write, or begin the draft."


def add_budget(
    context: AppContext,
    project: gr.BrowserState,
    version: gr.State,
    fields: TaskFields,
    model: gr.HTML,
    ready: gr.State,
    parts: WritingParts,
) -> tuple[Callable[[Any], None], ReadingPlanView]:
    """The bar and its buttons; what was refused may be asked for again when they change. Returns what lets them follow
    an event too, and the plan of what is read."""
    bar = gr.HTML(elem_id="window")
    fields.beyond.render()
    ways = gr.HTML(elem_id="ways")
    plan = ReadingPlanView(elem_id="reading-plan")
    notes = NotesPanel(context, project)
    shown_plan = gr.State("")  # as JSON: a plan of hundreds of parts is sent when it is another one
    with gr.Row(elem_id="choices"):
        buttons = [gr.Button(visible=False, size="sm", elem_classes="choice") for _ in range(CHOICES)]

    def shown(project: str, before: str, request: gr.Request, *values: Any) -> dict[Any, Any]:
        say, session = wording(request), context.session(project, request)
        progress = answered(context, session, parts, values, request)
        asked = state = None
        offered = long_shown(None, say)
        try:
            asked = context.commands.request(**fields_of(values))
            state = context.commands.window(session, asked)
        except AppError as error:
            refused = panels.notice(worded(error, request))
        if asked is not None:  # the other way may be what is left
            with suppress(AppError):
                offered = long_shown(context.commands.long_reading_in(session, asked, state), say, known=state is None)
        if asked is None or state is None:
            return {**said(refused, ()), **offered, **progress, plan: None, shown_plan: ""}
        state = state.said(say)
        found = plan_shown(session, asked, state)
        key = json.dumps(found)
        planned = {} if key == before else {plan: found, shown_plan: key}
        noted = notes.values(session, say, offered=found is not None and "note" in found["states"])
        return {**said(window_html(state, say), state.choices), **offered, **progress, **planned, **noted}

    def long_shown(found: LongReading | None, say: Wording, *, known: bool = False) -> dict[Any, Any]:
        """`known`: the bar says already why one of the ways is none."""
        if found is None:
            return {fields.beyond: gr.update(visible=HIDDEN), ways: ""}
        offers = zip((found.parts, found.one), long_reading(found, say), strict=True)
        said = [sentence for offer, sentence in offers if isinstance(offer, Way) or not known]
        return {fields.beyond: gr.update(visible=True), ways: panels.ways(said)}

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

    def changed_plan(project: str, request: gr.Request, event: gr.EventData) -> Any:
        session = context.session(project, request)
        data = event._data if isinstance(event._data, dict) else {}
        try:
            change_plan(context.commands, session, str(data.get("kind")), data.get("value"), str(data.get("division")))
        except AppError as error:
            warn(worded(error, request))
        return session.sources.version, ""  # the plan is sent anew, also where it is as before

    asks = [project, *fields.all]
    inputs = [project, shown_plan, *fields.all]
    outputs = [bar, *buttons, fields.beyond, ways, parts.progress, plan, shown_plan, *notes.outputs]
    changed = [
        version.change,
        model.change,
        *(field.change for field in fields.choices),
        *(field.blur for field in fields.typed),
    ]
    for listen in (partial(gr.on, changed), parts.editor.settled):
        latest(listen, shown, inputs, outputs, **QUIET)
    for place, button in enumerate(buttons):
        button.click(choose(place), asks, [version, fields.max_new_tokens, fields.draft_tokens, fields.beyond], **QUIET)

    def after(event: Any) -> None:
        event.then(shown, inputs, outputs, **QUIET)

    # Each choice counts, also one that comes before the last is answered; and a note changes no version.
    after(plan.action(changed_plan, project, [version, shown_plan], trigger_mode="multiple", **QUIET))
    notes.wire(ready, after)
    return after, plan


def plan_shown(session: Session, asked: WriteRequest, state: WindowState) -> Json | None:
    """What the plan shows, None if all is read as it is."""
    if state.writes is None or state.writes.plan is None:
        return None
    sources = session.sources
    written = sections_in(session.draft.text) if asked.task in HEADED else ()
    changed = any(file.parts for file in sources.files)
    return plan_message(state.writes.plan, sources.division, written, changed=changed)


def change_plan(commands: Commands, session: Session, kind: str, value: Any, division: str) -> None:
    """Do what the page asks for with the plan of what was read then (`Sources.division`), if that means something.
    Raises AppError if other documents are read by now."""
    if division != session.sources.division:
        raise AppError("Other documents or pages are read by now. Look at the plan again, then repeat.")
    match kind, value:
        case "automatic", _:
            session.sources.forget_parts()
        case "parts", dict():
            session.sources.choose_parts(division, parts_chosen(value, len(session.material.sources)))
        case "note", {"id": str(part), "text": str(text)}:
            commands.edit_note(session, part, text)


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
