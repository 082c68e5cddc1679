"""Tasks whose answers code knows: names that stand in a long text are asked for, many in each of several turns."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

_KEYS = """
apple river stone candle bridge garden window mirror ladder basket hammer ribbon castle forest desert island rocket
violin pencil jacket blanket kettle barrel anchor feather lantern marble saddle turtle walnut pepper tunnel temple
thunder meadow harbor fountain magnet needle orchard pillow quarry saucer shovel spider statue tablet tiger towel
trumpet velvet wagon whistle willow copper silver cotton dragon eagle falcon goose hunter judge knight lemon melon
nurse onion parrot queen rabbit salmon tailor uncle valley walrus zebra beaver camel donkey engine finger guitar
helmet insect jungle kitten lizard monkey nephew oyster pirate
"""
KEYS = tuple(_KEYS.split())
_NAMES = """
Martha Peter Susan George Helen Oliver Alice Henry Laura Victor Emma Daniel Julia Simon Clara Walter Nancy Robert Diana
Philip Rachel Martin Arthur Grace Edward Sarah Thomas Linda Albert Karen David Judith Frank Maria Steven Ellen James
Ruth Paul
"""
NAMES = tuple(_NAMES.split())
TURNS = 5


@dataclass(frozen=True)
class Line:
    """A line that is begun, and what it must go on with."""

    begun: str
    answer: str


Question: TypeAlias = tuple[Line, ...]
"""Lines to be written one after the other, all of them right."""


@dataclass(frozen=True)
class Item:
    """A text, and turns about it on one cache, each of which begins with `opening`."""

    context: str
    opening: str
    turns: tuple[tuple[Question, ...], ...]


def look_up(seed: int, paragraphs: Sequence[str], keys: int = 30, asked: int = 6) -> Item:
    """Each of `keys` things has a name, in a line of its own among the paragraphs; each is asked for once, `asked` of
    them a turn."""
    drawn = random.Random(seed)
    names = dict(zip(drawn.sample(KEYS, keys), drawn.sample(NAMES, keys), strict=True))
    lines = [f"{key}: {name}" for key, name in names.items()]
    asked_for = [(Line(f"{key}:", names[key]),) for key in drawn.sample(list(names), asked * TURNS)]
    return Item(_scattered(lines, paragraphs), "\n\nThe list again:\n", _in_turns(asked_for))


def _linked(drawn: random.Random, keys: int) -> tuple[dict[str, str], dict[str, str]]:
    """The names of so many things, and as many others that each refer to one of these."""
    words = drawn.sample(KEYS, 2 * keys)
    names = dict(zip(words[:keys], drawn.sample(NAMES, keys), strict=True))
    return names, dict(zip(words[keys:], drawn.sample(words[:keys], keys), strict=True))


def chains(seed: int, paragraphs: Sequence[str], keys: int = 15, asked: int = 3) -> Item:
    """Variable tracking (RULER) of one link, written out: `keys` things have names, as many others refer to one of
    these. Asked for are the reference and then the name."""
    drawn = random.Random(seed)
    names, first = _linked(drawn, keys)
    lines = [f"{key}: {name}" for key, name in names.items()] + [f"{key}: see {of}" for key, of in first.items()]
    drawn.shuffle(lines)
    asked_for = [
        (Line(f"{key}: see", first[key]), Line(f"{first[key]}:", names[first[key]]))
        for key in drawn.sample(list(first), asked * TURNS)
    ]
    return Item(_scattered(lines, paragraphs), "\n\nThe list again:\n", _in_turns(asked_for))


def tracking(seed: int, paragraphs: Sequence[str], keys: int = 15, asked: int = 3) -> Item:
    """Variable tracking of one link, in the head: half of the things have a name, and half that of another; the latter
    are asked for."""
    drawn = random.Random(seed)
    names, first = _linked(drawn, keys)
    lines = [f"{key}: {name}" for key, name in names.items()] + [f"{key} = {of}" for key, of in first.items()]
    drawn.shuffle(lines)
    asked_for = [(Line(f"{key}:", names[first[key]]),) for key in drawn.sample(list(first), asked * TURNS)]
    return Item(_scattered(lines, paragraphs), "\n\nThe list again:\n", _in_turns(asked_for))


TASKS: MappingProxyType[str, Callable[[int, Sequence[str]], Item]] = MappingProxyType(
    {"look-up": look_up, "chains": chains, "variable tracking": tracking}
)


def passage(paragraphs: Sequence[str], seed: int, count: int) -> Sequence[str]:
    """`count` paragraphs in a row, from somewhere."""
    begin = random.Random(seed).randrange(len(paragraphs) - count + 1)
    return paragraphs[begin : begin + count]


def _in_turns(questions: Sequence[Question]) -> tuple[tuple[Question, ...], ...]:
    return tuple(tuple(questions[turn::TURNS]) for turn in range(TURNS))


def _scattered(lines: Sequence[str], paragraphs: Sequence[str]) -> str:
    """The lines, spread evenly over the paragraphs."""
    pieces: list[str] = []
    for index, paragraph in enumerate(paragraphs):
        begin, end = (len(lines) * at // len(paragraphs) for at in (index, index + 1))
        pieces += [paragraph, *lines[begin:end]]
    return "\n".join(pieces)
