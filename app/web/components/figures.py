"""A line of figures that opens: it stays open, and keeps the focus, while they change."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.settings import ASSETS

TEMPLATE = "<details hidden><summary></summary></details>"


class Figures(gr.HTML):
    """A gr.HTML whose value is `panels.rates`: a line that is always in sight, and what it opens; empty for nothing."""

    def __init__(self, **kwargs: Any) -> None:
        """`kwargs` are those of gr.HTML that concern the place on the page."""
        script = (ASSETS / "figures.js").read_text("utf-8")
        super().__init__(html_template=TEMPLATE, js_on_load=script, **kwargs)
