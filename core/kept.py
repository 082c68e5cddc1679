"""What a method keeps of one layer: the small cache, who gives up a slot, the index, and what is gone for good.

Asks the policy and holds its state. When this happens is decided in `layer.py`, how attention is computed in
`attention.py`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from .key_codes import KeyCodes
from .parallel import Processes
from .policies import Evictor, LayerIndex, Observation, Policy
from .storage import SmallCache, refill


class Kept:
    """Of one layer, under one policy. Positions count in the full cache."""

    def __init__(self, policy: Policy, others: Processes | None = None) -> None:
        """Nothing yet. others: the processes that have the layer's other heads."""
        self.policy = policy
        self._others = others
        self.small: SmallCache | None = None
        self.index: LayerIndex | None = None
        self.begin_index()
        self.scorer: KeyCodes | None = None
        """Of the keys, to choose the small cache anew by (`Policy.scoring`), once the prompt is known."""
        self.chosen: Tensor | None = None
        """int64 `(batch, heads, count)`: what the index chose last."""
        self.sizes: tuple[int, ...] = ()
        """K of each row, once the prompt is known."""
        self.queries: Tensor | None = None
        """`(batch, query_heads, at most Policy.queries, dim)`: the last of the prompt."""
        self.decoded = False
        """Whether a decode step has come since the last prompt: what was not chosen is then gone, and not before, since
        more of the prompt may follow."""
        self._padding: tuple[int, ...] = ()
        self._fresh = False  # whether the small cache at hand is to be left as it is
        self._received: Tensor | None = None
        self._evictor: Evictor | None = None
        self._alive: Tensor | None = None

    def held(self) -> Tensor | None:
        """The positions that row 0 of the batch holds, or read last, head by head in one row; None if all are."""
        if self.small is None:
            return None if self.chosen is None else self.chosen[0][self.chosen[0] >= 0]
        positions = self.small.positions[0]
        return (positions if self.small.valid is None else positions[:, self.small.valid[0, 0]]).flatten()

    @property
    def nbytes(self) -> int:
        """Bytes of the small cache and the index."""
        return sum(part.nbytes for part in (self.small, self.scorer, self.index) if part is not None)

    # --- at the end of a prompt, or at a full step -------------------------------------------------------------------

    def begin_index(self) -> None:
        """An empty index in place of what there is, if the method has one."""
        self.index = self.policy.make_index()
        if self.index is not None:
            self.index.others = self._others

    def see(self, query: Tensor) -> None:
        """Remember the last queries of a prompt, `query` `(batch, query_heads, new, dim)` being more of it."""
        if self.policy.queries > 1:
            past = [] if self.queries is None else [self.queries]
            self.queries = torch.cat([*past, query.detach()], dim=2)[:, :, -self.policy.queries :]

    def receive(self, sums: Tensor) -> None:
        """Add what more of the prompt attended to, `(batch, heads, length)`."""
        past = self._received
        self._received = sums if past is None else sums + pad(past, (0, sums.shape[-1] - past.shape[-1]))

    def count(self, length: int, valid: Tensor | None) -> None:
        """Take K of each row's own length: `valid` bool `(batch, 1 or heads, length)` is False for padding."""
        rows = [length] if valid is None else valid.any(dim=1).sum(dim=-1).tolist()
        self._padding = tuple(length - int(row) for row in rows)
        self.sizes = tuple(size for row in rows if (size := self.policy.capacity(int(row))) is not None)
        if not self._uneven:
            self._padding, self.sizes = (0,), self.sizes[:1]

    def choose(self, seen: Observation, keys: Tensor, values: Tensor) -> None:
        """Choose the small cache from what was seen: `keys`, `values` `(batch, heads, length, dim)`."""
        length, received = keys.shape[2], self._received
        if received is not None:
            received = pad(received, (0, length - received.shape[-1]))
        seen = Observation(seen.weights, seen.valid, seen.recent, received, self._others)
        counts = self._counts(length)
        if (alive := self.alive(length)) is not None:
            left = alive.sum(dim=-1).amin(dim=1).tolist()
            left = left if self._uneven else [min(left)]
            # What was written stays where new tokens are added, also if some of them were taken back.
            grown = self.policy.grows and self.decoded
            counts = left if grown else [min(pair) for pair in zip(counts, left, strict=True)]
        small = self._fill(keys, values, counts, lambda rows, count: self.policy.choose(seen.rows(rows), count))
        self._evictor = self.policy.make_evictor()
        if self._evictor is not None:
            self._evictor.begin(seen, small.positions)

    def renew(self, query: Tensor, keys: Tensor, values: Tensor, scaling: float, valid: Tensor | None) -> SmallCache:
        """Choose the small cache by what the index makes of `query` `(batch, query_heads, 1, dim)`, and return it."""
        assert self.scorer is not None
        assert self.policy.scoring is not None
        with torch.no_grad():
            self.scorer.append(keys[:, :, self.scorer.length :])
            scores = self.scorer.scores(query, scaling, valid)
        choose = self.policy.scoring.choose
        return self._fill(
            keys,
            values,
            self._counts(keys.shape[2]),
            lambda rows, count: choose(scores[rows], count, None if valid is None else valid[rows]),
        )

    def score_by(self, keys: Tensor, valid: Tensor | None) -> None:
        """Make the index of the prompt's `keys` by which the small cache is to be chosen anew, if there is one."""
        if self.policy.scoring is not None:
            with torch.no_grad():
                self.scorer = KeyCodes(keys, self.policy.scoring.bits, valid)

    def _fill(
        self, keys: Tensor, values: Tensor, counts: Sequence[int], choose: Callable[[slice, int], Tensor]
    ) -> SmallCache:
        """Fill the small cache with what `choose` says: of all rows at once, or of each row so many of its own."""
        small = self.prepare(keys, values)
        with torch.no_grad():
            if not self._uneven:
                positions = choose(slice(None), counts[0])
            else:
                rows = [choose(slice(row, row + 1), count) for row, count in enumerate(counts)]
                positions = torch.cat([pad(row, (max(counts) - row.shape[-1], 0)) for row in rows])
        refill([small], [keys], [values], positions[None], counts)
        return small

    @property
    def _uneven(self) -> bool:
        return len(set(self.sizes)) > 1

    def prepare(self, keys: Tensor, values: Tensor) -> SmallCache:
        """The small cache, made if there is none of that size, which is about to be filled from `keys` and `values`."""
        size = max(self.sizes)
        if self.small is None or self._fresh or self.small.capacity != size or self._uneven:
            sizes = self.sizes if self._uneven else None
            self.small = SmallCache(keys, values, size, self.policy.pinned, sizes, self.policy.grows)
        self._fresh = False
        return self.small

    # --- at a decode step --------------------------------------------------------------------------------------------

    def push(self, key: Tensor, value: Tensor, position: int) -> SmallCache:
        """Add the newest token, `(batch, heads, 1, dim)`, to the small cache and return it."""
        assert self.small is not None
        taken = self.small.push(key, value, position, self._victim(position))
        if self._evictor is not None:
            self._evictor.claimed(taken)
        return self.small

    def _victim(self, position: int) -> Tensor | None:
        assert self.small is not None
        if self._evictor is None or not self.small.is_full:
            return None
        return self.small.free(self._evictor.victim(self.small.positions, position, self.small.valid))

    @property
    def observes(self) -> bool:
        """Whether it is to be told what a step over the small cache attended to."""
        return self._evictor is not None

    def observe(self, weights: Tensor) -> None:
        """A step over the small cache attended so: float32 `(batch, heads, group, slots)`."""
        if self._evictor is not None:
            self._evictor.observe(weights)

    def look_up(self, query: Tensor, keys: Tensor, scaling: float, valid: Tensor | None) -> Tensor:
        """The positions that the index chooses for `query`, see `LayerIndex.choose`."""
        assert self.index is not None
        with torch.no_grad():
            self.index.update(keys, valid)
            self.chosen = self.index.choose(query, keys, scaling, self._counts(keys.shape[2]), valid)
        return self.chosen

    def attend(self, query: Tensor, keys: Tensor, values: Tensor, scaling: float) -> Tensor | None:
        """Attention to what the index chooses, if it has a way of its own, see `LayerIndex.attend`."""
        assert self.index is not None
        if self._uneven:
            return None
        with torch.no_grad():
            self.index.update(keys)
        if (found := self.index.attend(query, keys, values, scaling, self._counts(keys.shape[2]))) is None:
            return None
        output, self.chosen = found
        return output

    def _counts(self, length: int) -> list[int]:
        """How many each row has, or all."""
        return [min(size, length - padding) for size, padding in zip(self.sizes, self._padding, strict=True)]

    # --- the compiled step's side ------------------------------------------------------------------------------------

    @property
    def codes(self) -> KeyCodes | None:
        """The codes that it chooses by, in a batch of one row; None if it has none."""
        if len(self.sizes) != 1:
            return None
        return self.scorer if self.index is None else self.index.codes

    @property
    def recent(self) -> int:
        """How many of the newest positions a step by the codes always chooses."""
        return 0 if self.index is None else self.index.recent

    @property
    def spread(self) -> int:
        """How far heads may be from their counts in such a step."""
        return 1 if self.index is None else self.index.spread

    def count_coded(self, length: int) -> None:
        """The codes of the first `length` positions are written."""
        assert self.codes is not None
        self.codes.truncate(length)
        self.codes.extend(length - self.codes.length)

    def counts_at(self, position: int) -> list[int]:
        """How many positions each head chooses by the codes for the token at `position`; none without codes."""
        return [] if self.codes is None else [min(self.sizes[0], position + 1)] * self.codes.codes.shape[1]

    def undoing(self, position: int, full: bool) -> Callable[[], None]:
        """What takes back the step of the token at `position`, made before it; `full` if it may choose anew."""
        before = copy.copy(self)
        before._evictor, before.index = copy.copy(self._evictor), copy.copy(self.index)
        back = None if self.small is None else self.small.undoing(self._victim(position))
        self._fresh = full

        def undo() -> None:
            if back is not None:
                back()
            vars(self).update(vars(before))
            self._truncate_codes(position)

        return undo

    # --- what is gone ------------------------------------------------------------------------------------------------

    def alive(self, length: int) -> Tensor | None:
        """bool `(batch, heads, length)`: what was not evicted; None if nothing ever is or nothing was yet."""
        if not self.policy.evicts:
            return None
        alive = self._alive
        if self.decoded and self.small is not None:
            alive = self._placed(self.small, torch.ones_like(self.small.positions), length) > 0
        return None if alive is None else pad(alive, (0, length - alive.shape[-1]), value=True)

    @staticmethod
    def _placed(small: SmallCache, of_slots: Tensor, length: int) -> Tensor:
        """`of_slots` `(batch, heads, slots)` by position, `(batch, heads, length)`; slots not in use hold any."""
        used = of_slots if small.valid is None else of_slots * small.valid
        return used.new_zeros(*used.shape[:2], length).scatter_add(-1, small.positions, used)

    def settle(self, length: int) -> None:
        """More of a prompt follows the first `length` tokens: what is evicted by now stays so, and what is kept may be
        attended to by all of it."""
        if not self.decoded:  # it is one prompt
            return
        if self.policy.evicts and self.small is not None:
            self._alive = self.alive(length)
            if self._evictor is not None and (sums := self._evictor.received()) is not None:
                self._received = self._placed(self.small, sums, length)
            self.small = None
        self.queries = None

    def crop(self, before: int, length: int) -> None:
        """Forget all of the first `before` positions from `length` on. The small cache goes, since it may hold some."""
        self.settle(before)
        if self.queries is not None:
            self.queries = self.queries[:, :, : max(0, self.queries.shape[2] - (before - length))]
        if self._alive is not None:
            self._alive = self._alive[..., :length]
        if self._received is not None:
            self._received = self._received[..., :length]
        self._truncate_codes(length)
        self.small = self.chosen = self._evictor = None

    def _truncate_codes(self, length: int) -> None:
        for part in (self.index, self.scorer):
            if part is not None:
                part.truncate(length)

    def map_batch(self, function: Callable[[Tensor], Tensor]) -> None:
        """Apply `function` to the batch dimension of every tensor."""
        for part in (self.small, self.index, self.scorer, self._evictor):
            if part is not None:
                part.map_batch(function)
        for name in ("chosen", "queries", "_received", "_alive"):
            if (states := getattr(self, name)) is not None:
                setattr(self, name, function(states))
        if self._uneven:
            self.sizes, self._padding = (
                tuple(function(torch.tensor(rows)).tolist()) for rows in (self.sizes, self._padding)
            )
