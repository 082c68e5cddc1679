"""The elements of a Word document's body: paragraphs and tables in order, and a paragraph's text piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from docx.oxml.ns import qn

from app.documents.alt_text import description
from app.documents.small_letters import lowered, raised
from app.documents.word import omml
from app.documents.word.styles import Styles, child_value, is_on, value
from app.documents.word.symbols import in_font, symbol

Break: TypeAlias = Literal["page break", "rendered break"]
"""A page break that the author set, or a place at which Word, when it last saved, went on to a new page."""
Piece: TypeAlias = tuple[Literal["text", "raised", "lowered", "picture", "comment"], str] | tuple[Break, str]
"""With its text; of a picture that is its description."""

_COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_DRAWN = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}docPr"
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
_EQUATIONS = {f"{_MATH}oMath", f"{_MATH}oMathPara"}
_TEXT, _BREAK, _RENDERED, _BOX, _SYMBOL, _CHECK, _RUN, _PROPERTIES = map(
    qn, ("w:t", "w:br", "w:lastRenderedPageBreak", "w:txbxContent", "w:sym", "w:checkBox", "w:r", "w:rPr")
)
_COMMENT = qn("w:commentReference")
_MOVED: dict[str | None, Literal["raised", "lowered"]] = {"superscript": "raised", "subscript": "lowered"}
_CONTEXT = 40
_WIDEST_SPAN = 20  # a cell may say that it spans thousands of columns


def nothing(element: Any) -> str:
    """What stands for an element that says nothing."""
    return ""


@dataclass(frozen=True, slots=True)
class Inline:
    """What a paragraph's text depends on: `mark_note` gets an element that refers to a footnote or an endnote and
    returns the mark to be written there, `mark_comment` one that refers to a comment and returns what is written;
    `label` gets a paragraph and returns the number that Word shows before it."""

    styles: Styles
    mark_note: Callable[[Any], str] = nothing
    label: Callable[[Any], str] = nothing
    mark_comment: Callable[[Any], str] = nothing


def children(parent: Any, *names: str) -> Iterator[Any]:
    """The children of `parent` called `names` ("w:p"), in order, those in content controls and the like included."""
    wanted = set(map(qn, names))
    for child in parent:
        if child.tag in wanted:
            yield child
        elif child.tag in _WRAPPERS:
            yield from children(child, *names)


def pieces(paragraph: Any, inline: Inline) -> Iterator[Piece]:
    """Text, pictures and page breaks in a paragraph, in order; what is deleted or hidden is left out.

    Raised and lowered letters are written so that they keep their meaning, see `small_letters`.
    """
    found = list(_merged(_pieces(paragraph, inline, "text")))
    line = ""
    for index, (kind, text) in enumerate(found):
        if kind == "raised":
            after = (
                found[index + 1][1][:_CONTEXT] if index + 1 < len(found) and found[index + 1][0] != "picture" else ""
            )
            text = raised(text, line, after)
        elif kind == "lowered":
            text = lowered(text, line)
        elif kind == "comment":
            text = f"{'' if not line or line[-1].isspace() else ' '}{text}" if text else ""
        elif kind != "text":
            yield kind, text  # type: ignore[misc]
            line = line if kind == "picture" else ""
            continue
        yield "text", text
        line = (line + text).rpartition("\n")[2][-_CONTEXT:]


def _merged(found: Iterable[Piece]) -> Iterator[Piece]:
    """Pieces of one kind as one: Word parts runs anywhere. Blanks beside small letters stand on the line."""
    last: Piece | None = None
    for kind, text in found:
        if last and last[0] == kind and kind in ("text", "raised", "lowered"):
            last = kind, last[1] + text  # type: ignore[assignment]
            continue
        if last:
            yield last
        last = kind, text  # type: ignore[assignment]
    if last:
        yield last


def _pieces(
    parent: Any, inline: Inline, letters: Literal["text", "raised", "lowered"], font: str = ""
) -> Iterator[Piece]:
    for child in parent.iterchildren("*"):
        tag = child.tag
        if tag in _UNREAD:
            continue
        if tag == _RUN:
            properties = child.find(_PROPERTIES)
            if properties is None:
                yield from _pieces(child, inline, "text")
            elif not is_on(properties, "w:vanish"):
                yield from _pieces(child, inline, _letters(properties, inline.styles), _font(properties))
        elif tag == _TEXT:
            text = child.text or ""
            yield (letters if text.strip() else "text"), in_font(text, font)
        elif tag in _CHARACTERS:
            yield "text", _CHARACTERS[tag]
        elif tag == _BREAK:
            yield ("page break", "") if value(child, "w:type") == "page" else ("text", "\n")
        elif tag == _RENDERED:
            yield "rendered break", ""
        elif tag == _SYMBOL:
            code = value(child, "w:char") or ""
            yield (
                letters,
                symbol(value(child, "w:font") or "", int(code, 16) if code.isalnum() and _is_hex(code) else 0),
            )
        elif tag in _EQUATIONS:
            yield "text", omml.linear(child)
        elif tag in _NOTES:
            yield "raised", inline.mark_note(child)
        elif tag == _COMMENT:
            yield "comment", inline.mark_comment(child)
        elif tag == _CHECK:
            on = is_on(child, "w:checked")
            yield "text", "☒ " if (is_on(child, "w:default") if on is None else on) else "☐ "
        elif tag == _BOX:
            for paragraph in children(child, "w:p"):
                yield "text", "\n"
                yield from pieces(paragraph, inline)
            yield "text", "\n"
        else:
            if tag in _PICTURES:
                yield "picture", next((description(one.get("descr", "")) for one in child.iter(_DRAWN)), "")
            yield from _pieces(child, inline, letters, font)


def _letters(properties: Any, styles: Styles) -> Literal["text", "raised", "lowered"]:
    """Whether a run's letters stand on the line."""
    own = child_value(properties, "w:vertAlign")
    if own is None and (style := child_value(properties, "w:rStyle")) is not None:
        own = styles.moved(style)
    return _MOVED.get(own, "text")


