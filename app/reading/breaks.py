"""Where a long stretch of text may be divided. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from app.text.spans import Span

_LEAST, _MOST = 0.6, 1.3
"""Of the size that pieces would have if all were equal: between these a piece may end."""

_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*\s+|[。！？][」』）]*\s*")
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n\s*|(?<=[.!?:…。！？])[ \t]*\n")
_LINE_END = re.compile(r"\n")
_BLANK = re.compile(r"\s+")


def pieces(text: str, start: int, end: int, limit: int, page_starts: Sequence[int]) -> Iterator[Span]:
    """Characters `start` up to `end` in about equal pieces of at most `limit` characters.

    A piece ends, in this order, at the end of a page that ends a sentence, of a paragraph, of a sentence, of any page,
    of a line, at a blank, and where there is none of them, anywhere.
    """
    while end - start > limit:
        count = -(-(end - start) // limit)
        ideal = (end - start) / count
        low = start + max(1, int(_LEAST * ideal))
        high = min(start + limit, start + int(_MOST * ideal))
        cut = _best(text, low, high, start + round(ideal), page_starts)
        yield start, cut
        start = cut
    if start < end:
        yield start, end


def _best(text: str, low: int, high: int, ideal: int, page_starts: Sequence[int]) -> int:
    """The place to divide between `low` and `high`, both included, that is nearest to `ideal` and of the best kind."""
    pages = page_starts[bisect_left(page_starts, low) : bisect_right(page_starts, high)]
    for places in (
        [page for page in pages if _SENTENCE_END.search(text[max(low - 1, page - 12) : page] + "\n")],
        _ends(_PARAGRAPH_END, text, low, high),
        _ends(_SENTENCE_END, text, low, high),
        pages,
        _ends(_LINE_END, text, low, high),
        _ends(_BLANK, text, low, high),
    ):
        if places:
            return min(places, key=lambda place: abs(place - ideal))
    return min(ideal, high)


def _ends(pattern: re.Pattern[str], text: str, low: int, high: int) -> list[int]:
    return [match.end() for match in pattern.finditer(text, low, high) if low <= match.end() <= high]
