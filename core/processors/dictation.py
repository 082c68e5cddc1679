"""Text that is given: a logits processor that lets only its tokens be written, one after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

import torch
from torch import Tensor
from transformers import LogitsProcessor


class Dictation(LogitsProcessor):
    """Leaves one token at each step: the next of `tokens`, and after the last of them `end`.

    The model reads what it did not choose, so that its attention over the prompt can be followed while known sentences
    are written. `tokens` may be made as they are asked for, some steps ahead. For one run; one row.
    """

    def __init__(self, tokens: Iterable[int], end: int) -> None:
        """`end`: a token that ends the run."""
        self._tokens = iter(tokens)
        self._ahead = deque[int]()
        self._end = end

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """`scores` `(1, vocabulary)`, -inf for all tokens but one."""
        dictated = torch.full_like(scores, -torch.inf)
        dictated[:, self.upcoming(1)[0]] = 0.0
        self._ahead.popleft()
        return dictated

    def upcoming(self, count: int) -> list[int]:
        """The next tokens, so many at most and one at least: what a step may already go through (drafting.py)."""
        self._ahead.extend(islice(self._tokens, max(0, count - len(self._ahead))))
        if not self._ahead:
            self._ahead.append(self._end)
        return list(islice(self._ahead, count))
