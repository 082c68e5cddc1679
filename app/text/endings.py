"""Where a text that a model has begun can end."""

from __future__ import annotations

import re

from app.text.sentences import sentences

_ENDED = re.compile(r"[.!?…。！？][\"'”’»」』)\]*_]*\Z")


_LIST_NUMBER = re.compile(r"\n\s*\d+[.)]?\s*\Z")
"""On the last line it ends nothing: it was to begin the next item."""


def to_last_sentence(text: str) -> str:
    """`text` up to the end of its last finished sentence; all of it if none is finished."""
    text = _LIST_NUMBER.sub("", text)
    ends = [end for start, end, _ in sentences(text) if _ENDED.search(text[start:end].rstrip())]
    return text[: ends[-1]].rstrip() if ends else text.rstrip()


def is_ended(text: str) -> bool:
    """Whether it ends with a finished sentence."""
    return _ENDED.search(text.rstrip()) is not None
