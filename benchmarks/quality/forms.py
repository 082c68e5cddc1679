"""Tasks of form: a table that is written again in another format, and rules of how to write, one by one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from .items import Item, Line
from .vocabulary import KEYS, NAMES

FIFTHS = 5
_HEADS = ("thing", "owner", "number")


def html_to_tsv(seed: int, paragraphs: Sequence[str], rows: int = 15) -> Item:
    """HTML to TSV (LongProc): a table among the paragraphs is written as tab-separated values, token by token; its
    fifths are the turns. What ends a cell does not count."""
    drawn = random.Random(seed)
    columns = (
        drawn.sample(KEYS, rows),
        drawn.sample(NAMES, rows),
        [str(drawn.randrange(100, 1000)) for _ in range(rows)],
    )
    cells = list(zip(*columns, strict=True))
    place = drawn.randrange(len(paragraphs))
    context = "\n".join([*paragraphs[:place], _html(cells), *paragraphs[place:]])
    opening = "\n\nThe table as tab-separated values:\n" + "\t".join(_HEADS) + "\n"
    written = [tuple(Line("", cell, end) for cell, end in zip(row, "\t\t\n", strict=True)) for row in cells]
    turns = tuple(tuple(written[rows * turn // FIFTHS : rows * (turn + 1) // FIFTHS]) for turn in range(FIFTHS))
    return Item(context, (opening, *[""] * (FIFTHS - 1)), turns, by_token=True)


def _html(cells: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{cell}</th>" for cell in _HEADS)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in cells)
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"


@dataclass(frozen=True)
class Rule:
    """A rule with a gap, what of a letter it is about, and what may stand in the gap."""

    wording: str
    begun: str
    choices: tuple[str, ...]


RULES = (
    Rule("Every letter begins with the words “{}”.", "Begins with the words “", ("Dear", "Hello", "Welcome", "Good")),
    Rule("Every letter ends with the words “{}”.", "Ends with the words “", ("Yours", "Best", "Kind", "With")),
    Rule("The title of every letter is “{}”.", "Title of the letter: “", ("Notice", "Report", "News", "Mail")),
    Rule("All prices are given in{}.", "Prices given in", (" dollars", " euros", " pounds", " francs")),
    Rule("All lengths are given in{}.", "Lengths given in", (" metres", " feet", " yards", " inches")),
    Rule("All letters are written in{}.", "Written in", (" English", " French", " German", " Spanish")),
    Rule("All letters are signed by{}.", "Signed by", (" Martha", " Peter", " Susan", " George")),
    Rule("All letters are printed in{}.", "Printed in", (" blue", " black", " green", " red")),
    Rule("All letters are sent on{}.", "Sent on", (" Monday", " Tuesday", " Thursday", " Friday")),
    Rule("All dates are written as the{}.", "Dates written as the", (" day", " month", " year", " week")),
)


def constraints(seed: int, paragraphs: Sequence[str]) -> Item:
    """Rules for letters stand before the paragraphs and among them, half of them each; then a letter is written, and
    each rule is followed by itself: the likeliest of four is the one that it names. The turns are the two places."""
    drawn = random.Random(seed)
    rules = [(rule, drawn.choice(rule.choices)) for rule in drawn.sample(RULES, len(RULES))]
    places = rules[: len(rules) // 2], rules[len(rules) // 2 :]
    first, then = ([rule.wording.format(choice) for rule, choice in place] for place in places)
    half = len(paragraphs) // 2
    context = "\n".join([*first, *paragraphs[:half], *then, *paragraphs[half:]])
    turns = tuple(tuple((_followed(rule, choice),) for rule, choice in place) for place in places)
    return Item(context, ("\n\nA letter by these rules:\n", ""), turns)


def _followed(rule: Rule, choice: str) -> Line:
    return Line(rule.begun, choice, others=tuple(other for other in rule.choices if other != choice))
