"""The choice of the method, what it does in a sentence, and the fields of its parameters."""

from __future__ import annotations

from typing import Any, Literal

import gradio as gr

from app.methods import DEFAULT_METHOD, Parameter, all_parameters, parameters, title_of
from app.settings import Settings, budget_text
from app.web.events import QUIET, wording
from app.web.page.labels import titled, words
from core.policies import METHODS

HIDDEN: Literal["hidden"] = "hidden"
"""Of a field that stays on the page: Gradio makes 0 of an empty number that comes back to it."""


class NumberField(gr.Number):
    """Gives what the page holds as it is: WriteRequest says what is wrong with it, and of which field."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """As it is; Gradio would refuse what is out of its bounds in words of its own, whatever the event is for."""
        return payload


def add_method(settings: Settings, fold: gr.Accordion) -> list[Any]:
    """The dropdown, then a field for every parameter there is, of which those of the chosen method are shown. One
    that is empty stands for what is usual, which is written in it. All stand in `fold`."""
    choices = [(titled(title_of(method)), method) for method in METHODS]
    method = gr.Dropdown(
        choices,  # type: ignore[arg-type]  # a name may be a label
        value=DEFAULT_METHOD, label=words("method"), elem_id="method", filterable=False,
    )  # fmt: skip
    summary = gr.Markdown(words(f"{DEFAULT_METHOD}_summary"), elem_id="method-summary")
    given: dict[str, Any] = {
        "budget": None if settings.budget is None else budget_text(settings.budget), "stride": settings.stride,
        "threshold": settings.similarity_threshold,
    }  # fmt: skip
    with gr.Row(elem_id="parameters"):
        fields = [_field(parameter, given.get(name)) for name, parameter in all_parameters().items()]

    def described(chosen: Any, request: gr.Request) -> list[Any]:
        say, known = wording(request), chosen if chosen in METHODS else DEFAULT_METHOD
        own = {parameter.name: parameter for parameter in parameters(known)}
        shown = [
            gr.update(visible=True, label=say(own[name].label), placeholder=_usual(own[name]))
            if name in own
            else gr.update(visible=HIDDEN)
            for name in all_parameters()
        ]
        return [say(METHODS[known].summary), *shown]

    # What is to show while it is folded up Gradio forgets.
    gr.on([method.change, fold.expand], described, method, [summary, *fields], queue=False, **QUIET)
    return [method, *fields]


def _field(parameter: Parameter, value: Any) -> Any:
    shown: dict[str, Any] = {
        "label": words(parameter.name), "elem_id": f"parameter-{parameter.name}", "placeholder": _usual(parameter),
        "visible": parameter in parameters(DEFAULT_METHOD) or HIDDEN, "min_width": 150,
    }  # fmt: skip
    if parameter.form == "amount":
        return gr.Textbox(value, max_lines=1, **shown)
    return NumberField(value, precision=0 if parameter.form == "whole" else None, **shown)


def _usual(parameter: Parameter) -> str:
    """The default, as it is written in a field; nothing if there is none."""
    if parameter.default is None:
        return ""
    return budget_text(parameter.default) if parameter.form == "amount" else str(parameter.default)
