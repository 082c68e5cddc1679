"""The records as a Markdown table, as JSON and as a plot."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from ..quality.record import Record
from ..report import COLORS, DASH, GREY, MARKERS
from .facts import thirds
from .rows import ROWS, Row

HEADS = ("prefill tokens/s", "first token, s", "decode tokens/s", "peak MB", "likelihood", "look-up", "runs")

Figures = dict[str, Any]


def figures(times: Record, scores: Record) -> dict[tuple[str, int], Figures]:
    """By method and length: medians of what was timed (`first_token_seconds`, `decode_rate`, `prefill_rate`, `peak_mb`
    of the first, `runs`), `nll`, `found`, and `error` where there are none."""
    result: dict[tuple[str, int], Figures] = {}
    timed: dict[tuple[str, int], list[Figures]] = {}
    for line in times:
        timed.setdefault((line["method"], line["length"]), []).append(line)
    for key, lines in timed.items():
        runs = [line for line in lines if "error" not in line]
        if not runs:
            result[key] = {"error": lines[-1]["error"]}
            continue
        seconds = median(line["first_token_seconds"] for line in runs)
        result[key] = {
            "first_token_seconds": seconds,
            "prefill_rate": key[1] / seconds,
            "decode_rate": median(line["decode_rate"] for line in runs),
            "peak_mb": min(line["peak_mb"] for line in runs),
            "runs": len(runs),
        }
    for line in scores:
        of = result.setdefault((line["method"], line["length"]), {})
        of |= {name: line[name] for name in ("nll", "found") if name in line}
        if "error" in line:
            of.setdefault("error", line["error"])
    return result


def table(rows: Sequence[Row], found: dict[tuple[str, int], Figures], notes: str) -> str:
    """A line for each length and method of which there is anything."""
    lines = [f"| length | method | {' | '.join(HEADS)} |", "| ---: | --- |" + " ---: |" * len(HEADS)]
    for length in _lengths(found):
        lines += [_line(f"{length:,}", row.name, of) for row in rows if (of := found.get((row.name, length)))]
    lines += [_line("all", row.name, {"error": row.missing}) for row in rows if row.missing]
    return "\n".join([*lines, "", notes])


def write(folder: Path, found: dict[tuple[str, int], Figures], notes: str) -> str:
    """`length.md`, `length.json` and `length.svg` in `folder`; returns the table."""
    folder.mkdir(parents=True, exist_ok=True)
    text = table(ROWS, found, notes)
    (folder / "length.md").write_text(text + "\n", "utf-8")
    lines = [{"method": method, "length": length} | of for (method, length), of in found.items()]
    values = {"notes": notes, "figures": lines}
    (folder / "length.json").write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", "utf-8")
    plot(found, folder / "length.svg")
    return text


def plot(found: dict[tuple[str, int], Figures], path: Path) -> None:
    """Prefill and decode rate, and likelihood, over length, one line a method, on a transparent ground."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.5), layout="constrained")
    panels = figure.subplots(1, 3)
    for axes, label, name in zip(
        panels,
        ("prefill of the whole, tokens/s", "decode, tokens/s", "negative log-likelihood of the end"),
        ("prefill_rate", "decode_rate", "nll"),
        strict=True,
    ):
        for index, row in enumerate(ROWS):
            points = [(length, of[name]) for (method, length), of in found.items() if method == row.name and name in of]
            if points:
                axes.plot(
                    *zip(*sorted(points), strict=True),
                    label=row.name,
                    color=COLORS[index % len(COLORS)],
                    marker=MARKERS[index % len(MARKERS)],
                    linestyle="-" if index < len(COLORS) else "--",
                    linewidth=1.4,
                )
        axes.set_xscale("log", base=2)
        axes.set_xticks(_lengths(found), [f"{length // 1000}k" for length in _lengths(found)])
        axes.minorticks_off()
        if name != "nll":
            axes.set_ylim(bottom=0)
        axes.set_title(label, color=GREY, fontsize=10)
        axes.tick_params(colors=GREY)
        axes.grid(axis="y", color=GREY, alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(GREY)
    handles = {line.get_label(): line for axes in panels for line in axes.get_lines()}
    names = [row.name for row in ROWS if row.name in handles]
    figure.legend([handles[name] for name in names], names, loc="outside right center", frameon=False, labelcolor=GREY)
    with rc_context({"svg.hashsalt": "length"}):  # the same figures give the same file
        figure.savefig(path, transparent=True, metadata={"Date": None})


def _lengths(found: dict[tuple[str, int], Figures]) -> list[int]:
    return sorted({length for _, length in found})


def _line(length: str, name: str, of: Figures) -> str:
    if set(of) == {"error"}:
        reason = of["error"].replace("|", "\\|")
        name = f"{name} (not measured: {reason})"
    return f"| {length} | {name} | {' | '.join(_cells(of))} |"


def _cells(of: Figures) -> Iterator[str]:
    for name, digits in (
        ("prefill_rate", 0),
        ("first_token_seconds", 1),
        ("decode_rate", 1),
        ("peak_mb", 0),
        ("nll", 3),
    ):
        yield f"{of[name]:,.{digits}f}" if name in of else DASH
    shares = of.get("found")
    yield " / ".join(f"{share:.2f}" for share in thirds(shares)) + f" ({fmean(shares):.2f})" if shares else DASH
    yield str(of.get("runs", DASH))
