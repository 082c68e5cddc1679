"""What documents support of a text, as a Gradio component: a static template, its style and scripts, and its message.

The sentences without support are buttons that lead to their place in the draft, each with two more: to write it again,
which the editor is asked for, and to take it out, for which the page sends the event `remove`: the editor's `state()`
and the `sentence`. All of the message becomes the text of nodes, never HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.project.support import SupportReport
from app.reading.support import Reason
from app.runs.feed import Json
from app.say.wording import ENGLISH, Wording
from app.settings import ASSETS
from app.web.components import MessageView

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


class SupportList(MessageView):
    """One whose message is a `support_message`, empty for nothing to say."""

    folder = ASSETS / "support"

    def postprocess(self, value: Any) -> str | None:
        """As one string; nothing to say is a message too."""
        return super().postprocess({} if value == "" else value)


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
