"""The table in a draft, checked, as files that spreadsheets open."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from io import StringIO

from app.export.draft import Draft
from app.export.table_check import Row, check_table
from app.say.errors import ExportError
from app.say.wording import Message, Wording


class _Misfits(Message):
    """The first rows of a draft's table that do not fit its head, and why."""

    def __init__(self, draft: Draft) -> None:
        """Of that draft."""
        super().__init__("", draft)
        self._draft = draft

    def worded(self, say: Wording) -> str:
        """In a language."""
        return say.together(*check_table(self._draft.text, self._draft.columns, say).misfits[:3])


def write_csv(draft: Draft) -> bytes:
    """CSV, in UTF-8 with the byte order mark without which Excel takes it for another encoding. Raises ExportError."""
    return as_csv(_checked(draft)).encode("utf-8-sig")


def write_tsv(draft: Draft) -> bytes:
    """The same with tabs, and without the mark, which other programs take for a part of the first cell."""
    return as_tsv(_checked(draft)).encode()


def as_csv(rows: Sequence[Row]) -> str:
    """The rows as CSV; a cell that a spreadsheet would run as a formula gets an apostrophe before it, since the text
    comes from documents that anybody may have written."""
    out = StringIO()
    csv.writer(out).writerows([_harmless(cell) for cell in row] for row in rows)
    return out.getvalue()


def as_tsv(rows: Sequence[Row]) -> str:
    """The rows with tabs between the cells; a tab or line end within a cell becomes a blank."""
    return "".join("\t".join(re.sub(r"[\t\r\n]+", " ", _harmless(cell)) for cell in row) + "\n" for row in rows)


def _checked(draft: Draft) -> tuple[Row, ...]:
    """The rows with what is sure put right. Raises ExportError if there are none, or one does not fit its head."""
    report = check_table(draft.text, draft.columns)
    if not report.rows:
        raise ExportError(
            "The draft has no table: no Markdown table (| a | b | above | --- | --- |) and no lines with tabs or "
            "commas. Choose the task “Extract a table”, or another format."
        )
    if report.misfits:
        raise ExportError("{} Correct the row in the draft, or delete it.", _Misfits(draft))
    return report.rows


def _harmless(cell: str) -> str:
    """The cell, so that no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") and len(cell) > 1 and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "").rstrip("% "))
    except ValueError:
        return False
    return True
