"""Preallocated tensors that grow in blocks, and the two caches of a layer made of them.

Knows nothing of attention or policies. `torch.cat` per decode step copies the whole cache; a write into a buffer does
not.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .selection import gather_into

BLOCK = 256
"""Positions a buffer grows by."""


class GrowingTensor:
    """A tensor `(batch, heads, length, dim)` that grows along `length` without a copy per step."""

    def __init__(self, initial: Tensor) -> None:
        """Adopt `initial` as the storage; the first append that does not fit moves it into a larger one."""
        self._storage = initial
        self.length = initial.shape[2]

    @property
    def storage(self) -> Tensor:
        """All of it, `(batch, heads, capacity, dim)`, contiguous; the filled part comes first."""
        return self._storage

    @property
    def view(self) -> Tensor:
        """The filled part `(batch, heads, length, dim)`, not a copy."""
        return self._storage[:, :, : self.length]

    @property
    def nbytes(self) -> int:
        """Bytes of the storage, room that is not filled yet included."""
        return self._storage.nbytes

    def reserve(self, capacity: int) -> None:
        """Make room for `capacity` positions in all, rounded up to whole blocks."""
        if capacity <= self._storage.shape[2]:
            return
        batch, heads, _, dim = self._storage.shape
        grown = self._storage.new_empty(batch, heads, -(-capacity // BLOCK) * BLOCK, dim)
        grown[:, :, : self.length] = self.view
        self._storage = grown

    def append(self, states: Tensor) -> None:
        """Write `states` `(batch, heads, new, dim)` behind the filled part."""
        end = self.length + states.shape[2]
        self.reserve(end)
        self._storage[:, :, self.length : end] = states
        self.length = end

    def extend(self, count: int) -> None:
        """Count `count` more positions as filled; what stands in them is written elsewhere."""
        self.reserve(self.length + count)
        self.length += count

    def write(self, index: int, states: Tensor) -> None:
        """Overwrite position `index` with `states` `(batch, heads, 1, dim)`."""
        self._storage[:, :, index : index + 1] = states

    def truncate(self, length: int) -> None:
        """Forget all positions from `length` on; their storage stays."""
        self.length = min(self.length, length)

    def map_batch(self, function: Callable[[Tensor], Tensor]) -> None:
        """Replace the storage by `function` of it, for operations along the batch dimension."""
        self._storage = function(self._storage)


class SmallCache:
    """`C_p`: at most `capacity` keys and values per KV head, in slots ordered ascending by rank at the last refresh.

    A new token takes a free slot while there is one, then overwrites slot 0, 1, 2, … in turn: the token ranked lowest
    goes first, as in the paper's code, and no argmin per step is needed. Past the last slot it starts over, so that
    with more new tokens than slots the oldest of them goes, never the newest. Slot order does not matter to attention,
    since keys are cached after rotary embedding. A refresh writes into the same storage.
    """

    def __init__(self, keys: Tensor, values: Tensor, capacity: int) -> None:
        """An empty cache for states like `keys` and `values` `(batch, heads, any, dim)`."""
        self.keys_buffer = GrowingTensor(keys[:, :, :0])
        self.values_buffer = GrowingTensor(values[:, :, :0])
        self._positions = GrowingTensor(torch.empty(*keys.shape[:2], 0, 1, dtype=torch.long, device=keys.device))
        self.capacity = capacity
        self._next_slot = 0

    @property
    def keys(self) -> Tensor:
        """`(batch, heads, slots, key_dim)`."""
        return self.keys_buffer.view

    @property
    def values(self) -> Tensor:
        """`(batch, heads, slots, value_dim)`."""
        return self.values_buffer.view

    @property
    def positions(self) -> Tensor:
        """int64 `(batch, heads, slots)`: the position in the full cache that each slot holds."""
        return self._positions.view.squeeze(-1)

    @property
    def nbytes(self) -> int:
        """Bytes of keys, values and positions."""
        return self.keys_buffer.nbytes + self.values_buffer.nbytes + self._positions.nbytes

    @property
    def slots(self) -> int:
        """Slots in use."""
        return self._positions.length

    def _hold(self, positions: Tensor) -> None:
        """Have as many slots as `positions`, and count them as holding these; keys and values are written elsewhere."""
        count = positions.shape[-1]
        for buffer in (self.keys_buffer, self.values_buffer, self._positions):
            buffer.truncate(0)
            buffer.reserve(min(self.capacity, count + BLOCK))
            buffer.extend(count)
        self.positions.copy_(positions)
        self._next_slot = 0

    def claim(self, position: int) -> int:
        """Take a slot for the token at `position` of the full cache, and return it; the caller writes its states."""
        slot = self.slots if self.slots < self.capacity else self._next_slot
        if slot == self.slots:
            for buffer in (self.keys_buffer, self.values_buffer, self._positions):
                buffer.extend(1)
        else:
            self._next_slot = (slot + 1) % self.capacity
        self._positions.storage[:, :, slot] = position
        return slot

    def push(self, key: Tensor, value: Tensor, position: int) -> None:
        """Add the newest token: `key` and `value` `(batch, heads, 1, dim)`."""
        slot = self.claim(position)
        self.keys_buffer.write(slot, key)
        self.values_buffer.write(slot, value)

    def map_batch(self, function: Callable[[Tensor], Tensor]) -> None:
        """Apply `function` to the batch dimension of every tensor."""
        for buffer in (self.keys_buffer, self.values_buffer, self._positions):
            buffer.map_batch(function)


def refill(caches: Sequence[SmallCache], keys: Sequence[Tensor], values: Sequence[Tensor], positions: Tensor) -> None:
    """Let each of `caches` hold what stands in its `keys` and `values` at its `positions`, and nothing else.

    `keys`, `values`: `(batch, heads, length, dim)`; `positions`: int64 `(caches, batch, heads, count)`, ascending by
    rank, with count at most the capacity.
    """
    for cache, chosen in zip(caches, positions, strict=True):
        cache._hold(chosen)
    outs = [cache.keys for cache in caches] + [cache.values for cache in caches]
    gather_into(outs, [*keys, *values], [*positions, *positions])
