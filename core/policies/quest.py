"""Quest: Tang, Zhao, Zhu, Xiao, Kasikci, Han, "Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference",
ICML 2024.

https://arxiv.org/abs/2406.10774
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from .base import LayerIndex, Policy, of_rows
from .checks import check_budget, check_count, slots
from .full import FullAttention


@dataclass(frozen=True)
class Quest(Policy):
    """At every step the pages of keys that can matter most to the query, by each page's smallest and largest keys.

    budget: K, tokens read at a step: a fraction of the prompt (float) or tokens (int). page: tokens of a page (paper:
    16). dense_layers: first layers that attend fully (paper: 2). stride: steps between two reports of what is read.
    Raises InvalidParameterError.
    """

    summary: ClassVar[str] = "Reads, at every step, the pages of the context whose keys can matter most to it."

    budget: float | int = 1 / 8
    page: int = 16
    dense_layers: int = 2
    stride: int = 10

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_budget(self.budget)
        for name, least in (("page", 1), ("dense_layers", 0), ("stride", 1)):
            check_count(name, getattr(self, name), least)

    def for_layer(self, layer: int, layers: int) -> Policy:
        """Full attention in the first ones, if others are left."""
        return FullAttention() if layer < min(self.dense_layers, layers - 1) else self

    def capacity(self, prompt_length: int) -> int:
        """Two pages at least: one that was chosen, and the newest."""
        return max(2 * self.page, slots(self.budget, prompt_length))

    def make_index(self) -> LayerIndex:
        """The pages."""
        return Pages(self.page)

    def is_check_step(self, decode_step: int) -> bool:
        """Every `stride`-th step is reported."""
        return decode_step % self.stride == 0


class Pages(LayerIndex):
    """The smallest and the largest key of each page, channel by channel."""

    def __init__(self, page: int) -> None:
        """No pages yet."""
        self._page = page
        self._least = self._most = torch.empty(0)

    def update(self, keys: Tensor, valid: Tensor | None = None) -> None:
        """Pages that are whole are taken in."""
        known = self._least.shape[2] if self._least.ndim == 4 else 0
        new = keys[:, :, known * self._page : keys.shape[2] // self._page * self._page].float()
        if new.shape[2] == 0:
            return
        pages = new.unflatten(2, (-1, self._page))
        least, most = pages.amin(dim=3), pages.amax(dim=3)
        self._least = torch.cat([self._least, least], dim=2) if known else least
        self._most = torch.cat([self._most, most], dim=2) if known else most

    def choose(
        self, query: Tensor, keys: Tensor, scaling: float, counts: Sequence[int], valid: Tensor | None
    ) -> Tensor:
        """The pages with the highest bound on a score, the largest of the group's; and the newest, whole or not."""
        batch, heads, length, _ = keys.shape
        pages = (length - 1) // self._page
        rest = torch.arange(pages * self._page, length, device=keys.device).expand(batch, heads, -1)
        wanted = min(pages, max(0, (max(counts) - rest.shape[-1]) // self._page))
        if wanted == 0:
            return rest
        grouped = query[:, :, 0].float().unflatten(1, (heads, -1)).unsqueeze(3)  # (batch, heads, group, 1, dim)
        least, most = (bounds[:, :, :pages].unsqueeze(2) for bounds in (self._least, self._most))
        bound = torch.maximum(grouped * least, grouped * most).sum(dim=-1)
        scores = bound.amax(dim=2)
        if valid is not None:
            whole = valid[..., : pages * self._page].unflatten(-1, (pages, self._page)).any(dim=-1)
            scores = scores.masked_fill(~whole, -torch.inf)
        chosen = scores.topk(wanted).indices.flip(-1).unsqueeze(-1) * self._page
        tokens = chosen + torch.arange(self._page, device=keys.device)
        return of_rows(torch.cat([tokens.flatten(2), rest], dim=-1), counts)

    def truncate(self, length: int) -> None:
        """Pages that lose a token are made anew."""
        if self._least.ndim == 4:
            self._least, self._most = (bounds[:, :, : length // self._page] for bounds in (self._least, self._most))

    def map_batch(self, function: Callable[[Tensor], Tensor]) -> None:
        """The bounds follow."""
        if self._least.ndim == 4:
            self._least, self._most = function(self._least), function(self._most)

    @property
    def nbytes(self) -> int:
        """Bytes of the bounds."""
        return self._least.nbytes + self._most.nbytes
