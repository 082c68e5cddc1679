"""Are documents read right?

    python -m benchmarks.reading [KIND ...] [--each N] [--pages N] [--files FILE ...] [--articles FOLDER] [--below X]

Reads documents as the app does and prints Markdown tables of how their words compare with those that others find:
recall, precision, and order (the longest common subsequence as a share of the common words), and milliseconds a page,
all as means over files. Kinds are pdf (against pdftotext of poppler), docx, epub, odt, rtf (against pandoc), articles
(saved web pages against the texts that Readability's tests expect, in FOLDER), and gold: rows, columns and web pages
against what was marked by hand. The files come from packages of Debian and PyPI and their sources, up to N (6) of each
binary package and kind, and of PDFs the first 12 pages. Files of which less than X (.95) is right are listed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from ..machine import machine_name
from . import articles, by_pandoc, gold, pdf
from .files import PACKAGES, fetched
from .words import Score, mean, table

EACH, PAGES, BELOW = 6, 12, 0.95
_TOOLS = {"pdftotext": "poppler-utils", "pandoc": "pandoc"}


def measured(name: str, files: list[Path], measure: Callable[[Path], Score | None]) -> list[Score]:
    """The scores of all files that have text, told as they come."""
    scores = []
    for path in files:
        if one := measure(path):
            scores.append(one)
            print(
                f"{name} {one.name}: {one.recall:.3f} {one.precision:.3f} {one.order:.3f}", file=sys.stderr, flush=True
            )
    return scores


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=(__doc__ or "").split("\n")[0])
    kinds = (*PACKAGES, "articles", "gold")
    parser.add_argument("kinds", nargs="*", choices=[*kinds, []], metavar="KIND", help=", ".join(kinds))
    parser.add_argument("--each", type=int, default=EACH)
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--files", nargs="+", type=Path, default=[])
    parser.add_argument("--articles", type=Path, help="the folder of a checkout with Readability's test pages")
    parser.add_argument("--below", type=float, default=BELOW)
    chosen = parser.parse_args()
    if lacking := [package for tool, package in _TOOLS.items() if not shutil.which(tool)]:
        raise SystemExit(f"Not here: {', '.join(lacking)}. apt install {' '.join(lacking)}")
    scores: dict[str, list[Score]] = {}
    for kind in chosen.kinds or kinds:
        if kind in PACKAGES:
            given = [path for path in chosen.files if path.suffix == f".{kind}"]
            files = given or [
                path for package in PACKAGES[kind] for path in fetched(package, kind, _each(package, chosen.each))
            ]
            scores[kind] = measured(
                kind, files, by_pandoc.measure if kind != "pdf" else lambda path: pdf.measure(path, chosen.pages)
            )
        elif kind == "articles" and chosen.articles:
            scores[kind] = measured(kind, articles.folders(chosen.articles), articles.measure)
    print(f"{machine_name()}\n")
    if scores:
        print("| kind | files | pages | recall | precision | order | ms a page |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for kind, of_kind in scores.items():
        print("\n".join([mean(f"**{kind}**", of_kind), *table(of_kind, chosen.below)]))
    if not chosen.kinds or "gold" in chosen.kinds:
        print("\n" + "\n".join(gold.table()))


def _each(package: str, each: int) -> int | None:
    return None if ":" in package else each


if __name__ == "__main__":
    main()
