"""Where the rows of a compiled decode step read and write, as numbers in one tensor.

A row is one token: of a cache of its own, or the next of the same cache as the row before. The tensor is int64
`(layers, rows, fields + heads)`; the fields are those of `Place` in kernels/rows.h, addresses of storage among them,
and behind them stands how many positions each KV head chooses. So a graph takes one tensor, whatever caches and methods
there are. Who makes it keeps the storage where it is until the step is done.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from .grouped import Damping
from .key_codes import KeyCodes

FIELDS = (
    "position",
    "keys",
    "values",
    "capacity",
    "slot",
    "slots",
    "small_keys",
    "small_values",
    "small_capacity",
    "weights",
    "room",
    "codes",
    "ranges",
    "coded",
    "bytes",
    "uncoded",
    "recent",
    "spread",
    "behind",
    "ahead",
    "chosen",
    "told",
    "old",
    "sinks",
    "reach",
    "set_keys",
    "set_values",
    "set_capacity",
    "staged",
    "turns",
    "pairs",
    "interleaved",
    "apart",
    "basis",
    "directions",
    "closer",
    "most",
    "peak",
)


class Small(NamedTuple):
    """A step over a small cache: its storage, the slot that the token takes or -1 if all are chosen anew by codes, and
    the slots in use with it."""

    keys: Tensor
    values: Tensor
    slot: int
    slots: int


class Coded(NamedTuple):
    """A step by codes: how many recent positions are always chosen; how many in all by each head; int64
    `(heads, room)`, to which they are written if it has room, -1 behind them; and how far heads may be from their
    counts, see `key_codes.shared_counts`. Where they fill a small cache: how many positions before its own and behind
    it a score counts for."""

    codes: KeyCodes
    recent: int
    counts: Sequence[int]
    told: Tensor
    spread: int = 1
    behind: int = 0
    ahead: int = 0


class Extended(NamedTuple):
    """A step beyond the window (window.py), by the codes of the first `old` keys as if they had no position: the first
    `sinks` and those with the highest scores are chosen, which count for `reach` positions on either side; room for all
    that is attended to, `(1, heads, capacity, dim)`, up to which position what is near stands in it; cosines and sines
    of moves, float32 `(moves, 2 * pairs)`; by how much the queries are moved to score, and the directions of them that
    the codes have, float32 `(1, heads, dim, directions)`; by how much the chosen stand closer than without gaps before
    what is near; and how much less a query gets of the chosen but for the first."""

    old: int
    sinks: int
    reach: int
    keys: Tensor
    values: Tensor
    staged: int
    turns: Tensor
    interleaved: bool
    apart: int
    basis: Tensor
    closer: int
    damping: Damping


def place(
    position: int,
    keys: Tensor,
    values: Tensor,
    *,
    small: Small | None = None,
    weights: Tensor | None = None,
    coded: Coded | None = None,
    extended: Extended | None = None,
) -> list[int]:
    """Of one layer and row: the token at `position` of a cache with the storage `keys` and `values`
    `(1, heads, capacity, dim)`. A step over all of it, or beyond the window over what stands for it, writes its
    attention into `weights` `(heads, group, room)`."""
    heads, capacity = keys.shape[1:3]
    at = [position, keys.data_ptr(), values.data_ptr(), capacity]
    if small is None:
        at += [-1, 0, 0, 0, 0]
    else:
        at += [small.slot, small.slots, small.keys.data_ptr(), small.values.data_ptr(), small.keys.shape[2]]
    at += [0, 0] if weights is None else [weights.data_ptr(), weights.shape[-1]]
    if coded is None:
        return [*at, *[0] * (len(FIELDS) - len(at) + heads)]
    codes, told = coded.codes.codes, coded.told
    uncoded = min(coded.codes.length, position) if extended is None else position + 1
    at += [codes.data_ptr(), coded.codes.ranges.data_ptr(), *codes.shape[2:], uncoded]
    at += [coded.recent, coded.spread, coded.behind, coded.ahead]
    at += (told.data_ptr(), told.shape[1]) if told.numel() else (0, 0)
    if extended is None:
        return [*at, *[0] * (len(FIELDS) - len(at)), *coded.counts]
    at += [extended.old, extended.sinks, extended.reach]
    at += [extended.keys.data_ptr(), extended.values.data_ptr(), extended.keys.shape[2]]
    at += [extended.staged, extended.turns.data_ptr(), extended.turns.shape[1] // 2, int(extended.interleaved)]
    at += [extended.apart, extended.basis.data_ptr(), extended.basis.shape[3]]
    at += [extended.closer, *map(_bits, extended.damping)]
    return [*at, *coded.counts]


def _bits(number: float) -> int:
    """A double in the field of an integer."""
    whole: int = struct.unpack("<q", struct.pack("<d", number))[0]
    return whole
