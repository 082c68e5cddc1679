"""PDFs against pdftotext (poppler), page by page.

Running lines that were left out are not counted where they are running lines: where pdftotext has their words, numbers
aside, among the first or last lines of three pages at least. Others count as lost.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from pypdf import PdfReader, PdfWriter
from rapidfuzz.distance import LCSseq

from app.documents import Document, read_document
from app.say.errors import DocumentError
from app.settings import Limits

from .words import Score, words

_EDGE_LINES, _EDGE_PAGES = 4, 3


def score(name: str, document: Document, poppler: Sequence[str], seconds: float = 0.0) -> Score:
    """How the pages of a document compare with those of pdftotext."""
    running = _running_words(poppler)
    left_out: dict[int, Counter[str]] = {}
    for line in document.removed:
        if running.issuperset(_bare(line.text)):
            left_out.setdefault(line.page, Counter()).update(words(line.text))
    wanted = found = common = ordered = 0
    for page, text in zip(document.pages, poppler, strict=False):
        ours, theirs = words(page.text), _without(words(text), left_out.get(page.number, Counter()))
        wanted, found = wanted + len(theirs), found + len(ours)
        common += sum((Counter(ours) & Counter(theirs)).values())
        ordered += LCSseq.similarity(ours, theirs)
    return Score(name, wanted, found, common, ordered, len(document.pages), seconds)


def _running_words(pages: Sequence[str]) -> set[str]:
    """Words that stand at the edges of pages again and again."""
    counts = Counter[str]()
    for page in pages:
        lines = [line for line in page.split("\n") if line.strip()]
        counts.update({word for line in lines[:_EDGE_LINES] + lines[-_EDGE_LINES:] for word in _bare(line)})
    return {word for word, count in counts.items() if count >= _EDGE_PAGES}


def _bare(line: str) -> list[str]:
    """The words of a line without page numbers, arabic and roman."""
    return [word for word in words(line) if not re.fullmatch(r"\d+|[ivxlc]+", word)]


def _without(text: list[str], removed: Counter[str]) -> list[str]:
    """The words without those removed, at the edges first."""
    left = Counter(removed)
    for index in sorted(range(len(text)), key=lambda index: min(index, len(text) - 1 - index)):
        if left[text[index]] > 0:
            left[text[index]] -= 1
            text[index] = ""
    return [word for word in text if word]


def measure(path: Path, pages: int) -> Score | None:
    """The score of the first pages of a file; None if it has no text, or poppler or the app doesn't read it."""
    with tempfile.TemporaryDirectory() as folder:
        short = Path(folder) / path.name
        try:
            with PdfWriter() as writer:
                writer.append(PdfReader(path), pages=(0, min(pages, len(PdfReader(path).pages))), import_outline=False)
                writer.write(short)
        except Exception:
            shutil.copy(path, short)
        poppler = subprocess.run(["pdftotext", "-enc", "UTF-8", str(short), "-"], capture_output=True)
        texts = poppler.stdout.decode("utf-8", "replace").split("\f")[:-1]
        if poppler.returncode or not words("".join(texts)):
            return None
        start = perf_counter()
        try:
            document = read_document(short, limits=Limits(max_read_seconds=600, ocr_languages=None))
        except DocumentError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            return None
        return score(path.name, document, texts, perf_counter() - start)
