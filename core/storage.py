"""Preallocated tensors that grow in blocks, and the two caches of a layer made of them.

Knows nothing of attention or policies. `torch.cat` per decode step copies the whole cache; a write into a buffer does
not.
"""

from collections.abc import Callable

import torch
from torch import Tensor

BLOCK = 256
"""Positions a buffer grows by."""


class GrowingTensor:
    """A tensor `(batch, heads, length, dim)` that grows along `length` without a copy per step."""

    def __init__(self, initial: Tensor) -> None:
        """Adopt `initial` as the storage; the first append that does not fit moves it into a larger one."""
        self._storage = initial
        self.length = initial.shape[2]

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
    since keys are cached after rotary embedding.
    """

    def __init__(self, keys: Tensor, values: Tensor, positions: Tensor, capacity: int) -> None:
        """Adopt `keys` and `values` `(batch, heads, count, dim)` and `positions`, int64 `(batch, heads, count)`.

        count is at most `capacity`.
        """
        self._keys = GrowingTensor(keys)
        self._values = GrowingTensor(values)
        self._positions = GrowingTensor(positions.unsqueeze(-1))
        self._capacity = capacity
        self._next_slot = 0

    @property
    def keys(self) -> Tensor:
        """`(batch, heads, slots, key_dim)`."""
        return self._keys.view

    @property
    def values(self) -> Tensor:
        """`(batch, heads, slots, value_dim)`."""
        return self._values.view

    @property
    def positions(self) -> Tensor:
        """int64 `(batch, heads, slots)`: the position in the full cache that each slot holds."""
        return self._positions.view.squeeze(-1)

    @property
    def nbytes(self) -> int:
        """Bytes of keys, values and positions."""
        return self._keys.nbytes + self._values.nbytes + self._positions.nbytes

    def push(self, key: Tensor, value: Tensor, position: int) -> None:
        """Add the newest token: `key` and `value` `(batch, heads, 1, dim)`."""
        batch, heads = key.shape[:2]
        place = torch.full((batch, heads, 1, 1), position, device=key.device)
        parts = ((self._keys, key), (self._values, value), (self._positions, place))
        if self._keys.length < self._capacity:
            for buffer, states in parts:
                buffer.append(states)
            return
        for buffer, states in parts:
            buffer.write(self._next_slot, states)
        self._next_slot = (self._next_slot + 1) % self._capacity

    def map_batch(self, function: Callable[[Tensor], Tensor]) -> None:
        """Apply `function` to the batch dimension of every tensor."""
        for buffer in (self._keys, self._values, self._positions):
            buffer.map_batch(function)
