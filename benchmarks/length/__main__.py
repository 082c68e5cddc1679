"""How does a text's length change speed, memory and what is understood, here and elsewhere?

    python -m benchmarks.length [--lengths 1024 7000 16000 32000] [--methods TEXT ...] [--repetitions 3] [--parts times]

At each length one document with 24 facts in it: Debian's policy manual, always with the same end, and before it, where
it is too short, R's manual on extensions. Timed, in processes that take turns: prefill, first token, 41 tokens
greedily, and the most memory. And without a clock, teacher-forced: negative log-likelihood of the last 256 tokens, and
the share of the facts' digits that are right, by thirds of the depth. All methods are run to 32,000 tokens, ours at any
length.

Every figure is a line of JSON in the output folder and is not taken again: start it again to go on, and to try again
what failed. Times alone ask for a quiet machine (`--parts`). `--tables` takes nothing. Prints a Markdown table, and
writes it with its JSON and its plot.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..decode import NEW_TOKENS
from ..machine import machine_name
from ..process import ROOT
from ..quality.record import Record
from .case import Cases
from .facts import SCORED
from .report import figures, write
from .rows import rows_named
from .scores import KEYS as SCORE_KEYS
from .scores import take_scores
from .times import KEYS as TIME_KEYS
from .times import take_times

PARTS = ("times", "scores")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.length", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lengths", type=int, nargs="+", default=[1024, 7000, 16_000, 32_000], metavar="TOKENS")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=[""], metavar="TEXT", help="names, or what is in some of them")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--tables", action="store_true", help="measure nothing: table and plot of what is there")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "length", metavar="FOLDER")
    chosen = parser.parse_args()
    named = rows_named(chosen.methods)
    if not named:
        parser.error(f"no method's name contains {' or '.join(chosen.methods)}")
    if min(chosen.repetitions, *chosen.lengths) < 1:
        parser.error("--repetitions and --lengths must be 1 or more")
    times = Record(chosen.output / "times.jsonl", TIME_KEYS)
    scores = Record(chosen.output / "scores.jsonl", SCORE_KEYS)
    if not chosen.tables:
        cases = Cases(chosen.output)
        for length in sorted(set(chosen.lengths)):
            rows = [row for row in named if row.runs_at(length, cases.config.max_position_embeddings)]
            case = cases.of(length)
            if "times" in chosen.parts:
                take_times(rows, case, chosen.repetitions, times)
            if "scores" in chosen.parts:
                take_scores(rows, case, scores)
    notes = (
        f"{machine_name()}. Times: medians of so many runs, {NEW_TOKENS} tokens greedily. Likelihood: negative, of the "
        f"last {SCORED} tokens. Look-up: share of the digits that are right, by thirds of the depth (and of all)."
    )
    print(write(chosen.output, figures(times, scores), notes))


if __name__ == "__main__":
    main()
