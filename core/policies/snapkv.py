"""SnapKV: Li et al., "SnapKV: LLM Knows What You are Looking for Before Generation", NeurIPS 2024.

https://arxiv.org/abs/2404.14469
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

from .base import EvictingPolicy, Observation
from .checks import check_budget, check_count, check_pool_kernel_size, slots


@dataclass(frozen=True)
class SnapKV(EvictingPolicy):
    """Of the prompt what its last tokens attend to, and those; then every new token is added.

    budget: K, of the prompt's tokens, the window among them: a fraction (float) or tokens (int). window: how many last
    tokens vote (paper: 16 to 64). pool_kernel_size: window of the average pooling along positions, odd.
    Raises InvalidParameterError.
    """

    summary: ClassVar[str] = (
        "Keeps what the end of the prompt attends to and all that is written; the rest of the prompt is gone for good."
    )

    budget: float | int = 1 / 8
    window: int = 32
    pool_kernel_size: int = 5

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_budget(self.budget)
        check_count("window", self.window, 1)
        check_pool_kernel_size(self.pool_kernel_size)

    def capacity(self, prompt_length: int) -> int:
        """The window at least."""
        return max(self.window, slots(self.budget, prompt_length))

    def choose(self, seen: Observation, count: int) -> Tensor:
        """The mean over the window's queries, pooled, the mean over the group; the window itself before all."""
        attention = seen.weights.unsqueeze(3) if seen.recent is None else seen.recent
        window = min(self.window, attention.shape[4])
        votes = attention[..., -window:].new_zeros(*attention.shape[:3], attention.shape[4])
        votes[..., :-window] = _pooled(attention[..., :-window].mean(dim=3), self.pool_kernel_size)
        scores = votes.mean(dim=2)
        scores[..., -window:] = scores.amax(dim=-1, keepdim=True) + 1
        if seen.valid is not None:
            scores = scores.masked_fill(~seen.valid, -1.0)
        return scores.topk(count).indices.flip(-1)

    @property
    def queries(self) -> int:
        """The window."""
        return self.window

    @property
    def grows(self) -> bool:
        """Always."""
        return True


def _pooled(votes: Tensor, size: int) -> Tensor:
    """The mean of `size` positions around each, zeros beyond the ends: `(batch, heads, group, length)`."""
    if votes.shape[-1] == 0:
        return votes
    pooled: Tensor = avg_pool1d(votes.flatten(1, 2), size, stride=1, padding=size // 2).view_as(votes)
    return torch.nan_to_num(pooled)
