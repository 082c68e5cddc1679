"""The table a model wrote, held against the columns that were asked for, and put right where that is sure. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from app.export.blocks import clean
from app.export.table_rows import FENCE, Rows, column_key, find_table

Row: TypeAlias = tuple[str, ...]

_RULE = re.compile(r":?-{2,}:?")


@dataclass(frozen=True, slots=True)
class TableReport:
    """A table and what is wrong with it.

    rows: the cells, head first, none if there is no table; a row that does not fit stays as it was written. problems:
    what a person has to look at, a sentence each; misfits are those of rows with another number of cells than the
    head. repairs: what was put right, a sentence each. Rows are counted as a reader of the draft counts them, the head
    being row 1.
    """

    rows: tuple[Row, ...]
    problems: tuple[str, ...] = ()
    misfits: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()


def check_table(text: str, columns: Sequence[str] = ()) -> TableReport:
    """The first table of `text` against `columns`.

    Without `columns` the head is taken as it is. Repaired is what has one meaning only: empty cells beyond the last
    column, empty rows, a head or its rule that is there again, columns in another order or another spelling.
    """
    found = find_table(text, columns)
    if found is None:
        wanted = f" with the columns {', '.join(columns)}" if columns else ""
        return TableReport((), (f"There is no table in the text. Ask again, or write one{wanted}.",))
    return _report(found.rows, columns)


def repair_table(text: str, columns: Sequence[str] = ()) -> str:
    """`text` with its first table as `check_table` repairs it, in Markdown; a table within a list stays as it is."""
    found = find_table(text, columns)
    if found is None or found.lines is None:
        return text
    lines, (first, last) = clean(text).split("\n"), found.lines
    if first and last < len(lines) and FENCE.fullmatch(lines[first - 1]) and FENCE.fullmatch(lines[last]):
        first, last = first - 1, last + 1
    parted = [""] if first and lines[first - 1].strip() else []  # a line of a list would take the table in
    return "\n".join([*lines[:first], *parted, *_markdown(_report(found.typed, columns).rows), *lines[last:]])


def _markdown(rows: Sequence[Row]) -> list[str]:
    """The lines of a table, head first."""
    cells = [[re.sub(r"(?<!\\)\|", r"\|", " ".join(cell.split())) for cell in row] for row in rows]
    rule = f"|{' --- |' * len(rows[0])}"
    head, *others = [f"| {' | '.join(row)} |" for row in cells]
    return [head, rule, *others]


def _report(rows: Rows, columns: Sequence[str]) -> TableReport:
    repairs: list[str] = []
    head = _without_empty_end(rows[0])
    numbered = _worth_keeping(rows, head, repairs)
    head, numbered = _in_order(head, numbered, columns, repairs)
    misfits = tuple(_misfits(numbered, len(head), len(columns)))
    problems = (*_head_problems(head, columns), *misfits, *_row_problems(numbered))
    return TableReport((tuple(head), *(tuple(row) for _, row in numbered)), problems, misfits, tuple(repairs))


def _worth_keeping(rows: Rows, head: list[str], repairs: list[str]) -> list[tuple[int, list[str]]]:
    """Each row below the head with its number, without those that say nothing, and without empty cells beyond it."""
    kept, again, empty, cut = [], [], [], []
    for number, row in enumerate(rows[1:], 2):
        if [column_key(cell) for cell in row] == [column_key(cell) for cell in head] or all(map(_RULE.fullmatch, row)):
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
    keys, wanted = [column_key(cell) for cell in head], [column_key(column) for column in columns]
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
    keys, wanted = [column_key(cell) for cell in head], [column_key(column) for column in columns]
    if wanted:
        yield from (f"The column “{name}” is missing." for name in columns if column_key(name) not in keys)
        yield from (f"The column “{name}” was not asked for." for name in head if column_key(name) not in wanted)
        if keys != wanted and sorted(keys) == sorted(wanted):
            yield f"The columns are in another order than asked for: {', '.join(head)}."
    yield from (f"The column “{name}” is there twice." for name in _twice(head))


def _misfits(rows: Sequence[tuple[int, list[str]]], width: int, asked: int) -> Iterable[str]:
    """`width`: cells of the head. `asked`: columns asked for, 0 if none were."""
    expected = f"{_count(width, 'column')} {'was' if width == 1 else 'were'} asked for"
    if asked != width:
        expected = f"the head has {width}"
    for number, row in rows:
        if len(row) != width:
            yield f"Row {number} has {_count(len(row), 'cell')}, {expected}: “{' | '.join(row)[:80]}”."


def _row_problems(rows: Sequence[tuple[int, list[str]]]) -> Iterable[str]:
    if not rows:
        yield "The table has no rows."
    first: dict[tuple[str, ...], int] = {}
    for number, row in rows:
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
    keys = [column_key(cell) for cell in head]
    return [name for index, name in enumerate(head) if keys[index] in keys[:index]]


def _name(numbers: Sequence[int]) -> str:
    return f"Row{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
