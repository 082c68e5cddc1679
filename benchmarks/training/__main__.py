"""Does a model decode better with the small cache after it was trained with it?

    python -m benchmarks.training [train] [evaluate] [tables] [--output FOLDER]

Two adapters to the embedded model are trained on the same samples in the same order, one with RefreshKV's small cache
behind each prompt and one, the control, with ordinary attention. Then held-out texts are fed token by token behind
prompts, under each method, by the model as it came and by both trained ones. All is fetched with apt-get. Whatever is
broken off goes on with the same command; nothing is measured twice. On a machine that has other work, train both arms
at once (`--arms refreshkv`, `--arms control`) with OMP_NUM_THREADS=1 each: threads that wait for one another lose most.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import get_args

from platformdirs import user_cache_path

from core.quantization import Quantization

from ..process import ROOT
from ..quality.record import Record
from .corpus import training_texts
from .evaluate import KEYS, evaluate
from .table import table

PARTS = ("train", "evaluate", "tables")
ARMS = {"refreshkv": "refreshkv", "control": "full"}
"""Folder and kind of attention of each."""


def main() -> None:
    """What was asked for, or all of it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--output", type=Path, default=user_cache_path("refreshkv") / "benchmarks" / "training")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--continuations", type=int, default=16, help="of each sample of the first arm")
    parser.add_argument("--checkpointing", action="store_true", help="less memory for a third more time")
    parser.add_argument("--lora", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--prompt", type=int, default=3000, help="tokens of a held-out prompt")
    parser.add_argument("--steps", type=int, default=100, help="tokens fed behind it")
    parser.add_argument("--places", type=int, default=6, help="of each held-out text")
    parser.add_argument("--models", nargs="+", default=["before", *ARMS], metavar="MODEL", help="that are evaluated")
    parser.add_argument("--quantization", choices=get_args(Quantization), default="none", help="of what is evaluated")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: the parts are {', '.join(PARTS)}")
    parts = chosen.parts or PARTS
    record = Record(chosen.output / "evaluation.jsonl", KEYS)
    if "train" in parts:
        texts = training_texts(chosen.output / "texts")
        for arm in chosen.arms:
            _train(arm, texts, chosen)
    if "evaluate" in parts:
        folders = {"before": "smollm2-135m"} | {arm: str(chosen.output / arm) for arm in ARMS}
        models = {name: folders[name] for name in chosen.models}
        evaluate(models, record, chosen.prompt, chosen.steps, chosen.places, chosen.quantization)
    if "tables" in parts:
        print(table(record, chosen.quantization))


def _train(arm: str, texts: Path, chosen: argparse.Namespace) -> None:
    """In a process of its own, as a person would."""
    command = [sys.executable, "-m", "core.train", "smollm2-135m", str(texts), "--output", str(chosen.output / arm)]
    command += ["--attention", ARMS[arm], "--lora", str(chosen.lora), "--learning-rate", str(chosen.learning_rate)]
    command += ["--prompt", "2000-4000", "--steps", "50", "--batch", "4", "--samples", str(chosen.samples)]
    command += ["--continuations", str(chosen.continuations), *["--checkpointing"] * chosen.checkpointing]
    subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
