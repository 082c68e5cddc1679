"""The lines of a PDF's page: spans that stand beside each other, in the order in which they are read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from app.documents import formula
from app.documents.pdf.bidi import RIGHT_TO_LEFT, logical
from app.documents.pdf.glyphs import Form, PageGlyphs, Span
from app.documents.small_letters import lowered, raised

WIDE = 1.2
"""In sizes of the font: a gap that is wider than between words, also of a justified line."""
# In sizes: where no blank is told, one is told in a line that runs left, PDFium sees a new line behind small letters.
_BLANK, _TOLD_BLANK, _BROKEN_BLANK = 0.25, 0.18, 0.12
_OPERATORS = ("=", "+", "-", "−", "(", "×", "·", "<", ">", "≤", "≥", "±")
_SMALLER = 0.87  # in sizes of what they belong to: raised and lowered characters
_SHIFTED = 0.1
_CONTEXT = 40  # characters before small letters, which tell what they are
_MARGIN = 0.1  # of the page's height: where running lines stand
_APART = 1.5  # in sizes: what stands in a margin by itself
CLOSE_SCRIPTS = re.compile("[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef]")


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line as text, and how it is set.

    `wide` are the characters of `text` before which a wide gap is. `x0`, `x1` and the baseline `y` are in points, in
    the frame of `form`, which is the form of most of its characters.
    """

    text: str
    form: Form
    x0: float
    x1: float
    y: float
    wide: tuple[int, ...] = ()


class Row:
    """Spans on one line."""

    def __init__(self, spans: Sequence[Span]) -> None:
        """At least one span, in the order in which they are drawn."""
        self.spans: list[Span] = []
        self._weights = Counter[tuple[Form, float]]()
        self._largest = 0.0
        self.form, self.y, self.x0, self.x1 = spans[0].form, spans[0].y, spans[0].x0, spans[0].x1
        for span in spans:
            Row.add(self, span)

    def add(self, span: Span) -> None:
        """Put a span at the end. The row is set as most characters of it that are not small are."""
        self.spans.append(span)
        self.x0, self.x1 = min(self.x0, span.x0), max(self.x1, span.x1)
        self._weights[span.form, span.y] += len(span.text)
        if span.form.size > self._largest:
            self._largest = span.form.size
            choice = list(self._weights)
        else:
            choice = [(self.form, self.y), (span.form, span.y)]
        self.form, self.y = max(choice, key=lambda key: (key[0].size >= _SMALLER * self._largest, self._weights[key]))

    def takes(self, span: Span) -> bool:
        """Whether `span`, drawn next, stands on this line."""
        if span.form.turns != self.form.turns:
            return False
        size, last = max(self.form.size, span.form.size), self.spans[-1]
        shift, gap = abs(span.y - self.y) / size, (span.x0 - last.x1) / size
        if shift < _SHIFTED:
            return gap > -0.5 or not span.broken
        if shift < 0.35 and not span.broken and gap > -0.5:
            return True
        smaller = min(self.form.size, span.form.size, last.form.size) <= _SMALLER * size
        if self._is_script(last):  # an exponent above an index, or one of an exponent
            shift = min(shift, abs(span.y - last.y) / size)
            gap = max(gap, min(0.0, (span.x0 - last.x0) / size))
        return smaller and shift < 0.65 and -0.3 < gap < 0.5

    def cells(self) -> list[Row]:
        """The parts between wide gaps, from left to right."""
        cells: list[list[Span]] = []
        for span in sorted(self.spans, key=lambda span: span.x0):
            if cells and span.x0 - max(other.x1 for other in cells[-1]) <= WIDE * self.form.size:
                cells[-1].append(span)
            else:
                cells.append([span])
        return [Row(cell) for cell in cells]

    def text_line(self) -> TextLine:
        """The line as text."""
        text, wide = self._right_to_left() if self._runs_left() else self._left_to_right()
        return TextLine(text, self.form, self.x0, self.x1, self.y, wide)

    def _is_script(self, span: Span) -> bool:
        size = self.form.size
        return span.form.size <= _SMALLER * size and abs(span.y - self.y) >= _SHIFTED * size

    def _runs_left(self) -> bool:
        return any(RIGHT_TO_LEFT.search(span.text) for span in self.spans)

    def _right_to_left(self) -> tuple[str, tuple[int, ...]]:
        glyphs = [glyph for span in self.spans for glyph in zip(span.places, span.text, strict=True)]
        edges = sorted((span.x0, span.x1, index) for index, span in enumerate(self.spans))
        for (_, end, one), (start, _, other) in pairwise(edges):
            told = abs(one - other) == 1 and self.spans[max(one, other)].blank
            if start - end > (_TOLD_BLANK if told else _BLANK) * self.form.size:
                glyphs.append(((start + end) / 2, " "))
        return logical(glyphs), ()

    def _left_to_right(self) -> tuple[str, tuple[int, ...]]:
        spans = self.spans
        if any(right.x1 < left.x0 for left, right in pairwise(spans)):
            spans = sorted(spans, key=lambda span: span.x0)
        text, wide = "", list[int]()
        groups = [list(group) for _, group in groupby(spans, key=self._level)]
        below: list[Span] = []  # the denominator that was written with its numerator
        for index, group in enumerate(groups):
            level, next_group = self._level(group[0]), groups[index + 1] if index + 1 < len(groups) else []
            if level:
                last = groups[index - 1][-1] if index else None
                apart = last is None or self._blank_between(last, group[0])
                script = self._joined(group)
                if group is below:
                    continue
                if (
                    level > 0
                    and next_group
                    and self._is_fraction(group, next_group, apart or text.endswith(_OPERATORS))
                ):
                    below = next_group
                    text += " " * bool(text and apart) + formula.fraction(script, self._joined(below))
                elif level > 0:
                    text += raised(script, text[-_CONTEXT:], next_group[0].text if next_group else "")
                else:
                    text += " " * bool(last and apart and not self._level(last)) + lowered(script, text[-_CONTEXT:])
                continue
            for number, span in enumerate(group):
                last = group[number - 1] if number else groups[index - 1][-1] if index else None
                if last and self._blank_between(last, span) and not text.endswith(" "):
                    text += " "
                if last and span.x0 - last.x1 > WIDE * self.form.size:
                    wide.append(len(text))
                text += span.text
        return text, tuple(wide)

    def _level(self, span: Span) -> int:
        """1 for what is raised, -1 for what is lowered, else 0."""
        return 0 if not self._is_script(span) else 1 if span.y > self.y else -1

    def _is_fraction(self, above: Sequence[Span], below: Sequence[Span], free: bool) -> bool:
        """Whether what is raised stands in the middle above what is lowered, and belongs to nothing before."""
        middles = [(min(span.x0 for span in group) + max(span.x1 for span in group)) / 2 for group in (above, below)]
        return free and self._level(below[0]) < 0 and abs(middles[0] - middles[1]) < 0.15 * self.form.size

    def _joined(self, group: Sequence[Span]) -> str:
        text = group[0].text
        for last, span in pairwise(group):
            shift = (span.y - last.y) / last.form.size
            inner = "^" if shift > _SHIFTED else "_" if shift < -_SHIFTED else ""
            nested = inner if span.form.size <= _SMALLER * last.form.size else ""
            text += nested or " " * self._blank_between(last, span)
            text += span.text
        return text

    def _blank_between(self, last: Span, span: Span) -> bool:
        if span.blank and span.x0 > last.x0:
            return True
        close = CLOSE_SCRIPTS.match(last.text[-1:]) and CLOSE_SCRIPTS.match(span.text[:1])
        widest = _BROKEN_BLANK if span.broken else _BLANK
        return not close and span.x0 - last.x1 > widest * min(last.form.size, span.form.size)


