"""The draft as a Word document, in Word's own styles, so that a reader can restyle it and build a contents table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO

import docx
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt
from docx.table import _Cell
from docx.text.paragraph import Paragraph as WordParagraph
from docx.text.run import Run

from app.export.blocks import Block, Code, Heading, Items, Paragraph, Quote, Rule, Span, Spans, Table, clean, parse
from app.export.draft import Draft

STYLE_LEVELS = 3
"""Word's list styles go three levels deep; deeper lists are indented further."""

_TITLE_LENGTH = 255
_STEP = Cm(0.75)
_FIXED_FONT = "Consolas"
_CODE_STYLE = "Code"


def write_word(draft: Draft) -> bytes:
    """A .docx file."""
    document = docx.Document()
    properties = document.core_properties
    properties.title, properties.author, properties.comments = clean(draft.title)[:_TITLE_LENGTH], "", ""
    properties.created = properties.modified = datetime.now(UTC)
    code = document.styles.add_style(_CODE_STYLE, WD_STYLE_TYPE.PARAGRAPH)
    code.font.name, code.font.size = _FIXED_FONT, Pt(9)
    _Writer(document).blocks(parse(draft.text), _Place())
    out = BytesIO()
    document.save(out)
    return out.getvalue()


@dataclass(frozen=True)
class _Place:
    """Where a block stands: in how many lists, and in how many quotes."""

    lists: int = 0
    quotes: int = 0

    @property
    def level(self) -> str:
        """What Word's style names end in: nothing, " 2" or " 3"."""
        return "" if self.lists < 2 else f" {min(self.lists, STYLE_LEVELS)}"

    @property
    def indent(self) -> int:
        """Indentation beyond that of the styles."""
        return int(_STEP) * (self.quotes + max(0, self.lists - STYLE_LEVELS))


class _Writer:
    def __init__(self, document: Document) -> None:
        self._document = document

    def blocks(self, blocks: Sequence[Block], place: _Place) -> None:
        for block in blocks:
            self._block(block, place)

    def _block(self, block: Block, place: _Place) -> None:
        match block:
            case Heading(level, spans):
                self._paragraph(spans, f"Heading {level}", place)
            case Paragraph(spans):
                style = "Quote" if place.quotes else f"List Continue{place.level}" if place.lists else "Normal"
                self._paragraph(spans, style, place)
            case Code(text):
                paragraph = self._paragraph((Span(text),), _CODE_STYLE, place)
                paragraph.paragraph_format.left_indent = int(_STEP) * (place.lists + place.quotes)
            case Quote(blocks):
                self.blocks(blocks, _Place(place.lists, place.quotes + 1))
            case Items():
                self._items(block, _Place(place.lists + 1, place.quotes))
            case Table():
                self._table(block)
            case Rule():
                _draw_line(self._paragraph((), "Normal", place))

    def _items(self, items: Items, place: _Place) -> None:
        style = f"List {'Bullet' if items.start is None else 'Number'}{place.level}"
        number = None if items.start is None else self._numbering(style, items.start)
        for item in items.items:
            first, rest = (item[0].spans, item[1:]) if item and isinstance(item[0], Paragraph) else ((), item)
            paragraph = self._paragraph(first, style, place)
            if number is not None:
                paragraph._p.get_or_add_pPr().get_or_add_numPr().get_or_add_numId().val = number
            self.blocks(rest, place)

    def _numbering(self, style: str, start: int) -> int:
        """A numbering of its own for one list: with the style's, every list would go on from the one before."""
        numbering = self._document.part.numbering_part.element
        base = self._document.styles[style].element.pPr.numPr.numId.val
        number = numbering.add_num(numbering.num_having_numId(base).abstractNumId.val)
        number.add_lvlOverride(ilvl=0).add_startOverride(start)
        return int(number.numId)

    def _paragraph(self, spans: Spans, style: str, place: _Place) -> WordParagraph:
        paragraph = self._document.add_paragraph(style=style)
        if place.indent:
            inherited = paragraph.style.paragraph_format.left_indent if paragraph.style else None
            paragraph.paragraph_format.left_indent = place.indent + (inherited or 0)
        _write_spans(paragraph, spans)
        return paragraph

    def _table(self, table: Table) -> None:
        grid = self._document.add_table(rows=len(table.rows), cols=table.columns, style="Table Grid")
        # python-docx finds a cell by walking the whole table; row by row is linear.
        for number, (row, cells) in enumerate(zip(grid.rows, table.rows, strict=True)):
            for cell, spans in zip(row.cells, cells, strict=False):
                _write_cell(cell, spans, bold=number == 0)
        head = grid.rows[0]._tr.get_or_add_trPr()
        head.append(OxmlElement("w:tblHeader"))  # repeated on every page
        self._document.add_paragraph()


def _write_cell(cell: _Cell, spans: Spans, bold: bool) -> None:
    _write_spans(cell.paragraphs[0], spans)
    if bold:
        for run in cell.paragraphs[0].runs:
            run.bold = True


def _write_spans(paragraph: WordParagraph, spans: Spans) -> None:
    for span in spans:
        run = paragraph.add_run(span.text)
        run.bold, run.italic, run.font.strike = span.bold or None, span.italic or None, span.struck or None
        if span.code:
            run.font.name = _FIXED_FONT
        if span.link is not None:
            _link(paragraph, run, span.link)


def _link(paragraph: WordParagraph, run: Run, address: str) -> None:
    """Put `run` into a hyperlink, which python-docx reads but does not write."""
    link = OxmlElement("w:hyperlink")
    relation = paragraph.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    link.set(qn("r:id"), relation)
    run._r.addprevious(link)
    link.append(run._r)
    run.font.underline = True


def _draw_line(paragraph: WordParagraph) -> None:
    borders, bottom = OxmlElement("w:pBdr"), OxmlElement("w:bottom")
    for name, value in (("val", "single"), ("sz", "6"), ("space", "1"), ("color", "808080")):
        bottom.set(qn(f"w:{name}"), value)
    borders.append(bottom)
    paragraph._p.get_or_add_pPr().append(borders)
