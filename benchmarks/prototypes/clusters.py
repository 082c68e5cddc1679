"""Clustered keys of a fixed document against the low-bit index, at as many bytes that a step reads.

    python -m benchmarks.prototypes.clusters [--texts git Opticks] [--length 7000] [--steps 40] [--timed]

Squeezed Attention (Hooper et al. 2024, arXiv 2411.09688) clusters the keys of each KV head by k-means of their
directions, scores the clusters' means with the query at hand and attends to the keys of the best clusters. KeyIndex
scores every key in a few bits. Both choose K here, the newest 32 and what was written among them; a cluster that does
not fit is taken in part. Printed: which share of the attention that the exact top K receive goes to what was chosen,
the mean over layers, heads and steps, and KL to full attention.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from time import perf_counter
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn.functional import normalize, pad
from transformers import PreTrainedModel

from core import FullAttention, PolicyCache, attention, load_model
from core.grouped import Terms, attended
from core.key_codes import KeyCodes, choose_positions, chosen_attention
from core.layer import PolicyLayer
from core.steps import decode

from ..length.facts import text
from ..quality.teacher import uncompiled
from .forced import Apart, read, row, stretch
from .rounding import by_token

BUDGETS = (8, 32)
RECENT, ITERATIONS = 32, 5


class Clusters:
    """Of one layer's keys `(heads, length, dim)`."""

    def __init__(self, keys: Tensor, count: int, *, eight_bits: bool = False) -> None:
        """k-means into `count` clusters a head; their means in bfloat16, or in `eight_bits`."""
        heads, _, dim = keys.shape
        found = [kmeans(own.float(), count) for own in keys]
        self.of_key = torch.stack(found)
        sizes = torch.stack([one.bincount(minlength=count) for one in found])
        sums = keys.new_zeros(heads, count, dim, dtype=torch.float32)
        sums.scatter_add_(1, self.of_key[..., None].expand(-1, -1, dim), keys.float())
        means = sums / sizes.clamp(min=1)[..., None]
        self._means = by_token(means[None])[0] if eight_bits else means.bfloat16().float()
        self._log_sizes = sizes.float().log()

    def scores(self, query: Tensor, scaling: float, length: int) -> Tensor:
        """As `KeyCodes.scores`, `(1, heads, length)`: a key has that of its cluster; what came since has 0."""
        grouped = query.float().view(len(self._means), -1, query.shape[3])
        logits = grouped @ self._means.transpose(1, 2) * scaling
        total = (logits + self._log_sizes[:, None]).logsumexp(2, keepdim=True)
        scores = (logits - total).amax(dim=1).gather(1, self.of_key)
        return pad(scores, (0, length - scores.shape[1]))[None]


def kmeans(keys: Tensor, count: int) -> Tensor:
    """The cluster of each of `keys` `(length, dim)` by their directions, int64 `(length,)`; begun with keys drawn at
    random."""
    points = normalize(keys, dim=1)
    centres = points[torch.randperm(len(points), generator=torch.Generator().manual_seed(0))[:count]]
    for _ in range(ITERATIONS):
        found = (points @ centres.T).argmax(dim=1)
        sums = torch.zeros_like(centres).index_add_(0, found, points)
        centres = torch.where(found.bincount(minlength=count)[:, None] > 0, normalize(sums, dim=1), centres)
    return found


class Codes:
    """The low-bit index of one layer's keys `(heads, length, dim)`."""

    def __init__(self, keys: Tensor, bits: int) -> None:
        """Of the prompt; what comes since is chosen in any case."""
        self._codes = KeyCodes(keys[None], bits)

    def scores(self, query: Tensor, scaling: float, length: int) -> Tensor:
        """As `Clusters.scores`."""
        scores = self._codes.scores(query, scaling)
        return pad(scores, (0, length - scores.shape[2]))


Scorer = Clusters | Codes


def scorers(length: int) -> dict[str, Callable[[Tensor], Scorer]]:
    """By name, with the bytes that scoring reads of a key of 64 channels; what makes each of a layer's keys. A mean
    takes 128 bytes, or 66 in int8, and a key in b bits 8 b."""

    def clusters(share: int, *, eight_bits: bool = False) -> tuple[str, Callable[[Tensor], Scorer]]:
        count = length * share // (66 if eight_bits else 128)
        name = f"{count:,} {'int8 ' if eight_bits else ''}means, {share} bytes"
        return name, partial(Clusters, count=count, eight_bits=eight_bits)

    low = {f"{bits} bits a channel, {8 * bits} bytes": partial(Codes, bits=bits) for bits in (2, 3)}
    return low | dict([clusters(6), clusters(24), clusters(24, eight_bits=True)])


