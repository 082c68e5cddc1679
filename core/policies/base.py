"""What a method decides, and what it may look at. A policy holds parameters, never state: one value serves every layer
and every run. State that a method needs is made by it for each layer, and held by the layer.

A method keeps a small cache, chosen by `choose` and used until the next full step, or until it is chosen anew by an
index of the keys (`scoring`: RefreshKV), for good (StreamingLLM, SnapKV), or with a choice of its own of what goes
(`make_evictor`: H2O, TOVA). Or it chooses anew at every decode step
among all keys (`make_index`: Quest, TokenSelect, KeyIndex).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..key_codes import KeyCodes
from ..parallel import Processes
from ..selection import look_ahead, pool_scores, top_positions


def least(scores: Tensor, protected: Tensor, valid: Tensor | None) -> Tensor:
    """The slots `(batch, heads)` with the lowest of `scores` `(batch, heads, slots)`, none that is `protected` or not
    in use (`valid`, as in `Evictor.victim`)."""
    spared = protected if valid is None else protected | ~valid
    return scores.masked_fill(spared, torch.inf).argmin(dim=-1)


def mean_query(query: Tensor, others: Processes | None) -> Tensor:
    """The mean `(batch, dim)`, float32, of the last of `query` `(batch, query_heads, new, dim)` over all heads of the
    layer, those of `others` too."""
    mean = query[:, :, -1].float().mean(dim=1)
    return mean if others is None else others.summed(mean) / others.size


def mean_weights(weights: Tensor, others: Processes | None) -> Tensor:
    """The mean `(batch, length)` of attention `(batch, heads, group, length)` over all heads of the layer."""
    mean = weights.mean(dim=(1, 2))
    return mean if others is None else others.summed(mean) / others.size


def of_rows(ranked: Tensor, counts: Sequence[int]) -> Tensor:
    """Of positions `(batch, heads, count)` ascending by rank each row's `counts` highest; -1 in place of the others."""
    if len(counts) == 1:
        return ranked
    left_out = ranked.shape[2] - torch.tensor(counts, device=ranked.device).clamp(max=ranked.shape[2])
    places = torch.arange(ranked.shape[2], device=ranked.device)
    return ranked.masked_fill((places < left_out[:, None])[:, None], -1)


@dataclass(frozen=True)
class Observation:
    """What a layer's tokens attended to, from which a small cache is chosen.

    weights: float32 `(batch, heads, group, length)`: the newest token's attention. valid: bool
    `(batch, 1 or heads, length)`, False for padding and for what was evicted; None where all may be chosen.
    recent: float32 `(batch, heads, group, queries, length)`: the attention of the last `Policy.queries` tokens of the
    prompt, newest last; None in a decode step, or if only the newest is wanted.
    received: float32 `(batch, heads, length)`: how much each position was attended to by all tokens of the prompt,
    summed over the group; None unless `Policy.sums_attention`.
    others: the processes that have the layer's other heads, for a choice that depends on all; None if all are here.
    """

    weights: Tensor
    valid: Tensor | None = None
    recent: Tensor | None = None
    received: Tensor | None = None
    others: Processes | None = None

    def rows(self, rows: slice) -> Observation:
        """Of some rows of the batch."""

        def of(part: Tensor | None) -> Tensor | None:
            return None if part is None else part[rows]

        valid, recent, received = map(of, (self.valid, self.recent, self.received))
        return Observation(self.weights[rows], valid, recent, received, self.others)


