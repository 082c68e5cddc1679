"""Text that is given: a logits processor that lets only its tokens be written, one after another."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from transformers import LogitsProcessor


class Dictation(LogitsProcessor):
    """Leaves one token at each step: the next of `tokens`, and after the last of them `end`.

    The model reads what it did not choose, so that its attention over the prompt can be followed while known sentences
    are written. `tokens` may be made as they are asked for. For one run; one row.
    """

    def __init__(self, tokens: Iterable[int], end: int) -> None:
        """`end`: a token that ends the run."""
        self._tokens = iter(tokens)
        self._end = end

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """`scores` `(1, vocabulary)`, -inf for all tokens but one."""
        dictated = torch.full_like(scores, -torch.inf)
        dictated[:, next(self._tokens, self._end)] = 0.0
        return dictated
