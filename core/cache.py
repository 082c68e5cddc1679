"""The KV cache of a model under a policy: a transformers `Cache` whose full-attention layers keep two caches each.

Holds storage and counts; how attention is computed is in `attention.py`, what is kept is the policy's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedConfig
from transformers.cache_utils import (
    DYNAMIC_LAYER_TYPE_MAPPING,
    Cache,
    CacheLayerMixin,
    DynamicLayer,
    get_layer_types_and_kwargs,
)

from .errors import PolicyInactiveError
from .events import RefreshReason
from .policies import Policy
from .selection import gather_positions
from .storage import GrowingTensor, SmallCache

ATTENTION_NAME = "refreshkv"
"""Name under which the attention function and its mask are registered with transformers."""

LAYER_KEY = "policy_layer"
"""Keyword under which `PolicyLayer.update` hands itself to the attention function."""


class Step(Enum):
    """What one forward does in one layer."""

    PREFILL_CHUNK = auto()  # full attention, and more of the prompt follows
    PREFILL = auto()  # full attention, then the small cache is chosen from the last token
    CHECK = auto()  # a decode step that becomes FULL or PARTIAL once the query is known
    FULL = auto()  # a decode step over the full cache, which refreshes the small one
    PARTIAL = auto()  # a decode step over the small cache


class PolicyLayer(CacheLayerMixin):
    """One layer's `C_f` and `C_p` (paper, section 3), and how its forwards were spent.

    The layer reports the full length to the model, so that position ids and masks are those of the full cache. In a
    partial step `update` returns the new token's keys and values alone, and the attention function adds the small
    cache: a model that expands its cached latents (DeepSeek) then expands one token, not the whole context.
    """

    is_compileable = False
    is_croppable = True
    is_sliding = False

    def __init__(self, policy: Policy) -> None:
        """An empty layer; storage is made at the first update, on the device and with the dtype of what is cached."""
        super().__init__()
        self.policy = policy
        self._full: tuple[GrowingTensor, GrowingTensor] | None = None
        self._reserved = 0
        self._clear()

    def _clear(self) -> None:
        """Forget everything that belongs to the tokens seen so far, counts included."""
        self.small: SmallCache | None = None
        self.capacity: int | None = None
        self.anchor: Tensor | None = None
        self.decode_step = 0
        self.full_steps = 0
        self.partial_steps = 0
        self.step: Step | None = None
        self.forced_step: Step | None = None
        self.refreshed: RefreshReason | None = None
        self._awaits_attention = False

    # --- the transformers side -------------------------------------------------------------------------------------

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Make the storage: keys and values may differ in heads and size (latent attention)."""
        self._full = (GrowingTensor(key_states[:, :, :0]), GrowingTensor(value_states[:, :, :0]))
        self.is_initialized = True
        self.reserve(self._reserved)

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append `(batch, heads, new, dim)` to the full cache and decide what kind of step this is.

        Returns what the attention function is to see: everything, or in a partial step the new token alone. Raises
        PolicyInactiveError if the attention function never asked for the previous step, or cannot be reached.
        """
        attention_kwargs = self._require_attention(kwargs.get("kwargs"))
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.step = self.forced_step or self._next_step(key_states.shape[2])
        full_keys, full_values = self.full
        full_keys.append(key_states)
        full_values.append(value_states)
        self.keys, self.values = full_keys.view, full_values.view
        attention_kwargs[LAYER_KEY] = self
        self._awaits_attention = True
        if self.step is Step.PARTIAL:
            return key_states, value_states
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """Tokens in the full cache."""
        return self._full[0].length if self._full is not None else 0

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Masks always span the full cache; the attention function picks the columns of the small one."""
        return self.get_seq_length() + query_length, 0

    def get_max_length(self) -> int:
        """No maximum."""
        return -1

    def reset(self) -> None:
        """Empty the layer and its counts; the storage is freed."""
        self.keys = self.values = self._full = None
        self.is_initialized = False
        self._clear()

    def crop(self, tokens_to_remove: int) -> None:
        """Remove the last `-tokens_to_remove` tokens (a negative number, as in transformers).

        The small cache goes too, since it may hold removed tokens; the next step is full and chooses a new one.
        """
        if tokens_to_remove > 0:
            raise ValueError(f"crop takes minus the number of tokens to remove, and got {tokens_to_remove}.")
        if tokens_to_remove == 0 or self._full is None:
            return
        for buffer in self._full:
            buffer.truncate(max(0, buffer.length + tokens_to_remove))
        self.keys, self.values = (buffer.view for buffer in self._full)
        self.small = None
        self._awaits_attention = False

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Follow the beams that survive."""
        self._map_batch(lambda states: states.index_select(0, beam_idx.to(states.device)))

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat every row `repeats` times."""
        self._map_batch(lambda states: states.repeat_interleave(repeats, dim=0))

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep the given rows."""
        self._map_batch(lambda states: states[indices.to(states.device)])

    # --- the attention function's side ------------------------------------------------------------------------------

    def begin_attention(self, query: Tensor) -> Step:
        """Settle the step, now that its query `(batch, query_heads, new, dim)` is known, and count it."""
        self._awaits_attention = False
        current = query[:, :, -1].float().mean(dim=1) if self.policy.compares_queries() else None
        if self.step is Step.CHECK:
            stays = (
                current is not None and self.anchor is not None and self.policy.keeps_small_cache(current, self.anchor)
            )
            self.step = Step.PARTIAL if stays else Step.FULL
        assert self.step is not None
        self.full_steps += self.step is Step.FULL
        self.partial_steps += self.step is Step.PARTIAL
        if self.step is not Step.PARTIAL:
            self.anchor = current
        if self.step is Step.PREFILL or self.capacity is None:
            self.capacity = self.policy.capacity(self.get_seq_length())
        return self.step

    def push(self, key: Tensor, value: Tensor) -> SmallCache:
        """Add the newest token, `(batch, heads, 1, dim)`, to the small cache and return it."""
        assert self.small is not None
        self.small.push(key, value, self.get_seq_length() - 1)
        return self.small

    @property
    def wants_selection(self) -> bool:
        """Whether the small cache is to be chosen from this step's attention weights."""
        return self.capacity is not None and self.step in (Step.PREFILL, Step.FULL)

    def refresh(self, weights: Tensor, keys: Tensor, values: Tensor, valid: Tensor | None) -> None:
        """Choose the small cache anew from the last token's attention (paper, section 3).

        `weights`: `(batch, heads, group, length)`; `keys`, `values`: `(batch, heads, length, dim)`; `valid`: bool
        `(batch, 1 or heads, length)` or None.
        """
        assert self.capacity is not None
        rebuilt = self.small is None
        positions = self.policy.select(weights, min(self.capacity, keys.shape[2]), valid)
        self.small = SmallCache(
            gather_positions(keys, positions), gather_positions(values, positions), positions, self.capacity
        )
        if self.step is Step.PREFILL:
            self.refreshed = "prefill"
        elif rebuilt:
            self.refreshed = "rebuild"
        else:
            self.refreshed = "similarity" if self.policy.compares_queries() else "stride"

    # --- the rest ---------------------------------------------------------------------------------------------------

    @property
    def full(self) -> tuple[GrowingTensor, GrowingTensor]:
        """The buffers of the full cache's keys and values."""
        assert self._full is not None
        return self._full

    def reserve(self, length: int) -> None:
        """Make room for `length` tokens, so that no buffer moves until they are there."""
        self._reserved = length
        for buffer in self._full or ():
            buffer.reserve(length)

    def _next_step(self, new_tokens: int) -> Step:
        if new_tokens > 1 or self.get_seq_length() == 0:
            self.decode_step = 0
            return Step.PREFILL
        self.decode_step += 1
        if self.small is None:
            return Step.FULL
        if not self.policy.is_check_step(self.decode_step):
            return Step.PARTIAL
        return Step.CHECK if self.policy.compares_queries() else Step.FULL

    def _require_attention(self, attention_kwargs: dict[str, Any] | None) -> dict[str, Any]:
        if attention_kwargs is None:
            raise PolicyInactiveError(
                "This architecture does not hand its attention arguments to the cache, so the policy could not act and "
                "every step would silently use full attention. Use a model whose attention calls cache.update(..., "
                "kwargs=kwargs) (llama, qwen, mistral, gemma, gpt2, …), or transformers' DynamicCache."
            )
        if self._awaits_attention:
            raise PolicyInactiveError(
                f"The previous step was cached but attended to without the {ATTENTION_NAME!r} attention function, so "
                "the policy did nothing. Call enable(model) and do not change its attention implementation afterwards."
            )
        return attention_kwargs

    def _map_batch(self, function: Callable[[Tensor], Tensor]) -> None:
        if self._full is None:
            return
        for buffer in self._full:
            buffer.map_batch(function)
        self.keys, self.values = (buffer.view for buffer in self._full)
        if self.small is not None:
            self.small.map_batch(function)
        if self.anchor is not None:
            self.anchor = function(self.anchor)