class Evictor(ABC):
    """Which slot of a layer's small cache a new token takes. Slots are numbered as in `positions`."""

    @abstractmethod
    def begin(self, seen: Observation, positions: Tensor) -> None:
        """The small cache holds `positions` `(batch, heads, slots)`, chosen from `seen`."""

    @abstractmethod
    def victim(self, positions: Tensor, newest: int, valid: Tensor | None) -> Tensor:
        """The slots `(batch, heads)` that the token at position `newest` takes. `valid`: bool `(batch, 1, slots)`,
        which slots are in use; None if all are."""

    @abstractmethod
    def claimed(self, slot: int | Tensor) -> None:
        """A token took a slot: a new one behind all others (int), or those of `victim`."""

    @abstractmethod
    def observe(self, weights: Tensor) -> None:
        """A step attended to the slots: float32 `(batch, heads, group, slots)`."""

    def received(self) -> Tensor | None:
        """What each slot received so far, float32 `(batch, heads, slots)`, to go on from with more of a prompt."""
        return None

    @abstractmethod
    def map_batch(self, function: Callable[[Tensor], Tensor]) -> None:
        """Apply `function` to the batch dimension of every tensor."""


class LayerIndex(ABC):
    """What a method keeps of a layer's keys, to choose among all of them at every decode step."""

    @abstractmethod
    def update(self, keys: Tensor, valid: Tensor | None = None) -> None:
        """Take in what is new of `keys` `(batch, heads, length, dim)`, all that the layer holds. `valid`: as in
        `Observation`."""

    codes: KeyCodes | None = None
    """Of the keys, for a step that is compiled: it scores them, and chooses with the `recent` newest always; its heads
    share what they choose if `spread` is above 1 (`key_codes.shared_counts`)."""
    recent: int = 0
    spread: int = 1
    others: Processes | None = None
    """The processes that have the layer's other heads, for a choice that depends on all; None if all are here."""

    @abstractmethod
    def choose(
        self, query: Tensor, keys: Tensor, scaling: float, counts: Sequence[int], valid: Tensor | None
    ) -> Tensor:
        """The positions `(batch, heads, at most about the largest of counts)` that `query`
        `(batch, query_heads, 1, dim)` attends to, the newest among them and none twice; -1 is none. counts: how many,
        for all rows or for each. `valid`: as in `Observation`."""

    def attend(
        self, query: Tensor, keys: Tensor, values: Tensor, scaling: float, counts: Sequence[int]
    ) -> tuple[Tensor, Tensor] | None:
        """Attention `(batch, 1, query_heads, value_dim)` to what `choose` gives without a mask, and that; None if there
        is no faster way than to gather it. `keys`, `values`: all, `(batch, heads, length, dim)`."""
        return None

    @abstractmethod
    def truncate(self, length: int) -> None:
        """Forget all positions from `length` on."""

    @abstractmethod
    def map_batch(self, function: Callable[[Tensor], Tensor]) -> None:
        """Apply `function` to the batch dimension of every tensor."""

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes of its tensors."""


@dataclass(frozen=True)
class Scoring:
    """How a small cache is chosen anew by an index of the keys, in place of what a full step attends to: the step then
    attends to what it chose.

    bits: of the index's codes (key_codes.py). pool_kernel_size, lookahead: a score counts for so many positions around
    its own, and for so many more behind them. recent: the newest are always kept, half of the small cache at most and
    the very last at least.
    """

    bits: int
    pool_kernel_size: int = 1
    lookahead: int = 0
    recent: int = 1

    def newest(self, count: int) -> int:
        """How many of `count` positions are the newest."""
        return max(1, min(self.recent, count // 2))

    def choose(self, scores: Tensor, count: int, valid: Tensor | None) -> Tensor:
        """`count` positions, int64 `(batch, heads, count)`, ascending by rank, by `scores` float32
        `(batch, heads, length)`, the largest of each group. `valid`: as in `Observation`."""
        reached = look_ahead(pool_scores(scores, self.pool_kernel_size), self.lookahead)
        reached[..., -self.newest(count) :] = torch.inf
        return top_positions(reached, count, valid)


MOST_DRAFTED = 7
"""Tokens that are drafted at once; a compiled step takes one row more."""


@dataclass(frozen=True)
class Drafting:
    """That tokens are drafted, to be verified by the policy's own steps: by what stands in prompt and text already, and
    by `policy`, up to `most` at once, if that is above 0."""

    policy: Policy
    most: int


class Policy(ABC):
    """Decides how large the small cache is, what it keeps, and which decode steps attend to the full cache.

    The defaults are those of a policy whose every step is full.
    """

    summary: ClassVar[str] = ""
    """What the method does, in a sentence for a person."""
    extends: ClassVar[bool] = False
    """Whether it can go on beyond the trained window (window.py)."""

    @abstractmethod
    def capacity(self, prompt_length: int) -> int | None:
        """Slots of the small cache per layer and KV head after a prompt of `prompt_length` tokens, or how many
        positions are chosen at each step; None for neither, so that every step attends to the full cache."""

    @property
    def reads_all(self) -> bool:
        """Whether every step attends to the full cache."""
        return self.capacity(1) is None

    def for_layer(self, layer: int, layers: int) -> Policy:
        """The policy of layer `layer` of `layers`, for methods that treat some otherwise."""
        return self

    @property
    def drafting(self) -> Drafting | None:
        """How tokens are drafted, for a policy that reads all; None to decode one at a time."""
        return None

    # --- what is kept -----------------------------------------------------------------------------------------------

    def select(self, weights: Tensor, count: int, valid: Tensor | None) -> Tensor:
        """Choose `count` positions from the attention weights of one query token.

        `weights`: `(batch, heads, group, length)`; `valid`: bool `(batch, 1 or heads, length)` or None where all are.
        Returns int64 `(batch, heads, count)`, ascending by rank: the first is the first to be overwritten.
        """
        raise NotImplementedError(f"{type(self).__name__} has a small cache and must say what it keeps.")

    def choose(self, seen: Observation, count: int) -> Tensor:
        """As `select`, for a method that looks at more than the newest token."""
        return self.select(seen.weights, count, seen.valid)

    @property
    def queries(self) -> int:
        """Of how many of the prompt's last tokens `choose` sees the attention."""
        return 1

    @property
    def sums_attention(self) -> bool:
        """Whether `choose` sees what each position received from the whole prompt, which takes a second attention over
        it."""
        return False

    @property
    def pinned(self) -> int:
        """How many of the chosen positions, the last ones, are never overwritten."""
        return 0

    @property
    def grows(self) -> bool:
        """Whether new tokens are added to the chosen ones and none is overwritten."""
        return False

    @property
    def evicts(self) -> bool:
        """Whether what the small cache does not hold is gone for good, also for tokens that are prefilled later."""
        return False

    def make_evictor(self) -> Evictor | None:
        """A layer's choice of the slot that each new token takes; None takes them in the order of `choose`."""
        return None

    def make_index(self) -> LayerIndex | None:
        """A layer's index, for a method that chooses at every decode step; None for a small cache."""
        return None

    @property
    def scoring(self) -> Scoring | None:
        """How a small cache is chosen anew without a full step; None to choose it from what one attends to."""
        return None

    # --- when -------------------------------------------------------------------------------------------------------

    def is_check_step(self, decode_step: int) -> bool:
        """Whether decode step `decode_step` (1 is the first after the prompt) may attend to the full cache; with an
        index, whether what it chose is reported as a refresh."""
        return True

    def compares_queries(self) -> bool:
        """Whether a check step asks `keeps_small_cache`, layer by layer; if not, every check step is full."""
        return False

    def keeps_small_cache(self, query: Tensor, anchor: Tensor) -> bool:
        """Whether a layer stays with its small cache at a check step.

        `query`, `anchor`: the current query vector and the one of the layer's last full step, `(batch, dim)`.
        """
        return False


class EvictingPolicy(Policy):
    """A policy with a small cache alone: what that does not hold is gone, and there is no full step."""

    @property
    def evicts(self) -> bool:
        """Always."""
        return True

    def is_check_step(self, decode_step: int) -> bool:
        """Never."""
        return False
