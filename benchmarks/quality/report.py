"""The Markdown tables of what was measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from statistics import fmean
from types import MappingProxyType
from typing import Any, TypeAlias

from ..machine import machine_name
from .configurations import PAPER, REFERENCE, STRIDES, configurations
from .forms import FIFTHS, RULES
from .metrics import interval, percentile, ratio
from .record import Record
from .turns import ENOUGH, answers

Rows: TypeAlias = list[dict[str, Any]]
EVICTING = ("StreamingLLM", "SnapKV", "H2O", "TOVA")
BEST_EVICTING = "the best that evicts"
DISTANCES = ((0, 0), (1, 2), (3, 5), (6, 9), (10, 24), (25, 49))
TARGETS = (
    (f"{PAPER} 1/8", BEST_EVICTING, 1.0),
    ("RefreshKV 1/8", f"{PAPER} 1/8", 0.5),
    ("KeyIndex 1/8", f"{PAPER} 1/8", 0.05),
    ("KeyIndex 1/32", f"{PAPER} 1/8", 0.25),
    ("KeyIndex 1/32", f"{PAPER} 1/32", 0.25),
)


PLACES_OF_TURNS = {
    "HTML to TSV": tuple(f"fifth {fifth + 1}" for fifth in range(FIFTHS)),
    "constraints": ("beginning", "middle"),
}
"""What the turns of a task are, where they are something else."""
MEASURES: Mapping[str, Callable[[dict[str, Any]], float]] = MappingProxyType(
    {
        "repeated 4-grams": lambda row: row["repeated"][2],
        "distinct 2-grams": lambda row: 1 - row["repeated"][1],
        "distinct tokens": lambda row: 1 - row["repeated"][0],
        "NLL": lambda row: fmean(row["nll"]),
    }
)
"""Of a free text, by name."""


def report(teacher: Record, tasks: Record, free: Record) -> str:
    """All tables of which there is something."""
    found = by_configuration(teacher)
    parts = [f"{machine_name()}; weights int4, keys and values bfloat16"]
    if REFERENCE in found:
        parts += [teacher_table(found), targets_table(found), texts_table(found), distance_table(found)]
    parts += [*tasks_tables(tasks), rules_table(tasks), *free_tables(free)]
    return "\n\n".join(part for part in parts if part)


def by_configuration(teacher: Record) -> dict[str, Rows]:
    """The rows of each configuration, in the order of the registry, and those that it does not know any more last.

    While a run is under way, of those cases alone that all configurations of the first tier have: means over other
    texts are not to be compared.
    """
    found: dict[str, Rows] = {configuration.name: [] for configuration in configurations()}
    for row in teacher:
        found.setdefault(row["name"], []).append(row)
    first = [found[one.name] for one in configurations() if one.tier == 0 and found[one.name]]
    common = set.intersection(*({row["case"] for row in rows} for rows in first)) if first else set()
    kept = {name: [row for row in rows if row["case"] in common] for name, rows in found.items()}
    return {name: rows for name, rows in kept.items() if rows}


def by_text(rows: Rows, key: str) -> dict[str, list[float]]:
    """The values under `key` of all steps, text by text."""
    groups: defaultdict[str, list[float]] = defaultdict(list)
    for row in rows:
        groups[row["text"]] += row[key]
    return dict(groups)


def milliseconds(rows: Rows) -> float:
    """The mean over steps of the least that a step took in any case: others use the machine too."""
    return fmean(min(times) for times in zip(*(row["ms"] for row in rows), strict=False))


def read_bytes(rows: Rows) -> float:
    """A token and layer, the mean."""
    return fmean(fmean(row["read"]) for row in rows)


def teacher_table(found: Mapping[str, Rows]) -> str:
    """A row a configuration."""
    heads = ("cases", "KL", "95 %", "p95", "worst", "argmax", "NLL", "KB read", "KB held", "ms")
    lines = _head("method", heads)
    for name, rows in found.items():
        mean, low, high = interval(by_text(rows, "kl"))
        every = [value for row in rows for value in row["kl"]]
        lines.append(
            _row(
                name,
                f"{len(rows)}",
                f"{mean:.4f}",
                f"{low:.4f}–{high:.4f}",
                f"{percentile(every, 0.95):.3f}",
                f"{max(every):.2f}",
                f"{interval(by_text(rows, 'agrees'))[0]:.3f}",
                f"{interval(by_text(rows, 'nll'))[0]:.3f}",
                f"{read_bytes(rows) / 1e3:,.0f}",
                f"{fmean(row['held'] for row in rows) / 1e3:,.0f}",
                f"{milliseconds(rows):.1f}",
            )
        )
    return "\n".join(lines)


def targets_table(found: Mapping[str, Rows]) -> str:
    """The KL of one beside another's, in the cases that both have."""
    evicting = [f"{name} 1/8" for name in EVICTING if f"{name} 1/8" in found]
    best = min(evicting, key=lambda name: interval(by_text(found[name], "kl"))[0], default="")
    lines = _head("KL of", ("to that of", "cases", "ratio", "95 %", "ratio of ms", "wanted at most"))
    for over, under, wanted in TARGETS:
        under = best if under == BEST_EVICTING else under
        if over not in found or under not in found:
            continue
        above, below = _shared(found[over], found[under])
        if not above:
            continue
        mean, low, high = ratio(by_text(above, "kl"), by_text(below, "kl"))
        spent = milliseconds(above) / milliseconds(below)
        cells = (under, f"{len(above)}", f"{mean:.3f}", f"{low:.3f}–{high:.3f}", f"{spent:.2f}", f"{wanted:g}")
        lines.append(_row(over, *cells))
    return "\n".join(lines) if len(lines) > 2 else ""


