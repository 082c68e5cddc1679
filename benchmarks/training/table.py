"""The table of docs/training.md."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from core.quantization import Quantization

from ..machine import machine_name
from ..quality.metrics import interval
from ..quality.record import Record
from .evaluate import METHODS

BEFORE = "before"


def table(record: Record, quantization: Quantization) -> str:
    """Perplexity by model and method of what was measured with weights so stored, and how the likelihood changed, with
    95% intervals over texts."""
    groups: dict[tuple[str, str], dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in (row for row in record if row["quantization"] == quantization):
        groups[row["model"], row["method"]][row["text"]][row["case"]] = sum(row["nll"]) / len(row["nll"])
    models = sorted({model for model, _ in groups}, key=lambda model: (model != BEFORE, model != "refreshkv"))
    lines = [
        f"{machine_name()}; weights {'bfloat16' if quantization == 'none' else quantization}",
        "",
        "| | " + " | ".join(f"{model}" for model in models) + " |",
        "| --- |" + " ---: |" * len(models),
    ]
    for method in METHODS:
        cells = [_perplexity(groups[model, method]) for model in models]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    if "refreshkv" in models and len(models) > 2:
        lines += ["", "| change of NLL | " + " | ".join(models[1:]) + " | the first less the second |"]
        lines.append("| --- |" + " ---: |" * len(models))
        for method in METHODS:
            pairs = [(model, BEFORE) for model in models[1:]] + [(models[1], models[2])]
            cells = [_change(groups[one, method], groups[other, method]) for one, other in pairs]
            lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _perplexity(texts: Mapping[str, Mapping[str, float]]) -> str:
    if not texts:
        return "–"
    mean, low, high = interval({text: list(cases.values()) for text, cases in texts.items()})
    return f"{math.exp(mean):.3f} ({math.exp(low):.2f}-{math.exp(high):.2f})"


def _change(ours: Mapping[str, Mapping[str, float]], theirs: Mapping[str, Mapping[str, float]]) -> str:
    """Of what both were given."""
    changes: dict[str, Sequence[Any]] = {}
    for text, cases in ours.items():
        both = [value - theirs[text][case] for case, value in cases.items() if case in theirs.get(text, {})]
        if both:
            changes[text] = both
    if not changes:
        return "–"
    mean, low, high = interval(changes)
    return f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"
