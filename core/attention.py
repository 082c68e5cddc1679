"""Attention under a policy: the function transformers calls, and its registration.

Nothing is registered or switched at import: `enable` does it. Without a `PolicyCache` an enabled model computes stock
attention. Shapes: query `(batch, query_heads, new, dim)`, key and value `(batch, heads, length, dim)`, where `heads`
are KV heads and `group = query_heads / heads`. Keys and values may be stored in a narrower dtype than the query's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from . import kernels
from .applicable import require_replaceable
from .errors import InvalidParameterError, PolicyInactiveError
from .layer import ATTENTION_NAME, LAYER_KEY, PolicyLayer, Step
from .selection import gather_positions
from .storage import SmallCache


def enable(model: PreTrainedModel) -> PreTrainedModel:
    """Switch `model` to the attention function the policies act in, and return it. Calling it again does nothing.

    Raises PolicyInactiveError if the architecture does not let its attention function be chosen, or needs another one;
    InvalidParameterError if it is given no model of transformers.
    """
    if not isinstance(model, nn.Module) or not hasattr(model, "set_attn_implementation"):
        raise InvalidParameterError(
            "model-of-another-kind",
            "enable takes a model of transformers, such as AutoModelForCausalLM.from_pretrained gives, and got {kind}.",
            kind=type(model).__name__,
        )
    config = model.config.get_text_config(decoder=True)
    require_replaceable(config)
    AttentionInterface.register(ATTENTION_NAME, attention_forward)
    # Without a mask function of the same name transformers passes no mask at all, and left-padded batches are wrong.
    AttentionMaskInterface.register(ATTENTION_NAME, sdpa_mask)
    model.set_attn_implementation(ATTENTION_NAME)
    if config._attn_implementation != ATTENTION_NAME:
        raise PolicyInactiveError(
            "attention-not-replaceable",
            "{model} does not let its attention function be replaced, so a policy would do nothing. Use it without "
            "one, with transformers' own cache, or an architecture built on transformers' AttentionInterface (llama, "
            "qwen, mistral, gemma, …).",
            model=type(model).__name__,
        )
    return model


@dataclass(frozen=True)
class Terms:
    """What besides query and key goes into the attention weights of a module."""

    scaling: float
    softcap: float | None = None
    """Scores are squashed to (-softcap, softcap) by tanh (gemma2)."""
    sinks: Tensor | None = None
    """`(query_heads,)`: logits of a virtual token per head that takes weight and gives nothing (gpt_oss)."""


def attention_forward(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """The function registered with transformers. Returns `(batch, new, query_heads, value_dim)` and no weights."""
    layer: PolicyLayer | None = kwargs.pop(LAYER_KEY, None)
    terms = Terms(scaling_of(query, scaling), softcap, s_aux)
    if layer is not None and layer.begin_attention(query) is Step.PARTIAL:
        return _partial_step(layer, query, key, value, attention_mask, terms), None
    if layer is not None and layer.step is Step.FULL:
        return _full_step(layer, query, key, value, attention_mask, terms), None

    wide_key, wide_value = key.to(query.dtype), value.to(query.dtype)
    if layer is not None and layer.forced_step and _is_plain_chunk(query, key, value, terms):
        output = chunk_attention(query, wide_key, wide_value, terms.scaling)
    elif softcap is None and s_aux is None:
        output, _ = sdpa_attention_forward(
            module, query, wide_key, wide_value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
    else:  # neither is known to torch's fused attention
        mask = None if attention_mask is None else _group_mask(attention_mask, key.shape[1])
        output, _ = grouped_attention(query, key, value, mask, terms)
    if layer is not None and layer.wants_selection:
        mask = None if attention_mask is None else _group_mask(attention_mask[:, :, -1:], key.shape[1])
        layer.refresh(_weights(query[:, :, -1:], key, mask, terms)[:, :, :, 0], key, value, _valid(mask))
    return output, None


def scaling_of(query: Tensor, scaling: float | None) -> float:
    """The module's `scaling`, or the usual one for its head size."""
    return float(query.shape[-1] ** -0.5) if scaling is None else scaling


def _partial_step(
    layer: PolicyLayer, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, terms: Terms
) -> Tensor:
    # At a check step that stays with the small cache, key and value are those of the whole context.
    small = layer.push(key[:, :, -1:], value[:, :, -1:])
    output, _ = grouped_attention(query, small.keys, small.values, _small_mask(mask, small), terms)
    return output


def _full_step(
    layer: PolicyLayer, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, terms: Terms
) -> Tensor:
    grouped_mask = None if mask is None else _group_mask(mask, key.shape[1])
    output, weights = grouped_attention(query, key, value, grouped_mask, terms)
    if layer.wants_selection:
        layer.refresh(weights[:, :, :, 0], key, value, _valid(grouped_mask))
    return output


def _is_plain_chunk(query: Tensor, key: Tensor, value: Tensor, terms: Terms) -> bool:
    past = key.shape[2] - query.shape[2]
    plain = terms.softcap is None and terms.sinks is None and query.shape[-1] == value.shape[-1]
    return past > 0 and plain and query.shape[0] == 1 and query.device.type == "cpu"


