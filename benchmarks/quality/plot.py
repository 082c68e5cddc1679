"""KL against milliseconds and against bytes read: a point a configuration, a line a method, full attention dashed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..report import COLORS, GREY, MARKERS
from .configurations import REFERENCE, Configuration, configurations
from .metrics import interval
from .record import Record
from .report import by_configuration, by_text, milliseconds, read_bytes


def plot(teacher: Record, path: Path) -> None:
    """Write the SVG on a transparent ground; nothing if there is nothing to show. Lines go along the budgets."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    found = by_configuration(teacher)
    methods: dict[str, list[Configuration]] = {}
    for one in configurations():
        if one.name in found and "/" in one.parameters:
            methods.setdefault(one.method, []).append(one)
    if not methods:
        return
    figure = Figure(figsize=(10, 4.8), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    points = {name: interval(by_text(rows, "kl"))[0] for name, rows in found.items()}
    for side, label, measure in (
        (axes[0], "ms a token", milliseconds),
        (axes[1], "KB read, a token and layer", lambda rows: read_bytes(rows) / 1e3),
    ):
        for index, (method, own) in enumerate(methods.items()):
            style: dict[str, Any] = {"color": COLORS[index % len(COLORS)], "marker": MARKERS[index % len(MARKERS)]}
            if index >= len(COLORS):  # the same colours again, hollow
                style |= {"markerfacecolor": "none", "linestyle": ":"}
            plain = sorted((measure(found[one.name]), points[one.name]) for one in own if "," not in one.parameters)
            others = [(measure(found[one.name]), points[one.name]) for one in own if "," in one.parameters]
            side.plot(*zip(*plain, strict=True), label=method, linewidth=1.2, markersize=6, **style)
            if others:
                side.plot(*zip(*others, strict=True), markersize=4, alpha=0.6, **style | {"linestyle": "none"})
        if REFERENCE in found:
            side.axvline(measure(found[REFERENCE]), color=GREY, linestyle="--", linewidth=1, label=REFERENCE)
        side.set_xlabel(label, color=GREY)
        side.set_yscale("log")
        side.tick_params(colors=GREY)
        side.grid(color=GREY, alpha=0.2)
        side.spines[["top", "right"]].set_visible(False)
        side.spines[["left", "bottom"]].set_color(GREY)
    axes[0].set_ylabel("KL divergence to full attention, nats", color=GREY)
    axes[1].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, labelcolor=GREY)
    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.hashsalt": "quality"}):  # the same figures give the same file
        figure.savefig(path, transparent=True, metadata={"Date": None})
