"""Markdown -> blocks: what the writers of documents share. Knows nothing of file formats.

Two parts of Markdown that make text disappear are off, since a draft must export whole: HTML, which is shown as it is
typed, and link definitions ("[Page 3]: see").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, blockquote, list_block
from markdown_it.token import Token

DEEPEST = 20
"""Lists and quotes nested deeper than this stay as typed; markdown-it would drop what is in them."""

_INVALID = re.compile("[^\t\n\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WEB = re.compile(r"(?:https?|mailto):", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of text in one style. `link` is an http, https or mailto address. "\\n" is a line break."""

    text: str
    bold: bool = False
    italic: bool = False
    struck: bool = False
    code: bool = False
    link: str | None = None


Spans: TypeAlias = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """`level` 1 to 6."""

    level: int
    spans: Spans


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    spans: Spans


@dataclass(frozen=True, slots=True)
class Code:
    """A block of code, its lines as typed, without a line end at its end."""

    text: str


@dataclass(frozen=True, slots=True)
class Quote:
    """A block quote."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list, numbered from `start`, or with None bulleted."""

    start: int | None
    items: tuple[tuple[Block, ...], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, the head first. Rows may differ in length, as typed.

    `lines`: the first line of the draft that it stands in, and the one after the last; None within a list or quote.
    """

    rows: tuple[tuple[Spans, ...], ...]
    lines: tuple[int, int] | None = field(default=None, compare=False)

    @property
    def columns(self) -> int:
        """Cells of the longest row."""
        return max(map(len, self.rows))


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal line."""


Block: TypeAlias = Heading | Paragraph | Code | Quote | Items | Table | Rule


def clean(text: str) -> str:
    """`text` without the characters that no document format can hold: controls, half surrogates, non-characters."""
    return _INVALID.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def plain(spans: Sequence[Span]) -> str:
    """The text alone."""
    return "".join(span.text for span in spans)


def parse(draft: str) -> tuple[Block, ...]:
    """The blocks of a Markdown draft. Any text is valid Markdown, so this does not fail."""
    text, parser = clean(draft), _markdown()
    return _Reader(parser, text.split("\n")).blocks(iter(parser.parse(text)), "")


def placed(draft: str) -> tuple[tuple[int, Block], ...]:
    """The same blocks, each with the line of the draft in which it begins."""
    text, parser = clean(draft), _markdown()
    return _Reader(parser, text.split("\n")).placed(iter(parser.parse(text)))


def walk(blocks: Sequence[Block]) -> Iterator[Block]:
    """All blocks, those inside of quotes and lists included, in the order of the text."""
    for block in blocks:
        yield block
        if isinstance(block, Quote):
            yield from walk(block.blocks)
        elif isinstance(block, Items):
            for item in block.items:
                yield from walk(item)


def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 4 * DEEPEST})
    parser.enable(["table", "strikethrough"]).disable("reference")
    parser.block.ruler.at("blockquote", _shallow(blockquote), {"alt": ["paragraph", "blockquote", "list"]})
    parser.block.ruler.at("list", _shallow(list_block), {"alt": ["paragraph", "blockquote"]})
    return parser


def _shallow(rule: Callable[[StateBlock, int, int, bool], bool]) -> Callable[[StateBlock, int, int, bool], bool]:
    """`rule`, which does not apply below DEEPEST."""
    return lambda state, start, end, silent: state.level < DEEPEST and rule(state, start, end, silent)


