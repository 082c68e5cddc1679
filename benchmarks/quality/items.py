"""What a task is made of: a text, and turns in which lines are begun whose ends code knows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Line:
    """What is begun, what it must go on with, and what ends it. With `others` the answer need only be likelier than
    each of these, which differ in their first tokens."""

    begun: str
    answer: str
    end: str = "\n"
    others: tuple[str, ...] = ()


Question: TypeAlias = tuple[Line, ...]
"""Lines to be written one after the other, all of them right."""


@dataclass(frozen=True)
class Item:
    """A text, and turns about it on one cache, each of which begins with its opening, if it has one. `by_token`: every
    token of an answer counts, not the whole of it."""

    context: str
    openings: tuple[str, ...]
    turns: tuple[tuple[Question, ...], ...]
    by_token: bool = False


def passage(paragraphs: Sequence[str], seed: int, count: int) -> Sequence[str]:
    """`count` paragraphs in a row, from somewhere."""
    begin = random.Random(seed).randrange(len(paragraphs) - count + 1)
    return paragraphs[begin : begin + count]


def scattered(lines: Sequence[str], paragraphs: Sequence[str]) -> str:
    """The lines, spread evenly over the paragraphs."""
    pieces: list[str] = []
    for index, paragraph in enumerate(paragraphs):
        begin, end = (len(lines) * at // len(paragraphs) for at in (index, index + 1))
        pieces += [paragraph, *lines[begin:end]]
    return "\n".join(pieces)