def page_rows(page: PageGlyphs) -> list[Row]:
    """The lines of a page in the order in which they are drawn, what stands by itself in the margins outermost."""
    return _margins_outermost(rows_of(page.spans), page.height)


def rows_of(spans: Sequence[Span]) -> list[Row]:
    """The lines that spans make, in the order in which they are drawn."""
    rows: list[Row] = []
    for span in spans:
        if rows and rows[-1].takes(span):
            rows[-1].add(span)
        else:
            rows.append(Row([span]))
    return rows


def _margins_outermost(rows: list[Row], height: float) -> list[Row]:
    """Running lines that were drawn before or after the text, which some programs do, moved to where they are seen."""
    upright = [row for row in rows if row.form.turns == 0]
    heads = list(_alone(sorted(upright, key=lambda row: -row.y), height, top=True))
    feet = list(_alone(sorted(upright, key=lambda row: row.y), height, top=False))
    chosen = {id(row) for row in (*heads, *feet)}
    return [*heads, *(row for row in rows if id(row) not in chosen), *reversed(feet)]


def _alone(rows: Sequence[Row], height: float, *, top: bool) -> Iterator[Row]:
    """The outermost rows at an edge, given from the edge inwards, with a gap between them and the others."""
    outer: list[Row] = []
    for row, inner in pairwise(rows):
        from_edge = height - row.y if top else row.y
        if from_edge > _MARGIN * height or len(outer) >= 3:
            return
        outer.append(row)
        if abs(row.y - inner.y) > _APART * max(row.form.size, inner.form.size):
            yield from outer
            return
