"""How decode steps are taken: one protocol for the step that is compiled for the CPU (graph.py), the one recorded on a
GPU (cuda_graph.py), and the model's own modules (steps.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from torch import Tensor
from transformers import PreTrainedModel

from .cache import PolicyCache

FASTER_ATTRIBUTE = "refreshkv_step"
"""Attribute of a model under which its compiled or recorded step is found."""

Checked: TypeAlias = tuple[Tensor, Callable[[int], None], Sequence[Tensor]]
"""Of tokens that follow one another: the logits `(tokens, vocabulary)`; what lets the one at a place belong to the
cache; and, if asked for, what each attended to, `(layers, heads, group, length)`."""


class DecodeStep(Protocol):
    """Takes decode steps of one model."""

    def step(self, token: Tensor, cache: PolicyCache) -> Tensor | None:
        """Logits `(1, vocabulary)` of `token`, int64 `(1, 1)`, with the traces in `cache` of the model's forward; None,
        with the cache untouched, for a step that is not its."""
        ...

    def verify(self, tokens: Tensor, cache: PolicyCache, *, weights: bool = False) -> Checked | None:
        """Of `tokens`, int64 `(rows, 1)`, that follow one another in `cache`, each as the decode step that it would be
        alone; `weights`: with what they attend to. None, with the cache untouched, where it cannot."""
        ...


@runtime_checkable
class SharedStep(DecodeStep, Protocol):
    """One that takes tokens of several caches at once."""

    @property
    def most_rows(self) -> int:
        """So many at most."""
        ...

    def serves(self, cache: PolicyCache) -> bool:
        """Whether it takes the next step in `cache`."""
        ...

    def step_together(self, tokens: Tensor, caches: Sequence[PolicyCache]) -> Tensor:
        """As `step`, of a token of each of several caches that it serves: `(rows, 1)` to `(rows, vocabulary)`."""
        ...


def faster_step(model: PreTrainedModel) -> DecodeStep | None:
    """The compiled or recorded step of `model`, if there is one."""
    return getattr(model, FASTER_ATTRIBUTE, None)
