"""CItruS: Bai, Ding, Wang, Ding, Xu, Zhang 2024, "CItruS: Chunked Instruction-aware State Eviction for Long Sequence
Modeling", arXiv 2406.12018. Of a document that is read for a task, what is attended to is chosen by the task as well.

Here nothing is evicted: the instruction's queries score what a block of the prompt chooses, beside the block's own.
"""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core import PolicyCache
from core.extension import Extension
from core.rotary import Rotary
from core.window import Window


class Instructed(Extension):
    """A layer's state with the instruction's queries, unturned, `(1, query_heads, tokens, dim)`."""

    def __init__(self, window: Window, instruction: Tensor) -> None:
        """As its base."""
        super().__init__(window)
        self._instruction = instruction

    def _asking(self, query: Tensor, length: int, rotary: Rotary) -> Tensor:
        own = super()._asking(query, length, rotary)
        if query.shape[2] == 1:
            return own
        away = torch.full((self._instruction.shape[2],), self.window.size // 2)
        return torch.cat([own, rotary.moved(self._instruction, away).to(own.dtype)], dim=2)


def instruct(model: PreTrainedModel, cache: PolicyCache, ids: Tensor) -> None:
    """Let a cache of a llama model choose by an instruction `(tokens,)` as well, as it reads."""
    assert cache.window is not None
    for layer, queries in zip(cache.policy_layers.values(), queries_of(model, ids), strict=True):
        layer.extension = Instructed(cache.window, queries)


@torch.no_grad()
def queries_of(model: PreTrainedModel, ids: Tensor) -> list[Tensor]:
    """Of each layer, before they are turned, `(1, query_heads, tokens, dim)`."""
    found: list[Tensor] = []
    dim = model.config.head_dim
    layers = [module for name, module in model.named_modules() if name.endswith("q_proj")]
    hooks = [
        layer.register_forward_hook(lambda _, given, made: found.append(made.unflatten(-1, (-1, dim)).transpose(1, 2)))
        for layer in layers
    ]
    try:
        model(input_ids=ids[None], use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    return found
