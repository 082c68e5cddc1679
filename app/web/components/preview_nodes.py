"""The blocks of a draft as the nodes of its preview: lists that JSON carries and the page makes elements of. No HTML.

A node is a text, or [tag, attributes, *nodes]. Tags are those of HTML, and two more: `ref`, a page that the text refers
to, with the document's `file` and `name`, its `page` and `title`; and `said`, a sentence that was held against the
documents, with its `kind` and `title`. Of addresses only those of the web and of mail are kept, and an image is its
description.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

from app.export.blocks import Block, Code, Heading, Items, Paragraph, Quote, Span, Spans, Table, plain
from app.text.citations import PageReference, page_references

Node: TypeAlias = "str | list[Any]"

_DESTINATION = re.compile(r"(?<=\])\([^()\s]*\)")
_SIGN = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Page:
    """A page that can be opened: the source's id and name, the page's number, and what it is called."""

    file: str
    name: str
    number: int
    title: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What is said of a sentence, as it is typed in the draft."""

    text: str
    kind: str
    title: str


class NodeMaker:
    """Makes the nodes of a block."""

    def __init__(self, find: Callable[[PageReference], Page | None]) -> None:
        """`find`: the page that a text refers to, None if it is of no source."""
        self._find = find
        self._marks: list[tuple[str, Mark]] = []

    def node(self, block: Block, marks: Sequence[Mark] = ()) -> list[Any]:
        """Of `block`, in which the sentences `marks` stand in this order. One that is not found has no mark."""
        self._marks = [(_squeezed(_DESTINATION.sub("", mark.text))[0], mark) for mark in marks]
        return self._block(block)

    def _block(self, block: Block) -> list[Any]:
        match block:
            case Heading(level, spans):
                return [f"h{level}", {}, *self._inline(spans)]
            case Paragraph(spans):
                return ["p", {}, *self._inline(spans)]
            case Code(text):
                return ["pre", {}, ["code", {}, text]]
            case Quote(blocks):
                return ["blockquote", {}, *map(self._block, blocks)]
            case Items(start, items):
                listed = [["li", {}, *map(self._block, item)] for item in items]
                return ["ul", {}, *listed] if start is None else ["ol", {"start": start}, *listed]
            case Table(rows):
                return ["table", {}, *(self._row(row, "td" if at else "th") for at, row in enumerate(rows))]
        return ["hr", {}]

    def _row(self, cells: Sequence[Spans], tag: str) -> list[Any]:
        """A sentence of a table is a row: what its cells hold in a row."""
        mark = self._taken(_squeezed("".join(map(plain, cells)))[0]) if self._marks else None
        nodes = [self._inline(cell) for cell in cells]
        return ["tr", {}, *([tag, {}, *([_said(mark, node)] if mark and node else node)] for node in nodes)]

    def _taken(self, letters: str) -> Mark | None:
        """The mark of a row of these letters."""
        at = next((at for at, (held, _) in enumerate(self._marks) if held and held == letters), None)
        return None if at is None else self._marks.pop(at)[1]

    def _inline(self, spans: Spans) -> list[Node]:
        text, nodes = plain(spans), list[Node]()
        references = list(page_references(text))
        at = 0
        for start, end, mark in self._found(text):
            nodes += self._linked(spans, references, at, start)
            nodes.append(_said(mark, self._linked(spans, references, start, end)))
            at = end
        return nodes + self._linked(spans, references, at, len(text))

    def _found(self, text: str) -> Iterator[tuple[int, int, Mark]]:
        """Where in a block's text the sentences stand that are in it: compared by letters and digits, since Markdown's
        marks are gone here."""
        if not self._marks:
            return
        letters, places = _squeezed(text)
        at = 0
        for held in list(self._marks):
            start = letters.find(held[0], at) if held[0] else -1
            if start >= 0:
                at = start + len(held[0])
                self._marks.remove(held)
                # What closes the sentence, a stop or a reference's bracket, belongs to it.
                end = places[at - 1] + 1
                closing = re.compile(r"[^\w\s(\[“‘「『]*").match(text, end)
                yield places[start], closing.end() if closing else end, held[1]

    def _linked(self, spans: Spans, references: Sequence[PageReference], start: int, end: int) -> list[Node]:
        """The characters `start` up to `end`, with the pages that can be opened as such."""
        nodes = list[Node]()
        for reference in references:
            page = self._find(reference) if start <= reference.start and reference.end <= end else None
            if page is not None:
                nodes += _styled(spans, start, reference.start)
                attributes = {"file": page.file, "name": page.name, "page": page.number, "title": page.title}
                nodes.append(["ref", attributes, *_styled(spans, reference.start, reference.end)])
                start = reference.end
        return nodes + _styled(spans, start, end)


def _said(mark: Mark, nodes: Sequence[Node]) -> list[Any]:
    return ["said", {"kind": mark.kind, "title": mark.title}, *nodes]


def _styled(spans: Spans, start: int, end: int) -> list[Node]:
    """The characters `start` up to `end` of all spans."""
    nodes, at = list[Node](), 0
    for span in spans:
        first, last = max(start - at, 0), min(end - at, len(span.text))
        at += len(span.text)
        if first < last:
            nodes += _span(span, span.text[first:last])
    return nodes


def _span(span: Span, text: str) -> list[Node]:
    nodes: list[Node] = [text]
    if "\n" in text and not span.code:
        nodes = [node for line in text.split("\n") for node in (["br", {}], line)][1:]
        nodes = [node for node in nodes if node]
    for on, tag in ((span.code, "code"), (span.struck, "s"), (span.italic, "em"), (span.bold, "strong")):
        nodes = [[tag, {}, *nodes]] if on else nodes
    return [["a", {"href": span.link}, *nodes]] if span.link else nodes


def _squeezed(text: str) -> tuple[str, list[int]]:
    """The letters and digits alone, and where each stands."""
    ends = [(match.start(), match.end()) for match in _SIGN.finditer(text)]
    edges = [0, *(at for pair in ends for at in pair), len(text)]
    places = [at for start, end in list(pairwise(edges))[::2] for at in range(start, end)]
    return _SIGN.sub("", text), places