def texts_table(found: Mapping[str, Rows]) -> str:
    """The KL text by text at an eighth: whether some text always suffers."""
    names = [name for name in found if name.endswith(" 1/8") or name == "KeyIndex 1/32"]
    texts = list(by_text(found[REFERENCE], "kl"))
    lines = _head("KL", texts)
    for name in names:
        groups = by_text(found[name], "kl")
        lines.append(_row(name, *(f"{fmean(groups[text]):.4f}" if text in groups else "–" for text in texts)))
    return "\n".join(lines)


def distance_table(found: Mapping[str, Rows]) -> str:
    """The KL by the steps since the last refresh, the full step itself being 0."""
    lines = _head("KL, steps since the refresh", [_span(first, last) for first, last in DISTANCES])
    for stride in sorted((10, *STRIDES)):
        name = f"{PAPER} 1/8" if stride == 10 else f"{PAPER} 1/8, stride {stride}"
        if name in found:
            lines.append(_row(f"stride {stride}", *_by_distance(found[name], stride)))
    return "\n".join(lines) if len(lines) > 2 else ""


def _by_distance(rows: Rows, stride: int) -> Iterable[str]:
    for first, last in DISTANCES:
        values = [
            value
            for row in rows
            for step, value in enumerate(row["kl"], 1)
            if first <= step % stride <= last  # the prompt's end chooses as a refresh does
        ]
        yield f"{fmean(values):.4f}" if values else "–"


def tasks_tables(tasks: Record) -> list[str]:
    """Task by task the share of right answers, in all, beside full attention's in the same items, and by turn."""
    return [tasks_table(tasks, task) for task in dict.fromkeys(row["task"] for row in tasks)]


