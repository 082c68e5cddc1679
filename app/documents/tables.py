"""Tables as files: csv, tsv and Excel's xlsx. Rows become those of Markdown tables, the first of them the head."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Iterable, Iterator
from io import BytesIO, StringIO

from app.documents import markdown
from app.documents.archive import open_archive
from app.documents.document import Document
from app.documents.file_input import FileInput
from app.documents.headings import marked_headings
from app.documents.repair import clean
from app.documents.text import decode
from app.say.errors import DamagedFile, DocumentError, EmptyFile, FileTooLarge
from app.say.wording import Message

_DELIMITERS = ",;\t|"
_OFTEN = 200  # rows between two looks at size and clock
_WIDEST = 2_000  # columns
_DOCTYPE = b"<!DOCTYPE"


def read_csv(data: bytes, job: FileInput) -> Document:
    """Values that are separated by commas, semicolons, tabs or bars, as one page."""
    text, notes = decode(data, job.name, chosen=job.read_as.encoding)
    try:
        lines = table_text(csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text, job.name)), job)
    except csv.Error as error:
        raise DamagedFile("{} is damaged and cannot be read ({}). Export it again.", job.name, str(error)) from None
    if not lines:
        raise EmptyFile("{} has no cell with text. Choose another file.", job.name)
    return Document(job.name, clean([lines], [None]), notes)


def read_xlsx(data: bytes, job: FileInput) -> Document:
    """An Excel workbook: each sheet a page that bears its name. Of formulas the values are read that Excel last saved.

    Hidden sheets are left out, which a note says.
    """
    import openpyxl

    with open_archive(data, job, Message("an Excel workbook (xlsx)")) as archive:
        for member in archive.namelist():
            if member.endswith((".xml", ".rels")) and _DOCTYPE in _member(archive.read, member, job):
                raise DamagedFile("{} declares a document type, which no workbook does. Export it again.", job.name)
    try:
        book = openpyxl.load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        job.check_pages(len(sheets))
        texts = []
        for number, sheet in enumerate(sheets, 1):
            sheet.reset_dimensions()  # a sheet of one cell may state that it has thousands of millions
            rows = (list(map(_cell, row)) for row in sheet.iter_rows(values_only=True))
            table = table_text(rows, job)
            texts.append(f"{markdown.heading(1, sheet.title)}\n\n{table}" if table else "")
            job.check_size(sum(map(len, texts)), Message("The text in {} has more than", job.name))
            job.advance(number, len(sheets))
    except DocumentError:
        raise
    except Exception as error:  # a broken workbook raises whatever its parts lead to
        raise DamagedFile(
            "{} is damaged and cannot be read ({}). Export it again.", job.name, type(error).__name__
        ) from error
    if not any(texts):
        raise EmptyFile("{} has no cell with text. Choose another file.", job.name)
    hidden = len(book.worksheets) - len(sheets)
    one, many = Message("1 hidden sheet was left out."), Message("{:,} hidden sheets were left out.", hidden)
    notes = () if not hidden else (one if hidden == 1 else many,)
    pages = clean(texts, [sheet.title for sheet in sheets])
    return Document(job.name, pages, notes, marked_headings(pages))


def table_text(rows: Iterable[list[str]], job: FileInput) -> str:
    """Rows as a table; those without any text are left out. Raises FileTooLarge while it grows, and ReadingTooSlow."""
    return "\n".join(markdown.table(list(_checked(rows, job))))


def _checked(rows: Iterable[list[str]], job: FileInput) -> Iterator[list[str]]:
    size = 0
    for number, row in enumerate(rows):
        while row and not row[-1].strip():
            row.pop()
        if number % _OFTEN == 0:
            job.check_time()
        if len(row) > _WIDEST:
            raise FileTooLarge(
                "{} has a row of {:,} columns; the limit is {:,}. Split it, or save it as PDF.",
                job.name, len(row), _WIDEST,
            )  # fmt: skip
        if row:
            size += sum(map(len, row)) + 3 * len(row)
            job.check_size(size, Message("The text in {} has more than", job.name))
            yield row


def _delimiter(text: str, name: str) -> str:
    """What parts the values: what stands outside of quotes as often on every line."""
    if name.lower().endswith(".tsv"):
        return "\t"
    lines = [line for line in text[:50_000].split("\n")[:50] if line.strip()]
    counts = {sign: [sum(part.count(sign) for part in line.split('"')[::2]) for line in lines] for sign in _DELIMITERS}
    return max(_DELIMITERS, key=lambda sign: (min(counts[sign], default=0) > 0, sum(counts[sign])))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime):
        return str(value.date() if value.time() == datetime.time() else value)
    return repr(value) if isinstance(value, float) else str(value)


def _member(read: object, name: str, job: FileInput) -> bytes:
    try:
        return bytes(read(name)[:100_000])  # type: ignore[operator]
    except FileTooLarge:
        raise
    except Exception as error:
        raise DamagedFile("{} is damaged and cannot be read ({}). Export it again.", job.name, str(error)) from None
