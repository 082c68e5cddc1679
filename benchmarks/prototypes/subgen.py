"""SubGen: Zandieh, Han, Mirrokni, Karbasi, "SubGen: Token Generation in Sublinear Time and Memory", 2024,
https://arxiv.org/abs/2402.06082: attention estimated from samples, in the room of K positions; the rest is gone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .rules import RECENT, Rule, attention, scores_of


class SubGen(Rule):
    """Algorithm 1: the softmax's sum from one key of each cluster, weighted by the cluster's size, the weighted values
    from samples drawn by their squared norm. The newest exactly. A kept key alone takes half a position."""

    def begin(self, query: Tensor, keys: Tensor, values: Tensor) -> None:
        """Draw the samples of the past; half of the room for either."""
        self._length = keys.shape[1] - RECENT
        old_keys, old_values = keys[:, : self._length], values[:, : self._length]
        room = self.budget - RECENT
        clusters, sizes = clustered(old_keys, room)
        drawn = torch.rand(clusters.shape[0], room, self._length).masked_fill(
            clusters.unsqueeze(1) != torch.arange(room)[:, None], -1
        )
        members = drawn.argmax(-1)  # one of each cluster, by chance
        self._summed, self._sizes = _at(old_keys, members), sizes
        norms = old_values.square().sum(-1)
        samples = torch.multinomial(norms, room // 2, replacement=True)
        self._sampled = _at(old_keys, samples), _at(old_values, samples)
        self._weights = norms.sum(-1, keepdim=True) / (room // 2) / norms.gather(1, samples)

    def attend(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The estimate."""
        self.read = self.budget
        recent = scores_of(query, keys[:, self._length :])
        sampled, summed = scores_of(query, self._sampled[0]), scores_of(query, self._summed)
        most = torch.cat([recent, sampled, summed], dim=-1).amax(-1, keepdim=True)
        recent, sampled, summed = ((scores - most).exp() for scores in (recent, sampled, summed))
        total = recent.sum(-1, keepdim=True) + (summed * self._sizes.unsqueeze(1)).sum(-1, keepdim=True)
        weighted = (sampled * self._weights.unsqueeze(1)) @ self._sampled[1]
        return (recent @ values[:, self._length :] + weighted) / total


class Centres(Rule):
    """The part of it that a softmax with a weight for each slot can say: the clusters' centres with keys and values,
    each counted as often as its cluster has members; and the newest."""

    def begin(self, query: Tensor, keys: Tensor, values: Tensor) -> None:
        """Find them."""
        self._length = keys.shape[1] - RECENT
        room = self.budget - RECENT
        clusters, sizes = clustered(keys[:, : self._length], room)
        ones = torch.nn.functional.one_hot(clusters, room).float().transpose(1, 2) / sizes.clamp(min=1).unsqueeze(-1)
        self._kept = ones @ keys[:, : self._length], ones @ values[:, : self._length]
        self._bias = sizes.log().unsqueeze(1)

    def attend(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Centres and the newest, in one softmax."""
        self.read = self.budget
        newest = keys[:, self._length :], values[:, self._length :]
        bias = torch.cat([self._bias, torch.zeros(len(keys), 1, newest[0].shape[1])], dim=-1)
        states = [torch.cat(pair, dim=1) for pair in zip(self._kept, newest, strict=True)]
        return attention(query, states[0], states[1], bias)


def clustered(keys: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Greedy k-centre: each next centre is the key farthest from all before. Of each key its cluster `(heads, length)`,
    and of each cluster its size, float32 `(heads, count)`."""
    heads = torch.arange(len(keys))
    nearest = torch.full(keys.shape[:2], torch.inf)
    clusters = torch.zeros(keys.shape[:2], dtype=torch.long)
    centre = torch.zeros(len(keys), dtype=torch.long)
    for index in range(count):
        distance = (keys - keys[heads, centre].unsqueeze(1)).square().sum(-1)
        clusters[distance < nearest] = index
        nearest = torch.minimum(nearest, distance)
        centre = nearest.argmax(-1)
    return clusters, torch.zeros(len(keys), count).scatter_add(1, clusters, torch.ones_like(nearest))


def _at(states: Tensor, positions: Tensor) -> Tensor:
    return states.gather(1, positions.unsqueeze(-1).expand(-1, -1, states.shape[2]))
