"""RefreshKV: Xu, Goyal, Choi, "RefreshKV: Updating Small KV Cache During Long-form Generation", ACL 2025.

https://arxiv.org/abs/2411.05787
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import cosine_similarity

from ..errors import InvalidParameterError
from ..selection import look_ahead, pooled_scores, top_positions
from .base import Policy, Scoring
from .checks import check_budget, check_count, check_pool_kernel_size, is_cosine, is_integer, slots

ABOVE_ALL = 2.0
"""Larger than any attention weight."""


@dataclass(frozen=True)
class RefreshKV(Policy):
    """Most steps attend to a small cache; every `stride` steps a layer may attend to all and choose it anew.

    budget: size K of the small cache per layer and KV head: a fraction of the prompt (float, 0 < budget <= 1) or a
        number of tokens (int, >= 1). The paper's long-input setting is 1/8.
    stride: decode steps between two checks (paper: S = 10).
    similarity_threshold: cosine similarity of the current query (mean over the query heads, after rotary embedding) to
        the one of the layer's last full step, above which the layer stays with its small cache at a check (paper: 0.95
        for Qwen2-7B). None makes every check a full step in all layers. In a batch a layer stays only if all rows do.
    pool_kernel_size: window of the max pooling of scores along positions, odd (paper: 7; 1 for none).
    floor: tokens that a fractional budget comes to at least, however short the prompt (0 for none). A budget in tokens
        is taken as given. Of the floors tried, 384 is the smallest with which no prompt of up to 1,000 tokens decodes
        further from full attention (KL divergence 0.135 at most) than one of 2,000 with its eighth alone (0.199); 256
        comes to 0.213. Four prompts a length, which differ more than that: benchmarks/short_prompts.py.
    lookahead: a score counts for so many positions behind its own as well (paper: 0), since a step that repeats
        something reads one position further than the step before it. With it no other pooling is needed
        (docs/experiments.md, 2026-11-27).
    recent: newest tokens that every choice keeps, at most half of the small cache (paper: 0).
    bits: of an index of the keys (key_codes.py) by which the small cache is chosen anew, 2, 3 or 4; such a step attends
        to what it chose. With 0 it is chosen from what a full step attends to (paper). Three bits choose as well, in
        less time (docs/experiments.md, 2026-11-27), which is why the stride may be shorter here.

    Raises InvalidParameterError for values outside these ranges.
    """

    summary: ClassVar[str] = (
        "Reads a small part of the context, chosen anew every few steps by a coarse copy of all of it."
    )

    extends: ClassVar[bool] = True

    budget: float | int = 1 / 8
    stride: int = 5
    similarity_threshold: float | None = None
    pool_kernel_size: int = 1
    floor: int = 384
    lookahead: int = 6
    recent: int = 32
    bits: int = 3

    @classmethod
    def paper(
        cls,
        budget: float | int = 1 / 8,
        stride: int = 10,
        similarity_threshold: float | None = None,
        pool_kernel_size: int = 7,
    ) -> RefreshKV:
        """The paper to the letter, without a floor too: a fraction of a short prompt is a few tokens."""
        return cls(budget, stride, similarity_threshold, pool_kernel_size, lookahead=0, recent=0, floor=0, bits=0)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_budget(self.budget)
        if not is_integer(self.stride) or self.stride < 1:
            raise InvalidParameterError(
                "stride-out-of-range",
                "stride is {stride}; it must be a whole number of steps, 1 or more.",
                stride=repr(self.stride),
            )
        if self.similarity_threshold is not None and not is_cosine(self.similarity_threshold):
            raise InvalidParameterError(
                "threshold-out-of-range",
                "similarity_threshold is {threshold}; a cosine similarity lies between -1 and 1. Pass None for "
                "refreshes by stride alone.",
                threshold=repr(self.similarity_threshold),
            )
        check_pool_kernel_size(self.pool_kernel_size)
        for name in ("lookahead", "recent"):
            check_count(name, getattr(self, name), 0)
        if not is_integer(self.bits) or self.bits not in (0, 2, 3, 4):
            raise InvalidParameterError(
                "refresh-bits-out-of-range",
                "bits is {bits}; an index of keys has 2, 3 or 4 bits a channel. Pass 0 to refresh without one.",
                bits=repr(self.bits),
            )
        if not is_integer(self.floor) or self.floor < 0:
            raise InvalidParameterError(
                "floor-out-of-range",
                "floor is {floor}; it must be a whole number of tokens. Pass 0 for none.",
                floor=repr(self.floor),
            )

    def capacity(self, prompt_length: int) -> int:
        """K: `budget` tokens, or that fraction of the prompt rounded down, at least `floor` and at least 1.

        It may exceed the prompt, all of which is kept then, and the new tokens too until there are K.
        """
        return slots(self.budget, prompt_length, self.floor)

    def select(self, weights: Tensor, count: int, valid: Tensor | None) -> Tensor:
        """Max over the group, max pooling along positions (paper, section 3), which reaches ahead; then the `recent`
        newest, and of the others those with the highest scores."""
        scores = look_ahead(pooled_scores(weights, self.pool_kernel_size), self.lookahead)
        if newest := min(self.recent, count // 2):
            scores[..., -newest:] = ABOVE_ALL
        return top_positions(scores, count, valid)

    @property
    def scoring(self) -> Scoring | None:
        """By the same rule, with `bits`."""
        return Scoring(self.bits, self.pool_kernel_size, self.lookahead, self.recent) if self.bits else None

    def is_check_step(self, decode_step: int) -> bool:
        """Every `stride`-th step."""
        return decode_step % self.stride == 0

    def compares_queries(self) -> bool:
        """Only with a threshold."""
        return self.similarity_threshold is not None

    def keeps_small_cache(self, query: Tensor, anchor: Tensor) -> bool:
        """Cosine similarity above the threshold in every row of the batch."""
        threshold = -1.0 if self.similarity_threshold is None else self.similarity_threshold
        return bool((cosine_similarity(query, anchor, dim=-1) > threshold).all())
