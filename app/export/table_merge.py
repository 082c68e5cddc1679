"""Rows of a table that come from several places: the same item becomes one row. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rapidfuzz.fuzz import ratio

from app.text.folding import folded

NEAR = 85.0
"""Of 100: words that begin alike, have the same digits and are so alike are one word in another form."""

_SIGNS = re.compile(r"[\s.,;:!?'\"()\[\]{}*`…。、！？「」『』-]+")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class SourcedRow:
    """Cells, the first of which says what the row is about, and the pages that they come from: (document, page)."""

    cells: tuple[str, ...]
    pages: frozenset[tuple[int, int]] = frozenset()


def cell_key(cell: str) -> str:
    """A cell as it is compared: without case, blanks and punctuation; of signs alone, as it is."""
    text = folded(cell)
    return _SIGNS.sub("", text) or text.strip()


def alike(one: str, other: str) -> bool:
    """Whether two cells say the same: equal but for case, blanks and punctuation, or word by word nearly spelled so. No
    number differs, and no word is in one alone."""
    if cell_key(one) == cell_key(other):
        return True
    pairs = zip_longest(_words(one), _words(other), fillvalue="")
    return all(_one_word(*pair) for pair in pairs)


def _words(cell: str) -> list[str]:
    return _SIGNS.sub(" ", folded(cell)).split()


def _one_word(one: str, other: str) -> bool:
    if one == other:
        return True
    same_digits = _DIGITS.findall(one) == _DIGITS.findall(other)
    return one[:1] == other[:1] and same_digits and ratio(one, other) >= NEAR


def agree(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two rows can be one: they are about the same item and no cell of one speaks against the other's. Items
    that are only nearly spelled alike are the same if another cell is alike too."""
    if not all(not a or not b or alike(a, b) for a, b in zip(one[1:], other[1:], strict=True)):
        return False
    if cell_key(one[0]) == cell_key(other[0]):
        return True
    return alike(one[0], other[0]) and any(a and b for a, b in zip(one[1:], other[1:], strict=True))


def merged(rows: Iterable[SourcedRow]) -> list[SourcedRow]:
    """The rows, each with as many cells, of which those that agree have become one at the place of the first: its empty
    cells are filled, and it has the pages of all. Rows about one item that contradict each other both stay."""
    left = list(rows)
    while True:
        found: list[SourcedRow] = []
        for row in left:
            same = next((at for at, other in enumerate(found) if agree(other.cells, row.cells)), None)
            if same is None:
                found.append(row)
            else:
                cells = tuple(a or b for a, b in zip(found[same].cells, row.cells, strict=True))
                found[same] = SourcedRow(cells, found[same].pages | row.pages)
        if len(found) == len(left):
            return found
        left = found
