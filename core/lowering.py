"""Logits processors that can be asked about a few tokens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor
from transformers import LogitsProcessor


class Lowering(LogitsProcessor, ABC):
    """A logits processor that raises no score, and makes of a score what it makes of it whatever the others are.

    So what is too low by its logit stays too low, and `Sampler` asks about the likeliest tokens alone, not about the
    vocabulary. Only where a processor leaves nothing at all may it, asked about all, give scores anew.
    """

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """`scores` `(1, vocabulary)` after `input_ids` `(1, length)`, as transformers calls it."""
        self.follow(input_ids)
        return self.lower(scores)

    @abstractmethod
    def follow(self, input_ids: Tensor) -> None:
        """Take in `input_ids` `(1, length)`, once a step."""

    @abstractmethod
    def lower(self, scores: Tensor, tokens: Sequence[int] | None = None) -> Tensor:
        """`scores` `(1, vocabulary)` after what was taken in, none higher; or `(1, n)` of `tokens` alone."""