def chunk_attention(query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
    """Causal attention of a chunk of one prompt to itself and to all before it, on a CPU: `(1, new, query_heads, dim)`.

    In two parts, joined by their log-sum-exps: the past, which every query sees whole, needs no mask and no repeated
    keys; the chunk itself is small. With a mask over both torch repeats keys and values for every query head and scores
    what it then masks: 256 queries over 6,756 keys take 114 ms a layer, and 95 ms so.
    """
    attend = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    query_heads, new, dim = query.shape[1:]
    heads, past = key.shape[1], key.shape[2] - new
    grouped = query.reshape(1, heads, -1, dim)
    before, before_lse = attend(grouped, key[:, :, :past], value[:, :, :past], 0.0, False, scale=scaling)
    repeats = query_heads // heads
    own_key, own_value = (states[:, :, past:].repeat_interleave(repeats, dim=1) for states in (key, value))
    own, own_lse = attend(query, own_key, own_value, 0.0, True, scale=scaling)
    share = torch.sigmoid(before_lse.reshape(own_lse.shape) - own_lse).unsqueeze(-1).to(own.dtype)
    return torch.lerp(own, before.reshape(own.shape), share).transpose(1, 2).contiguous()


def grouped_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, terms: Terms
) -> tuple[Tensor, Tensor]:
    """Attention as two matmuls per KV head over its whole query group, with no repeated keys or values.

    `mask`: `(batch, 1 or heads, 1 or group, new, length)`, bool or additive, or None for causal. Returns the output
    `(batch, new, query_heads, value_dim)` and float32 weights `(batch, heads, group, new, length)`.
    """
    batch, query_heads, new, _ = query.shape
    if _fits_kernel(query, key, value, mask, terms):
        output, weights = torch.ops.refreshkv.decode_attention(query.float().contiguous(), key, value, terms.scaling)
        return output.to(query.dtype), weights.unsqueeze(3)
    weights = _weights(query, key, mask, terms)
    grouped = weights.to(query.dtype).flatten(2, 3) @ value.to(query.dtype)
    output = grouped.view(batch, query_heads, new, value.shape[-1]).transpose(1, 2).contiguous()
    return output, weights


def _fits_kernel(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, terms: Terms) -> bool:
    batch, _, new, _ = query.shape
    # Keys that a model expands from cached latents may lie head within position.
    rows = all(states.stride(3) == 1 and states.stride(2) == states.shape[3] for states in (key, value))
    return (
        kernels.available()
        and query.device.type == "cpu"
        and query.dtype in (torch.float32, torch.bfloat16)
        and batch == new == 1
        and rows
        and mask is None
        and terms.softcap is None
        and terms.sinks is None
    )


def _weights(query: Tensor, key: Tensor, mask: Tensor | None, terms: Terms) -> Tensor:
    """float32 attention probabilities `(batch, heads, group, new, length)`."""
    batch, query_heads, new, dim = query.shape
    heads, length = key.shape[1], key.shape[2]
    group = query_heads // heads
    grouped = (query * terms.scaling).reshape(batch, heads, group * new, dim)
    scores = (grouped @ key.to(query.dtype).transpose(-1, -2)).float().view(batch, heads, group, new, length)
    if terms.softcap is not None:
        scores = torch.tanh(scores / terms.softcap) * terms.softcap
    if mask is None and new > 1:
        mask = torch.ones(new, length, dtype=torch.bool, device=query.device).tril(length - new)
    if mask is not None:
        # The lowest finite number and not -inf: a row without any valid position (padding) must not become NaN.
        lowest = torch.finfo(scores.dtype).min
        scores = scores.masked_fill(~mask, lowest) if mask.dtype == torch.bool else scores + mask.float()
    if terms.sinks is None:
        return scores.softmax(dim=-1)
    sinks = terms.sinks.float().view(1, heads, group, 1, 1).expand(batch, -1, -1, new, -1)
    return torch.cat([scores, sinks], dim=-1).softmax(dim=-1)[..., :-1]


def _group_mask(mask: Tensor, heads: int) -> Tensor:
    """A mask `(batch, 1 or query_heads, new, length)` as `(batch, 1 or heads, 1 or group, new, length)`."""
    grouped: Tensor = mask.unflatten(1, (1 if mask.shape[1] == 1 else heads, -1))
    return grouped


def _small_mask(mask: Tensor | None, small: SmallCache) -> Tensor | None:
    """The columns of `mask` `(batch, 1 or query_heads, 1, length)` that belong to each KV head's slots."""
    if mask is None:
        return None
    heads = small.positions.shape[1]
    columns = _group_mask(mask, heads).squeeze(3).transpose(2, 3).expand(-1, heads, -1, -1)
    return gather_positions(columns, small.positions).transpose(2, 3).unsqueeze(3)


def _valid(mask: Tensor | None) -> Tensor | None:
    """Positions the last token may attend to, bool `(batch, 1 or heads, length)`, from its grouped mask."""
    if mask is None:
        return None
    allowed = mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min / 2
    return allowed[:, :, :, -1].any(dim=2)
