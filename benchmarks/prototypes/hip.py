"""HiP: Lee et al., "A Training-Free Sub-Quadratic Cost Transformer Model Serving Framework with Hierarchically Pruned
Attention", ICLR 2025, https://arxiv.org/abs/2406.09827: the top K by a search in a tree, without a score for every key.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .rules import RECENT, SINKS, Rule, attention, scores_of


class HiP(Rule):
    """The past in K stretches; each is halved, a half is scored by the key in its middle, the best K halves stay, until
    they are single positions. Each query head searches for itself."""

    def attend(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The first ones and the newest are attended to besides."""
        heads, group, dim = query.shape
        past, kept = keys.shape[1] - RECENT, self.budget - RECENT - SINKS
        own = keys.repeat_interleave(group, dim=0), values.repeat_interleave(group, dim=0)
        each = query.reshape(heads * group, 1, dim)
        edges = torch.linspace(SINKS, past, kept + 1).long()
        begins = edges[:-1].expand(len(each), -1)
        ends = edges[1:].expand(len(each), -1)
        scored = 0
        while int((ends - begins).max()) > 1:
            middles = (begins + ends) // 2
            # A stretch of one position has one half; the other is empty and scores nothing.
            begins, ends = torch.cat([begins, middles], dim=1), torch.cat([middles, ends], dim=1)
            centres = ((begins + ends) // 2).clamp(max=past - 1)
            scores = scores_of(each, _at(own[0], centres))[:, 0].masked_fill(ends <= begins, -torch.inf)
            best = scores.topk(kept).indices
            begins, ends = begins.gather(1, best), ends.gather(1, best)
            scored += centres.shape[1]
        self.read = scored / 2 + self.budget
        always = torch.cat([torch.arange(SINKS), torch.arange(past, keys.shape[1])]).expand(len(each), -1)
        positions = torch.cat([begins, always], dim=1)
        return attention(each, _at(own[0], positions), _at(own[1], positions)).view(heads, group, dim)


def _at(states: Tensor, positions: Tensor) -> Tensor:
    return states.gather(1, positions.unsqueeze(-1).expand(-1, -1, states.shape[2]))
