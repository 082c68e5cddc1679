"""Attention as functions of tensors: of a decode step, whose weights methods choose by, and of a chunk of a prompt.

They know nothing of layers or policies. Shapes: query `(batch, query_heads, new, dim)`, key and value
`(batch, heads, length, dim)`, where `heads` are KV heads and `group = query_heads / heads`. Keys and values may be
stored in a narrower dtype than the query's. Masks are those of transformers: `(batch, 1 or query_heads, new, length)`,
bool or additive, None for causal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.backends.cuda import SDPAParams, can_use_flash_attention
from torch.nn.functional import scaled_dot_product_attention

from . import kernels
from .selection import gather_positions, has_gradient


@dataclass(frozen=True)
class Terms:
    """What besides query and key goes into the attention weights of a module."""

    scaling: float
    softcap: float | None = None
    """Scores are squashed to (-softcap, softcap) by tanh (gemma2)."""
    sinks: Tensor | None = None
    """`(query_heads,)`: logits of a virtual token per head that takes weight and gives nothing (gpt_oss)."""

    @property
    def plain(self) -> bool:
        """Whether the weights are the softmax of the scaled scores and no more."""
        return self.softcap is None and self.sinks is None


def scaling_of(query: Tensor, scaling: float | None) -> float:
    """The module's `scaling`, or the usual one for its head size."""
    return float(query.shape[-1] ** -0.5) if scaling is None else scaling


def allowed_by(mask: Tensor | None, new: int, length: int, device: torch.device) -> Tensor:
    """`mask` as bool; None is causal."""
    if mask is None:
        return torch.ones(1, 1, new, length, dtype=torch.bool, device=device).tril(length - new)
    return _as_bool(mask)


def _as_bool(mask: Tensor) -> Tensor:
    return mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min / 2


def causal_like(last: Tensor | None, queries: Tensor, key: Tensor) -> Tensor:
    """The mask of the last tokens of a prompt, `queries`, from that of the very last."""
    new, length = queries.shape[2], key.shape[2]
    causal = torch.ones(new, length, dtype=torch.bool, device=key.device).tril(length - new)
    return causal if last is None else _as_bool(last) & causal


def is_plain_chunk(query: Tensor, key: Tensor, value: Tensor, terms: Terms) -> bool:
    """Whether `chunk_attention` does for it."""
    past = key.shape[2] - query.shape[2]
    parts = past > 0 and query.shape[-1] == value.shape[-1] and (query.device.type == "cpu" or has_flash(query))
    return terms.plain and query.shape[0] == 1 and (parts or _fits_prompt_kernel(query, key, value))


def has_flash(query: Tensor) -> bool:
    """Whether torch's flash attention for GPUs serves such queries, and keys and values of their dtype and size."""
    if query.device.type != "cuda":
        return False
    alike = SDPAParams(query, query, query, None, 0.0, False, True)
    return bool(can_use_flash_attention(alike))


def attended(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, terms: Terms) -> Tensor:
    """The output of `grouped_attention` alone, for a token or more: on a GPU without its weights, where it can be."""
    alike = query.dtype == key.dtype == value.dtype and query.shape[-1] == value.shape[-1]
    if mask is None and query.shape[2] == 1 and terms.plain and alike and has_flash(query):
        fused = scaled_dot_product_attention(query, key, value, scale=terms.scaling, enable_gqa=True)
        return fused.transpose(1, 2).contiguous()
    return grouped_attention(query, key, value, mask, terms)[0]


class Damping(NamedTuple):
    """How much less a query gets of what was chosen: nothing if one of the chosen has a share of `peak` of what they
    all get, else the more the less one stands out, down to exp(-most)."""

    most: float
    peak: float

    def of(self, scores: Tensor) -> Tensor:
        """What is taken from the `scores` `(..., chosen)` of each query, `(...)`."""
        spread = scores.logsumexp(dim=-1) - scores.amax(dim=-1)
        return (spread + math.log(self.peak)).clamp(0, self.most)


class Damped(NamedTuple):
    """Keys of a chunk's past of which a query gets less: those from `first` up to `last`."""

    first: int
    last: int
    damping: Damping


