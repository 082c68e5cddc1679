"""What a page's editor holds when a button is pressed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.say.errors import AppError


@dataclass(frozen=True)
class EditorState:
    """The text, its revision, and the selection in characters.

    `project` is the one it shows the draft of; `page` and `serial` are as in RevisedText.edit.
    """

    text: str
    start: int
    end: int
    revision: int
    project: str = ""
    page: str = ""
    serial: int = 0

    @classmethod
    def of(cls, sent: Any, page: str = "") -> EditorState:
        """From what `page` sent. Raises AppError if it is something else: nothing is changed then."""
        values = sent if isinstance(sent, dict) else {}
        text = values.get("text")
        if not isinstance(text, str):
            raise AppError("The page did not send the draft's text. Reload the page; the draft is kept.")

        def number(key: str) -> int:
            value = values.get(key)
            return value if isinstance(value, int) and value >= 0 else 0

        project = str(values.get("project") or "")
        return cls(text, number("start"), number("end"), number("revision"), project, page, number("serial"))
