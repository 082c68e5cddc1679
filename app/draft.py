"""The draft as the server holds it: a text and its revision, and what an edit moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]
"""Characters from the first up to, not including, the second."""


@dataclass
class Draft:
    """A text that pages and runs change in turn. A change that was made to an older revision is refused.

    A page may know a later revision than the server, which was started anew: what it has then counts.

    `written` is what the latest run wrote, as far as it is still there; it moves with what is edited before it.
    """

    text: str = ""
    revision: int = 0
    written: Span | None = None

    def edit(self, text: str, revision: int) -> bool:
        """A page's text, made from `revision`; False if another came before."""
        if text == self.text:
            return True
        if revision < self.revision:
            return False
        self.revision = revision
        self.put(text)
        return True

    def put(self, text: str, written: Span | None = None) -> None:
        """Replace the text; `written` says what of it a run has just written, else the earlier one moves."""
        self.written = written or moved(self.written, self.text, text)
        self.text = text
        self.revision += 1


def moved(span: Span | None, old: str, new: str) -> Span | None:
    """Where what stood at `span` in `old` stands in `new`, which differs in one place; None if nothing is left.

    What replaces a part of it is a part of it; what is put before it, after it, or over its edge is not.
    """
    if span is None:
        return None
    start = _alike(old, new)
    end = len(old) - _alike(old[: start - 1 if start else None : -1], new[: start - 1 if start else None : -1])
    first, last, shift = span[0], span[1], len(new) - len(old)
    if first <= start < end <= last:
        last += shift
    else:
        first = first if first < start else max(first, end) + shift
        last = last + shift if last > end else min(last, start)
    return (first, last) if first < last else None


def _alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
