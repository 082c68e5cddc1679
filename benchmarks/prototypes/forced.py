"""Text read behind a cache in one forward: what was predicted for its tokens, and how far that is from a reference."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core import PolicyCache
from core.sequence import PREFILL_CHUNK
from core.steps import forward

from ..quality.metrics import agreements, divergences, percentile

FOLLOWING = 80
"""Tokens whose predictions are compared."""


def read(model: PreTrainedModel, cache: PolicyCache, ids: Tensor, chunk: int = PREFILL_CHUNK) -> None:
    """More of a prompt, int64 `(tokens,)`, of which more is to come."""
    for piece in ids.split(chunk):
        with cache.prefill(last=False):
            forward(model, piece[None], cache)
    cache.prefilled = len(cache.token_ids)


@torch.no_grad()
def predictions(model: PreTrainedModel, cache: PolicyCache, ids: Tensor, count: int = FOLLOWING) -> Tensor:
    """Log-probabilities `(count, vocabulary)` of the last `count` of `ids` `(tokens,)`, of which there are more; the
    cache is left as it was."""
    assert count < len(ids)
    held = len(cache.token_ids)
    with cache.prefill(last=False):
        logits = model(input_ids=ids[None], cache=cache, use_cache=True, logits_to_keep=count + 1).logits[0, :-1]
    cache.token_ids += ids.tolist()
    cache.prefilled = len(cache.token_ids)
    cache.truncate(held)
    found: Tensor = logits.float().log_softmax(-1)
    return found


class Apart:
    """How far predictions are from their references, of all that were added."""

    def __init__(self) -> None:
        """None yet."""
        self.divergences: list[float] = []
        self.agreements: list[bool] = []

    def add(self, reference: Tensor, found: Tensor) -> None:
        """Log-probabilities `(tokens, vocabulary)` both."""
        self.divergences += divergences(reference, found)
        self.agreements += agreements(reference, found)

    def __str__(self) -> str:
        """Cells of a table: KL in the mean, its 95th percentile and worst, and how often the likeliest is the same."""
        found = self.divergences
        worst = f"{percentile(found, 0.95):.3f} | {max(found):.2f}"
        return f"{fmean(found):.4f} | {worst} | {100 * fmean(self.agreements):.1f} %"


def stretch(ids: Tensor, length: int) -> Tensor:
    """So many tokens of a text `(tokens,)`, from a quarter of it on."""
    begin = (len(ids) - length) // 4
    return ids[begin : begin + length]


def row(name: str, cells: Sequence[object]) -> str:
    """A line of a table."""
    return f"| {name} | {' | '.join(map(str, cells))} |"
