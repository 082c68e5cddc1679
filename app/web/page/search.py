"""Words found in the documents, from a box below the list of sources."""

from __future__ import annotations

import gradio as gr

from app.project.search import search
from app.runs.feed import Json
from app.web.components.source_search import SourceSearch, found_message
from app.web.context import AppContext
from app.web.events import QUIET, wording


def add_search(context: AppContext, project: gr.BrowserState) -> None:
    """The box. It is not shown where there are no sources."""
    box = SourceSearch(elem_id="source-search")

    def look(project: str, request: gr.Request, event: gr.EventData) -> Json:
        query = event._data.get("query") if isinstance(event._data, dict) else None
        query = query if isinstance(query, str) else ""
        return found_message(query, search(context.session(project, request).sources.files, query), wording(request))

    box.search(look, project, box, trigger_mode="multiple", **QUIET)
