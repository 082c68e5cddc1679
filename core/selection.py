"""Which positions the small cache keeps: attention weights -> pooled scores -> top-k -> gathered keys and values.

Pure tensor functions; they know nothing of layers, policies or when to refresh. In the shapes below `heads` are KV
heads, `group` is the number of query heads that share one, `length` the positions in the full cache.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import max_pool1d

from . import kernels


def group_max(weights: Tensor) -> Tensor:
    """Reduce the query heads of each KV head by max (paper, section 3).

    `weights`: attention probabilities `(batch, heads, group, length)`. Returns float32 `(batch, heads, length)`.
    """
    return weights.amax(dim=2).float()


def pool_scores(scores: Tensor, kernel_size: int) -> Tensor:
    """Max over a window of `kernel_size` (odd) positions, stride 1, same length: neighbours of a peak are kept with it.

    `scores`: `(batch, heads, length)`; returns the same shape.
    """
    return max_pool1d(scores, kernel_size, stride=1, padding=kernel_size // 2)


def pooled_scores(weights: Tensor, kernel_size: int) -> Tensor:
    """`pool_scores(group_max(weights), kernel_size)`, in one pass where there is a kernel for it."""
    if kernels.available() and _is_plain(weights) and weights.dtype == torch.float32:
        scores: Tensor = torch.ops.refreshkv.pooled_scores(weights, kernel_size)
        return scores
    return pool_scores(group_max(weights), kernel_size)


def look_ahead(scores: Tensor, reach: int) -> Tensor:
    """The largest score of each position and the `reach` before it: what follows a peak is kept with it.

    `scores`: `(batch, heads, length)`; returns the same shape, a copy.
    """
    covered, ahead = 1, scores.clone()  # how many positions each score is the largest of
    while covered <= reach:
        step = min(covered, reach + 1 - covered)
        ahead[..., step:] = torch.maximum(ahead[..., step:], ahead[..., :-step])
        covered += step
    return ahead


def top_positions(scores: Tensor, count: int, valid: Tensor | None = None) -> Tensor:
    """The `count` highest-scoring positions, ordered ascending: the lowest-ranked first, the highest-ranked last.

    `scores`: float32 `(batch, heads, length)`; `valid`: bool `(batch, 1 or heads, length)`, positions that are False
    (padding) rank below all others. Returns int64 `(batch, heads, count)`.

    Pooling makes exact ties, and `topk` breaks them as it likes. Here the later position ranks higher: score and
    position fit one integer key with no ties at all.
    """
    if valid is not None:
        scores = scores.masked_fill(~valid, -torch.inf)
    elif kernels.available() and scores.device.type == "cpu":
        chosen: Tensor = torch.ops.refreshkv.top_positions(scores.contiguous(), count)
        return chosen
    positions = torch.arange(scores.shape[-1], device=scores.device)
    keys = (ordered_bits(scores) << 32) | positions
    return keys.topk(count).values.flip(-1) & 0xFFFFFFFF


def ordered_bits(scores: Tensor) -> Tensor:
    """The bits of float32 `scores` as whole numbers that order alike, int64 of the same shape."""
    bits = scores.contiguous().view(torch.int32)
    return (bits ^ (bits >> 31 & 0x7FFFFFFF)).long()


def gather_positions(states: Tensor, positions: Tensor) -> Tensor:
    """Keys or values at `positions`, per KV head.

    `states`: `(batch, heads, length, dim)`; `positions`: int64 `(batch, heads, count)`.
    Returns `(batch, heads, count, dim)`, a copy.
    """
    # Indexing copies whole vectors; `gather` with an expanded index goes element by element, three times slower.
    batch = torch.arange(states.shape[0], device=states.device)[:, None, None]
    head = torch.arange(states.shape[1], device=states.device)[:, None]
    return states[batch, head, positions]


def gather_into(outs: Sequence[Tensor], states: Sequence[Tensor], positions: Sequence[Tensor]) -> None:
    """Write what `gather_positions` returns into `outs`, each `(batch, heads, count, dim)` with contiguous vectors.

    Several at once, since one alone takes less time than it takes to begin with it.
    """
    if kernels.available() and all(map(_is_plain, states)):
        torch.ops.refreshkv.gather_positions(list(outs), list(states), list(positions))
        return
    for out, source, chosen in zip(outs, states, positions, strict=True):
        out.copy_(gather_positions(source, chosen))


def has_gradient(*tensors: Tensor) -> bool:
    """Whether gradients go through any of them, which neither a write in place nor a kernel lets pass."""
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def _is_plain(states: Tensor) -> bool:
    return states.device.type == "cpu" and states.stride(-1) == 1
