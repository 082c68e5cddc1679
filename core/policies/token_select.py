"""TokenSelect: Wu et al., "TokenSelect: Efficient Long-Context Inference and Length Extrapolation for LLMs via Dynamic
Token-Level KV Cache Selection", EMNLP 2025.

https://arxiv.org/abs/2411.02886
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from ..errors import InvalidParameterError
from .base import LayerIndex, Policy, mean_query, of_rows
from .checks import check_budget, check_count, is_cosine, slots


@dataclass(frozen=True)
class TokenSelect(Policy):
    """At a step the tokens for which all heads of a layer vote, one choice for all of them; it stays while queries stay
    alike.

    budget: K, tokens read at a step, with sinks and recent ones: a fraction of the prompt (float) or tokens (int).
    sinks, recent: first and newest tokens that are always read. similarity: cosine of the query to the one that chose,
    from which on a choice is used again. stride: steps between two reports of what is read.
    Raises InvalidParameterError.
    """

    summary: ClassVar[str] = "Reads the tokens for which all heads vote, chosen anew when the query has changed."

    budget: float | int = 1 / 8
    sinks: int = 4
    recent: int = 32
    similarity: float = 0.9
    stride: int = 10

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_budget(self.budget)
        for name, least in (("sinks", 0), ("recent", 1), ("stride", 1)):
            check_count(name, getattr(self, name), least)
        if not is_cosine(self.similarity):
            raise InvalidParameterError(
                "similarity-out-of-range",
                "similarity is {similarity}; a cosine similarity lies between -1 and 1. Pass 1 for a choice at every "
                "step.",
                similarity=repr(self.similarity),
            )

    def capacity(self, prompt_length: int) -> int:
        """What is always read and one more at least."""
        return max(self.sinks + self.recent + 1, slots(self.budget, prompt_length))

    def make_index(self) -> LayerIndex:
        """The last choice."""
        return Votes(self.sinks, self.recent, self.similarity)

    def is_check_step(self, decode_step: int) -> bool:
        """Every `stride`-th step is reported."""
        return decode_step % self.stride == 0


class Votes(LayerIndex):
    """The last choice, and the query that made it."""

    def __init__(self, sinks: int, recent: int, similarity: float) -> None:
        """Nothing was chosen yet."""
        self._sinks, self._recent, self._similarity = sinks, recent, similarity
        self._query: Tensor | None = None
        self._chosen = torch.empty(0, dtype=torch.long)
        self._length = self._seen = 0

    def update(self, keys: Tensor, valid: Tensor | None = None) -> None:
        """The keys themselves are scored."""

    def choose(
        self, query: Tensor, keys: Tensor, scaling: float, counts: Sequence[int], valid: Tensor | None
    ) -> Tensor:
        """The first, the chosen, and all since the choice with the recent ones before it."""
        heads, length = keys.shape[1:3]
        current = mean_query(query, self.others)
        goes_on = length <= self._seen + 1  # else more of a prompt came between
        self._seen = length
        if not (goes_on and self._is_alike(current)):
            self._query, self._length = current, length
            ranked = self._vote(query, keys, scaling, max(counts), valid)
            self._chosen = of_rows(ranked.unsqueeze(1), counts)
        since = torch.arange(self._length, length, device=keys.device).expand(keys.shape[0], 1, -1)
        return torch.cat([self._chosen, since], dim=-1).expand(-1, heads, -1)

    def _is_alike(self, query: Tensor) -> bool:
        """Whether the queries `(batch, dim)` of all rows are like those that chose."""
        if self._query is None:
            return False
        return bool((cosine_similarity(query, self._query, dim=-1) > self._similarity).all())

    def _vote(self, query: Tensor, keys: Tensor, scaling: float, count: int, valid: Tensor | None) -> Tensor:
        """`(batch, about count)`: every query head votes with its probabilities (section 4.2); then the recent ones."""
        heads, length = keys.shape[1:3]
        grouped = (query[:, :, 0] * scaling).float().unflatten(1, (heads, -1))
        scores = grouped @ keys.float().transpose(-1, -2)
        if valid is not None:
            scores = scores.masked_fill(~valid.unsqueeze(2), torch.finfo(scores.dtype).min)
        votes = scores.softmax(dim=-1).sum(dim=(1, 2))
        if self.others is not None:
            votes = self.others.summed(votes)
        if valid is None:
            votes[:, : self._sinks] = torch.inf
        else:  # the first that are no padding
            there = valid.any(dim=1)
            votes = votes.masked_fill(there & (there.long().cumsum(dim=-1) <= self._sinks), torch.inf)
        begin = min(length, max(self._sinks, length - self._recent))
        recent = torch.arange(begin, length, device=keys.device).expand(keys.shape[0], -1)
        wanted = min(begin, max(self._sinks, count - (length - begin)))
        return torch.cat([votes[:, :begin].topk(wanted).indices.flip(-1), recent], dim=-1)

    def truncate(self, length: int) -> None:
        """A choice made with tokens that are gone is none."""
        self._seen = min(self._seen, length)
        if length < self._length:
            self._query = None

    def map_batch(self, function: Callable[[Tensor], Tensor]) -> None:
        """Query and choice follow."""
        if self._query is not None:
            self._query, self._chosen = function(self._query), function(self._chosen)

    @property
    def nbytes(self) -> int:
        """Bytes of the choice."""
        return self._chosen.nbytes
