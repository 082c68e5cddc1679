"""The table in a draft, checked, as CSV that spreadsheets open."""

from __future__ import annotations

import csv
import re
from io import StringIO
from typing import TypeAlias

from app.errors import ExportError
from app.export.blocks import Table, clean, parse, plain, walk
from app.export.draft import Draft

Rows: TypeAlias = list[list[str]]

_FENCE = re.compile(r"\s*(```|~~~)")


def write_table(draft: Draft) -> bytes:
    """CSV of `find_table`, UTF-8 with the byte order mark without which Excel takes it for another encoding.

    A cell that a spreadsheet would run as a formula gets an apostrophe before it, since the text comes from documents
    that anybody may have written. Raises ExportError.
    """
    out = StringIO()
    csv.writer(out).writerows([harmless(cell) for cell in row] for row in find_table(draft.text))
    return out.getvalue().encode("utf-8-sig")


def find_table(markdown: str) -> Rows:
    """The cells of the draft's first Markdown table, else of its first block of tab-separated lines, head first.

    Raises ExportError if there is neither, or if a row has another number of cells than the head, with the row's
    number as a reader counts: the head is row 1.
    """
    rows = markdown_table(markdown) or tab_separated(clean(markdown))
    if not rows:
        raise ExportError(
            "The draft has no table: no Markdown table (| a | b | above | --- | --- |) and no lines with tabs. "
            "Choose the task “Extract a table”, or another format."
        )
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise ExportError(
                f"Row {number} of the table has {_cells(len(row))}, and the head has {_cells(len(rows[0]))}: "
                f"“{' | '.join(row)[:80]}”. Correct the row in the draft, or delete it."
            )
    return rows


def markdown_table(markdown: str) -> Rows | None:
    """The first Markdown table, without its marks; None if there is none."""
    for block in walk(parse(markdown)):
        if isinstance(block, Table):
            return [[plain(cell) for cell in row] for row in block.rows]
    return None


def tab_separated(text: str) -> Rows:
    """The first lines in a row that have tabs, as cells."""
    rows: Rows = []
    for line in text.split("\n"):
        if not line.strip() or _FENCE.match(line):
            if rows:
                break
        elif rows or "\t" in line:
            rows.append([cell.strip() for cell in line.split("\t")])
    return rows


def harmless(cell: str) -> str:
    """The cell, so that no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") and len(cell) > 1 and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "").rstrip("% "))
    except ValueError:
        return False
    return True


def _cells(count: int) -> str:
    return f"{count} cell{'s' if count != 1 else ''}"