@dataclass
class Chosen:
    """A decode step's attention in place of the full one."""

    scorers: dict[int, Scorer]  # by a layer's identity
    prompt: int
    count: int

    def positions(self, layer: PolicyLayer, query: Tensor, length: int, scaling: float) -> Tensor:
        """int64 `(1, heads, count)`."""
        scores = self.scorers[id(layer)].scores(query, scaling, length)
        return choose_positions(scores, self.count, RECENT + length - self.prompt)

    def __call__(
        self, layer: PolicyLayer, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, terms: Terms
    ) -> Tensor:
        """In place of `attention._full_step`."""
        chosen = self.positions(layer, query, key.shape[2], terms.scaling)
        return chosen_attention(query, key, value, chosen, terms.scaling)


class Recall:
    """Full attention that looks at what each scorer would have chosen."""

    def __init__(self, chosen: dict[tuple[str, int], Chosen]) -> None:
        """By name and budget."""
        self._chosen = chosen
        self.shares: dict[tuple[str, int], list[float]] = {key: [] for key in chosen}

    def __call__(
        self, layer: PolicyLayer, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, terms: Terms
    ) -> Tensor:
        """In place of `attention._full_step`."""
        grouped = query[0].float().view(key.shape[1], -1, query.shape[3])
        logs = (grouped @ key[0].float().transpose(1, 2) * terms.scaling).log_softmax(2)
        weights, exact = logs.exp(), logs.amax(dim=1)[None]
        for name, rule in self._chosen.items():
            best = choose_positions(exact, rule.count, RECENT + key.shape[2] - rule.prompt)
            own = rule.positions(layer, query, key.shape[2], terms.scaling)
            self.shares[name].append(float((received(weights, own) / received(weights, best)).mean()))
        return attended(query, key, value, None, terms)


def received(weights: Tensor, chosen: Tensor) -> Tensor:
    """What of `weights` `(heads, group, length)` goes to `chosen` `(1, heads, count)`, `(heads, group)`."""
    return weights.gather(2, chosen[0][:, None].expand(-1, weights.shape[1], -1)).sum(2)


def fed(model: PreTrainedModel, cache: PolicyCache, ids: Tensor, step: object) -> Tensor:
    """Log-probabilities after each of `ids` `(tokens,)`, by decode steps with this attention; then they are gone."""
    held = len(cache.token_ids)
    with patch.object(attention, "_full_step", step), uncompiled(model):
        rows = [decode(model, token[None], cache) for token in ids.split(1)]
    cache.truncate(held)
    return torch.cat(rows).float().log_softmax(-1)


def compare(
    model: PreTrainedModel, ids: Tensor, prompt: int, found: dict[tuple[str, int], tuple[list[float], Apart]]
) -> None:
    """Add what comes of `ids` `(tokens,)`, of which the first `prompt` are clustered."""
    cache = PolicyCache(model.config, FullAttention())
    read(model, cache, ids[:prompt])
    rules: dict[tuple[str, int], Chosen] = {}
    for name, make in scorers(prompt).items():
        made = {id(layer): make(layer.full[0].view[0]) for layer in cache.policy_layers.values()}
        rules |= {(name, budget): Chosen(made, prompt, prompt // budget) for budget in BUDGETS}
    recall = Recall(rules)
    reference = fed(model, cache, ids[prompt:], recall)
    for key, rule in rules.items():
        shares, apart = found.setdefault(key, ([], Apart()))
        shares += recall.shares[key]
        apart.add(reference, fed(model, cache, ids[prompt:], rule))
        print(row(f"{key[0]} | 1/{key[1]}", [f"{fmean(shares):.4f}", apart]), flush=True)


def timed(model: PreTrainedModel, ids: Tensor) -> None:
    """Seconds to make each scorer for all layers, by the first and the last."""
    cache = PolicyCache(model.config, FullAttention())
    read(model, cache, ids)
    layers = list(cache.policy_layers.values())
    for name, make in scorers(len(ids)).items():
        started = perf_counter()
        for layer in (layers[0], layers[-1]):
            make(layer.full[0].view[0])
        print(row(name, [f"{(perf_counter() - started) / 2 * len(layers):.2f} s"]), flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", nargs="+", default=["git", "Opticks"])
    parser.add_argument("--length", type=int, default=7000)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--quantization", default="int4")
    parser.add_argument("--timed", action="store_true", help="the seconds of clustering, and nothing else")
    asked = parser.parse_args()
    model, tokenizer = load_model(quantization=asked.quantization)
    found: dict[tuple[str, int], tuple[list[float], Apart]] = {}
    with torch.no_grad():
        for name in asked.texts:
            ids = stretch(text(tokenizer, name), asked.length + asked.steps)
            if asked.timed:
                timed(model, ids[: asked.length])
                return
            print(name, flush=True)
            compare(model, ids, asked.length, found)


if __name__ == "__main__":
    main()
