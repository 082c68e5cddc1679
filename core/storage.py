"""Preallocated tensors that grow in blocks, and the two caches of a layer made of them.

Knows nothing of attention or policies. `torch.cat` per decode step copies the whole cache; a write into a buffer does
not.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from .on_disk import DiskStorage
from .selection import gather_into, gather_positions, has_gradient

BLOCK = 256
"""Positions a buffer grows by."""


class GrowingTensor:
    """A tensor `(batch, heads, length, dim)` that grows along `length` without a copy per step."""

    def __init__(self, initial: Tensor, disk: DiskStorage | None = None) -> None:
        """Adopt `initial` as the storage; the first append that does not fit moves it into a larger one, on `disk` if
        there is one."""
        self._storage = initial
        self._disk = disk
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
        """Bytes of memory of the storage, room that is not filled yet included."""
        return 0 if self._disk is not None else self._storage.nbytes

    def reserve(self, capacity: int) -> None:
        """Make room for `capacity` positions in all, rounded up to whole blocks."""
        if capacity <= self._storage.shape[2]:
            return
        batch, heads, _, dim = self._storage.shape
        shape = batch, heads, -(-capacity // BLOCK) * BLOCK, dim
        grown = self._storage.new_empty(shape) if self._disk is None else self._disk.empty(shape, self._storage)
        grown[:, :, : self.length] = self.view
        self._storage = grown

    def append(self, states: Tensor) -> None:
        """Write `states` `(batch, heads, new, dim)` behind the filled part."""
        end = self.length + states.shape[2]
        if has_gradient(states, self._storage):  # what was attended to before must stay as it was
            self._storage = torch.cat([self.view, states.to(self._storage.dtype)], dim=2)
        else:
            self.reserve(end)
            self._storage[:, :, self.length : end] = states
        self.length = end

    def extend(self, count: int) -> None:
        """Count `count` more positions as filled; what stands in them is written elsewhere."""
        self.reserve(self.length + count)
        self.length += count

    def write(self, index: int | Tensor, states: Tensor) -> None:
        """Overwrite position `index`, the same in all rows and heads or int64 `(batch, heads)`, with `states`
        `(batch, heads, 1, dim)`."""
        if has_gradient(states, self._storage):
            self._storage = self._storage.clone()
        if isinstance(index, int):
            self._storage[:, :, index : index + 1] = states
        else:
            self._storage[*_rows_and_heads(index), index] = states[:, :, 0].to(self._storage.dtype)

    def read(self, index: int | Tensor) -> Tensor:
        """A copy of what stands at `index` (as in `write`), `(batch, heads, 1, dim)`."""
        if isinstance(index, int):
            return self._storage[:, :, index : index + 1].clone()
        return self._storage[*_rows_and_heads(index), index].unsqueeze(2)

    def truncate(self, length: int) -> None:
        """Forget all positions from `length` on; their storage stays."""
        self.length = min(self.length, length)

    def map_batch(self, function: Callable[[Tensor], Tensor]) -> None:
        """Replace the storage by `function` of it, for operations along the batch dimension."""
        self._storage = function(self._storage)


class SmallCache:
    """`C_p`: at most `capacity` keys and values per KV head, in slots: first the `pinned` ones, which stay, then the
    others ascending by rank at the last refresh (in a batch of several lengths the pinned ones come last).

    A new token takes a free slot while there is one, then overwrites the first slot that is not pinned, the next, … in
    turn: the token ranked lowest goes first, as in the paper's code, and no argmin per step is needed. Past the last
    slot it starts over, so that with more new tokens than slots the oldest of them goes, never the newest. A method may
    name the slot instead. Slot order does not matter to attention, since keys are cached after rotary embedding. A
    refresh writes into the same storage.

    With `grows` every new token takes a slot of its own, and `capacity` is that of a refresh.

    In a batch of prompts of different lengths `sizes` says how many slots each row has; all are made at once, and those
    in front that a row does not use are masked by `valid`.
    """

    def __init__(
        self,
        keys: Tensor,
        values: Tensor,
        capacity: int,
        pinned: int = 0,
        sizes: tuple[int, ...] | None = None,
        grows: bool = False,
    ) -> None:
        """An empty cache for states like `keys` and `values` `(batch, heads, any, dim)`."""
        self.keys_buffer = GrowingTensor(keys[:, :, :0])
        self.values_buffer = GrowingTensor(values[:, :, :0])
        self._positions = GrowingTensor(torch.empty(*keys.shape[:2], 0, 1, dtype=torch.long, device=keys.device))
        self.capacity, self.pinned = int(capacity), int(pinned)  # which may be NumPy's
        self.grows = grows
        self._sizes = None if sizes is None else torch.tensor(sizes, device=keys.device)
        self._filled: Tensor | None = None
        self._next = 0  # new tokens since the slots were full, or in a batch of several lengths since the refresh

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
    def valid(self) -> Tensor | None:
        """bool `(batch, 1, slots)`: which slots are in use; None if all are."""
        return None if self._filled is None else self._filled.unsqueeze(1)

    @property
    def nbytes(self) -> int:
        """Bytes of keys, values and positions."""
        return self.keys_buffer.nbytes + self.values_buffer.nbytes + self._positions.nbytes

    @property
    def slots(self) -> int:
        """Slots in use, in the longest row."""
        return self._positions.length

    @property
    def is_full(self) -> bool:
        """Whether no slot is to be added."""
        return not self.grows and self.slots >= self.capacity

    @property
    def _buffers(self) -> tuple[GrowingTensor, GrowingTensor, GrowingTensor]:
        return self.keys_buffer, self.values_buffer, self._positions

    def free(self, named: Tensor) -> Tensor:
        """The slots that were `named` `(batch, heads)`, or those that a row has not filled yet."""
        if self._sizes is None or self._filled is None:
            return named
        own = torch.arange(self.slots, device=named.device) >= self.slots - self._sizes.unsqueeze(1)
        empty = own & ~self._filled
        first = empty.long().argmax(dim=1, keepdim=True)
        return torch.where(empty.any(dim=1, keepdim=True), first, named)

    def _hold(self, positions: Tensor, counts: Sequence[int]) -> None:
        """Have slots for `positions`, of which each row chose the last `counts`, and count them as holding these; keys
        and values are written elsewhere."""
        slots = positions.shape[-1]
        self.emptied(slots)
        self.positions.copy_(positions)
        if self._sizes is not None:
            held = torch.tensor(counts, device=positions.device).unsqueeze(1)
            self._filled = torch.arange(slots, device=positions.device) >= slots - held

    def emptied(self, slots: int) -> Tensor:
        """Have so many slots, whose contents are to be written; returns the storage of the positions of row 0, int64
        `(heads, slots and room)`."""
        for buffer in self._buffers:
            buffer.truncate(0)
            buffer.reserve(slots + BLOCK if self.grows else min(self.capacity, slots + BLOCK))
            buffer.extend(slots)
        self._next = 0
        return self._positions.storage[0, :, :, 0]

    def claim(self, position: int, slot: Tensor | None = None) -> int | Tensor:
        """Take a slot for the token at `position` of the full cache, `slot` `(batch, heads)` if it is named, and return
        it. The caller writes its states."""
        taken = self._following() if slot is None else slot
        if isinstance(taken, int):
            if taken == self.slots:
                for buffer in self._buffers:
                    buffer.extend(1)
                self._filled = None if self._filled is None else pad(self._filled, (0, 1), value=True)
            else:
                self._next += 1
            self._positions.storage.select(2, taken).fill_(position)
            return taken
        self._next += slot is None
        if self._filled is not None:
            self._filled = self._filled.scatter(1, taken[:, :1], True)
        self._positions.storage[*_rows_and_heads(taken), taken] = position
        return taken

    def _following(self) -> int | Tensor:
        """The slot that the next token takes, unless one is named."""
        if not self.is_full:
            return self.slots
        if self._sizes is not None:  # of each row; the free ones come first
            row = self.slots - self._sizes + self._next % (self._sizes - self.pinned).clamp(min=1)
            return row.unsqueeze(1).expand(-1, self._positions.storage.shape[1])
        return self.pinned + self._next % max(1, self.capacity - self.pinned)

    def push(self, key: Tensor, value: Tensor, position: int, slot: Tensor | None = None) -> int | Tensor:
        """Add the newest token: `key` and `value` `(batch, heads, 1, dim)`; returns its slot."""
        taken = self.claim(position, slot)
        self.keys_buffer.write(taken, key)
        self.values_buffer.write(taken, value)
        return taken

    def undoing(self, slot: Tensor | None = None) -> Callable[[], None]:
        """What takes the next `push` back, with the same `slot`; to be made before it."""
        slots, following, filled = self.slots, self._next, self._filled
        taken = self._following() if slot is None else slot
        grows = isinstance(taken, int) and taken == slots
        before = [] if grows else [buffer.read(taken) for buffer in self._buffers]

        def undo() -> None:
            for buffer, states in zip(self._buffers, before, strict=False):
                buffer.write(taken, states)
            for buffer in self._buffers:
                buffer.truncate(slots)
            self._next, self._filled = following, filled

        return undo

    def map_batch(self, function: Callable[[Tensor], Tensor]) -> None:
        """Apply `function` to the batch dimension of every tensor."""
        for buffer in self._buffers:
            buffer.map_batch(function)
        if self._sizes is not None and self._filled is not None:
            self._sizes, self._filled = function(self._sizes), function(self._filled)


def refill(
    caches: Sequence[SmallCache],
    keys: Sequence[Tensor],
    values: Sequence[Tensor],
    positions: Tensor,
    counts: Sequence[int] = (),
) -> None:
    """Let each of `caches` hold what stands in its `keys` and `values` at its `positions`, and nothing else.

    `keys`, `values`: `(batch, heads, length, dim)`; `positions`: int64 `(caches, batch, heads, count)`, ascending by
    rank, with count at most the capacity. counts: how many of them, the last, are each row's, where rows have different
    numbers of slots.
    """
    placed = [_placed(cache, chosen, counts) for cache, chosen in zip(caches, positions, strict=True)]
    if has_gradient(*keys, *values):
        for cache, key, value, chosen in zip(caches, keys, values, placed, strict=True):
            cache.keys_buffer = GrowingTensor(gather_positions(key, chosen))
            cache.values_buffer = GrowingTensor(gather_positions(value, chosen))
        return
    outs = [cache.keys for cache in caches] + [cache.values for cache in caches]
    gather_into(outs, [*keys, *values], [*placed, *placed])


def _placed(cache: SmallCache, chosen: Tensor, counts: Sequence[int]) -> Tensor:
    """Slot by slot the positions that `cache` is to hold, which counts them as held: the pinned ones come first, or
    where rows have different numbers of slots, each row's own being the last, at the end."""
    count = chosen.shape[-1]
    if cache._sizes is None:
        chosen = chosen.roll(min(cache.pinned, count), dims=-1)
    elif count < cache.capacity:
        chosen = pad(chosen, (cache.capacity - count, 0))
    cache._hold(chosen, counts)
    return chosen


def _rows_and_heads(slots: Tensor) -> tuple[Tensor, Tensor]:
    batch, heads = slots.shape
    return (torch.arange(batch, device=slots.device)[:, None], torch.arange(heads, device=slots.device)[None])
