"""Finds the first table of a draft: in Markdown, else as lines with tabs, else as lines with commas."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import groupby
from typing import TypeAlias

from app.export.blocks import Table, clean, parse, plain, split_row, walk

Rows: TypeAlias = list[list[str]]

FENCE = re.compile(r"[ \t]*(?:```|~~~).*")
"""A line that begins or ends a block of code."""

_LIST_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s")


@dataclass(frozen=True, slots=True)
class FoundTable:
    """The cells of a table, head first.

    `typed`: the same with the marks of Markdown in them. `lines`: the first line of the text it stands in, and the one
    after the last; None for a table within a list or quote.
    """

    rows: Rows
    typed: Rows
    lines: tuple[int, int] | None


def find_table(text: str, columns: Sequence[str] = ()) -> FoundTable | None:
    """The first table, also one within a block of code; None if there is none. `columns`: those that were asked for."""
    lines = ["" if FENCE.fullmatch(line) else line for line in clean(text).split("\n")]
    return _markdown(lines) or _tab_separated(lines) or _comma_separated(lines, columns)


def column_key(cell: str) -> str:
    """A column's name without what spelling may change: case, blanks, Markdown's marks."""
    return " ".join(re.sub(r"[*_`]", " ", cell).casefold().split())


def _markdown(lines: Sequence[str]) -> FoundTable | None:
    for block in walk(parse("\n".join(lines))):
        if isinstance(block, Table):
            rows = [[plain(cell) for cell in row] for row in block.rows]
            if block.lines is None:
                return FoundTable(rows, rows, None)
            first, last = block.lines
            return FoundTable(rows, [split_row(line) for line in (lines[first], *lines[first + 2 : last])], block.lines)
    return None


def _tab_separated(lines: Sequence[str]) -> FoundTable | None:
    for start, block in _blocks(lines):
        first = next((number for number, line in enumerate(block) if "\t" in line), None)
        if first is not None:
            rows = [[cell.strip() for cell in line.split("\t")] for line in block[first:]]
            return FoundTable(rows, rows, (start + first, start + len(block)))
    return None


def _comma_separated(lines: Sequence[str], columns: Sequence[str]) -> FoundTable | None:
    """The first block of lines with at least one comma of which all agree in their number, or whose head is known.

    Prose has commas too, so lines that differ are no table unless the columns asked for stand above them.
    """
    wanted = {column_key(column) for column in columns}
    for start, block in _blocks(lines):
        first = next((number for number, line in enumerate(block) if "," in line), len(block))
        typed = block[first:]
        try:
            cells = csv.reader(StringIO("\n".join(typed)), skipinitialspace=True)
            rows = [[cell.strip() for cell in row] for row in cells]
        except csv.Error:  # a cell of more than 131,072 characters
            continue
        if not rows or any(map(_LIST_ITEM.match, typed)):
            continue
        known = bool(wanted) and {column_key(cell) for cell in rows[0]} <= wanted
        if known or (len(rows) > 1 and len({len(row) for row in rows}) == 1 and not wanted):
            return FoundTable(rows, rows, (start + first, start + len(block)))
    return None


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The lines between two blank ones, and the number of the first."""
    for blank, group in groupby(enumerate(lines), key=lambda numbered: not numbered[1].strip()):
        if not blank:
            numbers, block = zip(*group, strict=True)
            yield numbers[0], list(block)