def _font(properties: Any) -> str:
    fonts = properties.find(qn("w:rFonts"))
    return "" if fonts is None else value(fonts, "w:ascii") or value(fonts, "w:hAnsi") or ""


def _is_hex(code: str) -> bool:
    return len(code) <= 5 and not set(code.lower()) - set("0123456789abcdef")


def cell_text(cell: Any, inline: Inline) -> tuple[str, list[Break]]:
    """A cell's text, its paragraphs and those of tables in it side by side, and the page breaks in it."""
    texts: list[str] = []
    breaks: list[Break] = []
    for block in children(cell, "w:p", "w:tbl"):
        if block.tag == qn("w:tbl"):
            for inner in (cell for row in children(block, "w:tr") for cell in children(row, "w:tc")):
                text, found = cell_text(inner, inline)
                texts.append(text)
                breaks += found
            continue
        parts, label = list(pieces(block, inline)), inline.label(block)
        text = "".join(text for _, text in parts).strip()
        texts.append(f"{label} {text}".strip() if text or any(map(str.isalnum, label)) else "")
        breaks += [kind for kind, _ in parts if kind == "page break" or kind == "rendered break"]
    return " ".join(texts), breaks


def row_cells(row: Any, inline: Inline) -> tuple[list[str], list[Break]]:
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
        text, found = cell_text(cell, inline)
        cells += ["" if merged else text, *[""] * (span - 1)]
        breaks += found
    return cells, breaks


def is_deleted(row: Any) -> bool:
    """Whether a table's row was deleted while changes were tracked."""
    properties = row.find(qn("w:trPr"))
    return properties is not None and properties.find(qn("w:del")) is not None
