"""StreamingLLM: Xiao, Tian, Chen, Han, Lewis, "Efficient Streaming Language Models with Attention Sinks", ICLR 2024.

https://arxiv.org/abs/2309.17453
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from .base import EvictingPolicy, Observation
from .checks import check_budget, check_count, slots


@dataclass(frozen=True)
class StreamingLLM(EvictingPolicy):
    """The first tokens, to which models attend whatever they are, and a window of the newest.

    budget: K, sinks and window together: a fraction of the prompt (float) or tokens (int). sinks: how many first tokens
    (paper: 4). Keys keep the positions that they were computed at, as everywhere here; the paper numbers those in the
    cache anew, which matters beyond the trained window alone. Raises InvalidParameterError.
    """

    summary: ClassVar[str] = "Keeps the first tokens and the newest ones; all between is gone for good."

    budget: float | int = 1 / 8
    sinks: int = 4

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_budget(self.budget)
        check_count("sinks", self.sinks, 0)

    def capacity(self, prompt_length: int) -> int:
        """The sinks and one more at least."""
        return max(self.sinks + 1, slots(self.budget, prompt_length))

    def choose(self, seen: Observation, count: int) -> Tensor:
        """The oldest of the window first; the sinks, which stay, last."""
        batch, heads, _, length = seen.weights.shape
        device = seen.weights.device
        if seen.valid is None:
            order = torch.arange(length, device=device).expand(batch, heads, -1)
        else:  # what may not be chosen ranks below everything
            order = seen.valid.expand(-1, heads, -1).long().cumsum(-1) - 1
            order = order.masked_fill(~seen.valid, -length)
        ranks = torch.where((order >= 0) & (order < self.sinks), order + length, order)
        return ranks.topk(count).indices.flip(-1)

    @property
    def pinned(self) -> int:
        """The sinks."""
        return self.sinks