def chunk_attention(query: Tensor, key: Tensor, value: Tensor, scaling: float, damped: Damped | None = None) -> Tensor:
    """Causal attention of a chunk of one prompt to itself and to all before it: `(1, new, query_heads, dim)`.

    Without the kernel in parts, joined by their log-sum-exps: the past, which every query sees whole, needs no mask
    and no repeated keys; the chunk itself is small. With a mask over both torch repeats keys and values for every query
    head and scores what it then masks. On two cores with AVX512-BF16 1,024 queries of SmolLM2-135M over 7,168 keys take
    96 ms a layer so, and 20 ms in the kernel. On a GPU torch's flash attention takes the same parts.
    """
    first, last, damping = damped or Damped(0, 0, Damping(0.0, 0.0))
    if _fits_prompt_kernel(query, key, value):
        asked = query if query.dtype == key.dtype == torch.bfloat16 else query.float()
        out: Tensor = torch.ops.refreshkv.prompt_attention(asked, key, value, scaling, first, last, *damping)
        return out.to(query.dtype)
    attend = _flash_on(query.device)
    query_heads, new, dim = query.shape[1:]
    heads, past = key.shape[1], key.shape[2] - new
    key, value = key.to(query.dtype), value.to(query.dtype)
    own_key, own_value = (part[:, :, past:].repeat_interleave(query_heads // heads, dim=1) for part in (key, value))
    outputs, sums = map(list, zip(attend(query, own_key, own_value, 0.0, True, scale=scaling)[:2], strict=True))
    grouped = query.reshape(1, heads, -1, dim)
    for begin, end in ((0, first), (first, last), (last, past)):
        if begin < end:
            keys, values = key[:, :, begin:end], value[:, :, begin:end]
            output, lse = attend(grouped, keys, values, 0.0, False, scale=scaling)[:2]
            if (begin, end) == (first, last):
                lse = lse - damping.of(attention_scores(query, keys, scaling)).flatten(2, 3)
            outputs.append(output.reshape(outputs[0].shape))
            sums.append(lse.reshape(sums[0].shape))
    shares = torch.stack(sums).softmax(dim=0).unsqueeze(-1)
    return (torch.stack(outputs) * shares).sum(dim=0).to(query.dtype).transpose(1, 2).contiguous()


def _flash_on(device: torch.device) -> Callable[..., tuple[Tensor, ...]]:
    """Flash attention with its log-sum-exps, which torch has no public name for: query, key, value, dropout, whether
    it is causal, and `scale`."""
    operations = torch.ops.aten
    if device.type == "cpu":
        return operations._scaled_dot_product_flash_attention_for_cpu
    return operations._scaled_dot_product_flash_attention


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
    weights = attention_weights(query, key, mask, terms)
    grouped = weights.to(query.dtype).flatten(2, 3) @ value.to(query.dtype)
    output = grouped.view(batch, query_heads, new, value.shape[-1]).transpose(1, 2).contiguous()
    return output, weights


def _fits_kernel(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, terms: Terms) -> bool:
    batch, _, new, _ = query.shape
    return batch == new == 1 and mask is None and terms.plain and _is_readable(query, key, value)


def _fits_prompt_kernel(query: Tensor, key: Tensor, value: Tensor) -> bool:
    even = key.shape[3] % 2 == 0 and query.stride(3) == 1
    return even and query.shape[0] == 1 and _is_readable(query, key, value)


def _is_readable(query: Tensor, key: Tensor, value: Tensor) -> bool:
    """Whether the kernels can read a cache of one row as it lies."""
    # Keys that a model expands from cached latents may lie head within position.
    rows = all(states.stride(3) == 1 and states.stride(2) == states.shape[3] for states in (key, value))
    return (
        kernels.available()
        and query.device.type == "cpu"
        and all(states.dtype in (torch.float32, torch.bfloat16) for states in (query, key, value))
        and key.dtype == value.dtype
        and rows
        and not has_gradient(query, key, value)
    )


def attention_weights(query: Tensor, key: Tensor, mask: Tensor | None, terms: Terms) -> Tensor:
    """float32 attention probabilities `(batch, heads, group, new, length)`."""
    batch, new = query.shape[0], query.shape[2]
    heads, length = key.shape[1], key.shape[2]
    scores = attention_scores(query, key, terms.scaling)
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
    group = query.shape[1] // heads
    sinks = terms.sinks.float().view(1, heads, group, 1, 1).expand(batch, -1, -1, new, -1)
    return torch.cat([scores, sinks], dim=-1).softmax(dim=-1)[..., :-1]


def group_mask(mask: Tensor, heads: int) -> Tensor:
    """A mask `(batch, 1 or query_heads, new, length)` as `(batch, 1 or heads, 1 or group, new, length)`."""
    grouped: Tensor = mask.unflatten(1, (1 if mask.shape[1] == 1 else heads, -1))
    return grouped


def columns_of(mask: Tensor | None, positions: Tensor, used: Tensor | None = None) -> Tensor | None:
    """The columns of `mask` `(batch, 1 or query_heads, 1, length)` that belong to each KV head's `positions`
    `(batch, heads, count)`, those that are `used`, bool `(batch, 1, count)`, alone."""
    if mask is None:
        return None if used is None else used[:, :, None, None]
    heads = positions.shape[1]
    columns = group_mask(mask, heads).squeeze(3).transpose(2, 3).expand(-1, heads, -1, -1)
    chosen = gather_positions(columns, positions).transpose(2, 3).unsqueeze(3)
    if used is None:
        return chosen
    return _as_bool(chosen) & used[:, :, None, None]


def valid_positions(mask: Tensor | None) -> Tensor | None:
    """Positions the last token may attend to, bool `(batch, 1 or heads, length)`, from its grouped mask."""
    if mask is None:
        return None
    return _as_bool(mask)[:, :, :, -1].any(dim=2)


def attention_scores(query: Tensor, key: Tensor, scaling: float) -> Tensor:
    """Scaled products, float32 `(batch, heads, group, new, length)`."""
    batch, _, new, dim = query.shape
    heads, length = key.shape[1], key.shape[2]
    grouped = (query * scaling).reshape(batch, heads, -1, dim)
    return (grouped @ key.to(query.dtype).transpose(-1, -2)).float().view(batch, heads, -1, new, length)
