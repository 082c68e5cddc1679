"""Decode steps as one compiled graph, used where it applies.

A decode step in transformers is some 1,500 small operations, and on a CPU their dispatch takes longer than their
arithmetic. `compile_decoding` has the whole step compiled once (compilation.py) and hands it to the model. Until it is
there, and wherever it does not apply, decoding goes through the model's own modules, with the same results.

One graph serves all steps: a layer's attention is one operation (kernels/rows.h), which is told by a tensor of numbers
(places.py) where a new token goes and what it attends to. The caches are those of `PolicyCache` as they are. The tokens
of a step are its rows: one of each of several caches, or several of one to be verified.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from . import kernels
from .cache import PolicyCache
from .decode_step import Checked
from .graph_export import MOST_ROWS, named_tensors
from .key_codes import KeyCodes
from .layer import PolicyLayer, Step
from .places import Coded, Small, place
from .positions import positions_of
from .refresh import refresh_together
from .rotary import Rotary

BY_CODES = (Step.CHOSEN, Step.RENEWED)
NOTHING = torch.empty(0, 0, dtype=torch.long)
"""Told by a step that is not reported."""


class RowsStep(ABC):
    """A model's decode step of some rows: a `SharedStep`."""

    most_rows = MOST_ROWS

    def __init__(self, model: PreTrainedModel) -> None:
        """`model` is the one whose steps are taken."""
        config = model.config.get_text_config(decoder=True)
        self._query_heads: int = config.num_attention_heads
        self.positions = positions_of(model)
        self._rooms: dict[int, Tensor] = {}

    @abstractmethod
    def _run(self, tokens: Tensor, places: Tensor) -> Tensor:
        """Logits `(rows, vocabulary)` of `tokens`, int64 `(rows, 1)`, by int64 `places` (places.py)."""

    def step(self, token: Tensor, cache: PolicyCache) -> Tensor | None:
        """Logits `(1, vocabulary)` of `token`, int64 `(1, 1)`, as the model's forward gives them, with the same traces
        in `cache`; None, with the cache untouched, for a step that is not this graph's."""
        return self.step_together(token, [cache]) if self.serves(cache) else None

    def serves(self, cache: PolicyCache) -> bool:
        """Whether the next step in `cache` is the same in all layers, known before the queries are, and the graph's."""
        layers = list(cache.policy_layers.values())
        step = layers[0].upcoming_step() if layers else None
        if len(layers) < len(cache.layers) or step not in (Step.PARTIAL, Step.FULL, Step.RENEWED, Step.CHOSEN):
            return False
        if any(layer.upcoming_step() is not step or not _is_layer_served(layer, step) for layer in layers):
            return False
        if step is Step.FULL and len({layer.policy.reads_all for layer in layers}) > 1:
            return False  # some are to choose anew, some not
        keys = layers[0].full[0].storage
        return keys.shape[0] == 1 and keys.device.type == "cpu"

    def step_together(self, tokens: Tensor, caches: Sequence[PolicyCache]) -> Tensor:
        """As `step`, of a token of each of several caches that it serves, MOST_ROWS at most: `(rows, 1)` to
        `(rows, vocabulary)`."""
        rows = [Row(cache, rotary=self._rotary_of(cache)) for cache in caches]
        with kernels.own_threads():
            logits = self._forward(tokens, rows)
            for row in rows:
                row.record()
        return logits

    def verify(self, tokens: Tensor, cache: PolicyCache, *, weights: bool = False) -> Checked | None:
        """Of `tokens`, int64 `(rows, 1)`, that follow one another in `cache`, each as the decode step that it would be
        alone: the logits `(rows, vocabulary)`; what counts the next of them, given its place; and with `weights` what
        they attended to, `(layers, heads, group, length)` each, until the next step. None, with the cache untouched,
        for steps that are not this graph's."""
        beyond = any(layer.is_beyond(len(tokens)) for layer in cache.policy_layers.values())
        if len(tokens) > MOST_ROWS or beyond or not self.serves(cache) or not cache.steps_are_independent:
            return None
        rows = [Row(cache, ahead, leaves_weights=weights) for ahead in range(len(tokens))]
        with kernels.own_threads():
            logits = self._forward(tokens, rows)
        return logits, lambda index: rows[index].record(), [row.weights for row in rows if row.weights is not None]

    def _forward(self, tokens: Tensor, rows: Sequence[Row]) -> Tensor:
        for row, following in zip_longest(rows, rows[1:]):  # before an address is taken
            if following is None or not following.is_of(row):
                row.reserve()
        try:
            logits = self._run(tokens, torch.from_numpy(self._places(rows)))
        except BaseException:
            for row in rows:
                row.abandon()
            raise
        return logits

    def _places(self, rows: Sequence[Row]) -> NDArray[np.int64]:
        """`(layers, rows, fields + heads)`."""
        first, places = rows[0], list[NDArray[np.int64]]()
        for index, row in enumerate(rows):
            if index and row.goes_on_as(first):
                places.append(places[0].copy())
                places[-1][:, 0] = row.position
            else:
                places.append(np.array(row.places(self._room(index, row))))
        return np.stack(places, axis=1)

    def _rotary_of(self, cache: PolicyCache) -> Rotary | None:
        """The model's, if the next token goes beyond the window."""
        beyond = any(layer.is_beyond(1) for layer in cache.policy_layers.values())
        return self.positions.rotary() if beyond else None

    def _room(self, index: int, row: Row) -> Tensor | None:
        """Room for the attention weights of the row at `index`, `(layers, heads, group, capacity)`, if it is to leave
        them."""
        if not row.leaves_weights:
            return None
        layers, heads, capacity = row.sizes
        room = self._rooms.get(index)
        if room is None or room.shape[-1] != capacity:
            room = self._rooms[index] = torch.empty(layers, heads, self._query_heads // heads, capacity)
        return room


class DecodeGraph(RowsStep):
    """The compiled decode step of one model."""

    def __init__(self, package: Path, model: PreTrainedModel) -> None:
        """Load `package` and let it use the weights of `model`, which are not copied."""
        super().__init__(model)
        self._graph: Any = torch._inductor.aoti_load_package(str(package))
        tensors = named_tensors(model)
        constants = {name: tensors[name.removeprefix("model.")] for name in self._graph.get_constant_fqns()}
        self._graph.load_constants(constants, check_full_update=True, user_managed=True)

    def _run(self, tokens: Tensor, places: Tensor) -> Tensor:
        logits: Tensor = self._graph(tokens, places)
        return logits


class Row:
    """A token of a cache in a step, `ahead` of its next one."""

    def __init__(
        self, cache: PolicyCache, ahead: int = 0, *, leaves_weights: bool = False, rotary: Rotary | None = None
    ) -> None:
        """Claims nothing yet. leaves_weights: of a step over the full cache, also if it refreshes nothing. rotary: the
        model's, for a token beyond the window."""
        self._cache = cache
        self._layers = list(cache.policy_layers.values())
        self._ahead = ahead
        self.position = self._layers[0].get_seq_length() + ahead
        self._step = self._layers[0].upcoming_step()
        self._refreshes = self._step is Step.FULL and not self._layers[0].policy.reads_all
        self._rotary = rotary if self._step in (Step.FULL, Step.CHOSEN) else None
        self._renews = self._refreshes and self._rotary is not None and all(map(_can_renew, self._layers))
        self.leaves_weights = (self._refreshes and not self._renews) or leaves_weights
        self._room: Tensor | None = None
        self._told = [NOTHING] * len(self._layers)

    def is_of(self, other: Row) -> bool:
        """Whether it is a token of the same cache."""
        return self._cache is other._cache

    def goes_on_as(self, first: Row) -> bool:
        """Whether its places are those of `first` but for the position."""
        if not self.is_of(first) or self._rotary is not None or self.leaves_weights:
            return False
        if self._step is Step.FULL:
            return True
        grow = any(layer.kept.codes is None or layer.kept.sizes[0] > first.position for layer in self._layers)
        return self._step is Step.CHOSEN and not grow and not self._tells and not first._tells

    @property
    def _tells(self) -> bool:
        """Whether what it chooses is to be reported."""
        return self._step is Step.CHOSEN and any(layer.reports(self._ahead) for layer in self._layers)

    def reserve(self) -> None:
        """Make room for what is written."""
        self._cache.reserve(self.position + 1)
        for layer in self._layers:
            if self._step in BY_CODES and self._rotary is None and (codes := layer.kept.codes) is not None:
                codes.reserve(self.position + 1)

    def places(self, weights: Tensor | None) -> list[list[int]]:
        """Layer by layer, see places.py, with `weights` `(layers, heads, group, room)` to be written to; claims slots
        of the small caches."""
        self._room = weights
        if self._rotary is not None:
            return self._places_beyond(self._rotary)
        if self._tells:
            self._told = [self._room_to_tell(layer) for layer in self._layers]
        return [self._place(index, layer) for index, layer in enumerate(self._layers)]

    def _place(self, index: int, layer: PolicyLayer) -> list[int]:
        keys, values = (buffer.storage for buffer in layer.full)
        small = coded = None
        if self._step is Step.PARTIAL:
            slot, slots = layer.claim(self.position)
            small = Small(*layer.small_storage, slot, slots)
        elif self._step is Step.RENEWED:
            assert layer.kept.scorer is not None
            counts = layer.kept.counts_at(self.position)
            small, coded = _renewing(layer, counts[0], layer.kept.scorer, counts)
        elif self._step is Step.CHOSEN and layer.kept.codes is not None:
            counts = layer.kept.counts_at(self.position)
            coded = Coded(layer.kept.codes, layer.kept.recent, counts, self._told[index], layer.kept.spread)
        weights = None if self._room is None else self._room[index]
        return place(self.position, keys, values, small=small, weights=weights, coded=coded)

    def _places_beyond(self, rotary: Rotary) -> list[list[int]]:
        places = []
        self._told = []
        for index, layer in enumerate(self._layers):
            codes, count, extended = layer.prepare_beyond(rotary)
            counts = [count] * codes.codes.shape[1]
            small, told = None, NOTHING
            if self._renews:
                slots = min(layer.kept.sizes[0], count + self.position + 1 - extended.old)
                small, coded = _renewing(layer, slots, codes, counts)
            else:
                told = torch.empty(len(counts), count, dtype=torch.long)
                coded = Coded(codes, 0, counts, told)
            self._told.append(told)
            keys, values = (buffer.storage for buffer in layer.full)
            weights = None if self._room is None else self._room[index]
            places.append(
                place(self.position, keys, values, small=small, weights=weights, coded=coded, extended=extended)
            )
        return places

    def _room_to_tell(self, layer: PolicyLayer) -> Tensor:
        counts = layer.kept.counts_at(self.position)
        most = max(counts, default=0) * layer.kept.spread
        return torch.empty(len(counts), min(most, self.position + 1), dtype=torch.long)

    def record(self) -> None:
        """The token belongs to the cache: count the step, and refresh after one over the full cache."""
        for layer, told in zip(self._layers, self._told, strict=True):
            layer.record(self._step, told)
            if self._renews:
                layer.note_refresh()
        if self._refreshes and self.weights is not None:
            refresh_together(self._layers, self.weights)
            if self._rotary is not None:
                for layer, told in zip(self._layers, self._told, strict=True):
                    layer.place_chosen(layer.working_positions(told))

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Layers, KV heads, and positions there is room for."""
        heads, capacity = self._layers[0].full[0].storage.shape[1:3]
        if self._rotary is not None and (window := self._layers[0].window) is not None:
            capacity = window.size
        return len(self._layers), heads, capacity

    def abandon(self) -> None:
        """A slot may be claimed and is not written: the next step is full and chooses anew."""
        for layer in self._layers:
            layer.kept.small = None
            if layer.extension is not None:
                layer.extension.truncate(layer.get_seq_length())

    @property
    def weights(self) -> Tensor | None:
        """What it attended to, float32 `(layers, heads, group, length)`."""
        if self._room is None:
            return None
        return self._room[..., : self._layers[0].attended[0].shape[2] if self._rotary else self.position + 1]


def _can_renew(layer: PolicyLayer) -> bool:
    """Whether its small cache can be chosen anew within a step over everything beyond the window."""
    return layer.small is not None and bool(layer.kept.sizes) and layer.policy.scoring is not None


def _renewing(layer: PolicyLayer, slots: int, codes: KeyCodes, counts: Sequence[int]) -> tuple[Small, Coded]:
    """The small cache with so many slots, which are to be chosen anew, and what by: of `codes` each head chooses
    `counts`. Beyond the window it is chosen as the policy does from what was attended to, where the newest may go."""
    rule = layer.policy.scoring
    assert rule is not None
    positions = layer.kept.prepare(*layer.small_storage).emptied(slots)
    behind, newest = rule.pool_kernel_size // 2, rule.newest(slots)
    if layer.is_beyond(1):
        newest = min(rule.recent, slots // 2)
    coded = Coded(codes, newest, counts, positions, behind=behind, ahead=behind + rule.lookahead)
    return Small(*layer.small_storage, -1, slots), coded


def _is_layer_served(layer: PolicyLayer, step: Step) -> bool:
    kept, policy = layer.kept, layer.policy
    if step is Step.FULL and (policy.compares_queries() or policy.evicts):
        return False  # its query is to be kept, and stays inside the graph; or it is not to see what was evicted
    # Else the method is to see its weights, or has an index of its own.
    known = kept.codes is not None or layer.is_beyond(1)
    return not kept.observes and (kept.index is None or (step is not Step.FULL and known))
