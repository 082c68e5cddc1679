"""The figures as Markdown tables, and the texts as files to be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean
from textwrap import shorten
from typing import NamedTuple

from .checker import Figures
from .support import THRESHOLD, Source
from .tasks import Written

DASH = "–"
LONGEST_REMARK = 60


class Column(NamedTuple):
    """A figure's head, its value, and how a value is written."""

    head: str
    value: Callable[[Figures], float | None]
    form: Callable[[float], str]


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


COLUMNS = (
    Column("words", lambda found: found.words, "{:,.0f}".format),
    Column("supported", lambda found: found.supported, _percent),
    Column("invented / 100 words", lambda found: found.invented, "{:.2f}".format),
    Column("copied", lambda found: found.copied, _percent),
    Column("distinct 4-grams", lambda found: found.distinct, "{:.2f}".format),
    Column("redundancy", lambda found: found.redundancy, _percent),
    Column("echo", lambda found: found.echo, _percent),
    Column("empty headings", lambda found: found.empty_headings, "{:.3g}".format),
    Column("finished", lambda found: float(found.finished), _percent),
    Column("chapters", lambda found: found.chapters, _percent),
    Column("first word s", lambda found: found.first_word_seconds, "{:.1f}".format),
    Column("all s", lambda found: found.seconds, "{:.1f}".format),
)
NOTES = f"""\
Supported: of the sentences with three content words or more, those whose names and numbers are all in the documents and
whose content words, weighed by rarity, are to at least {100 * THRESHOLD:.0f} % in three sentences of the documents that
follow one another. Invented: names and numbers that are nowhere in the documents. Copied: words in runs of eight or
more (Japanese: characters) that are in the documents. Redundancy: the most 4-grams that two sections share. Echo: words
in runs of five or more that are in the instruction and not in the documents. Chapters: those that a supported sentence
draws on. A measure of words can't see a wrong "not", or who did what to whom: the texts are to be read as well."""


@dataclass(frozen=True)
class Row:
    """A text, and what was measured of it."""

    document: str
    task: str
    japanese: bool
    written: Written
    figures: Figures


def measured(document: str, task: str, japanese: bool, written: Written, figures: Figures) -> Row:
    """The row of a text, its figures with the seconds it took."""
    timed = replace(figures, first_word_seconds=written.first_word_seconds, seconds=written.seconds)
    return Row(document, task, japanese, written, timed)


def report(rows: Sequence[Row], machine: str) -> str:
    """A table for each document, and the means over those in English."""
    english = [row for row in rows if not row.japanese and row.written.text]
    parts = [f"{machine}\n"]
    for document in dict.fromkeys(row.document for row in rows):
        parts.append(f"### {document}\n\n{_table(_line(row) for row in rows if row.document == document)}\n")
    kinds = dict.fromkeys((row.task, row.written.method) for row in english)
    means = [
        _mean(task, method, [r for r in english if (r.task, r.written.method) == (task, method)])
        for task, method in kinds
    ]
    return "\n".join([*parts, f"### Mean over the documents in English\n\n{_table(means)}\n", NOTES])


def write(rows: Sequence[Row], machine: str, folder: Path) -> None:
    """`writing.md`, `writing.json`, and each text with what was found in it in its document's folder."""
    (folder / "writing.md").write_text(report(rows, machine) + "\n", "utf-8")
    values = [asdict(row) for row in rows]
    (folder / "writing.json").write_text(json.dumps(values, indent=1, ensure_ascii=False, default=str) + "\n", "utf-8")


def write_text(row: Row, folder: Path) -> Path:
    """The text, and beside it what the checker did not find in the documents."""
    path = folder / row.document / f"{row.task}-{row.written.method.replace(' ', '-').replace('/', '-')}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(row.written.text + "\n", "utf-8")
    found = [
        *(f"- {sentence}" for sentence in row.figures.unsupported),
        "",
        f"Nowhere: {', '.join(row.figures.missing)}",
    ]
    path.with_suffix(".unsupported.txt").write_text("\n".join(found) + "\n", "utf-8")
    return path


def write_source(document: str, source: Source, folder: Path) -> None:
    """The documents' text, to read beside."""
    path = folder / document / "source.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source.text, "utf-8")


def _table(lines: Iterable[str]) -> str:
    heads = " | ".join(column.head for column in COLUMNS)
    return "\n".join([f"| task | method | read | {heads} |", "| --- | --- | --- |" + " ---: |" * len(COLUMNS), *lines])


def _line(row: Row) -> str:
    said = shorten(row.written.remark or "all", LONGEST_REMARK, placeholder=" ...").replace("|", "\\|")
    if not row.written.text:
        return f"| {row.task} | {row.written.method} | {said} |" + f" {DASH} |" * len(COLUMNS)
    return _cells(row.task, row.written.method, said, [column.value(row.figures) for column in COLUMNS])


def _mean(task: str, method: str, rows: Sequence[Row]) -> str:
    columns = [[value for row in rows if (value := column.value(row.figures)) is not None] for column in COLUMNS]
    return _cells(task, method, f"{len(rows)} documents", [mean(values) if values else None for values in columns])


def _cells(task: str, method: str, said: str, values: Sequence[float | None]) -> str:
    cells = (DASH if value is None else column.form(value) for column, value in zip(COLUMNS, values, strict=True))
    return f"| {task} | {method} | {said} | {' | '.join(cells)} |"
