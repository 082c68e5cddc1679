"""Attention under a policy: the function transformers calls, and its registration.

Nothing is registered or switched at import: `enable` does it. Without a `PolicyCache` an enabled model computes stock
attention. Shapes: query `(batch, query_heads, new, dim)`, key and value `(batch, heads, length, dim)`, where `heads`
are KV heads and `group = query_heads / heads`. Keys and values may be stored in a narrower dtype than the query's.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from .applicable import require_replaceable
from .errors import InvalidParameterError, PolicyInactiveError
from .extension import WorkingSet
from .grouped import (
    Terms,
    allowed_by,
    attended,
    attention_weights,
    causal_like,
    chunk_attention,
    columns_of,
    group_mask,
    grouped_attention,
    is_plain_chunk,
    scaling_of,
    valid_positions,
)
from .layer import ATTENTION_NAME, LAYER_KEY, PROMPT_STEPS, PolicyLayer, Step
from .parallel import require_heads_alone
from .policies import Observation
from .positions import attach, positions_of
from .rotary import Rotary
from .selection import gather_positions, has_gradient
from .train.attention import CONTINUATION_KEY, Continuation, continued_attention

RECEIVED_AT_ONCE = 256
"""Queries of which the attention is held at a time where a method sums it."""


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
    require_heads_alone(model.config)
    AttentionInterface.register(ATTENTION_NAME, attention_forward)
    # Without a mask function of the same name transformers passes no mask at all, and left-padded batches are wrong.
    AttentionMaskInterface.register(ATTENTION_NAME, sdpa_mask)
    model.set_attn_implementation(ATTENTION_NAME)
    attach(model)
    if config._attn_implementation != ATTENTION_NAME:
        raise PolicyInactiveError(
            "attention-not-replaceable",
            "{model} does not let its attention function be replaced, so a policy would do nothing. Use it without "
            "one, with transformers' own cache, or an architecture built on transformers' AttentionInterface (llama, "
            "qwen, mistral, gemma, …).",
            model=type(model).__name__,
        )
    return model


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
    layer: PolicyLayer | None = kwargs.get(LAYER_KEY)
    continuation: Continuation | None = kwargs.get(CONTINUATION_KEY)
    kwargs = {name: value for name, value in kwargs.items() if name not in (LAYER_KEY, CONTINUATION_KEY)}
    terms = Terms(scaling_of(query, scaling), softcap, s_aux)
    if continuation is not None and (policy := continuation.policy_of(module)) is not None:
        return continued_attention(module, policy, continuation, query, key, value, terms, dropout), None
    step = layer.begin_attention(query) if layer is not None else None
    if layer is not None and layer.is_beyond():
        return _beyond_window(layer, module, query, attention_mask, terms), None
    if layer is not None and step is Step.VERIFY:
        return _verify(layer, query, key, value, attention_mask, terms), None
    if layer is not None and step not in PROMPT_STEPS:
        return _decode_step(layer, query, key, value, attention_mask, terms, layer.get_seq_length() - 1), None

    mask = attention_mask if layer is None else _without_evicted(layer, attention_mask, query, key)
    # The mask of a chunk is causal, unless something was evicted; and so is none at all of a whole prompt.
    causal = layer is not None and mask is attention_mask and (layer.forced_step or _is_whole(module, mask, query, key))
    if causal and is_plain_chunk(query, key, value, terms):
        output = chunk_attention(query, key, value, terms.scaling)
    elif terms.plain:
        wide_key, wide_value = key.to(query.dtype), value.to(query.dtype)
        output, _ = sdpa_attention_forward(
            module, query, wide_key, wide_value, mask, dropout=dropout, scaling=scaling, **kwargs
        )
    else:  # neither is known to torch's fused attention
        grouped = None if mask is None else group_mask(mask, key.shape[1])
        output, _ = grouped_attention(query, key, value, grouped, terms)
    if layer is not None:
        _after_prompt(layer, query, key, value, mask, attention_mask, terms)
    return output, None


def _is_whole(module: nn.Module, mask: Tensor | None, query: Tensor, key: Tensor) -> bool:
    """Whether it is a whole prompt, of which nothing but its order limits what is attended to."""
    return mask is None and query.shape[2] == key.shape[2] and getattr(module, "is_causal", True)


def _without_evicted(layer: PolicyLayer, mask: Tensor | None, query: Tensor, key: Tensor) -> Tensor | None:
    """`mask` of more of a prompt without what the method has evicted, bool `(batch, query_heads, new, length)`."""
    alive = layer.kept.alive(key.shape[2])
    if alive is None:
        return mask
    new, length = query.shape[2], key.shape[2]
    allowed = allowed_by(mask, new, length, query.device)
    return allowed & alive.repeat_interleave(query.shape[1] // key.shape[1], dim=1).unsqueeze(2)


def _after_prompt(
    layer: PolicyLayer,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    padding: Tensor | None,
    terms: Terms,
) -> None:
    """Let the method see what more of a prompt attended to under `mask`, and at its end choose."""
    kept, heads = layer.kept, key.shape[1]
    with torch.no_grad():
        kept.see(query)
        if layer.policy.sums_attention:
            kept.receive(_received(query, key, mask, terms))
        last = None if mask is None else group_mask(mask[:, :, -1:], heads)
        if layer.step is Step.PREFILL:
            layer.count(
                key.shape[2], None if padding is None else valid_positions(group_mask(padding[:, :, -1:], heads))
            )
        if not layer.wants_selection:
            return
        if kept.index is not None:
            kept.begin_index()  # of all, however the prompt came
            layer.look_up(query, key, terms.scaling, valid_positions(last))
            return
        kept.score_by(key, valid_positions(last))
        weights = attention_weights(query[:, :, -1:], key, last, terms)[:, :, :, 0]
        recent = _recent(layer, key, last, terms)
    layer.refresh(Observation(weights, valid_positions(last), recent), key, value)


def _recent(layer: PolicyLayer, key: Tensor, last: Tensor | None, terms: Terms) -> Tensor | None:
    """What the last tokens attended to, of which the very last did under the grouped mask `last`; None if the method
    does not ask for it."""
    queries = layer.kept.queries
    return None if queries is None else attention_weights(queries, key, causal_like(last, queries, key), terms)


def _received(query: Tensor, key: Tensor, mask: Tensor | None, terms: Terms) -> Tensor:
    """What each position received from all of `query`, summed over the group, in pieces: `(batch, heads, length)`."""
    batch, heads, length = key.shape[:3]
    new = query.shape[2]
    sums = torch.zeros(batch, heads, length, device=key.device)
    for start in range(0, new, RECEIVED_AT_ONCE):
        piece = slice(start, start + RECEIVED_AT_ONCE)
        allowed = allowed_by(mask, new, length, key.device)[:, :, piece]
        weights = attention_weights(query[:, :, piece], key, group_mask(allowed, heads), terms)
        padded = allowed.any(dim=-1, keepdim=True).unflatten(1, (1 if allowed.shape[1] == 1 else heads, -1))
        sums += (weights * padded).sum(dim=(2, 3))
    return sums


def _decode_step(
    layer: PolicyLayer, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, terms: Terms, position: int
) -> Tensor:
    """Attention of the token at `position`. `key` and `value` are all up to it, or in a partial step its own."""
    if layer.step is Step.PARTIAL:
        return _partial_step(layer, query, key, value, mask, terms, position)
    if layer.step is Step.CHOSEN:
        return _chosen_step(layer, query, key, value, mask, terms)
    if layer.step is Step.RENEWED:
        return _renewed_step(layer, query, key, value, mask, terms)
    return _full_step(layer, query, key, value, mask, terms)


def _verify(layer: PolicyLayer, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, terms: Terms) -> Tensor:
    """Attention of several tokens, each as the decode step that it would be alone."""
    past = key.shape[2] - query.shape[2]
    allowed = None if mask is None else allowed_by(mask, query.shape[2], key.shape[2], query.device)
    outputs = []
    for index in range(query.shape[2]):
        end = past + index + 1
        own = (query[:, :, index : index + 1], key[:, :, :end], value[:, :, :end])
        column = None if allowed is None else allowed[:, :, index : index + 1, :end]
        layer.begin_verified(own[0], end - 1)
        outputs.append(_decode_step(layer, *own, column, terms, end - 1))
    return torch.cat(outputs, dim=1)


def _partial_step(
    layer: PolicyLayer, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, terms: Terms, position: int
) -> Tensor:
    # At a check step that stays with the small cache, key and value are those of the whole context.
    small = layer.kept.push(key[:, :, -1:], value[:, :, -1:], position)
    output, weights = grouped_attention(
        query, small.keys, small.values, columns_of(mask, small.positions, small.valid), terms
    )
    layer.kept.observe(weights[:, :, :, 0])
    return output


def _chosen_step(
    layer: PolicyLayer, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, terms: Terms
) -> Tensor:
    valid = None if mask is None else valid_positions(group_mask(mask, key.shape[1]))
    if mask is None and terms.plain and not has_gradient(query, key, value):
        layer.note_choice()
        if (output := layer.kept.attend(query, key, value, terms.scaling)) is not None:
            return output
    chosen = layer.look_up(query, key, terms.scaling, valid)
    used, chosen = chosen >= 0, chosen.clamp(min=0)
    keys, values = gather_positions(key, chosen), gather_positions(value, chosen)
    columns = columns_of(mask, chosen, None if bool(used.all()) else used)
    output, _ = grouped_attention(query, keys, values, columns, terms)
    return output


def _renewed_step(
    layer: PolicyLayer, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, terms: Terms
) -> Tensor:
    valid = None if mask is None else valid_positions(group_mask(mask, key.shape[1]))
    small = layer.renew(query, key, value, terms.scaling, valid)
    columns = columns_of(mask, small.positions, small.valid)
    return grouped_attention(query, small.keys, small.values, columns, terms)[0]


def _full_step(
    layer: PolicyLayer, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, terms: Terms
) -> Tensor:
    allowed = _without_evicted(layer, mask, query, key)
    grouped_mask = None if allowed is None else group_mask(allowed, key.shape[1])
    if layer.policy.reads_all and layer.seen is None:  # nobody asks for the weights
        return attended(query, key, value, grouped_mask, terms)
    output, weights = grouped_attention(query, key, value, grouped_mask, terms)
    if layer.seen is not None:
        layer.seen.append(weights[:, :, :, 0])
    if not layer.policy.reads_all:
        layer.count(key.shape[2], None if mask is None else valid_positions(group_mask(mask, key.shape[1])))
    if layer.wants_selection and layer.kept.index is None:
        recent = None
        if layer.small is None:  # taken back into the prompt: this token is seen like one of it
            layer.kept.see(query)
            recent = _recent(layer, key, grouped_mask, terms)
            if layer.policy.sums_attention:
                layer.kept.receive(weights[:, :, :, 0].sum(dim=2))
        layer.refresh(Observation(weights[:, :, :, 0], valid_positions(grouped_mask), recent), key, value)
    return output


def _beyond_window(layer: PolicyLayer, module: nn.Module, query: Tensor, mask: Tensor | None, terms: Terms) -> Tensor:
    """Attention of the newest tokens, of which the last are beyond the window that is extended (extension.py)."""
    _require_extendable_step(layer, query, mask)
    rotary, extension = positions_of(module).rotary(), layer.extension
    assert extension is not None
    keys, values = (buffer.view for buffer in layer.full)
    if layer.step is Step.PARTIAL:
        return _partial_step(layer, query, keys, values, None, terms, keys.shape[2] - 1)
    if layer.step not in PROMPT_STEPS:
        seen = _working_set(layer, query, rotary, terms)
        output = _full_step(layer, query, seen.keys, seen.values, seen.mask, terms)
        layer.place_chosen(seen.positions)
        return output

    def within(new: int) -> Tensor:
        end = keys.shape[2] - query.shape[2] + new
        own = query[:, :, :new], keys[:, :, :end], values[:, :, :end]
        if is_plain_chunk(*own, terms):
            return chunk_attention(*own, terms.scaling)
        return grouped_attention(*own, None, terms)[0]

    output = extension.prompt_attention(query, keys, values, terms, rotary, within)
    if layer.step is Step.PREFILL:
        layer.count(keys.shape[2], None)
        if layer.wants_selection:
            last = query[:, :, -1:]
            seen = _working_set(layer, last, rotary, terms)
            if layer.kept.index is None:
                mask = group_mask(seen.mask, seen.keys.shape[1])
                weights = attention_weights(last, seen.keys, mask, terms)[:, :, :, 0]
                layer.refresh(Observation(weights), seen.keys, seen.values)
            layer.place_chosen(seen.positions)
    return output


def _working_set(layer: PolicyLayer, query: Tensor, rotary: Rotary, terms: Terms) -> WorkingSet:
    """What a decode step beyond the window attends to."""
    assert layer.extension is not None
    keys, values = (buffer.view for buffer in layer.full)
    layer.count(keys.shape[2], None)
    return layer.extension.working_set(query, keys, values, layer.most_old, terms.scaling, rotary)


def _require_extendable_step(layer: PolicyLayer, query: Tensor, mask: Tensor | None) -> None:
    # A mask is made where there is padding, or where a forward begins within the window, which is causal.
    padded = mask is not None and (query.shape[2] == 1 or query.shape[2] == layer.get_seq_length())
    if query.shape[0] > 1 or padded:
        raise InvalidParameterError(
            "rows-beyond-the-window",
            "A batch of {rows} rows, or one with padding, goes beyond the window of {window} tokens, where one text "
            "at a time is extended. Give the texts one by one, without padding or beams.",
            rows=query.shape[0],
            window=layer.window.size if layer.window else 0,
        )
    if layer.step is Step.VERIFY:
        raise PolicyInactiveError(
            "verified-beyond-the-window",
            "Several tokens are to be verified beyond the window of {window} tokens, where decode steps are taken one "
            "by one. Leave assisted decoding and prompt lookup out.",
            window=layer.window.size if layer.window else 0,
        )
