"""KeyIndex: RefreshKV (Xu, Goyal, Choi, ACL 2025) with a refresh at every step, made nearly free by an index of keys.

What RefreshKV loses it loses because a small cache was chosen for another query, hardly because it is old. Here the
keys stand in 2 to 4 bits a channel beside the full cache (key_codes.py); at every step the query at hand is scored
against all of them, and the highest-scoring positions are attended to exactly, in place. There is no full step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..key_codes import KeyCodes, choose_positions, indexed_attention
from .base import LayerIndex, Policy
from .checks import check_bits, check_budget, check_count, slots


@dataclass(frozen=True)
class KeyIndex(Policy):
    """At every step the positions whose keys score highest, by a low-bit copy of all keys; attended to exactly.

    budget: K, positions attended to at a step: a fraction of the prompt (float) or tokens (int). bits: of a code, 2, 3
    or 4. recent: newest positions that are always among them. stride: steps between two reports of what is attended to;
    it changes nothing else. floor: positions that a fractional budget comes to at least. spread: at each step the KV
    heads of a layer share their budgets, so that those whose attention is spread out get more: K / spread at least,
    spread * K at most, K in the mean; 1 for K each, which is nearer with 2 bits. docs/experiments.md and
    docs/benchmarks.md say why the defaults are 3 bits, a floor of 128 and a spread of 4. Raises InvalidParameterError.
    """

    summary: ClassVar[str] = (
        "Looks through a coarse copy of the whole context at every step and reads what matters to it exactly."
    )

    extends: ClassVar[bool] = True

    budget: float | int = 1 / 16
    bits: int = 3
    recent: int = 32
    stride: int = 10
    floor: int = 128
    spread: int = 4

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_budget(self.budget)
        for name, least in (("recent", 1), ("stride", 1), ("floor", 0), ("spread", 1)):
            check_count(name, getattr(self, name), least)
        check_bits(self.bits)

    def capacity(self, prompt_length: int) -> int:
        """K: `budget` tokens, or that fraction of the prompt, at least `floor`; one more than the recent at least."""
        return max(self.recent + 1, slots(self.budget, prompt_length, self.floor))

    def make_index(self) -> LayerIndex:
        """The codes of a layer's keys."""
        return CodedKeys(self.bits, self.recent, self.spread)

    def is_check_step(self, decode_step: int) -> bool:
        """Every `stride`-th step is reported."""
        return decode_step % self.stride == 0


class CodedKeys(LayerIndex):
    """The codes of one layer's keys, whose ranges are those of the prompt."""

    def __init__(self, bits: int, recent: int, spread: int) -> None:
        """No codes yet."""
        self._bits = bits
        self.recent = recent
        self.spread = spread
        self.codes: KeyCodes | None = None

    def update(self, keys: Tensor, valid: Tensor | None = None) -> None:
        """Code what is new."""
        if self.codes is None:
            self.codes = KeyCodes(keys, self._bits, valid)
        elif self.codes.length < keys.shape[2]:
            self.codes.append(keys[:, :, self.codes.length :])

    def choose(
        self, query: Tensor, keys: Tensor, scaling: float, counts: Sequence[int], valid: Tensor | None
    ) -> Tensor:
        """Those with the highest scores, the largest of the group's, and the recent ones."""
        assert self.codes is not None
        scores = self.codes.scores(query, scaling, valid)
        wanted = torch.tensor(counts, device=keys.device).view(-1, 1).expand(scores.shape[:2])
        return choose_positions(scores, wanted, self.recent, self.spread, self.others)

    def attend(
        self, query: Tensor, keys: Tensor, values: Tensor, scaling: float, counts: Sequence[int]
    ) -> tuple[Tensor, Tensor] | None:
        """In place."""
        assert self.codes is not None
        return indexed_attention(
            query, keys, values, self.codes, counts[0], self.recent, scaling, spread=self.spread, others=self.others
        )

    def truncate(self, length: int) -> None:
        """The ranges stay."""
        if self.codes is not None:
            self.codes.truncate(length)

    def map_batch(self, function: Callable[[Tensor], Tensor]) -> None:
        """The codes follow."""
        if self.codes is not None:
            self.codes.map_batch(function)

    @property
    def nbytes(self) -> int:
        """Bytes of the codes."""
        return 0 if self.codes is None else self.codes.nbytes
