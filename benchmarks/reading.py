"""Is the text of a PDF read right?

    python -m benchmarks.reading [FILE ...] [--packages NAME ...] [--each N] [--pages N]

Reads PDFs as the app does and prints a Markdown table of how their words compare with those that pdftotext (poppler)
finds: recall, precision, and order (the longest common subsequence as a share of the common words), page by page, and
milliseconds a page. Without files, up to N PDFs (5) of each of the Debian packages in PACKAGES are fetched and read, at
most their first 40 pages. Running lines that were left out are not counted where they are running lines: where
pdftotext has their words, numbers aside, among the first or last lines of three pages at least. Others count as lost.

Letters are compared without case and accents, of which poppler tears some off; letters and digits count as words of
their own, so that "x^2" has those of "x2". Hyphenated line ends are joined on both sides.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import platformdirs
from pypdf import PdfReader, PdfWriter
from rapidfuzz.distance import LCSseq

from app.documents import Document, read_document
from app.say.errors import DocumentError
from app.settings import Limits

from .machine import machine_name
from .writing.corpus import unpacked

_PACKAGES = """
r-doc-pdf debian-policy developers-reference debian-reference-ja asymptote-doc
auto-multiple-choice-doc-pdf dblatex-doc docbook-xsl-doc-pdf freefem-doc gap-doc gap-gapdoc
ghostscript-doc gnuplot-doc gri-pdf-doc lilypond-doc-pdf-hu mit-scheme-doc nauty-doc octave-doc
pari-doc python-reportlab-doc seqan-raptor-doc siscone-doc-pdf tipa-doc why3-doc-pdf
texlive-fonts-recommended-doc texlive-humanities-doc
"""
PACKAGES = tuple(_PACKAGES.split())
EACH, PAGES = 5, 40
EDGE_LINES, EDGE_PAGES = 4, 3

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|\d+|[^\W\d_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_ACCENT = re.compile(r"[\u0300-\u036f´`¨ˆ˜ˇ˝˚˘¯¸˛˙]")
_HYPHEN = re.compile(r"(?<=[^\W\d_])[-\u2010\u00ad][ \t]*\n[ \t]*(?=[^\W\d_])")


@dataclass(frozen=True)
class Score:
    """Of words that pdftotext finds, those that are read, and are read in its order; seconds for so many pages."""

    name: str
    wanted: int
    found: int
    common: int
    ordered: int
    pages: int
    seconds: float

    @property
    def recall(self) -> float:
        """0 to 1."""
        return self.common / max(1, self.wanted)

    @property
    def precision(self) -> float:
        """0 to 1."""
        return self.common / max(1, self.found)

    @property
    def order(self) -> float:
        """0 to 1."""
        return self.ordered / max(1, self.common)


def words(text: str) -> list[str]:
    """The words of a text as they are compared; each sign of Chinese and Japanese is one."""
    plain = _ACCENT.sub("", unicodedata.normalize("NFKD", _HYPHEN.sub("", text)))
    return _WORD.findall(unicodedata.normalize("NFKC", plain).casefold().replace("ı", "i"))


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
        counts.update({word for line in lines[:EDGE_LINES] + lines[-EDGE_LINES:] for word in _bare(line)})
    return {word for word, count in counts.items() if count >= EDGE_PAGES}


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


def fetched(package: str, each: int, folder: Path) -> list[Path]:
    """Up to so many PDFs of a package, in a folder of their own there."""
    kept = folder / package
    if not kept.is_dir():
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            root, part = unpacked(package, Path(scratch)), Path(scratch) / "part"
            part.mkdir()
            for path in sorted(root.rglob("*.pdf")) + sorted(root.rglob("*.pdf.gz")):
                if path.is_file() and not path.is_symlink():
                    shutil.copy(path, part)
            subprocess.run(["gunzip", "-q", *map(str, part.glob("*.gz"))], check=False)
            part.rename(kept)
    largest = sorted(kept.glob("*.pdf"), key=lambda path: (-path.stat().st_size, path.name))
    return largest[:each]


def table(scores: Sequence[Score]) -> Iterator[str]:
    """Lines of Markdown, the worst first, with the mean of all files last."""
    yield "| file | pages | recall | precision | order | ms a page |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for one in sorted(scores, key=lambda one: min(one.recall, one.precision)):
        speed = 1000 * one.seconds / max(1, one.pages)
        yield f"| {one.name} | {one.pages} | {one.recall:.3f} | {one.precision:.3f} | {one.order:.3f} | {speed:.0f} |"
    number, pages = max(1, len(scores)), sum(one.pages for one in scores)
    means = [sum(getattr(one, name) for one in scores) / number for name in ("recall", "precision", "order")]
    speed = 1000 * sum(one.seconds for one in scores) / max(1, pages)
    yield f"| **{len(scores)} files** | {pages} | {means[0]:.3f} | {means[1]:.3f} | {means[2]:.3f} | {speed:.0f} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--packages", nargs="+", default=PACKAGES)
    parser.add_argument("--each", type=int, default=EACH)
    parser.add_argument("--pages", type=int, default=PAGES)
    chosen = parser.parse_args()
    if not shutil.which("pdftotext"):
        raise SystemExit("pdftotext is not here: apt install poppler-utils")
    folder = Path(platformdirs.user_cache_dir("refreshkv")) / "benchmarks" / "pdfs"
    folder.mkdir(parents=True, exist_ok=True)
    files = chosen.files or [path for name in chosen.packages for path in fetched(name, chosen.each, folder)]
    scores: list[Score] = []
    for path in files:
        if one := measure(path, chosen.pages):
            scores.append(one)
            print(f"{path.name}: {one.recall:.3f} {one.precision:.3f} {one.order:.3f}", file=sys.stderr)
    print(f"{machine_name()}\n")
    print("\n".join(table(scores)))


if __name__ == "__main__":
    main()
