"""TOVA: Oren, Hassid, Yarden, Adi, Schwartz, "Transformers are Multi-State RNNs", EMNLP 2024.

https://arxiv.org/abs/2401.06104
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..parallel import Processes
from .base import EvictingPolicy, Evictor, Observation, least, mean_weights
from .checks import check_budget, slots


@dataclass(frozen=True)
class TOVA(EvictingPolicy):
    """What the newest token attends to; at each step what it attends to least goes, the same in all heads of a layer.

    budget: K, a fraction of the prompt (float) or tokens (int). Raises InvalidParameterError.
    """

    summary: ClassVar[str] = (
        "Keeps what the newest token attends to; at each step what it attends to least is gone for good."
    )

    budget: float | int = 1 / 8

    def __post_init__(self) -> None:
        """Check the range."""
        check_budget(self.budget)

    def capacity(self, prompt_length: int) -> int:
        """Two at least: the newest token, and another."""
        return max(2, slots(self.budget, prompt_length))

    def choose(self, seen: Observation, count: int) -> Tensor:
        """The highest mean over all heads of the layer; the newest token always, which is not to go before it was of
        use."""
        scores = mean_weights(seen.weights, seen.others).unsqueeze(1).repeat(1, seen.weights.shape[1], 1)
        scores[..., -1] = 2.0
        if seen.valid is not None:
            scores = scores.masked_fill(~seen.valid, -1.0)
        return scores.topk(count).indices.flip(-1)

    def make_evictor(self) -> Evictor:
        """By the newest token's attention."""
        return LeastAttended()


class LeastAttended(Evictor):
    """Gives up the slot that the token before attended to least, in the mean over all heads."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._weights = torch.empty(0)
        self._others: Processes | None = None

    def begin(self, seen: Observation, positions: Tensor) -> None:
        """Start from the newest token of the prompt."""
        self._others = seen.others
        mean = mean_weights(seen.weights, seen.others).unsqueeze(1).expand(-1, positions.shape[1], -1)
        self._weights = mean.gather(-1, positions)

    def victim(self, positions: Tensor, newest: int, valid: Tensor | None) -> Tensor:
        """The same slot in every head: all heads hold the same positions in the same order. Never the newest's."""
        return least(self._weights, positions == newest - 1, valid)

    def claimed(self, slot: int | Tensor) -> None:
        """Its weight comes with the step."""
        if isinstance(slot, int):
            self._weights = torch.cat([self._weights, torch.zeros_like(self._weights[..., :1])], dim=-1)

    def observe(self, weights: Tensor) -> None:
        """The newest token's alone count."""
        self._weights = mean_weights(weights, self._others).unsqueeze(1).expand(-1, weights.shape[1], -1)

    def map_batch(self, function: Callable[[Tensor], Tensor]) -> None:
        """The weights follow."""
        self._weights = function(self._weights)
