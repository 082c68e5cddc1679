"""How near is each method to full attention, what does it read for it, and does it find what it must look up?

    python -m benchmarks.quality [--texts NAME ...] [--prompt 6000] [--steps 80] [--places 2] [--output FOLDER]

Teacher-forced on real texts (from Debian's packages, fetched with apt-get). Every measurement is kept as a line of JSON
in the output folder and is not repeated: start it again to go on. `--tables` makes the tables and the plot of what is
there. All methods have the same weights (int4) and are compared with full attention by the same weights.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from platformdirs import user_cache_path

from core import compile_decoding, load_model

from ..process import ROOT
from ..writing.corpus import Library
from .configurations import configurations, of_free_text, of_tasks
from .free import ASKS, FreeText
from .free import KEYS as FREE_KEYS
from .plot import plot
from .record import Record
from .report import report
from .tasks import TASKS
from .teacher import KEYS, TeacherForced
from .texts import AROUND_TASKS, PLACES, TEXTS, cases, words
from .turns import KEYS as TASK_KEYS
from .turns import InTurns, Writer, paragraphs

FREE_PROMPT = 4096
"""Tokens of a text that a free text is about."""
PARTS = ("teacher", "tasks", "free")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", nargs="+", choices=[text.name for text in TEXTS], metavar="NAME")
    parser.add_argument("--configurations", nargs="+", default=[""], metavar="TEXT", help="with one in their name")
    parser.add_argument("--prompt", type=int, default=6000)
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--places", type=int, default=2, choices=range(1, len(PLACES) + 1))
    parser.add_argument("--items", type=int, default=24, help="of each task and method, at most")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS), metavar="TASK")
    parser.add_argument("--asks", nargs="+", choices=ASKS, default=list(ASKS), metavar="ASK", help="of free texts")
    parser.add_argument("--seeds", type=int, default=3, help="of free texts")
    parser.add_argument("--most", type=int, default=1000, help="tokens of a free text")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--tables", action="store_true", help="measure nothing: tables and plot of what is there")
    parser.add_argument("--plot", type=Path, default=ROOT / "assets" / "quality.svg", metavar="FILE")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "quality", metavar="FOLDER")
    chosen = parser.parse_args()
    teacher = Record(chosen.output / "teacher.jsonl", KEYS)
    tasks = Record(chosen.output / "tasks.jsonl", TASK_KEYS)
    free = Record(chosen.output / "free.jsonl", FREE_KEYS)
    if not chosen.tables:
        measure(chosen, teacher, tasks, free)
    print(report(teacher, tasks, free))
    plot(teacher, chosen.plot)


def measure(chosen: argparse.Namespace, teacher: Record, tasks: Record, free: Record) -> None:
    """What is not there yet."""
    model, tokenizer = load_model(quantization="int4")
    compile_decoding(model).wait()
    library = Library(user_cache_path("refreshkv") / "benchmarks" / "documents")
    wanted = [one for one in configurations() if any(text in one.name for text in chosen.configurations)]
    texts = [text for text in TEXTS if not chosen.texts or text.name in chosen.texts]
    with torch.no_grad():
        if "teacher" in chosen.parts:
            found = list(cases(texts, tokenizer, library, chosen.prompt + chosen.steps + 1, chosen.places))
            TeacherForced(model, teacher, chosen.prompt).run(found, wanted)
        if "tasks" in chosen.parts:
            around = [paragraphs(words(text, library)) for text in TEXTS if text.name in AROUND_TASKS]
            given = [one for one in of_tasks() if one in wanted]
            InTurns(Writer(model, tokenizer), tasks, around).run(chosen.items, chosen.tasks, given)
        if "free" in chosen.parts:
            found = list(cases(texts, tokenizer, library, FREE_PROMPT, chosen.places))
            given = [one for one in of_free_text() if one in wanted]
            FreeText(model, tokenizer, free, chosen.most).run(chosen.asks, found, chosen.seeds, given)


if __name__ == "__main__":
    main()
