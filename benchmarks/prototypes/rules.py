"""What a rule is here, and those that policies follow, to compare with. Of one layer, float32.

Shapes: query `(heads, group, dim)`, keys and values `(heads, length, dim)`, all that the layer holds at a step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from core.key_codes import KeyCodes, choose_positions
from core.selection import pool_scores

RECENT = 32
"""Newest positions that are always among those attended to."""
SINKS = 4
"""First positions that StreamingLLM and HiP attend to always."""


class Rule(ABC):
    """A way to attend to `budget` positions, or to as many bytes."""

    read: float = 0.0
    """Positions' worth of keys and values that a step reads, for a query head."""

    def __init__(self, budget: int) -> None:
        """Nothing was seen yet."""
        self.budget = budget

    def begin(self, query: Tensor, keys: Tensor, values: Tensor) -> None:  # noqa: B027 (most remember nothing)
        """The prompt has ended with this query."""

    @abstractmethod
    def attend(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The output of a decode step, `(heads, group, dim)`."""


def attention(query: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None = None) -> Tensor:
    """Exactly, with a logarithm of a weight for each position, `(heads, 1, length)`."""
    scores = scores_of(query, keys)
    return (scores if bias is None else scores + bias).softmax(-1) @ values


def scores_of(query: Tensor, keys: Tensor) -> Tensor:
    """`(heads, group, length)`, scaled."""
    scores: Tensor = query @ keys.transpose(1, 2) * query.shape[-1] ** -0.5
    return scores


def attend_to(query: Tensor, keys: Tensor, values: Tensor, positions: Tensor) -> Tensor:
    """To `positions` `(heads, count)` alone."""
    index = positions.unsqueeze(-1).expand(-1, -1, keys.shape[2])
    return attention(query, keys.gather(1, index), values.gather(1, index))


class ExactTop(Rule):
    """The positions with the highest scores for each query, which nothing that reads less than all keys knows."""

    def attend(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The largest of the group's scores count."""
        scores = scores_of(query, keys).amax(dim=1)
        scores[:, -RECENT:] = torch.inf
        self.read = keys.shape[1] / 2 + self.budget
        return attend_to(query, keys, values, scores.topk(self.budget).indices)


class Refreshed(Rule):
    """RefreshKV's choice, made every `stride` steps, and the tokens since."""

    def __init__(self, budget: int, stride: int = 10) -> None:
        """No choice yet."""
        super().__init__(budget)
        self._stride, self._step = stride, 0

    def begin(self, query: Tensor, keys: Tensor, values: Tensor) -> None:
        """The first choice."""
        weights = scores_of(query, keys).softmax(-1).amax(dim=1)
        self._chosen = pool_scores(weights[None], 7)[0].topk(self.budget).indices

    def attend(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """A full step chooses anew."""
        self._step += 1
        self.read = (keys.shape[1] + (self._stride - 1) * self.budget) / self._stride
        if self._step % self._stride == 0:
            self.begin(query, keys, values)
            return attention(query, keys, values)
        newest = torch.full_like(self._chosen[:, :1], keys.shape[1] - 1)
        self._chosen = torch.cat([self._chosen[:, :-1], newest], dim=1).roll(1, dims=1)
        return attend_to(query, keys, values, self._chosen)


class Window(Rule):
    """StreamingLLM: the first four and the newest."""

    def attend(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Fixed places."""
        self.read = self.budget
        kept = torch.cat([torch.arange(SINKS), torch.arange(keys.shape[1] - self.budget + SINKS, keys.shape[1])])
        return attention(query, keys[:, kept], values[:, kept])


class Coded(Rule):
    """KeyIndex at 3 bits."""

    def begin(self, query: Tensor, keys: Tensor, values: Tensor) -> None:
        """The codes of the prompt's keys."""
        self._codes = KeyCodes(keys[None], bits=3)

    def attend(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """A position's code takes as much as 3 of 32 bits of its keys and values."""
        self._codes.append(keys[None, :, self._codes.length :])
        self.read = keys.shape[1] * 3 / 32 + self.budget
        scores = self._codes.scores(query.flatten(0, 1)[None, :, None], query.shape[-1] ** -0.5)
        return attend_to(query, keys, values, choose_positions(scores, self.budget, RECENT)[0])
