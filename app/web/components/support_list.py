"""What documents support of a text, as a Gradio component: a static template, its style and scripts, and its message.

The sentences without support are buttons that lead to their place in the draft, each with two more: to write it again,
which the editor is asked for, and to take it out, for which the page sends the event `remove`: the editor's `state()`
and the `sentence`. All of the message becomes the text of nodes, never HTML.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import gradio as gr

from app.project.support import SupportReport
from app.reading.support import Reason
from app.runs.feed import Json
from app.say.wording import ENGLISH, Wording
from app.settings import ASSETS
from app.web.components import templates

FOLDER = ASSETS / "support"

REASONS: Mapping[Reason, str] = {
    "negation": "the documents say or deny it otherwise",
    "modality": "the documents are more or less certain",
    "quantifier": "the documents say of how many otherwise",
    "number": "another number",
    "unit": "another unit",
    "name": "another name",
    "roles": "others did it",
    "unlike": "no passage says it",
}


class SupportList(gr.HTML):
    """A gr.HTML whose value is a `support_message`, empty for nothing to say, or None to leave the page as it is."""

    def __init__(self, **kwargs: Any) -> None:
        """`kwargs` are those of gr.HTML that concern the place on the page."""
        super().__init__(**templates(FOLDER), apply_default_css=False, **kwargs)

    def postprocess(self, value: Any) -> str | None:
        """The message as one string, see CacheMap."""
        return None if value is None else json.dumps(value or {}, ensure_ascii=False, separators=(",", ":"))

    def preprocess(self, payload: Any) -> None:
        """Nothing is taken from the client but by the event."""
        return None


def support_message(report: SupportReport, say: Wording = ENGLISH) -> Json:
    """How many sentences the documents support, and the others with the reason."""
    total, others = len(report.sentences), report.unsupported
    count = say.count(
        total,
        "{:,} sentence, of which the documents support {:,}.",
        "{:,} sentences, of which the documents support {:,}.",
        total - len(others),
    )
    left_out = say.count(
        report.rows_left_out,
        "{:,} row left out: nothing in the documents says it.",
        "{:,} rows left out: nothing in the documents says them.",
    )
    count = say.together(count if total else "", left_out if report.rows_left_out else "")
    listed = [[found.text, say(REASONS[found.reason or "unlike"])] for found in others]
    return {"count": count, "title": say("Without support in the pages that were read:"), "sentences": listed}