class _Reader:
    """Turns markdown-it's flat tokens into blocks. Holds the lines, for rows with more cells than their head."""

    def __init__(self, parser: MarkdownIt, lines: list[str]) -> None:
        self._parser, self._lines = parser, lines

    def blocks(self, tokens: Iterator[Token], closing: str) -> tuple[Block, ...]:
        """All blocks up to the token `closing`."""
        found: list[Block] = []
        for token in tokens:
            if token.type == closing:
                break
            block = self._block(token, tokens)
            if block is not None:
                found.append(block)
        return tuple(found)

    def placed(self, tokens: Iterator[Token]) -> tuple[tuple[int, Block], ...]:
        """All blocks, each with its first line."""
        found = ((token, self._block(token, tokens)) for token in tokens)
        return tuple((token.map[0], block) for token, block in found if block is not None and token.map)

    def _block(self, token: Token, tokens: Iterator[Token]) -> Block | None:
        match token.type:
            case "heading_open":
                return Heading(int(token.tag[1]), _spans(next(tokens)))
            case "inline":
                return Paragraph(_spans(token))
            case "code_block" | "fence":
                # A fence is sometimes followed by text instead of the name of a language.
                first = f"{token.info.strip()}\n" if " " in token.info.strip() else ""
                return Code((first + token.content).removesuffix("\n"))
            case "blockquote_open":
                return Quote(self.blocks(tokens, "blockquote_close"))
            case "bullet_list_open":
                return Items(None, self._items(tokens, "bullet_list_close"))
            case "ordered_list_open":
                start = token.attrGet("start")
                return Items(1 if start is None else int(start), self._items(tokens, "ordered_list_close"))
            case "table_open":
                return self._table(token, tokens)
            case "hr":
                return Rule()
        return None  # paragraph_open, paragraph_close, heading_close

    def _items(self, tokens: Iterator[Token], closing: str) -> tuple[tuple[Block, ...], ...]:
        items = []
        for token in tokens:
            if token.type == closing:
                break
            items.append(self.blocks(tokens, "list_item_close"))
        return tuple(items)

    def _table(self, table: Token, tokens: Iterator[Token]) -> Table:
        rows: list[list[Spans]] = []
        for token in tokens:
            if token.type == "table_close":
                break
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(_spans(token))
        if table.level == 0 and table.map:
            # markdown-it cuts or fills a row to the length of its head; what a model wrote stays as it is.
            first, last = table.map
            typed = [split_row(line) for line in (self._lines[first], *self._lines[first + 2 : last])]
            rows = [
                [*row[: len(cells)], *map(self._cell, cells[len(row) :])]
                for row, cells in zip(rows, typed, strict=False)
            ]
            return Table(tuple(map(tuple, rows)), (first, last))
        return Table(tuple(map(tuple, rows)))

    def _cell(self, text: str) -> Spans:
        return _spans(self._parser.parseInline(text)[0])


def split_row(line: str) -> list[str]:
    """The cells of one line of a Markdown table, with their marks, as GFM splits them."""
    cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())]
    if len(cells) > 1 and not cells[0]:
        del cells[0]
    if len(cells) > 1 and not cells[-1]:
        del cells[-1]
    return cells


def _spans(inline: Token) -> Spans:
    """The spans of an inline token, neighbours of the same style joined."""
    spans: list[Span] = []
    depth = {"strong": 0, "em": 0, "s": 0}
    link: str | None = None
    for token in inline.children or ():
        text, target = token.content, link
        match token.type.removesuffix("_open").removesuffix("_close"):
            case "strong" | "em" | "s" as mark:
                depth[mark] += token.nesting
            case "link":
                link = _address(token.attrGet("href"))
            case "softbreak":
                text = " "
            case "hardbreak":
                text = "\n"
            case "image":
                source = token.attrGet("src")
                text, target = text or str(source or ""), link or _address(source)
        marks = (depth["strong"] > 0, depth["em"] > 0, depth["s"] > 0, token.type == "code_inline", target)
        span = Span(clean(text), *marks)
        if spans and replace(span, text="") == replace(spans[-1], text=""):
            span = replace(span, text=spans.pop().text + span.text)
        if span.text:
            spans.append(span)
    return tuple(spans)


def _address(target: str | int | float | None) -> str | None:
    return str(target) if target and _WEB.match(str(target)) else None
