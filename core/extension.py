"""A layer beyond the trained window: its attention, by the rule of window.py, and what it keeps for that: the index of
the keys that are not local, and room for what a decode step attends to."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .grouped import Damped, Terms, attention_scores, chunk_attention, grouped_attention, is_plain_chunk
from .key_codes import KeyCodes
from .old_keys import POOL, SINKS, OldKeys
from .places import Extended
from .rotary import Rotary
from .selection import gather_into, gather_positions
from .window import Window


class WorkingSet(NamedTuple):
    """What a decode step attends to, `(1, heads, count, dim)`: keys moved together within the window, values, and the
    positions in the full cache, int64 `(1, heads, count)`, ascending; the step's own is the last. mask: float32
    `(1, query_heads, 1, count)`, to be added to the scores."""

    keys: Tensor
    values: Tensor
    positions: Tensor
    mask: Tensor


class Extension:
    """One layer's state beyond the window: the index of the keys that are not local, and room for a working set."""

    def __init__(self, window: Window) -> None:
        """Nothing yet."""
        self.window = window
        self.reserved = 0
        """Positions there is to be room for in the index, so that it need not move as it grows."""
        self.index: OldKeys | None = None
        """Of the keys that are not local, once there are any."""
        self._stage: _Stage | None = None

    def prompt_attention(
        self, query: Tensor, keys: Tensor, values: Tensor, terms: Terms, rotary: Rotary, stock: Callable[[int], Tensor]
    ) -> Tensor:
        """Attention `(1, new, query_heads, value_dim)` of the newest tokens, more of a prompt, of which the last are
        beyond the window. `stock(new)`: that of the first of them, which are within."""
        length = keys.shape[2]
        first = start = length - query.shape[2]
        parts = []
        if start < self.window.size:
            parts.append(stock(self.window.size - start))
            start = self.window.size
        while start < length:
            end = min(length, self.window.start_of_block(start) + self.window.block)
            own = query[:, :, start - first : end - first]
            parts.append(self._block(own, keys[:, :, :end], values[:, :, :end], terms, rotary))
            start = end
        return torch.cat(parts, dim=1)

    def working_set(
        self, query: Tensor, keys: Tensor, values: Tensor, count: int, scaling: float, rotary: Rotary
    ) -> WorkingSet:
        """What the newest token, with this query `(1, query_heads, 1, dim)`, attends to: `count` chosen positions at
        most, and the local part."""
        length = keys.shape[2]
        begin = self._begin(length)
        chosen = self._choose(query, keys, begin, count, scaling, rotary)
        count = chosen.shape[2]
        stage = self._staged(keys, values, begin, count, length)
        stage.fill(keys, values, chosen, rotary, self.window.closer)
        mask = self._mask(query, stage.views[0], begin, count, scaling)
        return WorkingSet(*stage.views, self.with_local(chosen, length), mask.flatten(1, 2))

    def prepare(
        self, keys: Tensor, values: Tensor, count: int, position: int, rotary: Rotary
    ) -> tuple[KeyCodes, int, Extended]:
        """For a compiled step that makes the working set of the token at `position` by itself: the codes that it
        scores, how many it chooses, and the rest. `keys`, `values`: all before it."""
        begin = self._begin(position + 1)
        index, count = self._index(keys, begin, rotary), min(count, begin)
        stage, apart = self._staged(keys, values, begin, count, position + 1), self.window.size // 2 - position
        turns = rotary.turns(max(begin + self.window.closer, -apart), keys.device)
        staged, stage.end = stage.end, position + 1
        keys, values = stage.storage
        closer, damping = self.window.closer, self.window.damping(begin)
        ways = turns, rotary.interleaved, apart, index.basis, closer, damping
        return index.codes, count, Extended(begin, SINKS, POOL // 2, keys, values, staged, *ways)

    @property
    def attended(self) -> tuple[Tensor, Tensor]:
        """The keys and values `(1, heads, count, dim)` of the last working set."""
        assert self._stage is not None
        return self._stage.views

    def with_local(self, chosen: Tensor, length: int) -> Tensor:
        """The positions of the working set of the last of `length` tokens, of which `chosen` `(1, heads, count)` are
        old."""
        local = torch.arange(self._begin(length), length, device=chosen.device)
        return torch.cat([chosen, local.expand(*chosen.shape[:2], -1)], dim=2)

    def _begin(self, length: int) -> int:
        """How many of `length` positions are old for the last of them."""
        return self.window.start_of_block(length - 1) - self.window.local

    def _staged(self, keys: Tensor, values: Tensor, begin: int, count: int, length: int) -> _Stage:
        if self._stage is None or not self._stage.continues(begin, count, length):
            self._stage = _Stage(keys, values, begin, count, self.window.local + self.window.block)
        return self._stage

    def truncate(self, length: int) -> None:
        """Forget all positions from `length` on."""
        self._stage = None
        if length < self.window.size:  # the ranges are those of the first keys, which may be others now
            self.index = None
        elif self.index is not None:
            self.index.truncate(length)

    @property
    def nbytes(self) -> int:
        """Bytes of index and working set."""
        return sum(part.nbytes for part in (self.index, self._stage) if part is not None)

    def _block(self, query: Tensor, keys: Tensor, values: Tensor, terms: Terms, rotary: Rotary) -> Tensor:
        """Attention `(1, new, query_heads, value_dim)` of the last tokens, all of one block."""
        start = keys.shape[2] - query.shape[2]
        begin = self.window.start_of_block(start) - self.window.local
        chosen = self._choose(query, keys, begin, self.window.chosen, terms.scaling, rotary)
        moved = rotary.moved(gather_positions(keys, chosen), together(chosen, begin + self.window.closer))
        key = torch.cat([moved, keys[:, :, begin:]], dim=2)
        value = torch.cat([gather_positions(values, chosen), values[:, :, begin:]], dim=2)
        count, new = chosen.shape[2], query.shape[2]
        if is_plain_chunk(query, key, value, terms):
            damped = Damped(min(SINKS, count), count, self.window.damping(begin))
            return chunk_attention(query, key, value, terms.scaling, damped)
        mask = self._mask(query, key, begin, count, terms.scaling)
        mask = mask + torch.full((new, key.shape[2]), -torch.inf, device=query.device).triu(key.shape[2] - new + 1)
        return grouped_attention(query, key, value, mask, terms)[0]

    def _mask(self, query: Tensor, key: Tensor, begin: int, count: int, scaling: float) -> Tensor:
        """What is added to the scores of `key`, of which the first `count` were chosen of the first `begin` positions:
        float32 `(1, heads, group, new, length)`."""
        heads, new = key.shape[1], query.shape[2]
        mask = torch.zeros(1, heads, query.shape[1] // heads, new, key.shape[2], device=key.device)
        if count > SINKS:
            scores = attention_scores(query, key[:, :, SINKS:count], scaling)
            mask[..., SINKS:count] = -self.window.damping(begin).of(scores).unsqueeze(-1)
        return mask

    def _choose(self, query: Tensor, keys: Tensor, old: int, count: int, scaling: float, rotary: Rotary) -> Tensor:
        """The positions `(1, heads, count)` of the first `old` that the last tokens, with `query`, attend to,
        ascending."""
        asking = self._asking(query, keys.shape[2], rotary).unflatten(1, (keys.shape[1], -1)).flatten(2, 3)
        return self._index(keys, old, rotary).highest(asking, min(count, old), scaling)

    def _asking(self, query: Tensor, length: int, rotary: Rotary) -> Tensor:
        """The queries that score for the last of `length` tokens, with `query`, moved to one distance from all that is
        old: `(1, query_heads, at most Window.asking, dim)`."""
        new = query.shape[2]
        apart = -(-new // self.window.asking)
        asking = torch.arange((new - 1) % apart, new, apart, device=query.device)
        return rotary.moved(query[:, :, asking], self.window.size // 2 - (length - new + asking))

    def _index(self, keys: Tensor, old: int, rotary: Rotary) -> OldKeys:
        """That of the first `old` keys; the window's own first set directions and ranges."""
        if self.index is None:
            self.index = OldKeys(keys[:, :, : self.window.size - self.window.local], self.window.bits, rotary)
        self.index.codes.reserve(self.reserved)
        self.index.cover(keys, old, rotary)
        return self.index


class _Stage:
    """Room for a working set: the chosen first, then the local part of one block, which only grows. storage: keys and
    values `(1, heads, capacity, dim)`; end: up to which position of the full cache it holds what is local."""

    def __init__(self, keys: Tensor, values: Tensor, begin: int, count: int, local: int) -> None:
        self.storage = tuple(
            states.new_empty(*states.shape[:2], count + local, states.shape[3]) for states in (keys, values)
        )
        self._begin, self._count, self.end = begin, count, begin

    def continues(self, begin: int, count: int, length: int) -> bool:
        return (begin, count) == (self._begin, self._count) and length >= self.end

    def fill(self, keys: Tensor, values: Tensor, chosen: Tensor, rotary: Rotary, closer: int) -> None:
        """Put in the keys and values at `chosen`, moved together and so much closer, and what is local."""
        count, length = self._count, keys.shape[2]
        shift = count - self._begin
        for stage, states in zip(self.storage, (keys, values), strict=True):
            stage[:, :, self.end + shift : length + shift] = states[:, :, self.end :]
        self.end = length
        placed, values_placed = (stage[:, :, :count] for stage in self.storage)
        gather_into([placed, values_placed], [keys, values], [chosen, chosen])
        placed.copy_(rotary.moved(placed, together(chosen, self._begin + closer)))

    @property
    def views(self) -> tuple[Tensor, Tensor]:
        """Keys and values of what it holds."""
        used = self.end + self._count - self._begin
        keys, values = (stage[:, :, :used] for stage in self.storage)
        return keys, values

    @property
    def nbytes(self) -> int:
        return sum(stage.nbytes for stage in self.storage)


def together(chosen: Tensor, end: int) -> Tensor:
    """By how many positions each of `chosen` `(1, heads, count)`, ascending, moves to stand without gaps before
    `end`."""
    return torch.arange(end - chosen.shape[2], end, device=chosen.device) - chosen