def tasks_table(tasks: Record, task: str) -> str:
    """A row a configuration."""
    rows = [row for row in tasks if row["task"] == task]
    turns = len(rows[0]["right"])
    heads = PLACES_OF_TURNS.get(task, tuple(f"turn {turn + 1}" for turn in range(turns)))
    lines = _head(task, ("items", "right", "95 %", "of full", "95 %", *heads))
    full = answers(tasks, task, REFERENCE)
    for name in _in_order(row["name"] for row in rows):
        groups = answers(tasks, task, name)
        mean, low, high = interval(groups)
        beside, least, most = ratio(groups, full) if mean and full else (0.0, 0.0, 0.0)
        own = [row["right"] for row in rows if row["name"] == name]
        by_turn = (fmean(one for turns in own for one in turns[turn]) for turn in range(turns))
        left_out = f" (below {ENOUGH:g}: no other method)" if name == REFERENCE and mean < ENOUGH else ""
        cells = (f"{len(groups)}", f"{mean:.3f}", f"{low:.3f}–{high:.3f}", f"{beside:.2f}", f"{least:.2f}–{most:.2f}")
        lines.append(_row(f"{name}{left_out}", *cells, *(f"{share:.2f}" for share in by_turn)))
    return "\n".join(lines)


def rules_table(tasks: Record) -> str:
    """Of the constraints, the share of each that was followed: whether some are lost before others."""
    kept: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in tasks:
        if row["task"] == "constraints":
            for asked, right in zip(chain(*row["asked"]), chain(*row["right"]), strict=True):
                kept[row["name"]][asked].append(float(right))
    rules = [rule.begun for rule in RULES]
    lines = _head("constraints, by rule", [rule.strip(" “") for rule in rules])
    for name in _in_order(kept):
        lines.append(_row(name, *(f"{fmean(kept[name][rule]):.2f}" if kept[name][rule] else "–" for rule in rules)))
    return "\n".join(lines) if len(lines) > 2 else ""


def free_tables(free: Record) -> list[str]:
    """Of texts that were written freely, by what was asked for."""
    asks = dict.fromkeys(row["ask"] for row in free)
    return [free_table(ask, [row for row in free if row["ask"] == ask]) for ask in asks]


def free_table(ask: str, free: Rows) -> str:
    """A row a configuration, of those cases that all have."""
    names = _in_order(row["name"] for row in free)
    places = [{(row["case"], row["seed"]) for row in free if row["name"] == name} for name in names]
    common = set.intersection(*places) if places else set()
    rows = [row for row in free if (row["case"], row["seed"]) in common]
    lines = _head(ask, ("texts", "tokens", "95 %", "of full", "95 %", "ended", *MEASURES))
    full = _by_case([row for row in rows if row["name"] == REFERENCE], lambda row: row["length"])
    for name in names if full else ():
        own = [row for row in rows if row["name"] == name]
        lengths = _by_case(own, lambda row: row["length"])
        mean, low, high = interval(lengths)
        beside, least, most = ratio(lengths, full)
        measures = (_measured(own, measure) for measure in MEASURES.values())
        cells = (f"{len(own)}", f"{mean:.0f}", f"{low:.0f}–{high:.0f}", f"{beside:.2f}", f"{least:.2f}–{most:.2f}")
        lines.append(_row(name, *cells, f"{fmean(row['ended'] for row in own):.2f}", *measures))
    return "\n".join(lines) if len(lines) > 2 else ""


def _measured(rows: Rows, measure: Callable[[dict[str, Any]], float]) -> str:
    mean, low, high = interval(_by_case(rows, measure))
    return f"{mean:.3f} ({low:.3f}–{high:.3f})"


def _by_case(rows: Rows, measure: Callable[[dict[str, Any]], float]) -> dict[str, list[float]]:
    """A group for each text, of all its seeds."""
    groups: defaultdict[str, list[float]] = defaultdict(list)
    for row in rows:
        groups[row["case"]].append(measure(row))
    return dict(groups)


def _in_order(names: Iterable[str]) -> list[str]:
    """None twice, in the order of the registry."""
    found = set(names)
    return [one.name for one in configurations() if one.name in found]


def _shared(over: Rows, under: Rows) -> tuple[Rows, Rows]:
    """The rows of the cases that both have."""
    both = {row["case"] for row in over} & {row["case"] for row in under}
    return [row for row in over if row["case"] in both], [row for row in under if row["case"] in both]


def _span(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first}–{last}"


def _head(first: str, heads: Sequence[str], named: int = 1) -> list[str]:
    return [_row(first, *heads), "|" + " --- |" * named + " ---: |" * len(heads)]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
