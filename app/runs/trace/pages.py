"""The pages as a run read them: their texts, put together from the prompt's tokens, and where those stand."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from app.runs.trace.trace import PromptTokens


@dataclass(frozen=True)
class PageText:
    """A page's text, the prompt positions of its tokens, and the characters of the text up to the end of each."""

    text: str
    positions: tuple[int, ...]
    ends: tuple[int, ...]

    def range_of(self, start: int, end: int) -> tuple[int, int]:
        """The first prompt position that has one of these characters, and the one after the last."""
        return self.positions[bisect_right(self.ends, start)], self.positions[bisect_left(self.ends, end)] + 1


def page_texts(prompt: PromptTokens) -> list[PageText]:
    """The pages of the prompt, in order."""
    pages = []
    for page in range(len(prompt.pages)):
        tokens = np.flatnonzero(prompt.places.page == page)
        parts = [prompt.pieces[token] for token in tokens]
        positions = tuple((tokens + prompt.document_start).tolist())
        pages.append(PageText("".join(parts), positions, tuple(accumulate(map(len, parts)))))
    return pages
