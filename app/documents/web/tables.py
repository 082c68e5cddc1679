"""Tables of web pages: the rows of those that hold data."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from bs4 import Tag

WIDEST_SPAN = 20
"""A cell may say that it spans thousands of columns."""

_MOST_CELLS = 200_000  # from here on no cell of a table spans others


def data_rows(table: Tag, cell_text: Callable[[Tag], str]) -> list[list[str]]:
    """The cells of a table of data; none if it only serves to arrange a page. `cell_text` writes a cell on one line."""
    if table.get("role") == "presentation" or table.find(["table", "h1", "h2", "h3", "h4", "h5", "h6"]):
        return []
    rows: list[list[str]] = []
    count = 0
    spans: dict[int, int] = {}  # rows that a cell above still covers, by column
    for row in table.find_all("tr"):
        cells: list[str] = []

        def cover(cells: list[str] = cells) -> None:
            while spans.get(len(cells), 0) > 0:
                spans[len(cells)] -= 1
                cells.append("")

        for cell in row.find_all(["td", "th"], recursive=False):
            cover()
            widest = WIDEST_SPAN if count + len(cells) < _MOST_CELLS else 1
            height, width = (min(integer(cell, name, 1), widest) for name in ("rowspan", "colspan"))
            for column in range(max(width, 1)):
                spans[len(cells)] = height - 1
                cells.append("" if column else cell_text(cell))
        cover()
        rows.append(cells)
        count += len(cells)
    return rows if len(rows) > 1 and max(map(len, rows)) > 1 else []


def integer(tag: Tag, name: str, default: int) -> int:
    """The number that an attribute states, `default` if it states none."""
    with suppress(ValueError):
        return int(str(tag.get(name, "")))
    return default
