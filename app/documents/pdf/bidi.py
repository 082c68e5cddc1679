"""Lines that run from right to left: from the order in which they are seen to the order in which they are read.

A PDF places each letter, and programs draw them in either order. So the letters are put in order by their place, from
the right, and what runs from left to right within them, a number or a Latin name, is turned back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TypeAlias

Glyph: TypeAlias = tuple[float, str]
"""Where a character begins on its line, and the character."""

RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")


def logical(glyphs: Sequence[Glyph]) -> str:
    """The text of a line in the order in which it is read; blanks are glyphs too."""
    kinds = [_kind(character) for _, character in glyphs]
    from_right = kinds.count("R") >= kinds.count("L")
    placed = sorted(glyphs, key=lambda glyph: glyph[0], reverse=from_right)
    text = [character for _, character in placed]
    for start, end in _runs([_kind(character) for character in text], inner="LN" if from_right else "R"):
        text[start:end] = text[start:end][::-1]
    line = " ".join("".join(text).split())
    first_closing, first_opening = line.find(")"), line.find("(")
    return line.translate(_MIRRORED) if first_closing >= 0 and not 0 <= first_opening < first_closing else line


def _kind(character: str) -> str:
    """ "R", "L", "N" for a digit, "" for what belongs to no direction."""
    direction = unicodedata.bidirectional(character)
    return {"R": "R", "AL": "R", "L": "L", "EN": "N", "AN": "N"}.get(direction, "")


def _runs(kinds: Sequence[str], inner: str) -> list[tuple[int, int]]:
    """The longest stretches that begin and end with a kind of `inner` and hold nothing of the other direction."""
    runs: list[tuple[int, int]] = []
    start = last = -1
    for index, kind in enumerate(kinds):
        if kind and kind in inner:
            start = index if start < 0 else start
            last = index
        elif kind and start >= 0:
            runs.append((start, last + 1))
            start = -1
    if start >= 0:
        runs.append((start, last + 1))
    return runs
