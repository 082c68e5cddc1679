"""Text that every part of the app can take: no half surrogates, no control characters, \\n line ends."""

from __future__ import annotations

import re
from typing import Any

_INVALID = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_HALVES = re.compile(r"[\ud800-\udfff]+")
_LINE_ENDS = re.compile(r"\r\n?")

# Blanks, control characters, and what Unicode calls "default ignorable": soft hyphens, joiners, marks of direction, ...
_VISIBLE = re.compile(
    r"[^\s\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]"
)


def valid_text(text: str) -> str:
    """`text` as it can be kept, sent and shown; the same object if it can already.

    A pair of half surrogates becomes its character and a single half U+FFFD. Control characters other than tab and
    line end go, and so do U+FFFE and U+FFFF, which are no characters. Line ends become \\n.
    """
    if not _INVALID.search(text):
        return text
    whole = _HALVES.sub(lambda halves: _joined(halves[0]), _LINE_ENDS.sub("\n", text))
    return _INVALID.sub("", whole)


def valid(value: Any) -> Any:
    """`value` with every text in it valid, through dicts (their keys too), lists and tuples."""
    if isinstance(value, str):
        return valid_text(value)
    if isinstance(value, dict):
        return {valid(key): valid(item) for key, item in value.items()}
    if isinstance(value, list):
        return [valid(item) for item in value]
    if isinstance(value, tuple):
        return tuple(valid(item) for item in value)
    return value


def is_visible(text: str) -> bool:
    """Whether a reader sees anything of it: more than blanks, control characters and characters without width."""
    return bool(_VISIBLE.search(text))


def _joined(halves: str) -> str:
    return halves.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
