"""The cache map as a Gradio component: a static template, its style and the script that draws it on canvas.

The template contains no value on purpose: Gradio would run `${...}` in a document as code. The script reads the value
instead, and Gradio leaves its nodes alone as long as the rendered template stays the same.

The page sends, as Gradio events: `layer` (layer, run, missing) for one layer's history, or all of a run of which it
lacks something; and `turn` (run) for the run of another section. What was written it marks in the page's draft itself,
see `app.web.components.editor`.
"""

from __future__ import annotations

from typing import Any

from app.settings import ASSETS
from app.web.components import MessageView

FOLDER = ASSETS / "cache_map"


class CacheMap(MessageView):
    """One whose messages are those of app.runs.feed, or a Log of them."""

    folder = FOLDER


def cache_map(elem_id: str = "cache-map", **kwargs: Any) -> CacheMap:
    """The map, to be put into a Blocks and given as an output to the events that stream a run."""
    return CacheMap(elem_id=elem_id, **kwargs)
