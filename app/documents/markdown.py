"""The few Markdown forms in which headings, lists and tables of a docx, an epub or a web page are written down."""

from __future__ import annotations

from collections.abc import Sequence


def heading(level: int, text: str) -> str:
    """A heading of `level` 1 to 6, on one line."""
    return f"{'#' * min(max(level, 1), 6)} {' '.join(text.split())}"


def list_item(depth: int, number: int | None, text: str = "") -> str:
    """An item at `depth` (from 0) of a numbered list, or of one with bullets."""
    return f"{'  ' * depth}{'-' if number is None else f'{number}.'} {text}"


def table_row(cells: Sequence[str]) -> str:
    """A row of a table. Line ends in cells become blanks, and a bar is escaped."""
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table with a head, which is the first row. Shorter rows are filled up."""
    width = max(map(len, rows), default=0)
    lines = [table_row([*row, *[""] * (width - len(row))]) for row in rows]
    return [*lines[:1], f"|{' --- |' * width}", *lines[1:]] if lines else []
