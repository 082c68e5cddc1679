"""CItruS: Bai, Ding, Wang, Ding, Xu, Zhang 2024, "CItruS: Chunked Instruction-aware State Eviction for Long Sequence
Modeling", arXiv 2406.12018. Of a document that is read for a task, what is attended to is chosen by the task as well.

Here nothing is evicted: the instruction's queries score what a block of the prompt chooses, beside the block's own.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import max_pool1d
from transformers import PreTrainedModel

from core import PolicyCache
from core.extension import POOL, SINKS, Extension
from core.key_codes import choose_positions
from core.rotary import Rotary
from core.window import Window

AT_ONCE = 16
"""Of the instruction's queries, scored in one pass."""


class Instructed(Extension):
    """A layer's state with the instruction's queries, unturned, `(1, query_heads, tokens, dim)`."""

    def __init__(self, window: Window, instruction: Tensor) -> None:
        """As its base."""
        super().__init__(window)
        self._instruction = instruction

    def _choose(self, query: Tensor, keys: Tensor, old: int, count: int, scaling: float, rotary: Rotary) -> Tensor:
        new, heads = query.shape[2], keys.shape[1]
        if new == 1:
            return super()._choose(query, keys, old, count, scaling, rotary)
        apart = -(-new // self.window.asking)
        asking = torch.arange((new - 1) % apart, new, apart)
        own = rotary.moved(query[:, :, asking], self.window.size // 2 - (keys.shape[2] - new + asking))
        length = self._instruction.shape[2]
        task = rotary.moved(self._instruction, torch.full((length,), self.window.size // 2))
        codes = self._index(keys, old, rotary)
        scores = torch.full((1, heads, old), -torch.inf)
        for piece in (own, *task.to(own.dtype).split(AT_ONCE, dim=2)):
            rows = piece.unflatten(1, (heads, -1)).flatten(2, 3)
            rows = torch.cat([rows, rows[:, :, : -rows.shape[2] % 4]], dim=2)  # the kernel takes them by fours
            scores = torch.maximum(scores, codes.scores(rows.reshape(1, -1, 1, rows.shape[3]), scaling))
        scores = max_pool1d(scores, POOL, stride=1, padding=POOL // 2)
        scores[:, :, :SINKS] = torch.inf
        return choose_positions(scores, min(count, old), recent=0)


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