class PolicyCache(Cache):
    """A transformers cache that decodes by a policy: `model.generate(**inputs, past_key_values=PolicyCache(...))`.

    Layers with full attention are `PolicyLayer`s; sliding-window, linear and other layers are transformers' own.
    The model must have been through `enable`.
    """

    def __init__(self, config: PreTrainedConfig, policy: Policy) -> None:
        """Make an empty cache for a model with this `config`.

        Raises PolicyInactiveError if the policy has a small cache and the model no layer to apply it to, or if the
        model's layers share keys and values with one another.
        """
        self.policy = policy
        self.token_ids: list[int] = []
        self._config = config.get_text_config(decoder=True)
        layer_types, layer_kwargs = get_layer_types_and_kwargs(self._config)
        _require_applicable(self._config, policy, layer_types)
        layers = [
            PolicyLayer(policy)
            if kind == "full_attention"
            else DYNAMIC_LAYER_TYPE_MAPPING.get(kind, DynamicLayer)(**kw)
            for kind, kw in zip(layer_types, layer_kwargs, strict=True)
        ]
        super().__init__(layers=layers)

    @property
    def policy_layers(self) -> dict[int, PolicyLayer]:
        """The layers the policy applies to, by layer index."""
        return {index: layer for index, layer in enumerate(self.layers) if isinstance(layer, PolicyLayer)}

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Cache one layer's new keys and values. Raises PolicyInactiveError if the model was not enabled."""
        if self._config._attn_implementation != ATTENTION_NAME:
            raise PolicyInactiveError(
                f"The model's attention implementation is {self._config._attn_implementation!r}, under which the "
                f"policy would silently do nothing. Call enable(model) first; it switches to {ATTENTION_NAME!r}."
            )
        return super().update(key_states, value_states, layer_idx, *args, **kwargs)

    @contextmanager
    def prefill(self, last: bool) -> Iterator[None]:
        """Forwards inside are prompt tokens, whatever their number; with `last` the small cache is chosen from them.

        Outside, a forward of several tokens or into an empty cache counts as the whole prompt, one of a single token as
        a decode step.
        """
        for layer in self.policy_layers.values():
            layer.forced_step = Step.PREFILL if last else Step.PREFILL_CHUNK
            layer.decode_step = 0
        try:
            yield
        finally:
            for layer in self.policy_layers.values():
                layer.forced_step = None

    def reserve(self, length: int) -> None:
        """Make room for `length` tokens in every full cache."""
        for layer in self.policy_layers.values():
            layer.reserve(length)

    def reset(self) -> None:
        """Empty the cache."""
        super().reset()
        self.token_ids = []

    def crop(self, tokens_to_remove: int) -> None:
        """Remove the last `-tokens_to_remove` tokens (a negative number, as in transformers)."""
        super().crop(tokens_to_remove)
        if tokens_to_remove < 0:
            self.token_ids = self.token_ids[:tokens_to_remove]

    def truncate(self, length: int) -> None:
        """Keep the first `length` tokens where all layers can, else none: a sliding window or a recurrent state that
        has moved on cannot be taken back."""
        if length < self.get_seq_length():
            self._take_back(length)

    def recover(self) -> None:
        """Undo a forward that was interrupted between two layers, some of which then hold its tokens."""
        self._take_back(len(self.token_ids))

    def _take_back(self, length: int) -> None:
        if not all(_can_crop(layer) for layer in self.layers):
            self.reset()
            return
        for layer in self.layers:
            layer.crop(min(0, length - layer.get_seq_length()))
        self.token_ids = self.token_ids[:length]

    def full_layers(self) -> int:
        """How many layers attended to the full cache in the last step."""
        return sum(layer.step is not Step.PARTIAL for layer in self.policy_layers.values())

    def take_refreshes(self) -> dict[int, RefreshReason]:
        """Layers whose small cache was chosen anew since the last call, with the reason."""
        refreshed = {index: layer.refreshed for index, layer in self.policy_layers.items() if layer.refreshed}
        for index in refreshed:
            self.policy_layers[index].refreshed = None
        return refreshed

    def kept(self) -> NDArray[np.int64]:
        """For each position `(context_length,)`, how many (layer, KV head) pairs hold it, in batch row 0."""
        counts = torch.zeros(self.get_seq_length(), dtype=torch.long)
        for layer in self.policy_layers.values():
            if layer.small is not None:
                counts += torch.bincount(layer.small.positions[0].flatten(), minlength=len(counts)).cpu()
        return counts.numpy()


def _can_crop(layer: Any) -> bool:
    if isinstance(layer, PolicyLayer):
        return True
    within_window = not layer.is_sliding or layer.get_seq_length() < layer.sliding_window
    return isinstance(layer, DynamicLayer) and within_window


def _require_applicable(config: PreTrainedConfig, policy: Policy, layer_types: list[str]) -> None:
    if config.is_encoder_decoder:
        raise PolicyInactiveError(
            f"{config.model_type} is an encoder-decoder model; the policies are for decoder-only models."
        )
    if "reuse" in (getattr(config, "kv_sharing_modes", None) or ()) or getattr(config, "num_kv_shared_layers", None):
        raise PolicyInactiveError(
            f"{config.model_type} shares keys and values between layers, which a cache with a small cache per layer "
            "cannot serve. Use transformers' DynamicCache with this model."
        )
    if policy.capacity(1) is not None and "full_attention" not in layer_types:
        raise PolicyInactiveError(
            f"{config.model_type} has no full-attention layer (its layers are {', '.join(sorted(set(layer_types)))}), "
            f"so {type(policy).__name__} would do nothing. For a sliding-window model set config.sliding_window to "
            "None if the weights allow it, or use FullAttention()."
        )
