"""A decode step as something to be traced or recorded: what graph_export.py and cuda_graph.py share.

A model under a trace is given a `TracedCache` and an attention function of its own, under which transformers makes no
mask. Both see tensors alone; where the new token goes is in them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor
from transformers import PreTrainedModel

TRACED_KEY = "traced_layer"
"""Keyword under which `TracedCache.update` hands a layer's tensors to the attention function."""


class TracedCache(ABC):
    """What the model takes for its cache while it is traced."""

    is_compileable = True

    @abstractmethod
    def hand_over(self, layer_idx: int, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        """What the attention function of this layer is given besides the new token, `(1, heads, 1, dim)`."""

    def update(self, key: Tensor, value: Tensor, layer_idx: int, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Returns the new token alone, as `PolicyLayer.update` does in a partial step."""
        kwargs["kwargs"][TRACED_KEY] = self.hand_over(layer_idx, key, value)
        return key, value

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Of no consequence, since the position ids are given."""
        return 0

    def get_mask_sizes(self, query_length: int, layer_idx: int) -> tuple[int, int]:
        """Of no consequence: no mask is made under the attention function of a trace."""
        return query_length, 0


def traced_step(model: PreTrainedModel, token: Tensor, position: Tensor, cache: Any) -> Tensor:
    """Logits `(1, vocabulary)` of `token` at `position`, both int64 `(1, 1)`. `cache`: a `TracedCache`."""
    output = model(input_ids=token, position_ids=position, cache=cache, use_cache=True, logits_to_keep=1)
    logits: Tensor = output.logits[:, -1]
    return logits
