"""The next-token loss, a piece of the tokens at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, pad
from torch.utils.checkpoint import checkpoint

from .samples import IGNORED

PIECE = 512
"""Tokens whose logits are held in float32 at a time: 100 MB for 49,152 words."""


def next_token_loss(
    logits: Tensor, labels: Tensor, vocab_size: int, num_items_in_batch: Tensor | int | None = None, **kwargs: Any
) -> Tensor:
    """The mean negative log-likelihood of the next tokens (nats), as transformers calls a model's `loss_function`.

    logits: `(rows, length, vocabulary)` of any dtype; labels: int64 `(rows, length)`, IGNORED for none. Divided by
    `num_items_in_batch`, the labels of all forwards of an optimizer step, where it is given. transformers' own makes
    float32 copies of all logits, which of 4,000 tokens are a gigabyte; here they are made again for the gradient.
    """
    following = pad(labels, (0, 1), value=IGNORED)[..., 1:].reshape(-1)
    pieces = zip(logits.view(-1, vocab_size).split(PIECE), following.split(PIECE), strict=True)
    total = torch.stack([checkpoint(_summed, piece, own, use_reentrant=False) for piece, own in pieces]).sum()
    items = (following != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
    return total / items


def _summed(logits: Tensor, labels: Tensor) -> Tensor:
    return cross_entropy(logits.float(), labels, ignore_index=IGNORED, reduction="sum")
