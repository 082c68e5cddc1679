"""The draft as a PDF: A4, page numbers, an outline of its headings, text that can be searched and copied."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from fpdf.bidi import auto_detect_base_direction
from fpdf.enums import Align, TextDirection, WrapMode
from fpdf.fonts import FontFace

from app.export.blocks import (
    Block,
    Code,
    Heading,
    Items,
    Paragraph,
    Quote,
    Rule,
    Span,
    Spans,
    Table,
    clean,
    parse,
    plain,
)
from app.export.draft import Draft, Written
from app.export.fonts import fallbacks
from app.export.graphemes import visible, wrapped
from app.export.paper import MARGIN, QUIET, SMALL, Paper
from app.export.text import plain_text

# Sizes in points, lengths in millimetres.
SIZE = 10.5
HEADINGS = (20.0, 16.0, 13.5, 12.0, SIZE, SIZE)
LINE_HEIGHT = 1.4
STEP, GAP = 7.0, 2.5
DEEPEST_STEP = 6
COLUMN = 8.0
PADDING = 1.0
CELL_LINES = 12
"""Lines of a table's cell, at a generous estimate, before it goes on in a row of its own; a row may not exceed a page,
and the head is repeated on each."""

INK, LINK, SHADE = (25, 25, 30), (28, 74, 150), (243, 243, 245)
POINT = 25.4 / 72
_BAR = Span(" | ")


def write_pdf(draft: Draft, font_folders: Sequence[Path] | None = None) -> Written:
    """A PDF file. Characters that the shipped fonts lack are looked for in `font_folders` (default: the system's).

    Those that no font has are replaced, and named in a note.
    """
    fonts = fallbacks(plain_text(draft.text), font_folders)
    pdf = Paper(fonts.faces)
    pdf.set_title(clean(draft.title))
    _Writer(pdf).blocks(parse(draft.text), 0)
    # It warns of every table in a font that a PDF does not need.
    logging.getLogger("fontTools.subset").setLevel(logging.ERROR)
    return Written(bytes(pdf.output()), fonts.notes)


class _Writer:
    """Draws blocks from the top down. `depth` counts the lists and quotes around a block."""

    def __init__(self, pdf: Paper) -> None:
        self._pdf = pdf

    def blocks(self, blocks: Sequence[Block], depth: int, color: tuple[int, int, int] = INK) -> None:
        for block in blocks:
            self._block(block, depth, color)

    def _block(self, block: Block, depth: int, color: tuple[int, int, int]) -> None:
        match block:
            case Heading(level, spans):
                self._heading(level, spans, depth)
            case Paragraph(spans):
                self._text(spans, depth, color)
            case Code(text):
                self._code(text, depth)
            case Quote(blocks):
                self.blocks(blocks, depth + 1, QUIET)
            case Items():
                self._items(block, depth + 1, color)
            case Table():
                self._table(block, depth)
            case Rule():
                self._rule()

    def _heading(self, level: int, spans: Spans, depth: int) -> None:
        pdf, size = self._pdf, HEADINGS[level - 1]
        if pdf.will_page_break(size * POINT * LINE_HEIGHT + 3 * SIZE * POINT * LINE_HEIGHT):
            pdf.add_page()  # not alone at the foot of a page
        elif pdf.y > pdf.t_margin:
            pdf.ln(GAP)
        title = plain(spans).replace("\n", " ")
        if title:
            pdf.start_section(title, level - 1, strict=False)
        self._text(spans, depth, INK, size, "B")

    def _text(
        self, spans: Spans, depth: int, color: tuple[int, int, int], size: float = SIZE, style: str = "", mark: str = ""
    ) -> None:
        """A paragraph, with `mark` hanging before its first line."""
        pdf = self._pdf
        pdf.set_font("body", style, size)
        pdf.set_text_color(*color)
        wrap = WrapMode.CHAR if _breaks_anywhere(plain(spans)) else WrapMode.WORD
        direction = auto_detect_base_direction(plain(spans))
        align = Align.R if direction is TextDirection.RTL and not mark else Align.L
        pdf.set_x(pdf.l_margin)
        with (
            pdf.text_columns(line_height=LINE_HEIGHT, wrapmode=wrap, text_align=align) as column,
            column.paragraph(indent=_indent(depth), bottom_margin=GAP, bullet_string=mark) as paragraph,
        ):
            pdf.direction = direction
            for span in spans:
                emphasis = "B" * (span.bold or style == "B") + "I" * span.italic
                marks = "S" * span.struck + "U" * (span.link is not None)
                pdf.set_font("fixed" if span.code else "body", ("" if span.code else emphasis) + marks, size)
                pdf.set_text_color(*(color if span.link is None else LINK))
                paragraph.write(span.text, link=span.link)
            pdf.direction = None
            if mark and not visible(plain(spans)):
                paragraph.write("\u00a0")  # a mark is drawn with the first line only
        pdf.set_x(pdf.l_margin)

    def _items(self, items: Items, depth: int, color: tuple[int, int, int]) -> None:
        for number, item in enumerate(items.items):
            mark = "•" if items.start is None else f"{items.start + number}."
            first, rest = (item[0].spans, item[1:]) if item and isinstance(item[0], Paragraph) else ((), item)
            self._text(first, depth, color, mark=mark)
            self.blocks(rest, depth, color)

    def _code(self, text: str, depth: int) -> None:
        pdf, indent = self._pdf, _indent(depth)
        pdf.set_font("fixed", size=SMALL)
        pdf.set_text_color(*INK)
        pdf.set_fill_color(*SHADE)
        pdf.set_x(pdf.l_margin + indent)
        height = SMALL * POINT * LINE_HEIGHT
        code = text.expandtabs(4) or " "
        pdf.direction = TextDirection.LTR
        pdf.multi_cell(
            pdf.epw - indent, height, code, align="L", fill=True, wrapmode=WrapMode.CHAR, new_x="LMARGIN", new_y="NEXT"
        )
        pdf.direction = None
        pdf.set_fill_color(0)  # or the cells of a table take the shade over
        pdf.ln(GAP)

    def _rule(self) -> None:
        pdf = self._pdf
        pdf.ln(GAP)
        pdf.set_draw_color(*QUIET)
        pdf.line(pdf.l_margin, pdf.y, pdf.w - pdf.r_margin, pdf.y)
        pdf.ln(2 * GAP)

    def _table(self, table: Table, depth: int) -> None:
        pdf, indent = self._pdf, _indent(depth)
        width = pdf.epw - indent
        if table.columns * COLUMN > width:
            # Too many columns for the page: the rows as lines.
            for row in table.rows:
                self._text(tuple(span for cell in row for span in (*cell, _BAR))[:-1], depth, INK, SMALL)
            return
        rows = [[plain(cell).replace("\n", " ") for cell in row] for row in table.rows]
        widths = _column_widths(rows, table.columns, width)
        pdf.set_font("body", size=SMALL)
        pdf.set_text_color(*INK)
        pdf.set_draw_color(*QUIET)
        pdf.set_left_margin(MARGIN + indent)
        with pdf.table(
            width=width,
            col_widths=widths,
            align="LEFT",
            text_align="LEFT",
            v_align="TOP",
            line_height=SMALL * POINT * LINE_HEIGHT,
            padding=PADDING,
            headings_style=FontFace(emphasis="BOLD", fill_color=SHADE),
        ) as grid:
            for cells in rows:
                for part in _parts(cells, widths):
                    grid.row(part)
        pdf.set_left_margin(MARGIN)
        pdf.ln(GAP)


def _indent(depth: int) -> float:
    return STEP * min(depth, DEEPEST_STEP)


def _breaks_anywhere(text: str) -> bool:
    """Whether lines break between any two characters, as in Chinese and Japanese, which set no blanks."""
    ideographic = sum(map(_is_ideographic, text))
    return 4 * ideographic > len(text)


def _is_ideographic(character: str) -> bool:
    """Whether it is as wide as high, but neither Korean, which sets blanks, nor an emoji."""
    wide = unicodedata.east_asian_width(character) in "WF" and unicodedata.category(character)[0] != "S"
    return wide and not "\uac00" <= character <= "\ud7a3"


def _column_widths(rows: Sequence[Sequence[str]], columns: int, width: float) -> tuple[float, ...]:
    """A least width for every column, and the rest in proportion to their longest cells."""
    longest = [max(len(row[i]) if i < len(row) else 0 for row in rows) for i in range(columns)]
    weights = [min(max(length, 4), 60) for length in longest]
    rest = width - columns * COLUMN
    return tuple(COLUMN + rest * weight / sum(weights) for weight in weights)


def _parts(row: Sequence[str], widths: Sequence[float]) -> list[tuple[str, ...]]:
    """The row as one row, or where a cell is too high for a page as several; every part has all columns."""
    rooms = [CELL_LINES * max(1, int((width - 2 * PADDING) / (SMALL * POINT))) for width in widths]
    cells = [wrapped(cell, room) for cell, room in zip(row, rooms, strict=False)]
    cells += [[]] * (len(widths) - len(row))
    return list(zip_longest(*cells, fillvalue="")) or [("",) * len(widths)]
