"""The cache map as a Gradio component: a static template, its style and the script that draws it on canvas.

The template contains no value on purpose: Gradio would run `${...}` in a document as code. The script reads the value
instead, and Gradio leaves its nodes alone as long as the rendered template stays the same.

The page sends, as Gradio events: `layer` (layer, run, missing) for one layer's history, or all of a run of which it
lacks something; and `turn` (run) for the run of another section. What was written it marks in the page's draft itself,
see `app.web.components.editor`.
"""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from app.settings import ASSETS
from app.web.components import templates

FOLDER = ASSETS / "cache_map"


class CacheMap(gr.HTML):
    """A gr.HTML whose value is a message of app.runs.feed, a Log of them, or None to leave the page as it is."""

    def __init__(self, **kwargs: Any) -> None:
        """`kwargs` are those of gr.HTML that concern the place on the page: elem_id, visible, min_width, …."""
        super().__init__(**templates(FOLDER), apply_default_css=False, **kwargs)

    def postprocess(self, value: Any) -> str | None:
        """A dict as one string: Gradio would wrap every token of a list in a proxy, and patch a dict in place."""
        if value is None or isinstance(value, str):
            return value
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def preprocess(self, payload: Any) -> None:
        """Nothing is taken from the client."""
        return None


def cache_map(elem_id: str = "cache-map", **kwargs: Any) -> CacheMap:
    """The map, to be put into a Blocks and given as an output to the events that stream a run."""
    return CacheMap(elem_id=elem_id, **kwargs)
