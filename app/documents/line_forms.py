"""How the lines of pages are set, and what that says about whether a line runs from page to page.

A running line stands in a margin, apart from the text or smaller than it. A heading that opens every page ("Question
1"), or a sum that closes it ("Total 100"), counts as pages do, but is set as the text or larger.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import Literal, TypeAlias

Edge: TypeAlias = Literal["top", "bottom"]

_MARGIN = 0.2
"""Of the page's height: where running lines stand."""
_APART = 1.35  # in usual distances of lines
_SMALLER, _LARGER = 0.93, 1.12  # in sizes of the text
_SAME_PLACE = 0.02  # of the page's height
_MOST_LINES = 3  # of a running head
_DIGITS = re.compile(r"\d+")
_BETWEEN = re.compile(r"\s[|/–—•·∙-]\s|[|–—•·∙]")
_COUNTER = re.compile(
    r"[\W_]*(?:(?:page|p|pg|seite|s|página|pagina|pág|side|sida|strona|str|стр|страница|第)\b\.?[\W_]*)?"
    r"(?:\d{1,5}|[ivxlcdm]{1,8}|[A-Z]{1,2}[.-]?\d{1,4})"
    r"(?:[\W_]*(?:of|von|de|di|sur|af|av|z|из)?[\W_]*\d{1,5})?[\W_]*(?:ページ|頁|页)?[\W_]*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class LineForm:
    """How a line is set: its cells between wide gaps, size in points, weight, and its baseline, upwards from the
    page's foot, as a share of its height."""

    cells: tuple[str, ...]
    size: float
    bold: bool
    y: float


@dataclass(frozen=True)
class PageForms:
    """The lines of all pages: `pages[p][n]` is line n of the text of page p (from 0) as it was extracted."""

    pages: Sequence[Sequence[LineForm]]

    @cached_property
    def body(self) -> LineForm | None:
        """A line as most of the text is set. What differs by numbers alone counts once: running lines are no text."""
        different = {
            (line.size, line.bold, _DIGITS.sub("", "".join(line.cells))) for page in self.pages for line in page
        }
        weights = Counter[tuple[float, bool]]()
        for size, bold, text in different:
            weights[size, bold] += len(text)
        if not weights:
            return None
        (size, bold), _ = weights.most_common(1)[0]
        return LineForm((), size, bold, 0.5)

    @cached_property
    def _distance(self) -> float:
        """The usual distance of two lines, as a share of the page's height."""
        steps = [
            above.y - below.y for lines in self.pages for above, below in pairwise(lines) if 0 < above.y - below.y < 0.1
        ]
        return median(steps) if steps else 0.02

    def in_margin(self, page: int, number: int, edge: Edge) -> bool:
        """Whether line `number` of a page stands where running lines do."""
        y = self.pages[page][number].y
        return self.body is None or (y >= 1 - _MARGIN if edge == "top" else y <= _MARGIN)

    def is_set_off(self, page: int, number: int, edge: Edge) -> bool:
        """Whether the line is set apart from the text, or smaller."""
        return self.is_smaller(page, number) or self._is_apart(page, number, edge)

    def counts_pages(self, page: int, number: int, edge: Edge) -> bool:
        """Whether a line with a counter is set as a page's number is: not larger than the text, and set off from it.
        The counter stands for itself, else it may be that of an article, or a sum."""
        line = self.pages[page][number]
        if self.is_larger(page, number):
            return False
        if any(_COUNTER.fullmatch(part) for cell in line.cells for part in _BETWEEN.split(cell)):
            return self.is_set_off(page, number, edge)
        bold = line.bold and not (self.body and self.body.bold)
        return not bold and self.is_smaller(page, number) and self._is_apart(page, number, edge)

    def is_larger(self, page: int, number: int) -> bool:
        """Whether the line is set larger than the text."""
        return self.body is not None and self.pages[page][number].size >= _LARGER * self.body.size

    def is_smaller(self, page: int, number: int) -> bool:
        """Whether the line is set smaller than the text."""
        return self.body is not None and self.pages[page][number].size <= _SMALLER * self.body.size

    def place(self, page: int, number: int) -> int:
        """Where on the page the line stands: equal for lines at the same height."""
        return round(self.pages[page][number].y / _SAME_PLACE)

    def _is_apart(self, page: int, number: int, edge: Edge) -> bool:
        """Whether it, alone or with a line or two at its inner side, is further from the text than lines are."""
        lines = self.pages[page]
        inwards = lines[number:] if edge == "top" else lines[number::-1]
        heights = [line.y for line in inwards if edge == "bottom" or line.y <= inwards[0].y]
        gaps = [abs(outer - inner) for outer, inner in pairwise(heights)]
        return len(gaps) < _MOST_LINES or max(gaps[:_MOST_LINES]) >= _APART * self._distance
