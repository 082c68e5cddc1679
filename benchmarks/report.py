"""The benchmark's results as a Markdown table, as JSON and as a plot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

import numpy as np

from .protocol import Measurement

Outcome: TypeAlias = Measurement | str
"""A method's medians at a context, or in words why there are none."""

HEADS = (
    "prefill tokens/s",
    "first token s",
    "decode tokens/s",
    "ratio",
    "full ms",
    "partial ms",
    "× memory bound",
    "peak MB",
)
DASH = "–"
GREY = "#7d8590"  # readable on white and on a dark page alike
COLORS = ("#3b82f6", "#d9770a", "#16a34a", "#e5484d", "#a855f7", "#0e9fae", "#b58900", "#db4ba0", "#64748b")
MARKERS = "osD^vPX*h"


def summarize(runs: Sequence[Measurement]) -> Measurement:
    """Medians over `runs` of each figure that they have.

    The peak memory is the first run's: contexts ascend, so that it is no longer context's yet.
    """
    columns: dict[str, list[float]] = {}
    for run in runs:
        for name, value in asdict(run).items():
            if value is not None:
                columns.setdefault(name, []).append(value)
    medians: dict[str, Any] = {name: median(values) for name, values in columns.items()}
    return Measurement(**medians | {"peak_mb": runs[0].peak_mb})


def times_memory_bound(result: Measurement, bandwidth: float) -> float | None:
    """Measured time per token over the time to read what it must read at `bandwidth` bytes per second."""
    if result.bytes_per_token is None:
        return None
    return (1 / result.decode_rate) / (result.bytes_per_token / bandwidth)


@dataclass(frozen=True)
class Report:
    """What was measured: by method and context, in the order of the table."""

    results: dict[str, dict[int, Outcome]]
    details: dict[str, str]
    """Versions and number formats of the methods that loaded."""
    machine: str
    bandwidth: float
    """Bytes per second."""
    new_tokens: int
    repetitions: int
    threads: int

    def table(self) -> str:
        """A row for each context and method, and how to read it."""
        lines = [f"| context | method | {' | '.join(HEADS)} |", "| ---: | --- |" + " ---: |" * len(HEADS)]
        for context in self._contexts():
            for name, outcomes in self.results.items():
                if not self._never_ran(name):
                    lines.append(self._row(context, name, outcomes[context]))
        for name in filter(self._never_ran, self.results):
            lines.append(_failure("all", name, str(next(iter(self.results[name].values())))))
        return "\n".join([*lines, "", self._notes()])

    def write(self, folder: Path) -> None:
        """`decode.md`, `decode.json` and `decode.svg` in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "decode.md").write_text(self.table() + "\n", "utf-8")
        (folder / "decode.json").write_text(json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n", "utf-8")
        self.plot(folder / "decode.svg")

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values; the table's derived figures are there as well."""
        return asdict(self) | {
            "results": {
                name: {
                    str(context): outcome
                    if isinstance(outcome, str)
                    else asdict(outcome)
                    | {
                        "prefill_rate": context / outcome.first_token_seconds,
                        "ratio": self._ratio(outcome, context),
                        "times_memory_bound": times_memory_bound(outcome, self.bandwidth),
                    }
                    for context, outcome in outcomes.items()
                }
                for name, outcomes in self.results.items()
            }
        }

    def plot(self, path: Path) -> None:
        """Decode rate over context, one line a method, on a transparent ground."""
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 4.5), layout="constrained")
        axes = figure.subplots()
        lines = []
        for index, (name, outcomes) in enumerate(self.results.items()):
            points = [(context, o.decode_rate) for context, o in outcomes.items() if isinstance(o, Measurement)]
            if points:
                lines += axes.plot(
                    *zip(*points, strict=True),
                    label=name,
                    color=COLORS[index % len(COLORS)],
                    marker=MARKERS[index % len(MARKERS)],
                    linewidth=2.6 if name.startswith(("KeyIndex", "RefreshKV")) else 1.5,
                )
        axes.set_xlabel("context, tokens", color=GREY)
        axes.set_ylabel("decode, tokens/s", color=GREY)
        axes.set_xticks(self._contexts(), [f"{context:,}" for context in self._contexts()])
        axes.set_ylim(bottom=0)
        axes.tick_params(colors=GREY)
        axes.grid(axis="y", color=GREY, alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(GREY)
        # In the order of the line ends, so that names and lines meet.
        lines.sort(key=lambda line: -float(np.asarray(line.get_ydata())[-1]))
        axes.legend(handles=lines, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, labelcolor=GREY)
        with rc_context({"svg.hashsalt": "decode"}):  # the same figures give the same file
            figure.savefig(path, transparent=True, metadata={"Date": None})

    def _contexts(self) -> list[int]:
        return list(next(iter(self.results.values())))

    def _never_ran(self, name: str) -> bool:
        outcomes = list(self.results[name].values())
        return all(isinstance(outcome, str) and outcome == outcomes[0] for outcome in outcomes)

    def _ratio(self, result: Measurement, context: int) -> float | None:
        first = next(iter(self.results.values()))[context]
        return result.decode_rate / first.decode_rate if isinstance(first, Measurement) else None

    def _row(self, context: int, name: str, outcome: Outcome) -> str:
        if isinstance(outcome, str):
            return _failure(f"{context:,}", name, outcome)
        cells = (
            _number(context / outcome.first_token_seconds, 0),
            _number(outcome.first_token_seconds, 1),
            _number(outcome.decode_rate, 1),
            _number(self._ratio(outcome, context), 1),
            _number(outcome.full_ms, 0),
            _number(outcome.partial_ms, 0),
            _number(times_memory_bound(outcome, self.bandwidth), 1),
            _number(outcome.peak_mb, 0),
        )
        return f"| {context:,} | {name} | {' | '.join(cells)} |"

    def _notes(self) -> str:
        first = next(iter(self.results))
        how = (
            f"Medians of {self.repetitions} interleaved runs, {self.new_tokens} tokens greedily, {self.threads} "
            f"threads of {self.machine}. Ratio: decode tokens/s to those of {first}. Memory bound: reading the weights "
            f"and the attended KV cache once per forward, at the measured {self.bandwidth / 1e9:.1f} GB/s. Peak: "
            "resident memory of the method's process, loading included, up to that context."
        )
        return "\n".join([how, "", *(f"- {name}: {details}" for name, details in self.details.items())])


def _failure(contexts: str, name: str, reason: str) -> str:
    escaped = reason.replace("|", "\\|")
    return f"| {contexts} | {name} (not measured: {escaped}) |" + f" {DASH} |" * len(HEADS)


def _number(value: float | None, digits: int) -> str:
    return DASH if value is None else f"{value:,.{digits}f}"
