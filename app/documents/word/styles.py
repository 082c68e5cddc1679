"""What a Word document's styles say of a paragraph: heading, list item, beginning of a page; and of raised letters."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
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
    """A document's paragraph styles, each with what it inherits, and the styles that raise or lower letters."""

    def __init__(self, root: Any | None, level_of: Callable[[str, str], int]) -> None:
        """`root` is the element w:styles, None if there is none; `level_of` the level that a list keeps for a style."""
        self._level_of = level_of
        elements = () if root is None else root.iterchildren(qn("w:style"))
        self._elements = {style.get(qn("w:styleId")): style for style in elements}
        self._moved: dict[str | None, str] = {}
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

    def moved(self, key: str | None) -> str:
        """Whether a style of characters makes them "superscript" or "subscript"; else ""."""
        if key not in self._moved:
            chain: list[str | None] = []
            found: str | None = None
            style = key
            while style in self._elements and style not in chain and not found:
                chain.append(style)
                properties = self._elements[style].find(qn("w:rPr"))
                found = None if properties is None else child_value(properties, "w:vertAlign")
                style = child_value(self._elements[style], "w:basedOn")
            self._moved[key] = found or ""
        return self._moved[key]

    def _numbered(self, style: ParagraphStyle, properties: Any, key: str) -> ParagraphStyle:
        """The same at the level that the list keeps for this style, where the style names none."""
        numbering = properties.find(qn("w:numPr"))
        if numbering is None or not style.list_id or child_value(numbering, "w:ilvl") is not None:
            return style
        return replace(style, depth=self._level_of(style.list_id, key))

    def _resolve(self, key: str | None) -> ParagraphStyle:
        chain: list[str] = []
        while key is not None and key not in self._resolved and key in self._elements and key not in chain:
            chain.append(key)
            key = child_value(self._elements[key], "w:basedOn")
        style = self._resolved.get(key, ParagraphStyle())
        for key in reversed(chain):
            element = self._elements[key]
            properties = element.find(qn("w:pPr"))
            style = style if properties is None else self._numbered(_overridden(style, properties), properties, key)
            name = (child_value(element, "w:name") or "").lower()
            level = 1 if name == "title" else int(match[1]) if (match := _HEADING_NAME.fullmatch(name)) else 0
            if level:
                style = ParagraphStyle(level, style.list_id, style.depth, style.starts_page)
            self._resolved[key] = style
        return style


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
        level = integer(outline, _BODY_LEVEL)
        heading = level + 1 if 0 <= level < _BODY_LEVEL else 0
    numbering = properties.find(qn("w:numPr"))
    if numbering is not None:
        chosen = child_value(numbering, "w:numId")
        list_id = list_id if chosen is None else "" if chosen == "0" else chosen
        depth = min(max(integer(child_value(numbering, "w:ilvl"), depth), 0), 8)
    starts_page = is_on(properties, "w:pageBreakBefore")
    return ParagraphStyle(heading, list_id, depth, style.starts_page if starts_page is None else starts_page)


def integer(text: str | None, default: int) -> int:
    """The number that an attribute states, `default` if it states none."""
    try:
        return default if text is None else int(text)
    except ValueError:
        return default
