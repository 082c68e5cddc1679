"""The table a model wrote, held against the columns that were asked for. Pure; the reading is that of the export."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TypeAlias

from app.export.blocks import clean
from app.export.table import Rows, harmless, markdown_table, tab_separated

Row: TypeAlias = tuple[str, ...]

_FENCE = re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE)
_RULE = re.compile(r":?-{2,}:?")
_LIST_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s")


@dataclass(frozen=True, slots=True)
class TableReport:
    """A table and what is wrong with it.

    rows: the cells, head first, none if there is no table; a row that does not fit stays as it was written. problems:
    what a person has to look at, a sentence each. repairs: what was put right, a sentence each. Rows are counted as
    a reader of the draft counts them, the head being row 1.
    """

    rows: tuple[Row, ...]
    problems: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()

    @property
    def tsv(self) -> str:
        """The rows with tabs between the cells; a tab or line end within a cell becomes a blank."""
        return "".join("\t".join(re.sub(r"[\t\r\n]+", " ", cell) for cell in row) + "\n" for row in self.rows)

    @property
    def csv(self) -> str:
        """The rows as CSV; a cell that a spreadsheet would run as a formula gets an apostrophe before it."""
        out = StringIO()
        csv.writer(out).writerows([harmless(cell) for cell in row] for row in self.rows)
        return out.getvalue()


def check_table(text: str, columns: Sequence[str] = ()) -> TableReport:
    """The first table of `text` (Markdown, else tab-separated, else comma-separated lines) against `columns`.

    Without `columns` the head is taken as it is. Repaired is what has one meaning only: empty cells beyond the last
    column, empty rows, a head or its rule that is there again, columns in another order or another spelling.
    """
    text = _FENCE.sub("", clean(text))
    rows = markdown_table(text) or tab_separated(text) or _comma_separated(text, columns)
    if not rows:
        wanted = f" with the columns {', '.join(columns)}" if columns else ""
        return TableReport((), (f"There is no table in the text. Ask again, or write one{wanted}.",))
    repairs: list[str] = []
    head = _without_empty_end(rows[0])
    numbered = _worth_keeping(rows, head, repairs)
    head, numbered = _in_order(head, numbered, columns, repairs)
    problems = [*_head_problems(head, columns), *_row_problems(numbered, len(head), len(columns))]
    return TableReport((tuple(head), *(tuple(row) for _, row in numbered)), tuple(problems), tuple(repairs))


def _comma_separated(text: str, columns: Sequence[str]) -> Rows:
    """The first block of lines with at least one comma of which all agree in their number, or whose head is known.

    Prose has commas too, so lines that differ are no table unless the columns asked for stand above them.
    """
    wanted = {_key(column) for column in columns}
    for block in re.split(r"\n[ \t]*\n", text):
        lines = [line for line in block.split("\n") if line.strip()]
        while lines and "," not in lines[0]:
            del lines[0]
        try:
            rows = [
                [cell.strip() for cell in row] for row in csv.reader(StringIO("\n".join(lines)), skipinitialspace=True)
            ]
        except csv.Error:  # a cell of more than 131,072 characters
            continue
        if not rows or any(map(_LIST_ITEM.match, lines)):
            continue
        known = bool(wanted) and {_key(cell) for cell in rows[0]} <= wanted
        if known or (len(rows) > 1 and len({len(row) for row in rows}) == 1 and not wanted):
            return rows
    return []


def _worth_keeping(rows: Rows, head: list[str], repairs: list[str]) -> list[tuple[int, list[str]]]:
    """Each row below the head with its number, without those that say nothing, and without empty cells beyond it."""
    kept, again, empty, cut = [], [], [], []
    for number, row in enumerate(rows[1:], 2):
        if [_key(cell) for cell in row] == [_key(cell) for cell in head] or all(map(_RULE.fullmatch, row)):
            again.append(number)
        elif not any(row):
            empty.append(number)
        else:
            short = _without_empty_end(row, len(head))
            if len(short) < len(row):
                cut.append(number)
            kept.append((number, short))
    for numbers, what in (
        (again, "the head again, and left out"),
        (empty, "empty, and left out"),
        (cut, "too long by empty cells, which were left out"),
    ):
        if numbers:
            repairs.append(f"{_name(numbers)} {'was' if len(numbers) == 1 else 'were'} {what}.")
    return kept


def _in_order(
    head: list[str], rows: list[tuple[int, list[str]]], columns: Sequence[str], repairs: list[str]
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """All in the order asked for, the head in its spelling, if it has these columns and every row is whole."""
    keys, wanted = [_key(cell) for cell in head], [_key(column) for column in columns]
    if sorted(keys) != sorted(wanted) or len(set(wanted)) < len(wanted):
        return head, rows
    if keys == wanted:
        return list(columns), rows
    if any(len(row) != len(head) for _, row in rows):
        return head, rows
    order = [keys.index(key) for key in wanted]
    repairs.append(f"The columns were in another order: {', '.join(head)}.")
    return list(columns), [(number, [row[index] for index in order]) for number, row in rows]


def _head_problems(head: Sequence[str], columns: Sequence[str]) -> Iterable[str]:
    keys, wanted = [_key(cell) for cell in head], [_key(column) for column in columns]
    if wanted:
        yield from (f"The column “{name}” is missing." for name in columns if _key(name) not in keys)
        yield from (f"The column “{name}” was not asked for." for name in head if _key(name) not in wanted)
        if keys != wanted and sorted(keys) == sorted(wanted):
            yield f"The columns are in another order than asked for: {', '.join(head)}."
    yield from (f"The column “{name}” is there twice." for name in _twice(head))


def _row_problems(rows: Sequence[tuple[int, list[str]]], width: int, asked: int) -> Iterable[str]:
    """`width`: cells of the head. `asked`: columns asked for, 0 if none were."""
    if not rows:
        yield "The table has no rows."
    expected = f"{_count(width, 'column')} {'was' if width == 1 else 'were'} asked for"
    if asked != width:
        expected = f"the head has {width}"
    first: dict[tuple[str, ...], int] = {}
    for number, row in rows:
        if len(row) != width:
            yield f"Row {number} has {_count(len(row), 'cell')}, {expected}: “{' | '.join(row)[:80]}”."
        same = first.setdefault(tuple(row), number)
        if same != number:
            yield f"Row {number} is the same as row {same}."


def _without_empty_end(row: Sequence[str], least: int = 1) -> list[str]:
    """`row` without empty cells at its end, but with at least as many as `least` if it has them."""
    end = len(row)
    while end > least and not row[end - 1]:
        end -= 1
    return list(row[:end])


def _twice(head: Sequence[str]) -> list[str]:
    keys = [_key(cell) for cell in head]
    return [name for index, name in enumerate(head) if keys[index] in keys[:index]]


def _key(cell: str) -> str:
    """A column's name without what spelling may change: case, blanks, Markdown's marks."""
    return " ".join(re.sub(r"[*_`]", " ", cell).casefold().split())


def _name(numbers: Sequence[int]) -> str:
    return f"Row{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
