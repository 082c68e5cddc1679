"""The elements of a Word document's body: paragraphs and tables in order, and a paragraph's text piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeAlias

from docx.oxml.ns import qn

from app.documents.docx_styles import child_value, is_on, value

Break: TypeAlias = Literal["page break", "rendered break"]
"""A page break that the author set, or a place at which Word, when it last saved, went on to a new page."""
Piece: TypeAlias = tuple[Literal["text", "picture"], str] | tuple[Break, str]

_COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
# What holds paragraphs, rows or cells as if they stood in its place: content controls, tracked insertions, ...
_WRAPPERS = {
    *map(qn, ("w:sdt", "w:sdtContent", "w:customXml", "w:ins", "w:moveTo")),
    f"{_COMPATIBILITY}AlternateContent",
    f"{_COMPATIBILITY}Choice",
}
_UNREAD = {*map(qn, ("w:pPr", "w:rPr", "w:del", "w:moveFrom", "w:sdtPr", "w:rt")), f"{_COMPATIBILITY}Fallback"}
_CHARACTERS = {qn("w:tab"): "\t", qn("w:ptab"): "\t", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
_PICTURES = {qn("w:drawing"), qn("w:pict"), qn("w:object")}
_NOTES = {qn("w:footnoteReference"), qn("w:endnoteReference")}
_WIDEST_SPAN = 20  # a cell may say that it spans thousands of columns


def children(parent: Any, *names: str) -> Iterator[Any]:
    """The children of `parent` called `names` ("w:p"), in order, those in content controls and the like included."""
    wanted = set(map(qn, names))
    for child in parent:
        if child.tag in wanted:
            yield child
        elif child.tag in _WRAPPERS:
            yield from children(child, *names)


def pieces(parent: Any, mark_note: Callable[[Any], str]) -> Iterator[Piece]:
    """Text, pictures and page breaks in a paragraph, in order; what is deleted or hidden is left out.

    `mark_note` gets an element that refers to a footnote or an endnote and returns the mark to be written there.
    """
    for child in parent:
        tag = child.tag
        if tag in _UNREAD or (tag == qn("w:r") and _is_hidden(child)):
            continue
        if tag in (qn("w:t"), _MATH_TEXT):
            yield "text", child.text or ""
        elif tag in _CHARACTERS:
            yield "text", _CHARACTERS[tag]
        elif tag == qn("w:br"):
            yield ("page break", "") if value(child, "w:type") == "page" else ("text", "\n")
        elif tag == qn("w:lastRenderedPageBreak"):
            yield "rendered break", ""
        elif tag in _NOTES:
            yield "text", mark_note(child)
        elif tag == qn("w:txbxContent"):
            for paragraph in children(child, "w:p"):
                yield "text", "\n"
                yield from pieces(paragraph, mark_note)
            yield "text", "\n"
        else:
            if tag in _PICTURES:
                yield "picture", ""
            yield from pieces(child, mark_note)


def cell_text(cell: Any, mark_note: Callable[[Any], str]) -> tuple[str, list[Break]]:
    """A cell's text, its paragraphs and those of tables in it side by side, and the page breaks in it."""
    texts: list[str] = []
    breaks: list[Break] = []
    for block in children(cell, "w:p", "w:tbl"):
        if block.tag == qn("w:tbl"):
            for inner in (cell for row in children(block, "w:tr") for cell in children(row, "w:tc")):
                text, found = cell_text(inner, mark_note)
                texts.append(text)
                breaks += found
            continue
        parts = list(pieces(block, mark_note))
        texts.append("".join(text for _, text in parts))
        breaks += [kind for kind, _ in parts if kind == "page break" or kind == "rendered break"]
    return " ".join(texts), breaks


def row_cells(row: Any, mark_note: Callable[[Any], str]) -> tuple[list[str], list[Break]]:
    """The texts of a row's cells, empty where a cell goes on from the left or from above, and the page breaks in it."""
    cells: list[str] = []
    breaks: list[Break] = []
    for cell in children(row, "w:tc"):
        properties = cell.find(qn("w:tcPr"))
        span, merged = 1, False
        if properties is not None:
            width = child_value(properties, "w:gridSpan") or "1"
            span = min(int(width), _WIDEST_SPAN) if width.isdecimal() else 1
            above = properties.find(qn("w:vMerge"))
            merged = above is not None and value(above, "w:val") in (None, "continue")
        text, found = cell_text(cell, mark_note)
        cells += ["" if merged else text, *[""] * (span - 1)]
        breaks += found
    return cells, breaks


def is_deleted(row: Any) -> bool:
    """Whether a table's row was deleted while changes were tracked."""
    properties = row.find(qn("w:trPr"))
    return properties is not None and properties.find(qn("w:del")) is not None


def _is_hidden(run: Any) -> bool:
    properties = run.find(qn("w:rPr"))
    return properties is not None and bool(is_on(properties, "w:vanish"))
