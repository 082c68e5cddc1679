"""The KV cache of a model under a policy: a transformers `Cache` whose full-attention layers are `PolicyLayer`s."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedConfig
from transformers.cache_utils import (
    DYNAMIC_LAYER_TYPE_MAPPING,
    Cache,
    DynamicLayer,
    DynamicSlidingWindowLayer,
    get_layer_types_and_kwargs,
)

from .applicable import require_applicable
from .errors import CacheMismatchError, InvalidParameterError, PolicyInactiveError
from .events import RefreshReason
from .layer import ATTENTION_NAME, PolicyLayer, Step
from .on_disk import DiskStorage
from .parallel import processes_of
from .policies import Policy
from .window import Beyond, window_rule

if TYPE_CHECKING:
    from .documents import Document

SHAPE_SETTINGS = (
    "model_type",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "hidden_size",
    "sliding_window",
    "layer_types",
)
"""Settings of a model's configuration by which keys and values of one model cannot be another's."""

KV_DTYPE_SETTING = "kv_cache_dtype"
"""Setting of a model's configuration: the name of the dtype keys and values are stored in, if not the computing one."""


class PolicyCache(Cache):
    """A transformers cache that decodes by a policy: `model.generate(**inputs, past_key_values=PolicyCache(...))`.

    Layers with full attention are `PolicyLayer`s; sliding-window, linear and other layers are transformers' own.
    The model must have been through `enable`. Keys and values are stored as the model computes them, or in the dtype
    that `load_model` names in its configuration. Of a model that is shared out over `processes` (parallel.py) it holds
    the KV heads of this one, of which `kept` and `kept_by_layer` tell.

    `token_ids` are the tokens it holds, as far as `stream_generate` filled it. The first `prefilled` of them were
    prefilled with no decoded token before them, so that their keys and values are the same under every policy.
    `on_prefilled` is called after each forward of prompt tokens that it held. `documents` of the prompt are read apart
    (documents.py), and `placed` of its tokens had been read before.
    """

    def __init__(
        self, config: PreTrainedConfig, policy: Policy, window: Beyond | None = None, folder: Path | None = None
    ) -> None:
        """Make an empty cache for a model with this `config`. window: "extend" goes on beyond the trained window
        (window.py), where a text is longer. folder: keys and values lie in files there, on a CPU, which are gone with
        the cache; what a method keeps besides, an index or a small cache, is in memory.

        Raises PolicyInactiveError if the policy has a small cache and the model no layer to apply it to, if the model's
        layers share keys and values with one another, or if the window is to be extended and cannot be;
        InvalidParameterError if it is given something else, or nothing can be written to `folder`.
        """
        if not isinstance(config, PreTrainedConfig) or not isinstance(policy, Policy):
            raise InvalidParameterError(
                "cache-made-of-another-kind",
                "PolicyCache takes a model's configuration and a policy, PolicyCache(model.config, RefreshKV()), and "
                "got {first} and {second}.",
                first=_kind(config),
                second=_kind(policy),
            )
        self.policy = policy
        self.token_ids: list[int] = []
        self.prefilled = 0
        self.on_prefilled: Callable[[], None] | None = None
        self.documents: tuple[Document, ...] = ()
        self.placed = 0
        self._run = object()
        self._given = False
        self._model_config, self._config = config, config.get_text_config(decoder=True)
        self.processes = processes_of(config)
        layer_types, layer_kwargs = get_layer_types_and_kwargs(self._config)
        require_applicable(self._config, policy, layer_types)
        self.beyond = window
        self.window = window_rule(self._config, policy, window, layer_types)
        heads = self.processes if self.processes and self.processes.split else None
        self.disk = None if folder is None else DiskStorage(Path(folder))
        kept = kv_dtype(self._config), self.window, heads, self.disk
        layers = [
            PolicyLayer(policy.for_layer(index, len(layer_types)), *kept)
            if kind == "full_attention"
            else DYNAMIC_LAYER_TYPE_MAPPING.get(kind, DynamicLayer)(**kw)
            for index, (kind, kw) in enumerate(zip(layer_types, layer_kwargs, strict=True))
        ]
        super().__init__(layers=layers)

    @property
    def policy_layers(self) -> dict[int, PolicyLayer]:
        """The layers the policy applies to, by layer index."""
        return {index: layer for index, layer in enumerate(self.layers) if isinstance(layer, PolicyLayer)}

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Cache one layer's new keys and values `(batch, heads, new, dim)`.

        Raises PolicyInactiveError if the model was not enabled, CacheMismatchError if the cache has no such layer or
        what it holds has other heads or another batch.
        """
        if self._config._attn_implementation != ATTENTION_NAME:
            raise PolicyInactiveError(
                "model-not-enabled",
                "The model's attention implementation is {attention!r}, under which the policy would silently do "
                "nothing. Call enable(model) first, which switches to {ours!r}, and make the cache from that model's "
                "config.",
                attention=self._config._attn_implementation,
                ours=ATTENTION_NAME,
            )
        self._require_fitting(key_states, layer_idx)
        return super().update(key_states, value_states, layer_idx, *args, **kwargs)

    def require_model(self, config: PreTrainedConfig) -> None:
        """Raise CacheMismatchError if a model with this `config` has other layers, heads or head sizes."""
        text = config.get_text_config(decoder=True)
        for setting in SHAPE_SETTINGS:
            ours, theirs = getattr(self._config, setting, None), getattr(text, setting, None)
            if ours != theirs:
                raise CacheMismatchError(
                    "cache-of-another-model",
                    "The cache was made for a model whose {setting} is {ours}, and this one's is {theirs}. Make one "
                    "for this model: PolicyCache(model.config, policy).",
                    setting=setting,
                    ours=repr(ours),
                    theirs=repr(theirs),
                )

    def _require_fitting(self, keys: Tensor, index: int) -> None:
        if index >= len(self.layers):
            raise CacheMismatchError(
                "cache-with-fewer-layers",
                "The model has a layer {index}, counted from 0, and the cache was made for a model of {layers} layers. "
                "Make one for this model: PolicyCache(model.config, policy).",
                index=index,
                layers=len(self.layers),
            )
        layer = self.layers[index]
        if not isinstance(layer, PolicyLayer) or not layer.is_initialized:
            return
        rows, heads, _, size = layer.full[0].storage.shape
        if (rows, heads, size) != (keys.shape[0], keys.shape[1], keys.shape[3]):
            raise CacheMismatchError(
                "cache-of-another-shape",
                "The cache holds keys of {rows} rows, {heads} KV heads and head size {size}, and is given {given}: it "
                "was filled by another model or for another batch. Call cache.reset(), or make a new one: "
                "PolicyCache(model.config, policy).",
                rows=rows,
                heads=heads,
                size=size,
                given=", ".join(str(keys.shape[axis]) for axis in (0, 1, 3)),
            )

    @contextmanager
    def prefill(self, last: bool) -> Iterator[None]:
        """Forwards inside are prompt tokens, whatever their number; with `last` the small cache is chosen from them.

        Outside, a forward of several tokens or into an empty cache counts as the whole prompt, one of a single token as
        a decode step.
        """
        nothing_decoded = self.prefilled == len(self.token_ids)
        for layer in self.policy_layers.values():
            layer.forced_step = Step.PREFILL if last else Step.PREFILL_CHUNK
        try:
            yield
        finally:
            for layer in self.policy_layers.values():
                layer.forced_step = None
            if nothing_decoded:
                self.prefilled = len(self.token_ids)
        if self.on_prefilled is not None:
            self.on_prefilled()

    def hold(self, token_ids: Sequence[int]) -> None:
        """Count these tokens of a prompt, whose keys and values were put into all layers."""
        if self.prefilled == len(self.token_ids):
            self.prefilled += len(token_ids)
        self.token_ids += token_ids

    @contextmanager
    def verifying(self, weights: bool) -> Iterator[None]:
        """Forwards inside are decode steps to be verified, of `can_verify`; with `weights` the layers keep what they
        attend to."""
        for layer in self.policy_layers.values():
            layer.forced_step, layer.seen = Step.VERIFY, [] if weights else None
        try:
            yield
        finally:
            for layer in self.policy_layers.values():
                layer.forced_step = layer.seen = None

    @property
    def can_verify(self) -> bool:
        """Whether tokens can be verified by the model's modules: if all layers attend to everything, and rewind."""
        return all(isinstance(layer, PolicyLayer) and layer.policy.reads_all for layer in self.layers)

    @property
    def steps_are_independent(self) -> bool:
        """Whether a decode step leaves nothing but its token to the next: no slot of a small cache, no state."""
        return all(
            isinstance(layer, PolicyLayer) and (layer.policy.reads_all or layer.kept.index is not None)
            for layer in self.layers
        )

    @property
    def is_latent(self) -> bool:
        """Whether what is attended to is made anew in each step from what is stored (DeepSeek's latent attention)."""
        return _is_latent(self._config)

    def rewind(self, count: int) -> None:
        """Take back the last forward, of `count` verified tokens, whose keys and values stay behind the end, to be
        counted by `count_full_step`."""
        for layer in self.policy_layers.values():
            layer.crop(-count)

    def count_full_step(self) -> None:
        """Let the token behind the end belong to the cache, after a decode step over everything."""
        for layer in self.policy_layers.values():
            layer.record(Step.FULL, torch.empty(0))

    @property
    def _is_user_defined(self) -> bool:
        """What transformers notes of a cache that `generate` is given, each time that it begins."""
        return self._given

    @_is_user_defined.setter
    def _is_user_defined(self, given: bool) -> None:
        """Several tokens at once are a prompt again, until assisted decoding says that they are not."""
        self._given = given
        for layer in self.policy_layers.values():
            layer.record_past = False

    def claim(self) -> object:
        """What the generation that begins with it now shows to go on, see `require_claim`."""
        self._run = object()
        return self._run

    def require_claim(self, run: object) -> None:
        """Raise CacheMismatchError if another generation has begun with it since `run` was claimed."""
        if run is not self._run:
            raise CacheMismatchError(
                "cache-taken-over",
                "Another generation has begun with this cache, so that this one cannot go on. Give each that goes on "
                "beside others a cache of its own, or end one before the next begins.",
            )

    def reserve(self, length: int) -> None:
        """Make room for `length` tokens in every full cache."""
        for layer in self.policy_layers.values():
            layer.reserve(length)

    def reset(self) -> None:
        """Empty the cache."""
        super().reset()
        self.token_ids, self.prefilled, self.documents = [], 0, ()

    def crop(self, tokens_to_remove: int) -> None:
        """Remove the last `-tokens_to_remove` tokens (a negative number, as in transformers)."""
        super().crop(tokens_to_remove)
        if tokens_to_remove < 0:
            self.token_ids = self.token_ids[:tokens_to_remove]
            self.prefilled = min(self.prefilled, len(self.token_ids))

    def truncate(self, length: int) -> None:
        """Keep the first `length` tokens where all layers can, else none: a sliding window or a recurrent state that
        has moved on cannot be taken back. Raises InvalidParameterError for a negative number."""
        if length < 0:
            raise InvalidParameterError(
                "truncated-below-nothing", "length is {length}; it must be 0 or more.", length=length
            )
        if length < self.get_seq_length():
            self._take_back(length)

    def recover(self) -> None:
        """Undo a forward that was interrupted between two layers, some of which then hold its tokens."""
        self._take_back(len(self.token_ids))

    def _take_back(self, length: int) -> None:
        croppable = _croppable(self.layers)
        if len(croppable) < len(self.layers):
            self.reset()
            return
        for layer in croppable:
            layer.crop(min(0, length - layer.get_seq_length()))
        self.token_ids = self.token_ids[:length]
        self.prefilled = min(self.prefilled, len(self.token_ids))

    def common_prefix(self, token_ids: Sequence[int]) -> int:
        """How many tokens at the start of `token_ids` the cache holds."""
        length = 0
        for ours, theirs in zip(self.token_ids, token_ids, strict=False):
            if ours != theirs:
                break
            length += 1
        return length

    def with_policy(self, policy: Policy) -> PolicyCache:
        """Hand the prefilled tokens over to a new cache for another policy, without a copy; this one is empty after.

        A prefill attends fully under every policy. Tokens decoded since are left out: theirs depend on the policy.
        Raises PolicyInactiveError as the constructor does.
        """
        other = PolicyCache(self._model_config, policy, self.beyond, None if self.disk is None else self.disk.folder)
        self.truncate(self.prefilled)
        for index, layer in enumerate(self.layers):
            if not isinstance(layer, PolicyLayer):
                self.layers[index], other.layers[index] = other.layers[index], layer
            elif layer.is_initialized:
                other.policy_layers[index].adopt(*layer.full, layer.extension)
        other.token_ids, other.prefilled, other.documents = self.token_ids, self.prefilled, self.documents
        self.reset()
        return other

    @property
    def nbytes(self) -> int:
        """Bytes of memory of all tensors the layers hold, reserved room included."""
        return sum(layer.nbytes if isinstance(layer, PolicyLayer) else _tensor_bytes(layer) for layer in self.layers)

    def full_layers(self) -> int:
        """How many layers went over the whole context in the last step: attended to it, or chose a small cache anew."""
        return sum(layer.step not in (Step.PARTIAL, Step.CHOSEN) for layer in self.policy_layers.values())

    def take_refreshes(self) -> dict[int, RefreshReason]:
        """Layers whose small cache was chosen anew since the last call, with the reason."""
        refreshed = {index: layer.refreshed for index, layer in self.policy_layers.items() if layer.refreshed}
        for index in refreshed:
            self.policy_layers[index].refreshed = None
        return refreshed

    def kept(self) -> NDArray[np.int64]:
        """For each position `(context_length,)`, how many (layer, KV head) pairs hold it, in batch row 0."""
        counts: NDArray[np.int64] = self.kept_by_layer().sum(axis=0, dtype=np.int64)
        return counts

    def kept_by_layer(self) -> NDArray[np.uint8]:
        """For each layer of the model and each position, how many of the layer's KV heads hold it, in batch row 0.

        `(layers, context_length)`; zeros in layers without a small cache. A model has fewer than 256 KV heads a layer.
        """
        length = self.get_seq_length()
        held = {index: layer.kept.held() for index, layer in self.policy_layers.items()}
        # Layers may be on several devices.
        places = [index * length + positions.cpu() for index, positions in held.items() if positions is not None]
        every = torch.cat(places) if places else torch.empty(0, dtype=torch.long)
        counts = np.bincount(every.numpy(), minlength=len(self.layers) * length)
        return counts.astype(np.uint8).reshape(len(self.layers), length)


