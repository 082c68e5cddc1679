"""The numbers that LibreOffice shows before headings and items of lists. OpenDocument 1.3, part 3, 16.30 to 16.39."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

from app.documents.odt.names import name
from app.documents.word.numbering import BULLET, formatted

Counts: TypeAlias = dict[int, int]
"""The numbers of a list so far, by level from 1."""

_FORMS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_PLACE = re.compile(r"%(\d+)%")
_DEEPEST = 10
OUTLINE = ""
"""Stands for the list of the headings among the styles."""


@dataclass(frozen=True, slots=True)
class _Level:
    form: str  # "" shows no number
    start: int
    before: str
    after: str
    shown: int  # levels
    pattern: str | None
    bullet: bool = False


class ListStyles:
    """The list styles of a document."""

    def __init__(self, *roots: Any) -> None:
        """`roots`: of content.xml and styles.xml, as far as they are there."""
        self._levels: dict[str, dict[int, _Level]] = {}
        for root in reversed(roots):
            for style in root.iter(name("text:list-style")):
                self._levels[style.get(name("style:name"), "?")] = _levels(style)
            for style in root.iter(name("text:outline-style")):
                self._levels[OUTLINE] = _levels(style)

    def next_label(self, style: str | None, level: int, counts: Counts, start: int | None = None) -> str:
        """What stands before the next item of a list at `level` (from 1), which counts on, or from `start`; "" if
        nothing does."""
        levels = self._levels.get(style if style is not None else "?", {})
        known = levels.get(level)
        first = known.start if known else 1
        counts[level] = start if start is not None else counts.get(level, first - 1) + 1
        for below in [below for below in counts if below > level]:
            del counts[below]
        if known is None or known.bullet:
            return "" if style == OUTLINE else BULLET
        if not known.form:
            return ""

        def number(at: int) -> str:
            other = levels.get(at)
            return formatted(counts.get(at, other.start), _FORMS.get(other.form, "decimal")) if other else ""

        if known.pattern is not None:
            return _PLACE.sub(lambda place: number(int(place[1])), known.pattern).strip()
        shown = [text for at in range(max(1, level - known.shown + 1), level + 1) if (text := number(at))]
        return f"{known.before}{'.'.join(shown)}{known.after}".strip()


def whole(text: str | None, default: int) -> int:
    """The number that an attribute states, `default` if it states none."""
    return int(text) if text and text.isdecimal() and len(text) < 6 else default


def _levels(style: Any) -> dict[int, _Level]:
    levels = {}
    for element in style.iterchildren("*"):
        level = min(whole(element.get(name("text:level")), 1), _DEEPEST)
        levels[level] = _Level(
            element.get(name("style:num-format"), ""),
            whole(element.get(name("text:start-value")), 1),
            element.get(name("style:num-prefix"), ""),
            element.get(name("style:num-suffix"), ""),
            whole(element.get(name("text:display-levels")), 1),
            element.get(name("loext:num-list-format")),
            element.tag not in (name("text:list-level-style-number"), name("text:outline-level-style")),
        )
    return levels
