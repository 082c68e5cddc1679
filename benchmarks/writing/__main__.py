"""Does the app write text worth reading about long documents?

    python -m benchmarks.writing [--root CHECKOUT ...] [--methods NAME ...] [--quick] [--llama] [--out FOLDER]

Asks the app of each checkout for texts about real manuals (from Debian packages, fetched with apt-get), and measures
them against the documents by code that shares none with the app. Beside it: the documents' first sentences, TextRank,
and with --llama the same GGUF under llama.cpp with map-and-reduce prompts. Prints Markdown tables; all texts go to the
output folder, with the documents' text, to be read. What an app can't take whole is asked about the pages it offers.
With poppler-utils installed PDFs are read by pdftotext, else by pypdf.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from core.policies import METHODS

from ..machine import machine_name
from .baselines import lead, textrank
from .checker import check
from .corpus import CASES, FOREIGN, QUICK, Case, Library
from .llama import Llama, LlamaError, llama, prompts
from .plain import chapters
from .product import instructions, serving
from .support import Source, drawn, failing
from .table import Row, measured, report, write, write_source, write_text
from .tasks import TASKS, Task, Written

ROOT = Path(__file__).resolve().parent.parent.parent
SEED = 0
EXTRACTED = ("report", "summary", "notes")
CALIBRATION_SENTENCES = 300
THRESHOLDS = tuple(share / 100 for share in range(40, 85, 5))


class Run:
    """One run of the benchmark: what was written and measured so far is on disk after every text."""

    def __init__(self, cases: Sequence[Case], tasks: Sequence[Task], library: Library, out: Path) -> None:
        """Of these documents and tasks."""
        self._cases, self._tasks, self._library, self._out = cases, tasks, library, out
        self._sources: dict[str, Source] = {}
        self.rows: list[Row] = []

    def checkout(self, root: Path, name: str, options: Mapping[str, Any]) -> None:
        """All texts by the app of a checkout, asked for with these options of /write."""
        told = instructions(root)
        with serving(root, name, options) as app:
            for case, task in self._each():
                written = app.write(case, self._library.files(case), task, SEED)
                self._add(case, task, written, [*told, case.question])

    def extracted(self) -> None:
        """All texts by the baselines without a model."""
        for case, task in self._each():
            if task.name in EXTRACTED:
                for method in (lead, textrank):
                    self._add(case, task, method(self._source(case), task.words), [])

    def by_llama(self, model: Llama) -> None:
        """All texts by llama.cpp."""
        for case, task in self._each():
            wording = task.wording(case.question)
            try:
                written = model.write(self._source(case), wording, task.words, case.japanese, SEED)
            except LlamaError as error:
                written = Written("llama.cpp map-reduce", "", remark=str(error))
            self._add(case, task, written, prompts([wording]))

    def _each(self) -> Iterator[tuple[Case, Task]]:
        for case in self._cases:
            for task in self._tasks:
                yield case, task

    def _source(self, case: Case) -> Source:
        if case.name not in self._sources:
            self._sources[case.name] = self._library.source(case)
            write_source(case.name, self._sources[case.name], self._out)
        return self._sources[case.name]

    def _add(self, case: Case, task: Task, written: Written, told: Sequence[str]) -> None:
        figures = check(written.text, self._source(case), told)
        row = measured(case.name, task.name, case.japanese, written, figures)
        self.rows.append(row)
        path = write_text(row, self._out)
        write(self.rows, machine_name(), self._out)
        said = f"{figures.words} words, {written.remark or 'all read'}" if written.text else written.remark
        print(f"{path}: {said}", file=sys.stderr, flush=True)


def calibrate(library: Library) -> str:
    """How many sentences of other documents, and of the document itself, fail at each threshold, the worst pair."""
    lines = ["| documents | sentences of | " + " | ".join(f"{share:.2f}" for share in THRESHOLDS) + " |"]
    lines.append("| --- | --- |" + " ---: |" * len(THRESHOLDS))
    for japanese in (False, True):
        foreign = {
            file: drawn(Source(chapters(library.file(*file))), CALIBRATION_SENTENCES) for file in FOREIGN[japanese]
        }
        own: list[list[float]] = []
        others: list[list[float]] = []
        for case in (case for case in CASES if case.japanese == japanese):
            source = library.source(case)
            own.append(failing(source, drawn(source, CALIBRATION_SENTENCES, seed=1), THRESHOLDS))
            strangers = {file: said for file, said in foreign.items() if not {file[0]} & {f[0] for f in case.files}}
            others += [failing(source, said, THRESHOLDS) for said in strangers.values()]
        name = "Japanese" if japanese else "English"
        for what, shares in (("their own", own), ("others", others)):
            cells = (f"{sum(column) / len(column):.1%} ({min(column):.1%})" for column in zip(*shares, strict=True))
            lines.append(f"| {name} | {what}, mean (least) | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, action="append", help="a checkout to measure, again for another")
    parser.add_argument("--documents", nargs="+", choices=[case.name for case in CASES], metavar="NAME")
    parser.add_argument("--tasks", nargs="+", choices=[task.name for task in TASKS], metavar="TASK")
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=METHODS,
        default=[""],
        metavar="NAME",
        help="the app under each of these methods",
    )
    parser.add_argument("--own", action="store_true", help="in the model's own words, also if the app would quote")
    parser.add_argument("--quick", action="store_true", help=f"only a report about each of {', '.join(QUICK)}")
    parser.add_argument("--llama", action="store_true", help="llama.cpp too, which reads all documents: slow")
    parser.add_argument(
        "--calibrate", action="store_true", help="print what the threshold of support rests on, and end"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "writing", metavar="FOLDER")
    chosen = parser.parse_args()
    library = Library(user_cache_path("refreshkv") / "benchmarks" / "documents")
    if chosen.calibrate:
        print(calibrate(library))
        return
    names = chosen.documents or (QUICK if chosen.quick else [case.name for case in CASES])
    tasks = chosen.tasks or (["report"] if chosen.quick else [task.name for task in TASKS])
    chosen.out.mkdir(parents=True, exist_ok=True)
    run = Run([c for c in CASES if c.name in names], [t for t in TASKS if t.name in tasks], library, chosen.out)
    run.extracted()
    words = {"wording": "own"} if chosen.own else {}
    for root, method in product(chosen.root or [ROOT], chosen.methods):
        name = f"app {root.resolve().name} {method}".strip()
        run.checkout(root.resolve(), name, words | ({"method": method} if method else {}))
    if chosen.llama:
        with ExitStack() as stack:
            try:
                run.by_llama(stack.enter_context(llama(chosen.out / "llama.log")))
            except LlamaError as error:
                print(f"llama.cpp: not measured: {error}", file=sys.stderr)
    print(report(run.rows, machine_name()))


if __name__ == "__main__":
    main()
