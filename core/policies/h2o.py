"""H2O: Zhang et al., "H2O: Heavy-Hitter Oracle for Efficient Generative Inference of Large Language Models", 2023.

https://arxiv.org/abs/2306.14048
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from .base import EvictingPolicy, Evictor, Observation, least
from .checks import check_budget, slots


@dataclass(frozen=True)
class H2O(EvictingPolicy):
    """The tokens that received most attention so far, and the newest.

    budget: K, half of it heavy hitters and half the newest tokens: a fraction of the prompt (float) or tokens (int).
    The attention is summed over all tokens of the prompt, which takes a second attention over it, and goes on to be
    summed while it is written; query heads that share a KV head are summed too. Raises InvalidParameterError.
    """

    summary: ClassVar[str] = (
        "Keeps the tokens that received most attention so far and the newest ones; what falls out is gone for good."
    )

    budget: float | int = 1 / 8

    def __post_init__(self) -> None:
        """Check the range."""
        check_budget(self.budget)

    def capacity(self, prompt_length: int) -> int:
        """Two at least: a heavy hitter and the newest."""
        return max(2, slots(self.budget, prompt_length))

    def choose(self, seen: Observation, count: int) -> Tensor:
        """The newest half, and of the others those that received most."""
        received = seen.weights.sum(dim=2) if seen.received is None else seen.received
        scores = received.clone()
        recent = count - count // 2
        scores[..., -recent:] = torch.inf
        if seen.valid is not None:
            scores = scores.masked_fill(~seen.valid, -1.0)
        return scores.topk(count).indices.flip(-1)

    @property
    def sums_attention(self) -> bool:
        """Always."""
        return True

    def make_evictor(self) -> Evictor:
        """By the sums."""
        return HeavyHitters()


class HeavyHitters(Evictor):
    """Gives up the slot that received least, the newest half of the slots apart."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._received = torch.empty(0)

    def begin(self, seen: Observation, positions: Tensor) -> None:
        """Start from what the prompt gave."""
        received = seen.weights.sum(dim=2) if seen.received is None else seen.received
        self._received = received.gather(-1, positions)

    def victim(self, positions: Tensor, newest: int, valid: Tensor | None) -> Tensor:
        """Of the slots but those of the newest half, counted with the token to come."""
        slots = positions.shape[-1] if valid is None else valid.sum(dim=-1, keepdim=True)
        protected = positions > newest - (slots - slots // 2)
        return least(self._received, protected, valid)

    def received(self) -> Tensor:
        """The sums."""
        return self._received

    def claimed(self, slot: int | Tensor) -> None:
        """A new token has received nothing."""
        if isinstance(slot, int):
            self._received = torch.cat([self._received, torch.zeros_like(self._received[..., :1])], dim=-1)
        else:
            self._received = self._received.scatter(-1, slot.unsqueeze(-1), 0.0)

    def observe(self, weights: Tensor) -> None:
        """Add what each slot received."""
        self._received = self._received + weights.sum(dim=2)

    def map_batch(self, function: Callable[[Tensor], Tensor]) -> None:
        """The sums follow."""
        self._received = function(self._received)
