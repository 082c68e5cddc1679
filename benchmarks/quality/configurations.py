"""What is measured: every method that the registry offers, at its defaults, at several budgets, strides and bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from core.policies import METHODS, FullAttention, Policy, RefreshKV

BUDGETS = (1 / 8, 1 / 32, 1 / 16, 1 / 4)
LEAST = 1 / 64
STRIDES = (5, 25, 50)
BITS = (2, 3, 4)
REFERENCE = "FullAttention"
PAPER = "RefreshKV.paper"


@dataclass(frozen=True)
class Configuration:
    """A policy and how it is called in tables. `tier`: the lower ones are measured first, in all texts. `compiled`:
    whether its steps may be taken by the compiled graph."""

    method: str
    policy: Policy
    parameters: str = ""
    tier: int = 0
    compiled: bool = True

    @property
    def name(self) -> str:
        """Its name with all parameters that are not the defaults."""
        return f"{self.method} {self.parameters}".strip()


def configurations() -> list[Configuration]:
    """All, none twice, the lower tiers first."""
    return sorted(dict.fromkeys(_all()), key=lambda configuration: configuration.tier)


def of_tasks() -> list[Configuration]:
    """Those that tasks are given to: the first tier, at the methods' own bits."""
    return [one for one in configurations() if one.tier == 0 and one.compiled and "bits" not in one.parameters]


def of_free_text() -> list[Configuration]:
    """Those that write freely: full attention, the small caches at an eighth, and KeyIndex at less too."""
    eighth = ("RefreshKV", PAPER, "StreamingLLM", "SnapKV")
    names = {REFERENCE, *(f"{name} {_budget(1 / 8)}" for name in eighth)}
    names |= {f"KeyIndex {_budget(budget)}" for budget in (1 / 8, 1 / 16, 1 / 32)}
    return [one for one in configurations() if one.name in names]


def _all() -> Iterator[Configuration]:
    yield Configuration(REFERENCE, FullAttention())
    yield Configuration(REFERENCE, FullAttention(), "not compiled", compiled=False)
    for tier, budget in enumerate(BUDGETS):
        yield Configuration(PAPER, RefreshKV.paper(budget=budget), _budget(budget), tier)
    for stride in STRIDES:
        yield Configuration(PAPER, RefreshKV.paper(stride=stride), f"{_budget(1 / 8)}, stride {stride}", 4)
    yield Configuration(PAPER, RefreshKV.paper(similarity_threshold=0.95), f"{_budget(1 / 8)}, threshold 0.95", 4)
    for name, method in METHODS.items():
        default: Any = method()
        settings = {field.name for field in fields(default)}
        if "budget" not in settings:
            continue
        # H2O sums the attention of the whole prompt, which takes a prefill of its own: its other budgets come last.
        late = 5 if default.sums_attention else 0
        for tier, budget in enumerate(BUDGETS):
            tier = 0 if "spread" in settings and budget in (1 / 32, default.budget) else tier
            yield Configuration(name, replace(default, budget=budget), _budget(budget), tier + (late if tier else 0))
        if "spread" in settings:
            # Its floor, made for short prompts, would make more of it.
            yield Configuration(name, replace(default, budget=LEAST, floor=0), f"{_budget(LEAST)}, no floor", 4)
            for budget in BUDGETS[:3]:
                yield Configuration(name, replace(default, budget=budget, spread=1), f"{_budget(budget)}, spread 1", 4)
            for bits in BITS:
                if bits != default.bits:
                    for tier, budget in enumerate(BUDGETS[:2]):
                        policy = replace(default, budget=budget, bits=bits)
                        yield Configuration(name, policy, f"{_budget(budget)}, {bits} bits", tier)


def _budget(budget: float) -> str:
    return f"1/{round(1 / budget)}"
