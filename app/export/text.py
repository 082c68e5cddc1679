"""The draft as plain text: the marks of Markdown go, what they say in lines and indents stays."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from app.export.blocks import Block, Code, Heading, Items, Paragraph, Quote, Rule, Span, Spans, Table, parse
from app.export.draft import Draft
from app.export.graphemes import graphemes, is_emoji, visible

INDENT = 4


def write_text(draft: Draft) -> bytes:
    """UTF-8 with one empty line between blocks."""
    return plain_text(draft.text).encode()


def plain_text(markdown: str) -> str:
    """The text of a Markdown draft, ending in a line end unless it is empty."""
    text = "\n".join(_lines(parse(markdown)))
    return f"{text}\n" if text else ""


def _lines(blocks: Sequence[Block]) -> Iterator[str]:
    for number, block in enumerate(blocks):
        if number:
            yield ""
        yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading(_, spans) | Paragraph(spans):
            yield from _text(spans).split("\n")
        case Code(text):
            yield from text.split("\n")
        case Quote(blocks):
            yield from _indented(_lines(blocks), " " * INDENT)
        case Items():
            yield from _items(block)
        case Table():
            yield from _table(block)
        case Rule():
            yield "-" * 20


def _items(block: Items) -> Iterator[str]:
    roomy = any(len(item) > 1 and not isinstance(item[1], Items) for item in block.items)
    for number, item in enumerate(block.items):
        if number and roomy:
            yield ""
        mark = "- " if block.start is None else f"{block.start + number}. "
        # A nested list follows its item without an empty line between.
        parts = [list(_block(part)) for part in item]
        lines = [line for i, part in enumerate(parts) for line in ([""] if roomy and i else []) + part]
        yield from _indented(lines or [""], mark)


def _indented(lines: Sequence[str] | Iterator[str], mark: str) -> Iterator[str]:
    """`lines` behind `mark`, those after the first behind as many blanks."""
    for number, line in enumerate(lines):
        yield f"{' ' * len(mark) if number else mark}{line}".rstrip()


def _text(spans: Spans) -> str:
    return "".join(map(_with_address, spans))


def _with_address(span: Span) -> str:
    """The span's text, and in brackets the address it links to where that is not the text itself."""
    if span.link is None or span.link.removeprefix("mailto:") == span.text:
        return span.text
    return f"{span.text} ({span.link})"


def _table(table: Table) -> Iterator[str]:
    rows = [[_text(cell).replace("\n", " ") for cell in row] for row in table.rows]
    widths = [max((_width(row[i]) for row in rows if i < len(row)), default=0) for i in range(table.columns)]
    for number, row in enumerate(rows):
        padded = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=False))
        yield "  ".join(padded).rstrip()
        if number == 0:
            yield "  ".join("-" * max(width, 1) for width in widths)


def _width(text: str) -> int:
    """Columns in a terminal or a fixed-width font, where ideographs, kana and emoji take two."""
    signs = [sign for sign in graphemes(text) if visible(sign)]
    return len(signs) + sum(is_emoji(sign) or unicodedata.east_asian_width(sign[0]) in "WF" for sign in signs)
