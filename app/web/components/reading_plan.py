"""The plan of what is read as a Gradio component: a strip and a list in which it is changed.

The page sends two Gradio events with {kind, value, division}: `action`, of kind "parts" (value: {id of a part: "full",
"note" or "none"}) or "automatic" (all is as it would be without the person), and `again` (value: a section's heading),
which has it written once more. `division` is that of what is read in the plan shown (`Sources.division`): its parts are
meant. All of the message becomes the text of nodes, never HTML.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import gradio as gr

from app.prompt.sections import heading_key
from app.prompt.window import ReadingPlan, SectionPlan
from app.runs.feed import Json
from app.settings import ASSETS
from app.web.components import templates

FOLDER = ASSETS / "plan"


class ReadingPlanView(gr.HTML):
    """A gr.HTML whose value is a `plan_message`; None shows nothing."""

    def __init__(self, **kwargs: Any) -> None:
        """`kwargs` are those of gr.HTML that concern the place on the page."""
        super().__init__(**templates(FOLDER), apply_default_css=False, **kwargs)

    def postprocess(self, value: Any) -> str | None:
        """The message as one string, see CacheMap; empty for none."""
        return "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def preprocess(self, payload: Any) -> None:
        """Nothing is taken from the client but by the events."""
        return None


def plan_message(plan: ReadingPlan, division: str, written: Collection[str], *, changed: bool) -> Json:
    """The plan of what is read in `division`. written: the keys of the sections that stand in the draft and can be
    written again. changed: whether the person has chosen anything of it."""
    states = ["full", "none"] if plan.quoted or plan.table or not plan.sections else ["full", "note", "none"]
    sections = [{**_group(section), "again": heading_key(section.heading) in written} for section in plan.sections]
    others = [{**_group(chapter), "again": False} for chapter in plan.others]
    return {"groups": [*sections, *others], "states": states, "division": division, "changed": changed}


def _group(section: SectionPlan) -> dict[str, Any]:
    parts = [
        {"id": part.id, "title": part.title, "pages": part.pages, "state": part.state, "span": part.span,
         "text": part.text}
        for part in section.parts
    ]  # fmt: skip
    return {"heading": section.heading, "pages": section.pages, "parts": parts}
