"""A component's value that only grows, so that what travels to a page is what was added.

Gradio sends what a handler yields as its difference from what it yielded before, and a text that goes on is sent as an
append. And a browser may drop a value that comes close before the next: of one that holds all before, nothing is lost.

    ESC {message as JSON} newline     a message; the first is the head, which tells one log from another
    SUB n ;                           the text is cut to its first n characters
    anything else                     goes to the end of the text
"""

from __future__ import annotations

import json
import secrets

from app.runs.feed import Json
from app.text.spans import shared_start

MESSAGE, CUT = "\x1b", "\x1a"
"""No text holds them: control characters are taken out of all that arrives."""


class Log:
    """Messages and one text, as the string `value`; what assets/log.js reads."""

    def __init__(self, head: Json) -> None:
        """`head` comes first."""
        self.value = ""
        self._text = ""
        self.tell({**head, "log": secrets.token_hex(4)})

    def tell(self, message: Json) -> None:
        """Add a message."""
        self.value += f"{MESSAGE}{json.dumps(message, ensure_ascii=False, separators=(',', ':'))}\n"

    def write(self, text: str) -> None:
        """The text is now `text`."""
        if not text.startswith(self._text):
            kept = shared_start(text, self._text)
            self.value += f"{CUT}{kept};"
            self._text = text[:kept]
        self.value += text[len(self._text) :]
        self._text = text
