"""Beyond the trained window: could scoring be made cheaper by bounds of tiles, or be shared by layers?

    python -m benchmarks.prototypes.tiles FOLDER [--text policy] [--length 30208]

A text read as in lookup.py; what scores are the last tokens of questions for its facts, each as a decode step. For each
layer and KV head, tiles of 16 old keys without positions are ranked by a figure of each (Quest, Tang et al. 2024,
arXiv 2406.10774): by the bound that the lowest and highest of each channel give, by the mean key, by the highest score
in it (which only scoring all would say), and by chance; of the KV head's queries the highest counts, each less the
logarithm of its sum over all. Printed, over tokens, layers and heads: which share of the tiles holds 95 and 99 % of the
positions that the rule chooses, and 99 % of the softmax over what is old (median, 90th percentile); and how much
of that a layer's chosen positions hold in the next layer (TidalDecode, Yang et al. 2024, arXiv 2410.05076),
against its own.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from core.extension import Extension
from core.grouped import Terms
from core.old_keys import without_position
from core.rotary import Rotary
from core.window import Window

from .reading import Reading, parser

TILE, LAST = 16, 4


class Watching(Extension):
    """A layer's state that keeps what it takes to score for the last tokens of a block: for each the chosen positions
    `(heads, count)` and the softmax of the old ones, `(heads, group, old)`."""

    def __init__(self, window: Window) -> None:
        """Nothing yet."""
        super().__init__(window)
        self._bare: Tensor | None = None
        self._tiles: dict[str, Tensor] = {}
        self.chosen: list[Tensor] = []
        self.weights: list[Tensor] = []
        self.shares: dict[str, list[Tensor]] = {}

    def _block(self, query: Tensor, keys: Tensor, values: Tensor, terms: Terms, rotary: Rotary) -> Tensor:
        start, new, half = keys.shape[2] - query.shape[2], query.shape[2], self.window.size // 2
        begin = self.window.start_of_block(start) - self.window.local
        placed = rotary.moved(query, half - torch.arange(start, start + new))
        self.chosen, self.weights = [], []
        for token in range(max(0, new - LAST), new):
            own = placed[:, :, token].unflatten(1, (keys.shape[1], -1))
            self._watch(own, keys, begin, terms.scaling, rotary)
        return super()._block(query, keys, values, terms, rotary)

    def _watch(self, query: Tensor, keys: Tensor, old: int, scaling: float, rotary: Rotary) -> None:
        chosen = self._index(keys, old, rotary).highest(query, min(self.window.chosen, old), scaling)[0]
        if self._bare is None:
            self._bare = without_position(keys, 0, old, rotary)[0]
            tiles = self._bare.unflatten(1, (-1, TILE))
            self._tiles = {"lowest": tiles.amin(2), "highest": tiles.amax(2), "mean": tiles.mean(2)}
        asked = query[0].float() * scaling
        scores = asked @ self._bare.transpose(1, 2)
        total = scores.logsumexp(-1, keepdim=True)
        weights = (scores - total).exp()
        bound = asked.clamp(min=0) @ self._tiles["highest"].transpose(1, 2)
        bound = bound + asked.clamp(max=0) @ self._tiles["lowest"].transpose(1, 2)
        mean = asked @ self._tiles["mean"].transpose(1, 2)
        best = scores.unflatten(-1, (-1, TILE)).amax(-1)
        held = torch.zeros(scores.shape[0], old).scatter(1, chosen, 1.0).unflatten(1, (-1, TILE)).sum(-1)
        mass = weights.mean(1).unflatten(1, (-1, TILE)).sum(-1)
        ranks = {"bound": bound - total, "mean": mean - total, "highest score": best - total, "chance": None}
        for name, ranked in ranks.items():
            by = torch.rand_like(mass) if ranked is None else ranked.amax(1)
            shares = [needed(by, held, 0.95), needed(by, held, 0.99), needed(by, mass, 0.99)]
            self.shares.setdefault(name, []).append(torch.stack(shares))
        self.chosen.append(chosen)
        self.weights.append(weights.mean(1))


def needed(ranked: Tensor, held: Tensor, share: float) -> Tensor:
    """Of each head, the share of the tiles, the highest of `ranked` `(heads, tiles)` first, that hold such a share of
    all that is `held` `(heads, tiles)`."""
    summed = held.gather(1, ranked.argsort(1, descending=True)).cumsum(1)
    return ((summed < share * summed[:, -1:]).sum(1) + 1) / held.shape[1]


def kept_by_next(layers: list[Watching]) -> dict[str, list[Tensor]]:
    """Of each layer but the first, token by token, of each head: which share of the softmax over what is old is held by
    its own chosen positions, by those of the head before, and by the best of the heads before."""
    shares: dict[str, list[Tensor]] = {"own": [], "same head before": [], "best head before": []}
    for before, layer in pairwise(layers):
        for chosen, own, weights in zip(before.chosen, layer.chosen, layer.weights, strict=True):
            crossed = torch.stack([weights[:, head].sum(1) for head in chosen], dim=1)
            shares["own"].append(weights.gather(1, own).sum(1))
            shares["same head before"].append(crossed.diagonal())
            shares["best head before"].append(crossed.amax(1))
    return shares


def measured(reading: Reading, words: list[str]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Of each rank the shares of tiles `(figures, samples)`; and of each choice the shares held `(samples,)`."""
    layers = reading.under(lambda window, _: Watching(window))
    held: dict[str, list[Tensor]] = {}
    for word in words:
        reading.ask(f"\n\nThe code of {word} is")
        for name, shares in kept_by_next(layers).items():
            held.setdefault(name, []).extend(shares)
    tiles = {name: torch.cat([share for one in layers for share in one.shares[name]], 1) for name in layers[0].shares}
    return tiles, {name: torch.cat(shares) for name, shares in held.items()}


def main() -> None:
    """Measure and print medians and 90th percentiles over tokens, layers and heads."""
    options = parser(__doc__)
    options.add_argument("--facts", type=int, default=6)
    asked = options.parse_args()
    reading = Reading.of(asked)
    tiles, held = measured(reading, reading.asked_for(asked.facts))
    for name, shares in tiles.items():
        parts = [f"{one.median():.3f} {one.quantile(0.9):.3f}" for one in shares]
        print(f"tiles by {name}: 95 % {parts[0]}, 99 % {parts[1]}, softmax 99 % {parts[2]}")
    for name, share in held.items():
        parts = [f"{share.quantile(at):.3f}" for at in (0.5, 0.1)]
        print(f"held by {name}: median {parts[0]}, 10th percentile {parts[1]}, mean {share.mean():.3f}")


if __name__ == "__main__":
    main()
