"""Beyond the trained window: in which directions and bits should the index of old keys have them?

    python -m benchmarks.prototypes.directions FOLDER [--text policy] [--length 30208]

A text read as in lookup.py; the last token of a question for each of some facts scores, as a decode step. Keys without
positions are coded by ranges of the first half window: in their channels, or in some of their principal directions, the
axes of these as they are or turned (core/old_keys.py). Printed for each: which share of the 1,024 positions that exact
scores choose is chosen, and how much of the softmax over what is old those hold, of what exact scores' hold; means and
10th percentiles over facts, layers and KV heads.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import max_pool1d

from core.extension import Extension
from core.grouped import Terms
from core.old_keys import POOL, SINKS, principal_basis, without_position
from core.rotary import Rotary
from core.window import Window

from .reading import Reading, parser

KINDS = {
    "channels, 2 bits": (0, 2, False),
    "channels, 3 bits": (0, 3, False),
    "channels, 4 bits": (0, 4, False),
    "64 turned, 2 bits": (64, 2, True),
    "64 turned, 3 bits": (64, 3, True),
    "32 as they are, 3 bits": (32, 3, False),
    "32 as they are, 4 bits": (32, 4, False),
    "32 turned, 2 bits": (32, 2, True),
    "32 turned, 3 bits": (32, 3, True),
    "32 turned, 4 bits": (32, 4, True),
    "24 turned, 4 bits": (24, 4, True),
    "16 turned, 4 bits": (16, 4, True),
}


class Watching(Extension):
    """A layer's state that measures for the last token of each block."""

    def __init__(self, window: Window) -> None:
        """Nothing yet."""
        super().__init__(window)
        self._bare = torch.empty(0)
        self._coded: dict[str, tuple[Tensor, Tensor]] = {}
        self.shares: dict[str, list[Tensor]] = {kind: [] for kind in KINDS}

    def _block(self, query: Tensor, keys: Tensor, values: Tensor, terms: Terms, rotary: Rotary) -> Tensor:
        last = keys.shape[2] - 1
        begin = self.window.start_of_block(keys.shape[2] - query.shape[2]) - self.window.local
        if not self._coded:
            self._prepare(keys, begin, rotary)
        placed = rotary.moved(query[:, :, -1:], torch.tensor([self.window.size // 2 - last]))[0, :, 0].float()
        asked = placed.unflatten(0, (keys.shape[1], -1)) * terms.scaling
        exact = asked @ self._bare.mT
        chosen, weights = self._chosen(exact), exact.softmax(-1).mean(1)
        for kind, (coded, basis) in self._coded.items():
            found = self._chosen(asked @ basis @ coded.mT)
            both = (chosen & found).sum(-1) / chosen.sum(-1)
            self.shares[kind].append(torch.stack([both, (weights * found).sum(-1) / (weights * chosen).sum(-1)]))
        return super()._block(query, keys, values, terms, rotary)

    def _prepare(self, keys: Tensor, old: int, rotary: Rotary) -> None:
        self._bare = without_position(keys, 0, old, rotary)[0]
        first = self._bare[:, : self.window.size - self.window.local]
        for kind, (count, bits, turned) in KINDS.items():
            basis = torch.eye(first.shape[2]).expand(len(first), -1, -1)
            if count and turned:
                basis = principal_basis(first[None], count)[0]
            elif count:
                centred = first - first.mean(dim=1, keepdim=True)
                basis = torch.linalg.eigh(centred.mT @ centred).eigenvectors[:, :, -count:]
            self._coded[kind] = coded(self._bare @ basis, first @ basis, bits), basis

    def _chosen(self, scores: Tensor) -> Tensor:
        """Which positions `scores` `(heads, group, old)` choose, bool `(heads, old)`."""
        best = max_pool1d(scores.log_softmax(-1).amax(1), POOL, 1, POOL // 2)
        best[:, :SINKS] = torch.inf
        chosen = torch.zeros_like(best, dtype=torch.bool)
        return chosen.scatter(1, best.topk(self.window.chosen).indices, value=True)


def coded(keys: Tensor, first: Tensor, bits: int) -> Tensor:
    """What `bits` a channel leave of `keys` `(heads, length, channels)`, by the ranges of the `first`."""
    low, high, most = first.amin(1, keepdim=True), first.amax(1, keepdim=True), 2**bits - 1
    step = (high - low).clamp(min=1e-6) / most
    levels = ((keys - low) / step).round().clamp(0, most)
    rounded: Tensor = low + step * levels
    return rounded


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--facts", type=int, default=4)
    asked = options.parse_args()
    reading = Reading.of(asked)
    layers = reading.under(lambda window, _: Watching(window))
    for word in reading.asked_for(asked.facts):
        reading.ask(f"\n\nThe code of {word} is")
    print("| the index has | positions | 10th percentile | softmax | 10th percentile |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for kind in KINDS:
        both, held = torch.cat([share for one in layers for share in one.shares[kind]], dim=1)
        cells = [f"{share:.3f}" for one in (both, held) for share in (one.mean(), one.quantile(0.1))]
        print(f"| {kind} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
