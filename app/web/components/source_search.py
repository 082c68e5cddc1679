"""The box that searches the documents as a Gradio component: a static template, its style and scripts, and its message.

The page sends the event `search` with a `query`. The answer has the query, what is said of it, and the hits, each of
which leads to its place in the text of its page. All of it becomes the text of nodes, never HTML.
"""

from __future__ import annotations

from app.project.search import MOST, Found
from app.runs.feed import Json
from app.say.wording import ENGLISH, Wording
from app.settings import ASSETS
from app.web.components import MessageView


class SourceSearch(MessageView):
    """One whose message is a `found_message`."""

    folder = ASSETS / "search"


def found_message(query: str, found: Found, say: Wording = ENGLISH) -> Json:
    """What was found for a query."""
    hits = [
        {
            "file": hit.file, "page": hit.page, "start": hit.start, "end": hit.end,
            "place": say("{}, page {}", hit.name, hit.page), "snippet": [hit.before, hit.words, hit.after],
        }
        for hit in found.hits
    ]  # fmt: skip
    return {"query": query, "said": _said(found, say) if query.strip() else "", "hits": hits}


def _said(found: Found, say: Wording) -> str:
    if not found.total:
        return say("Not found in the documents. The words have to stand there in a row; try fewer.")
    if found.total > MOST:
        return say("The first {:,} of {:,} places. Add a word to find fewer.", MOST, found.total)
    return say.count(found.total, "{:,} place", "{:,} places")
