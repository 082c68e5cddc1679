"""Gradio components of our own: each is a gr.HTML made of a folder of assets, which is sent messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr


def templates(folder: Path) -> dict[str, Any]:
    """The arguments of gr.HTML from a folder: its template, its style, and its scripts in the order of scripts.json.

    Gradio makes one function of the scripts, with `element`, `props`, `trigger` and `watch` as its arguments.
    """
    scripts = json.loads((folder / "scripts.json").read_text("utf-8"))
    return {
        "html_template": (folder / "template.html").read_text("utf-8"),
        "css_template": (folder / "style.css").read_text("utf-8"),
        "js_on_load": "\n".join((folder / name).read_text("utf-8") for name in scripts),
    }


class MessageView(gr.HTML):
    """A gr.HTML whose value is a message that its scripts read, or None to leave the page as it is. Nothing is taken
    from the client but by its events."""

    folder: ClassVar[Path]
    """Of its assets."""

    def __init__(self, **kwargs: Any) -> None:
        """`kwargs` are those of gr.HTML that concern the place on the page: elem_id, visible, min_width, …."""
        super().__init__(**templates(self.folder), apply_default_css=False, **kwargs)

    def postprocess(self, value: Any) -> str | None:
        """The message as one string: Gradio would wrap every token of a list in a proxy, and patch a dict in place. A
        Log is a string already."""
        if value is None or isinstance(value, str):
            return value
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def preprocess(self, payload: Any) -> Any:
        """Nothing."""
        return None
