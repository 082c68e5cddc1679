"""Rows of tables, the order of columns and the main text of saved web pages, against what was marked by hand in gold/.

A file of gold has a paragraph for each page: "= PACKAGE FILE PAGE", and a line for each row, beginning of a line, or
words of the page. They were marked from the printed page, not from what any program reads.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from pypdf import PdfReader, PdfWriter

from app.documents import read_document
from app.say.errors import DocumentError
from app.settings import Limits

from .files import fetched
from .words import words

_FOLDER = Path(__file__).with_name("gold")
_SUFFIXES = {"tables": "pdf", "columns": "pdf", "pages": "html"}


@dataclass(frozen=True)
class Gold:
    """What was marked on a page of a file; the page is 0 for all."""

    package: str
    file: str
    page: int
    lines: tuple[str, ...]


def golds(kind: str) -> list[Gold]:
    """The pages that were marked for "tables", "columns", "pages"."""
    found = []
    for part in (_FOLDER / f"{kind}.txt").read_text("utf-8").split("\n= "):
        head, *lines = part.strip().removeprefix("= ").split("\n")
        package, file, page = head.split(" ")
        found.append(Gold(package, file, int(page), tuple(lines)))
    return found


def share_of_rows(text: str, rows: Sequence[str]) -> tuple[int, int]:
    """How many of the rows ("cell | cell") are a line of the text with all their cells in order and nothing else, and
    of how many."""
    lines = {tuple(words(line)) for line in text.split("\n")}
    return sum(tuple(words(row)) in lines for row in rows), len(rows)


def share_in_order(text: str, beginnings: Sequence[str]) -> tuple[int, int]:
    """Of how many neighbours the second is read next after the first, and of how many."""
    all_words = words(text)
    places = [_place(all_words, words(line)) for line in beginnings]
    order = sorted(place for place in places if place >= 0)
    right = sum(
        one >= 0 and other >= 0 and order.index(other) == order.index(one) + 1 for one, other in pairwise(places)
    )
    return right, len(places) - 1


def share_of_page(text: str, marks: Sequence[str]) -> tuple[int, int]:
    """How many of the words of the main text ("+ words") are there, and of those beside it ("- words") not, and of how
    many."""
    all_words = words(text)
    right = sum((_place(all_words, words(mark[1:])) >= 0) == (mark[0] == "+") for mark in marks)
    return right, len(marks)


def table() -> Iterator[str]:
    """Lines of Markdown: by kind and page, how much of what was marked is read right."""
    yield "| gold | right | of | share |"
    yield "| --- | ---: | ---: | ---: |"
    scores: dict[str, Callable[[str, Sequence[str]], tuple[int, int]]] = {
        "tables": share_of_rows, "columns": share_in_order, "pages": share_of_page,
    }  # fmt: skip
    for kind, share in scores.items():
        counts = []
        for gold in golds(kind):
            right, of = share(_read(gold, _SUFFIXES[kind]), gold.lines)
            counts.append((f"{gold.package} {gold.file} {gold.page or ''}".strip(), right, of))
        all_right, all_marked = sum(count for _, count, _ in counts), sum(count for _, _, count in counts)
        mean = sum(count / of for _, count, of in counts) / max(1, len(counts))
        yield f"| **{kind}**, {len(counts)} pages | {all_right} | {all_marked} | {mean:.3f} |"
        yield from (f"| {name} | {right} | {of} | {right / of:.3f} |" for name, right, of in counts if right < of)


def _place(text: Sequence[str], part: Sequence[str]) -> int:
    """Where `part` begins in `text`; -1 if it does not."""
    count = len(part)
    return next((at for at in range(len(text) - count + 1) if text[at : at + count] == part), -1)


def _read(gold: Gold, suffix: str) -> str:
    path = next((path for path in fetched(gold.package, suffix) if path.name == gold.file), None)
    if path is None:
        raise SystemExit(f"{gold.package} has no {gold.file} here.")
    with tempfile.TemporaryDirectory() as folder:
        if gold.page:
            short = Path(folder) / path.name
            with PdfWriter() as writer:
                writer.append(PdfReader(path), pages=(gold.page - 1, gold.page), import_outline=False)
                writer.write(short)
            path = short
        try:
            document = read_document(path, limits=Limits(ocr_languages=None), running_lines="keep")
        except DocumentError as error:
            print(f"{path.name}: {error}")
            return ""
    return "\n".join(page.text for page in document.pages)
