"""Parts of a text, and where they are after an edit. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]
"""Characters from the first up to, not including, the second."""


def changed(old: str, new: str) -> Span:
    """What of `new` is not as in `old`, which differs in one place."""
    start = shared_start(old, new)
    return start, len(new) - shared_start(
        old[: start - 1 if start else None : -1], new[: start - 1 if start else None : -1]
    )


def moved(span: Span | None, old: str, new: str) -> Span | None:
    """Where what stood at `span` in `old` stands in `new`, which differs in one place; None if nothing is left.

    What replaces a part of it is a part of it; what is put before it, after it, or over its edge is not.
    """
    if span is None:
        return None
    first, last, shift = span[0], span[1], len(new) - len(old)
    start, end = changed(old, new)
    end -= shift
    if first <= start < end <= last:
        last += shift
    else:
        first = first if first < start else max(first, end) + shift
        last = last + shift if last > end else min(last, start)
    return (first, last) if first < last else None


def shared_start(one: Sequence[object], other: Sequence[object]) -> int:
    """How many characters, or items, both begin with."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
