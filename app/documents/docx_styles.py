"""What a Word document's styles and numbering say of a paragraph: heading, list item, beginning of a page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from docx.oxml.ns import qn

_HEADING_NAME = re.compile(r"heading ([1-9])", re.IGNORECASE)
_BODY_LEVEL = 9
_OFF = ("0", "false", "off")


@dataclass(frozen=True, slots=True)
class ParagraphStyle:
    """`heading` is a level from 1, 0: none. `list_id` names a list, "": none; `depth` counts from 0."""

    heading: int = 0
    list_id: str = ""
    depth: int = 0
    starts_page: bool = False


class Styles:
    """A document's paragraph styles, each with what it inherits."""

    def __init__(self, root: Any) -> None:
        """`root` is the element w:styles."""
        self._elements = {style.get(qn("w:styleId")): style for style in root.iterchildren(qn("w:style"))}
        self._default = next(
            (
                key
                for key, style in self._elements.items()
                if style.get(qn("w:type")) == "paragraph" and value(style, "w:default") == "1"
            ),
            None,
        )
        self._resolved: dict[str | None, ParagraphStyle] = {None: ParagraphStyle()}

    def of(self, paragraph: Any) -> ParagraphStyle:
        """What `paragraph` says of itself, and where it is silent, what its style says."""
        properties = paragraph.find(qn("w:pPr"))
        if properties is None:
            return self._resolve(self._default)
        style = child_value(properties, "w:pStyle")
        return _overridden(self._resolve(style if style in self._elements else self._default), properties)

    def _resolve(self, key: str | None) -> ParagraphStyle:
        chain = []
        while key not in self._resolved and key in self._elements and key not in chain:
            chain.append(key)
            key = child_value(self._elements[key], "w:basedOn")
        style = self._resolved.get(key, ParagraphStyle())
        for key in reversed(chain):
            element = self._elements[key]
            properties = element.find(qn("w:pPr"))
            style = style if properties is None else _overridden(style, properties)
            name = (child_value(element, "w:name") or "").lower()
            level = 1 if name == "title" else int(match[1]) if (match := _HEADING_NAME.fullmatch(name)) else 0
            if level:
                style = ParagraphStyle(level, style.list_id, style.depth, style.starts_page)
            self._resolved[key] = style
        return style


class Numbering:
    """A document's lists: whether an item has a number, and which."""

    def __init__(self, root: Any | None) -> None:
        """`root` is the element w:numbering, None if the document has no lists."""
        self._levels: dict[tuple[str, int], tuple[str, int]] = {}  # format and first number
        self._last: dict[tuple[str, int], int] = {}
        if root is None:
            return
        abstract = {element.get(qn("w:abstractNumId")): element for element in root.iterchildren(qn("w:abstractNum"))}
        for number in root.iterchildren(qn("w:num")):
            definition = abstract.get(child_value(number, "w:abstractNumId"))
            for level in () if definition is None else definition.iterchildren(qn("w:lvl")):
                first = _integer(child_value(level, "w:start"), 1)
                key = number.get(qn("w:numId")), _integer(level.get(qn("w:ilvl")), 0)
                self._levels[key] = child_value(level, "w:numFmt") or "decimal", first

    def next_item(self, list_id: str, depth: int) -> int | None:
        """The number of the next item of a list at `depth`; None if it has a bullet."""
        kind, first = self._levels.get((list_id, depth), ("bullet", 1))
        for key in [key for key in self._last if key[0] == list_id and key[1] > depth]:
            del self._last[key]
        number = self._last.get((list_id, depth), first - 1) + 1
        self._last[list_id, depth] = number
        return None if kind in ("bullet", "none") else number


def value(element: Any, name: str) -> str | None:
    """The attribute `name` ("w:val") of an element."""
    found = element.get(qn(name))
    return None if found is None else str(found)


def child_value(element: Any, name: str) -> str | None:
    """The attribute w:val of the child `name`, None if there is no such child or attribute."""
    child = element.find(qn(name))
    return None if child is None else value(child, "w:val")


def is_on(properties: Any, name: str) -> bool | None:
    """Whether the switch `name` is on; None if it is not set."""
    child = properties.find(qn(name))
    return None if child is None else value(child, "w:val") not in _OFF


def _overridden(style: ParagraphStyle, properties: Any) -> ParagraphStyle:
    """`style` with what `properties`, a w:pPr, sets."""
    heading, list_id, depth = style.heading, style.list_id, style.depth
    outline = child_value(properties, "w:outlineLvl")
    if outline is not None:
        level = _integer(outline, _BODY_LEVEL)
        heading = level + 1 if 0 <= level < _BODY_LEVEL else 0
    numbering = properties.find(qn("w:numPr"))
    if numbering is not None:
        chosen = child_value(numbering, "w:numId")
        list_id = list_id if chosen is None else "" if chosen == "0" else chosen
        depth = min(max(_integer(child_value(numbering, "w:ilvl"), depth), 0), 8)
    starts_page = is_on(properties, "w:pageBreakBefore")
    return ParagraphStyle(heading, list_id, depth, style.starts_page if starts_page is None else starts_page)


def _integer(text: str | None, default: int) -> int:
    try:
        return default if text is None else int(text)
    except ValueError:
        return default
