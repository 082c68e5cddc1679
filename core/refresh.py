"""All layers' small caches chosen at once, from what a step over the full caches attended to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from torch import Tensor

from .layer import PolicyLayer
from .policies import Observation, Policy
from .storage import refill


def refresh_together(layers: Sequence[PolicyLayer], weights: Tensor) -> None:
    """Of `layers`, which have a row each; neighbours with the same policy and device are a batch to it. `weights`:
    float32 `(layers, heads, group, length)`."""
    start = 0
    for (policy, device), neighbours in groupby(layers, key=lambda layer: (layer.policy, layer.attended[0].device)):
        alike = list(neighbours)
        _refresh_alike(policy, alike, weights[start : start + len(alike)].to(device))
        start += len(alike)


def _refresh_alike(policy: Policy, layers: Sequence[PolicyLayer], weights: Tensor) -> None:
    length = weights.shape[-1]
    for layer in layers:
        layer.note_refresh()
        layer.count(length, None)
    positions = policy.choose(Observation(weights, others=layers[0].others), min(*layers[0].kept.sizes, length))
    states = [layer.attended for layer in layers]
    caches = [layer.kept.prepare(*own) for layer, own in zip(layers, states, strict=True)]
    keys, values = zip(*states, strict=True)
    refill(caches, keys, values, positions.unsqueeze(1))