def keeps_every_token(config: PreTrainedConfig) -> bool:
    """Whether all layers of a model with this `config` keep the keys and values of every token: none has a sliding
    window, or a recurrent state."""
    layer_types, _ = get_layer_types_and_kwargs(config.get_text_config(decoder=True))
    return all(kind == "full_attention" for kind in layer_types)


def kv_dtype(config: PreTrainedConfig) -> torch.dtype | None:
    """The dtype in which a text model with this `config` has its keys and values stored; None is the computing one.

    Latent attention (DeepSeek) multiplies what it cached with weights of its own, so there it is always the latter.
    """
    name = getattr(config, KV_DTYPE_SETTING, None)
    return None if name is None or _is_latent(config) else getattr(torch, name)


def _is_latent(config: PreTrainedConfig) -> bool:
    return bool(getattr(config, "kv_lora_rank", None))


def _kind(value: object) -> str:
    """What somebody passed, in a word: a class itself or the type of a value."""
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def _tensor_bytes(layer: object) -> int:
    return sum(value.nbytes for value in vars(layer).values() if isinstance(value, Tensor))


def _croppable(layers: list[Any]) -> list[PolicyLayer | DynamicLayer]:
    """The layers from which tokens can be taken back: neither recurrent or compressing ones, nor a sliding window that
    has moved."""
    return [
        layer
        for layer in layers
        if isinstance(layer, PolicyLayer)
        or type(layer) is DynamicLayer
        or (type(layer) is DynamicSlidingWindowLayer and layer.get_seq_length() < layer.sliding_window)
    ]
