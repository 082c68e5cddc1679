"""The few Markdown forms in which headings, lists and tables of a docx, an epub or a web page are written down."""

from __future__ import annotations

from collections.abc import Sequence


def heading(level: int, text: str) -> str:
    """A heading of `level` 1 to 6, on one line."""
    return f"{'#' * min(max(level, 1), 6)} {' '.join(text.split())}"


def list_item(depth: int, number: int | None, text: str = "") -> str:
    """An item at `depth` (from 0) of a numbered list, or of one with bullets."""
    return labelled_item(depth, "-" if number is None else f"{number}.", text)


def labelled_item(depth: int, label: str, text: str = "") -> str:
    """An item at `depth` (from 0) of a list, which bears a label: "1.", "(a)", "-"."""
    return f"{'  ' * depth}{label} {text}"


def table_row(cells: Sequence[str]) -> str:
    """A row of a table. Line ends in cells become blanks, and a bar is escaped."""
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table with a head, which is the first row, filled up to the widest. Others stay as short as they
    are: filled up, a wide row among thousands would make millions of cells. Columns at the right without any text are
    left out; so is a table without any."""
    width = max((index for row in rows for index, cell in enumerate(row, 1) if cell.strip()), default=0)
    if not width:
        return []
    head = [*rows[0], *[""] * width][:width]
    return [table_row(head), f"|{' --- |' * width}", *(table_row(row[:width]) for row in rows[1:])]
