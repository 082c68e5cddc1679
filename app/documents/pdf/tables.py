"""Tables of a PDF as rows, their cells apart: only where rules are drawn, and cells stand in columns between them."""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from app.documents.markdown import table_row
from app.documents.pdf.glyphs import PageGlyphs, Span
from app.documents.pdf.lines import Row, TextLine, page_rows, rows_of

_MOST_OBJECTS = 5_000  # of a page; more are a drawing
_THIN = 2.0  # points
_SHORTEST = 20.0
_NEAR = 3.0
_FEWEST_RULES = 3
_FEWEST_ROWS = 2
_MOST_LINES = 5  # of a row between two rules
# Characters of the mean cell; what is longer is text in a box, or in columns.
_LONGEST_RULED, _LONGEST = 120, 30
_FILLED = 0.6
_WORD = re.compile(r"[^\W\d_]+")
_BROKEN = re.compile(r"[^\W\d_]{2}-\Z")


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line along one axis, from `start` to `end` at `place` on the other, in points."""

    start: float
    end: float
    place: float


@dataclass(frozen=True, slots=True)
class Rules:
    """The horizontal and vertical rules of a page; those of boxes are the four sides."""

    horizontal: list[Rule]
    vertical: list[Rule]


class TableRow(Row):
    """A row of a table, its cells apart."""

    def __init__(self, cells: Sequence[Sequence[Span]], vocabulary: Counter[str]) -> None:
        """The spans of each cell, some of them empty, and the words of the page."""
        super().__init__([span for cell in cells for span in cell])
        self._texts = [_text(cell, vocabulary) for cell in cells]

    def add(self, span: Span) -> None:
        """Put a span into the last cell."""
        super().add(span)
        self._texts[-1] = f"{self._texts[-1]} {span.text}".strip()

    def cells(self) -> list[Row]:
        """One: a table is not taken apart."""
        return [self]

    def text_line(self) -> TextLine:
        """The cells on a line."""
        return TextLine(table_row(self._texts), self.form, self.x0, self.x1, self.y)


def page_rules(page: pdfium.PdfPage) -> Rules:
    """What is drawn on a page that may rule a table."""
    rules = Rules([], [])
    count = raw.FPDFPage_CountObjects(page.raw)
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    for index in range(count if count <= _MOST_OBJECTS else 0):
        drawn = raw.FPDFPage_GetObject(page.raw, index)
        if raw.FPDFPageObj_GetType(drawn) != raw.FPDF_PAGEOBJ_PATH:
            continue
        if not raw.FPDFPageObj_GetBounds(drawn, left, bottom, right, top):
            continue
        x0, y0, x1, y1 = left.value, bottom.value, right.value, top.value
        if x1 - x0 >= _SHORTEST / 2:
            rules.horizontal.extend(Rule(x0, x1, y) for y in ({y0, y1} if y1 - y0 > _THIN else {(y0 + y1) / 2}))
        if y1 - y0 >= _SHORTEST / 4:
            rules.vertical.extend(Rule(y0, y1, x) for x in ({x0, x1} if x1 - x0 > _THIN else {(x0 + x1) / 2}))
    return rules


def rows_with_tables(page: PageGlyphs, rules: Rules) -> list[Row]:
    """The lines of a page in the order in which they are drawn, those of tables as rows where the first cell is."""
    tables = _tables(page.spans, rules)
    if not tables:
        return page_rows(page)
    owner = {id(span): number for number, (_, spans) in enumerate(tables) for span in spans}
    rows = page_rows(PageGlyphs(page.width, page.height, [span for span in page.spans if id(span) not in owner]))
    before: Span | None = None
    placed: dict[int, Span | None] = {}
    for span in page.spans:
        if id(span) in owner:
            placed.setdefault(owner[id(span)], before)
        else:
            before = span
    for number, last in placed.items():
        at = next((index for index, row in enumerate(rows) if any(span is last for span in row.spans)), -1) + 1
        while at < len(rows) and isinstance(rows[at], TableRow):
            at += 1
        rows[at:at] = tables[number][0]
    return rows


def _tables(spans: Sequence[Span], rules: Rules) -> list[tuple[list[TableRow], list[Span]]]:
    """The tables that the rules of a page make of its spans, each with these."""
    upright = [span for span in spans if not span.form.turns]
    vocabulary = Counter(word for span in spans for word in _WORD.findall(span.text.lower()))
    tables = []
    for start, end, heights in _regions(rules.horizontal):
        inside = [
            span
            for span in upright
            if start - _NEAR < span.x0 and span.x1 < end + _NEAR and heights[-1] < span.y < heights[0]
        ]
        ruled = _ruled_edges(start, end, heights, rules.vertical)
        if len(inside) < 2 * _FEWEST_ROWS or _is_program(inside, bool(ruled)):
            continue
        rows = list(_rows(inside, heights, ruled or _gap_edges(inside), _FEWEST_RULES if ruled else _FEWEST_RULES + 1))
        if _is_table(rows, bool(ruled)):
            tables.append(([TableRow(row, vocabulary) for row in rows], inside))
            taken = {id(span) for span in inside}
            upright = [span for span in upright if id(span) not in taken]
    return tables


def _is_program(spans: Sequence[Span], ruled: bool) -> bool:
    """Whether all is set as programs are, or some of it where no rules part columns."""
    return (all if ruled else any)(span.form.monospaced for span in spans)


def _regions(rules: Sequence[Rule]) -> Iterator[tuple[float, float, list[float]]]:
    """Where at least three rules of one length stand above each other: their ends, and heights from the top."""
    groups: list[tuple[float, float, list[float]]] = []
    for rule in _merged(rules):
        if rule.end - rule.start < _SHORTEST:
            continue
        for start, end, heights in groups:
            if abs(start - rule.start) <= _NEAR and abs(end - rule.end) <= _NEAR:
                if heights[-1] - rule.place > _NEAR:
                    heights.append(rule.place)
                break
        else:
            groups.append((rule.start, rule.end, [rule.place]))
    yield from sorted(
        (group for group in groups if len(group[2]) >= _FEWEST_RULES), key=lambda group: group[0] - group[1]
    )


def _merged(rules: Sequence[Rule]) -> list[Rule]:
    """From the top, rules that go on in others as one: each cell may have its own."""
    merged: list[Rule] = []
    for rule in sorted(rules, key=lambda rule: (-round(rule.place), rule.start)):
        last = merged[-1] if merged else None
        if last and abs(last.place - rule.place) <= 1 and rule.start <= last.end + _NEAR:
            merged[-1] = Rule(last.start, max(last.end, rule.end), last.place)
        else:
            merged.append(rule)
    return merged


def _ruled_edges(start: float, end: float, heights: Sequence[float], vertical: Sequence[Rule]) -> list[float]:
    """Where columns end, from the left, if rules part them."""
    inner = sorted(
        rule.place
        for rule in vertical
        if start + _NEAR < rule.place < end - _NEAR and rule.end > heights[-1] and rule.start < heights[0]
    )
    return [place for index, place in enumerate(inner) if not index or place - inner[index - 1] > _NEAR]


def _gap_edges(spans: Sequence[Span]) -> list[float]:
    """Where columns end, from the left, in gaps that no span crosses."""
    edges: list[float] = []
    reached = -1.0
    for span in sorted(spans, key=lambda span: span.x0):
        if reached >= 0 and span.x0 - reached > 0.8 * span.form.size:
            edges.append((reached + span.x0) / 2)
        reached = max(reached, span.x1)
    return edges


def _rows(
    spans: Sequence[Span], heights: Sequence[float], edges: Sequence[float], fewest: int
) -> Iterator[list[list[Span]]]:
    """The rows between the rules, or the lines between them where rules don't part the rows: they part `fewest`."""
    bands = [[span for span in spans if lower < span.y <= upper] for upper, lower in pairwise(heights)]
    ruled = len(bands) >= fewest and all(len({round(span.y) for span in band}) <= _MOST_LINES for band in bands)
    for band in bands:
        lines = [band] if ruled else _lines(band)
        for line in lines:
            cells: list[list[Span]] = [[] for _ in range(len(edges) + 1)]
            for part in (part for span in line for part in _parted(span, edges)):
                cells[sum((part.x0 + part.x1) / 2 > edge for edge in edges)].append(part)
            if line:
                yield cells


