"""Figures of predictions, and intervals over documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np
from torch import Tensor

RESAMPLES = 10_000
LEVEL = 0.95


def divergences(reference: Tensor, found: Tensor) -> list[float]:
    """KL divergence (nats) of each row of `found` to that of `reference`, log-probabilities `(tokens, vocabulary)`."""
    values: list[float] = (reference.exp() * (reference - found)).sum(-1).clamp(min=0).tolist()
    return values


def agreements(reference: Tensor, found: Tensor) -> list[bool]:
    """Whether the likeliest token of each row is the same."""
    same: list[bool] = (reference.argmax(-1) == found.argmax(-1)).tolist()
    return same


def likelihoods(found: Tensor, following: Tensor) -> list[float]:
    """Negative log-likelihood (nats) of the tokens that follow, int64 `(tokens,)`."""
    values: list[float] = (-found.gather(1, following[:, None])[:, 0]).tolist()
    return values


def repeated(tokens: Sequence[int], size: int) -> float:
    """The share of a text's runs of `size` tokens that stood in it before; 0 where it is shorter."""
    runs = list(zip(*(tokens[begin:] for begin in range(size)), strict=False))
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def interval(groups: Mapping[str, Sequence[float]]) -> tuple[float, float, float]:
    """The mean over groups (documents) of their means, and the bounds of its bootstrap interval over groups."""
    means = np.array([fmean(values) for values in groups.values()])
    drawn = means[_draws(len(means))].mean(axis=1)
    return (float(means.mean()), *_bounds(drawn))


def ratio(over: Mapping[str, Sequence[float]], under: Mapping[str, Sequence[float]]) -> tuple[float, float, float]:
    """As `interval`, of the mean of `over` divided by that of `under`, of the same groups drawn together."""
    names = [name for name in over if name in under]
    above, below = (np.array([fmean(groups[name]) for name in names]) for groups in (over, under))
    draws = _draws(len(names))
    return (float(above.mean() / below.mean()), *_bounds(above[draws].mean(axis=1) / below[draws].mean(axis=1)))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not pass."""
    return float(np.quantile(np.array(values), share))


def _draws(groups: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.random.default_rng(0).integers(groups, size=(RESAMPLES, groups))


def _bounds(drawn: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float]:
    low, high = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)
