"""The plan of what is read as a Gradio component: a strip and a list in which it is changed.

The page sends two Gradio events with {kind, value, division}: `action`, of kind "parts" (value: {id of a part: "full",
"note" or "none"}) or "automatic" (all is as it would be without the person), and `again` (value: a section's heading),
which has it written once more. `division` is that of what is read in the plan shown (`Sources.division`): its parts are
meant. All of the message becomes the text of nodes, never HTML.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from app.prompt.reading_plan import ReadingPlan, SectionPlan
from app.prompt.sections import heading_key
from app.runs.feed import Json
from app.settings import ASSETS
from app.web.components import MessageView


class ReadingPlanView(MessageView):
    """One whose message is a `plan_message`; None shows nothing."""

    folder = ASSETS / "plan"

    def postprocess(self, value: Any) -> str | None:
        """As one string, empty for none."""
        return super().postprocess(value) or ""


def plan_message(plan: ReadingPlan, division: str, written: Collection[str], *, changed: bool) -> Json:
    """The plan of what is read in `division`. written: the keys of the sections that stand in the draft and can be
    written again. changed: whether the person has chosen anything of it."""
    states = ["full", "none"] if plan.quoted or plan.table or not plan.sections else ["full", "note", "none"]
    sections = [_group(section, again=heading_key(section.heading) in written) for section in plan.sections]
    others = [_group(chapter, again=False) for chapter in plan.others]
    return {"groups": [*sections, *others], "states": states, "division": division, "changed": changed}


def _group(section: SectionPlan, *, again: bool) -> Json:
    return {**asdict(section), "parts": [asdict(part) for part in section.parts], "again": again}