def _parted(span: Span, edges: Sequence[float]) -> Iterator[Span]:
    """A span, or its parts where it crosses the edge of a column at a blank."""
    rest = span
    for edge in edges:
        text, places = rest.text, rest.places
        at = next((index for index, place in enumerate(places) if place > edge and text[index] != " "), 0)
        if rest.x0 < edge < rest.x1 and at > 1 and text[at - 1] == " ":
            yield replace(rest, text=text[: at - 1], places=places[: at - 1], x1=places[at - 1])
            rest = replace(rest, text=text[at:], places=places[at:], x0=places[at])
    yield rest


def _lines(spans: Sequence[Span]) -> list[list[Span]]:
    """Spans on the same height, from the top."""
    lines: list[list[Span]] = []
    for span in sorted(spans, key=lambda span: (-span.y, span.x0)):
        if lines and lines[-1][0].y - span.y < 0.5 * span.form.size:
            lines[-1].append(span)
        else:
            lines.append([span])
    return lines


def _is_table(rows: Sequence[Sequence[Sequence[Span]]], ruled: bool) -> bool:
    """Whether most rows have more than one cell, and the cells are short. Where no rules part the columns, most cells
    hold something: else the gaps may be those of indents."""
    full = sum(sum(map(bool, row)) >= 2 for row in rows)
    lengths = [sum(len(span.text) for span in cell) for row in rows for cell in row if cell]
    cells = sum(map(len, rows))
    return (
        full >= _FEWEST_ROWS
        and 2 * full > len(rows)
        and sum(lengths) <= (_LONGEST_RULED if ruled else _LONGEST) * len(lengths)
        and (ruled or len(lengths) >= _FILLED * cells)
    )


def _text(spans: Sequence[Span], vocabulary: Counter[str]) -> str:
    ordered = [span for line in _lines(spans) for span in sorted(line, key=lambda span: span.x0)]
    text = ""
    for row in rows_of(ordered):
        line = row.text_line().text
        text = _whole(text, line, vocabulary) if _BROKEN.search(text) and line[:1].isalpha() else f"{text} {line}"
    return text.strip()


def _whole(text: str, line: str, vocabulary: Counter[str]) -> str:
    """A cell's text with its next line, where a hyphen parts them: a word, unless the page has it as two."""
    left, right = _WORD.findall(text.lower())[-1], _WORD.findall(line.lower())[0]
    if line[0].isupper() != text[-2].isupper() or right in ("and", "or", "und", "oder", "et", "ou"):
        return f"{text} {line}"
    # Each of the two is there once, where it is broken.
    two = not vocabulary[left + right] and vocabulary[left] > 1 and vocabulary[right] > 1
    return text + line if two else text[:-1] + line
