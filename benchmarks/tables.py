"""Tables about whole manuals: are their rows in the documents?

    python -m benchmarks.tables FILE COLUMNS [FILE COLUMNS ...] [--methods once own quoted] [--words 500]

Asks for a table with these columns (commas between them) about each file: in one run from the parts that fit the window
(`once`, as it was), in runs along the parts with the model's rows (`own`), and with the documents' (`quoted`). Counts
rows, those of which every cell stands word for word in one stretch of the file of 2,400 characters around the place of
the first, those whose cells are those of another row, and seconds from the request on, the file being read. All tables
are printed.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.documents import Document, read_document
from app.engine.document_cache import document_cache
from app.engine.engine import Engine, named_model
from app.project.commands import Commands
from app.project.insertion import Insertion, InsertionPoint
from app.project.material import Material
from app.project.specs import Specs
from app.project.writing import Writing
from app.prompt.messages import Source
from app.prompt.request import WriteRequest
from app.settings import load_settings
from app.text.citations import without_citations

from .machine import machine_name

METHODS = ("once", "own", "quoted")
STRETCH = 2_400


@dataclass(frozen=True)
class Figures:
    """Of one table."""

    rows: int
    supported: int
    repeated: int
    seconds: float


def words(text: str) -> str:
    """Its words and numbers, a blank around each."""
    return " ".join(["", *re.findall(r"[^\W_]+", text.casefold()), ""])


def table_rows(text: str) -> list[tuple[str, ...]]:
    """The cells of its lines with bars, but for the first two."""
    lines = [line for line in without_citations(text).splitlines() if line.startswith("|")][2:]
    return [tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]) for line in lines]


def is_supported(row: Sequence[str], document: str) -> bool:
    """Whether all cells stand near one of the places where the first does, and another one says more than it."""
    first, others = words(row[0]) if row else " ", [words(cell) for cell in row[1:]]
    others = [cell for cell in others if cell.strip()]
    if not first.strip() or not others or all(cell == first for cell in others):
        return False
    at = document.find(first)
    while at >= 0:
        near = document[max(0, at - STRETCH) : at + STRETCH]
        if all(cell in near for cell in others):
            return True
        at = document.find(first, at + 1)
    return False


def written(commands: Commands, engine: Engine, document: Document, request: WriteRequest, method: str) -> Writing:
    """The table, once it is there."""
    source = Source(document, document.pages)
    if method == "once":
        spec = Specs(commands.settings, engine).first(Material([source]), request, "", begins=True)
        writing = Writing(engine, spec, Insertion(InsertionPoint("", "", "")))
        writing.start()
    else:
        writing = commands.write_apart([source], request.but(wording=method))
    if not writing.wait(900):
        raise RuntimeError(f"a table about {document.name} took more than 900 s")
    return writing


def main() -> None:
    """Ask, print a Markdown table and all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", metavar="FILE COLUMNS")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--words", type=int, default=500)
    arguments = parser.parse_args()
    settings = load_settings(None)
    engine = Engine(named_model(settings.model, settings.quantization or "none"), 4, document_cache(settings))
    engine.start()
    engine.require_model(timeout=600)
    commands, lines = Commands(settings, engine), []
    for path, columns in zip(arguments.cases[::2], arguments.cases[1::2], strict=True):
        document = read_document(Path(path))
        whole = words("\n".join(page.text for page in document.pages))
        for method in arguments.methods:
            limit = min(settings.max_new_tokens_limit, round(1.5 * arguments.words))
            request = commands.request(
                task="table", detail=columns, length=str(arguments.words), max_new_tokens=limit, temperature=0.0, seed=1
            )
            begun = time.perf_counter()
            text = written(commands, engine, document, request, method).text
            seconds, rows = time.perf_counter() - begun, table_rows(text)
            keys = ["|".join(map(words, row)) for row in rows]
            found = Figures(
                len(rows), sum(is_supported(row, whole) for row in rows), len(keys) - len(set(keys)), seconds
            )
            sys.stdout.write(f"--- {document.name}, {method}\n{text}\n\n")
            sys.stdout.flush()
            lines.append(
                f"| {document.name} | {columns} | {method} | {found.rows} | {found.supported} | {found.repeated} | "
                f"{found.seconds:.0f} |"
            )
    engine.close()
    head = ["| document | columns | rows by | rows | supported | repeated | s |", "| --- | --- | --- |" + " ---: |" * 4]
    sys.stdout.write("\n".join([machine_name(), "", *head, *lines]) + "\n")


if __name__ == "__main__":
    main()
