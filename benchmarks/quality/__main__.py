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
from .configurations import configurations
from .record import Record
from .teacher import KEYS, TeacherForced
from .texts import TEXTS, cases


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", nargs="+", choices=[text.name for text in TEXTS], metavar="NAME")
    parser.add_argument("--configurations", nargs="+", default=[""], metavar="TEXT", help="with one in their name")
    parser.add_argument("--prompt", type=int, default=6000)
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--places", type=int, default=2)
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "quality", metavar="FOLDER")
    chosen = parser.parse_args()
    teacher = Record(chosen.output / "teacher.jsonl", KEYS)
    model, tokenizer = load_model(quantization="int4")
    compile_decoding(model).wait()
    library = Library(user_cache_path("refreshkv") / "benchmarks" / "documents")
    texts = [text for text in TEXTS if not chosen.texts or text.name in chosen.texts]
    with torch.no_grad():
        # The first place of every text before the second, so that what is there early speaks for all texts.
        found = sorted(
            cases(texts, tokenizer, library, chosen.prompt + chosen.steps + 1, chosen.places),
            key=lambda case: case.place,
        )
        wanted = [one for one in configurations() if any(text in one.name for text in chosen.configurations)]
        TeacherForced(model, teacher, chosen.prompt).run(found, wanted)


if __name__ == "__main__":
    main()
