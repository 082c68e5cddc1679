"""A prompt through the layers of a Llama by the CPU kernels: two operations a layer beside attention (prompt_layer.h).

The model's own modules make some forty operations of a layer, each of which reads and writes all activations, in
bfloat16. Here they stay in float32 from layer to layer, and are rounded where they meet a weight. Attention goes the
way it goes from the modules: through the cache and `attention_forward`, so that every method sees what it has to.

KL divergence of SmolLM2-135M to its float32 weights over three texts, by the modules in bfloat16 with the weights
written out / here: 0.0031 / 0.0034 (1,024 tokens), 0.0038 / 0.0041 and 0.0037 / 0.0034 (3,000 tokens).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from . import kernels
from .attention import attention_forward
from .cache import PolicyCache
from .int4 import KERNEL_ROWS, Int4Linear, reads_many_rows
from .layer import PROMPT_STEPS
from .llama import Layer, layers_of

VECTOR = 64
"""Sizes of heads are to be multiples of it."""


def read_prompt(model: PreTrainedModel, ids: Tensor, cache: PolicyCache) -> Tensor | None:
    """The logits `(1, 1, vocabulary)` of the last of `ids` `(1, new)`, with what the model's forward leaves in `cache`;
    None, with the cache untouched, for a forward that is not for these operations."""
    layers = _layers(model, ids, cache)
    if layers is None:
        return None
    inner, past = model.model, cache.get_seq_length()
    with _threads(cache):
        hidden = inner.embed_tokens(ids)[0].float()
        positions = torch.arange(past, past + ids.shape[1]).unsqueeze(0)
        cos, sin = (part[0].contiguous() for part in inner.rotary_emb(hidden, position_ids=positions))
        for index, layer in enumerate(layers):
            _read(layer, index, hidden, cos, sin, model.dtype, cache)
        logits: Tensor = model.lm_head(inner.norm(hidden[-1:].to(model.dtype))).unsqueeze(0)
    return logits


def _read(
    layer: Layer, index: int, hidden: Tensor, cos: Tensor, sin: Tensor, dtype: torch.dtype, cache: PolicyCache
) -> None:
    """One layer, in place of `hidden` `(new, size)`; cos and sin `(new, dim)`, all float32. dtype: of the attention."""
    query, key, value = torch.ops.refreshkv.prompt_inputs(
        hidden, layer.first.weight, layer.first.epsilon, *_stored(layer.inputs), cos, sin, dtype.itemsize
    )
    given: dict[str, Any] = {}
    keys, values = cache.update(key, value, index, kwargs=given)
    attended, _ = attention_forward(
        layer.attention, query, keys, values, None, scaling=layer.attention.scaling, **given
    )
    torch.ops.refreshkv.prompt_outputs(
        hidden, attended, layer.second.weight, layer.second.epsilon, *_stored(layer.outputs)
    )


def _stored(linears: tuple[Int4Linear, ...]) -> tuple[list[Tensor], list[Tensor]]:
    return [linear.weight for linear in linears], [linear.scale for linear in linears]


def _threads(cache: PolicyCache) -> AbstractContextManager[None]:
    """The kernels' own threads, except where a method has torch sum all attention of a prompt."""
    sums = any(layer.policy.sums_attention for layer in cache.policy_layers.values())
    return nullcontext() if sums else kernels.own_threads()


def _layers(model: PreTrainedModel, ids: Tensor, cache: PolicyCache) -> list[Layer] | None:
    """The layers of `model`, if they are a Llama's with 4-bit linears and `ids` are more of a prompt."""
    prompt = all(layer.forced_step in PROMPT_STEPS for layer in cache.policy_layers.values())
    few = ids.shape[0] > 1 or ids.shape[1] <= KERNEL_ROWS
    if few or not prompt or len(cache.policy_layers) < len(cache.layers) or model.training:
        return None
    layers = layers_of(model, VECTOR)
    if layers is None or len(layers) < len(cache.layers) or _is_watched(model):
        return None
    return layers if reads_many_rows(model.model.norm.weight.detach()) else None


def _is_watched(model: nn.Module) -> bool:
    """Whether somebody is to be called when a module is."""
    return any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
