"""Text that can be kept, sent and shown. What arrives from outside goes through here once, and nothing later meets
half a character, which no UTF-8 holds, or a control character, which XML forbids and terminals obey."""

from __future__ import annotations

import re
from operator import is_
from typing import Any, TypeVar, cast

Value = TypeVar("Value")

# Control characters (C0, DEL, C1) but for tab, newline and form feed, half surrogates, and what XML forbids besides.
_INVALID = re.compile(r"[\x00-\x08\x0b\x0d-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

# Blanks, control characters, and what Unicode calls "default ignorable": soft hyphens, joiners, marks of direction, ...
_VISIBLE = re.compile(
    r"[^\s\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]"
)


def valid_text(text: str) -> str:
    """The text with each half surrogate as U+FFFD, a pair of halves as its character, and line ends as newlines;
    control characters and non-characters are left out. The same object if there is nothing to change."""
    if not _INVALID.search(text):
        return text
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _INVALID.sub("", whole.replace("\r\n", "\n").replace("\r", "\n"))


def valid(value: Value) -> Value:
    """The value with every string in it made valid: in dicts, keys included, in lists and in tuples, however deep.

    The same object if there is nothing to change.
    """
    if isinstance(value, str):
        return cast(Value, valid_text(value))
    made: Any = value
    if isinstance(value, dict):
        items = tuple(value.items())
        made = valid(items)
        return value if made is items else cast(Value, dict(made))
    if isinstance(value, list | tuple):
        made = list(map(valid, value))
        return value if all(map(is_, made, value)) else getattr(value, "_make", type(value))(made)
    return value


def is_visible(text: str) -> bool:
    """Whether a reader sees anything of it: more than blanks, control characters and characters without width."""
    return bool(_VISIBLE.search(text))
