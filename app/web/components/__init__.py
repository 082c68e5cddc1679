"""Gradio components of our own: each is a gr.HTML made of a folder of assets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


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
