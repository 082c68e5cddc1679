"""The table a model wrote, held against the columns that were asked for, and put right where that is sure. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from app.export.blocks import clean
from app.export.table_rows import FENCE, Rows, column_key, find_table
from app.say.wording import ENGLISH, Wording

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


def check_table(text: str, columns: Sequence[str] = (), say: Wording = ENGLISH) -> TableReport:
    """The first table of `text` against `columns`.

    Without `columns` the head is taken as it is. Repaired is what has one meaning only: empty cells beyond the last
    column, empty rows, a head or its rule that is there again, columns in another order or another spelling.
    """
    found = find_table(text, columns)
    if found is None:
        missing = say("There is no table in the text. Ask again, or write one.")
        if columns:
            wanted = ", ".join(columns)
            missing = say("There is no table in the text. Ask again, or write one with the columns {}.", wanted)
        return TableReport((), (missing,))
    return _report(found.rows, columns, say)


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


def _report(rows: Rows, columns: Sequence[str], say: Wording = ENGLISH) -> TableReport:
    repairs: list[str] = []
    head = _without_empty_end(rows[0])
    numbered = _worth_keeping(rows, head, repairs, say)
    head, numbered = _in_order(head, numbered, columns, repairs, say)
    misfits = tuple(_misfits(numbered, len(head), len(columns), say))
    problems = (*_head_problems(head, columns, say), *misfits, *_row_problems(numbered, say))
    return TableReport((tuple(head), *(tuple(row) for _, row in numbered)), problems, misfits, tuple(repairs))


def _worth_keeping(rows: Rows, head: list[str], repairs: list[str], say: Wording) -> list[tuple[int, list[str]]]:
    """Each row below the head with its number, without those that say nothing, and without empty cells beyond it."""
    kept, again, empty, cut = [], [], [], []
    keys = [column_key(cell) for cell in head]
    for number, row in enumerate(rows[1:], 2):
        short = _without_empty_end(row, len(head))
        if [column_key(cell) for cell in short] == keys or all(map(_RULE.fullmatch, short)):
            again.append(number)
        elif not any(row):
            empty.append(number)
        else:
            if len(short) < len(row):
                cut.append(number)
            kept.append((number, short))
    for numbers, one, many in (
        (again, "Row {} was the head again, and left out.", "Rows {} were the head again, and left out."),
        (empty, "Row {} was empty, and left out.", "Rows {} were empty, and left out."),
        (
            cut,
            "Row {} was too long by empty cells, which were left out.",
            "Rows {} were too long by empty cells, which were left out.",
        ),
    ):
        if numbers:
            repairs.append(say(one if len(numbers) == 1 else many, ", ".join(map(str, numbers))))
    return kept


def _in_order(
    head: list[str], rows: list[tuple[int, list[str]]], columns: Sequence[str], repairs: list[str], say: Wording
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
    repairs.append(say("The columns were in another order: {}.", ", ".join(head)))
    return list(columns), [(number, [row[index] for index in order]) for number, row in rows]


def _head_problems(head: Sequence[str], columns: Sequence[str], say: Wording) -> Iterable[str]:
    keys, wanted = [column_key(cell) for cell in head], [column_key(column) for column in columns]
    if wanted:
        yield from (say("The column “{}” is missing.", name) for name in columns if column_key(name) not in keys)
        yield from (say("The column “{}” was not asked for.", name) for name in head if column_key(name) not in wanted)
        if keys != wanted and sorted(keys) == sorted(wanted):
            yield say("The columns are in another order than asked for: {}.", ", ".join(head))
    yield from (say("The column “{}” is there twice.", name) for name in _twice(head))


def _misfits(rows: Sequence[tuple[int, list[str]]], width: int, asked: int, say: Wording) -> Iterable[str]:
    """`width`: cells of the head. `asked`: columns asked for, 0 if none were."""
    expected = say.count(width, "{} column was asked for", "{} columns were asked for")
    if asked != width:
        expected = say("the head has {}", width)
    for number, row in rows:
        if len(row) != width:
            cells = say.count(len(row), "{} cell", "{} cells")
            yield say("Row {} has {}, {}: “{}”.", number, cells, expected, " | ".join(row)[:80])


def _row_problems(rows: Sequence[tuple[int, list[str]]], say: Wording) -> Iterable[str]:
    if not rows:
        yield say("The table has no rows.")
    first: dict[tuple[str, ...], int] = {}
    for number, row in rows:
        same = first.setdefault(tuple(row), number)
        if same != number:
            yield say("Row {} is the same as row {}.", number, same)


def _without_empty_end(row: Sequence[str], least: int = 1) -> list[str]:
    """`row` without empty cells at its end, but with at least as many as `least` if it has them."""
    end = len(row)
    while end > least and not row[end - 1]:
        end -= 1
    return list(row[:end])


def _twice(head: Sequence[str]) -> list[str]:
    keys = [column_key(cell) for cell in head]
    return [name for index, name in enumerate(head) if keys[index] in keys[:index]]
