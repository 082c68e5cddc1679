"""Tasks whose answers code knows: names that stand in a long text are asked for, many in each of several turns, and
those of forms.py."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from types import MappingProxyType

from .forms import constraints, html_to_tsv
from .items import Item, Line, Question, scattered
from .vocabulary import KEYS, NAMES

TURNS = 5
_OPENINGS = ("\n\nThe list again:\n",) * TURNS


def look_up(seed: int, paragraphs: Sequence[str], keys: int = 30, asked: int = 6) -> Item:
    """Each of `keys` things has a name, in a line of its own among the paragraphs; each is asked for once, `asked` of
    them a turn."""
    drawn = random.Random(seed)
    names = dict(zip(drawn.sample(KEYS, keys), drawn.sample(NAMES, keys), strict=True))
    lines = [f"{key}: {name}" for key, name in names.items()]
    asked_for = [(Line(f"{key}:", f" {names[key]}"),) for key in drawn.sample(list(names), asked * TURNS)]
    return Item(scattered(lines, paragraphs), _OPENINGS, _in_turns(asked_for))


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
        (Line(f"{key}: see", f" {first[key]}"), Line(f"{first[key]}:", f" {names[first[key]]}"))
        for key in drawn.sample(list(first), asked * TURNS)
    ]
    return Item(scattered(lines, paragraphs), _OPENINGS, _in_turns(asked_for))


def tracking(seed: int, paragraphs: Sequence[str], keys: int = 15, asked: int = 3) -> Item:
    """Variable tracking of one link, in the head: half of the things have a name, and half that of another; the latter
    are asked for."""
    drawn = random.Random(seed)
    names, first = _linked(drawn, keys)
    lines = [f"{key}: {name}" for key, name in names.items()] + [f"{key} = {of}" for key, of in first.items()]
    drawn.shuffle(lines)
    asked_for = [(Line(f"{key}:", f" {names[first[key]]}"),) for key in drawn.sample(list(first), asked * TURNS)]
    return Item(scattered(lines, paragraphs), _OPENINGS, _in_turns(asked_for))


TASKS: MappingProxyType[str, Callable[[int, Sequence[str]], Item]] = MappingProxyType(
    {
        "look-up": look_up,
        "HTML to TSV": html_to_tsv,
        "constraints": constraints,
        "chains": chains,
        "variable tracking": tracking,
    }
)


def _in_turns(questions: Sequence[Question]) -> tuple[tuple[Question, ...], ...]:
    return tuple(tuple(questions[turn::TURNS]) for turn in range(TURNS))
