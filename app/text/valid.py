"""Text that every part of the app can hold, send and store. Pure."""

from __future__ import annotations

import re
from typing import Any

_INVALID = re.compile("[\ud800-\udfff\x00-\x08\x0b\x0d-\x1f\x7f-\x9f\ufffe\uffff]")
_HALF = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


def valid_text(text: str) -> str:
    """`text` without what JSON, SQLite or a browser cannot take.

    Two halves of a surrogate pair become their character, a half alone U+FFFD. Control characters but tab, newline and
    form feed go, and so do U+FFFE and U+FFFF; other line ends become newlines. Clean text is returned as it is.
    """
    if not _INVALID.search(text):
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _HALF.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _CONTROL.sub("", text)


def valid(value: Any) -> Any:
    """The same through lists, tuples and dicts, their keys too."""
    if isinstance(value, str):
        return valid_text(value)
    if isinstance(value, list):
        return [valid(part) for part in value]
    if isinstance(value, tuple):
        return tuple(valid(part) for part in value)
    if isinstance(value, dict):
        return {valid(key): valid(part) for key, part in value.items()}
    return value
