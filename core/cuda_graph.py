"""The partial decode step as a CUDA graph.

On a GPU the arithmetic of a step is short and launching its many kernels is not. A partial step has static shapes and
its caches do not move between two refreshes of a run, so its launches are recorded once and replayed: only the token,
its position and its slot change, and they are tensors. Check and full steps, one in a stride, go through the model's
modules. The kernels recorded are torch's and bitsandbytes' own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel

from .cache import PolicyCache
from .grouped import Terms, grouped_attention, scaling_of
from .layer import ATTENTION_NAME, PolicyLayer, Step
from .traced import TRACED_KEY, TracedCache, traced_step

RECORDED_ATTENTION = "refreshkv_recorded"
WARM_UP = 3
"""Runs before recording, as torch.cuda.graph asks for: libraries allocate their workspaces in the first."""


class RecordedStep:
    """Partial steps of one model, recorded for the cache at hand and again when its storage moves: a `DecodeStep`."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Raises RuntimeError for a model spread over several devices, which one graph cannot hold."""
        devices = {parameter.device for parameter in model.parameters()}
        if len(devices) != 1:
            raise RuntimeError(f"the model is spread over {len(devices)} devices")
        AttentionInterface.register(RECORDED_ATTENTION, recorded_attention)
        self._model = model
        self._graph: torch.cuda.CUDAGraph | None = None
        self._recorded: tuple[int, ...] = ()
        self._token = self._place = self._logits = torch.empty(0)

    def step(self, token: Tensor, cache: PolicyCache) -> Tensor | None:
        """Logits `(1, vocabulary)` of `token`, int64 `(1, 1)`, with the model's forward's traces in `cache`; None, with
        the cache untouched, for a step that is not recorded."""
        layers = list(cache.policy_layers.values())
        if len(layers) < len(cache.layers) or token.shape != (1, 1) or not all(map(_is_recorded, layers)):
            return None
        position = layers[0].get_seq_length()
        cache.reserve(position + 1)
        full = [buffer.storage for layer in layers for buffer in layer.full]
        addresses = tuple(
            tensor.data_ptr() for tensor in (*full, *(s for layer in layers for s in layer.small_storage))
        )
        if addresses != self._recorded:
            self._record(layers, token.device)
            self._recorded = addresses
        assert self._graph is not None
        self._token.copy_(token)
        self._place.copy_(torch.tensor([(position, layer.claim(position)[0]) for layer in layers]))
        self._graph.replay()
        for layer in layers:
            layer.record(Step.PARTIAL, self._place[:0])
        return self._logits.clone()

    def verify(self, tokens: Tensor, cache: PolicyCache, *, weights: bool = False) -> None:
        """None: several tokens go through the model's modules."""

    def _record(self, layers: list[PolicyLayer], device: torch.device) -> None:
        """Record a step on these layers. The runs write to position and slot 0, whose contents are put back."""
        self._token = torch.zeros(1, 1, dtype=torch.long, device=device)
        self._place = torch.zeros(len(layers), 2, dtype=torch.long, device=device)
        touched = [buffer.storage[:, :, :1] for layer in layers for buffer in layer.full]
        touched += [storage[:, :, :1] for layer in layers for storage in layer.small_storage]
        before = [states.clone() for states in touched]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                partial_step(self._model, self._token, self._place, layers)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._logits = partial_step(self._model, self._token, self._place, layers)
        for states, old in zip(touched, before, strict=True):
            states.copy_(old)


def _is_recorded(layer: PolicyLayer) -> bool:
    """Whether its next step is partial and overwrites a slot: until the slots are full, their number changes."""
    small = layer.small
    fits = small is not None and small.slots == small.capacity and not layer.policy.grows
    return layer.upcoming_step() is Step.PARTIAL and fits and not layer.kept.observes


@torch.no_grad()
def partial_step(model: PreTrainedModel, token: Tensor, place: Tensor, layers: list[PolicyLayer]) -> Tensor:
    """Logits `(1, vocabulary)` of `token` in a partial step; only tensors tell it where to write.

    `place`: int64 `(layers, 2)`, the token's position and its slot in each layer's small cache. The counts of `layers`
    stay as they are.
    """
    model.set_attn_implementation(RECORDED_ATTENTION)
    try:
        return traced_step(model, token, place[:1, :1], _RecordedCache(layers, place))
    finally:
        model.set_attn_implementation(ATTENTION_NAME)


class _RecordedCache(TracedCache):
    def __init__(self, layers: list[PolicyLayer], place: Tensor) -> None:
        self._layers = layers
        self._place = place

    def hand_over(self, layer_idx: int, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        """Write into the full cache; returns the small one's keys and values, and the slot to write to."""
        layer, place = self._layers[layer_idx], self._place[layer_idx]
        assert layer.small is not None
        for buffer, states in zip(layer.full, (key, value), strict=True):
            buffer.storage.index_copy_(2, place[:1], states)
        return layer.small.keys, layer.small.values, place[1:]


def recorded_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """The attention function of a recorded step, over a small cache whose slots are all in use."""
    keys, values, slot = kwargs[TRACED_KEY]
    keys.index_copy_(2, slot, key)
    values.index_copy_(2, slot, value)
    terms = Terms(scaling_of(query, scaling), softcap, s_aux)
    output, _ = grouped_attention(query, keys, values, None, terms)
    return output, None
