"""The keys that are not local to a block beyond the trained window (window.py): the index by which some are chosen.

Keys as if they had no position hardly leave a subspace of half of their dimensions (Loki, Singhania et al. 2024,
arXiv 2406.02542, finds as much): so the index has what they have of that alone, in codes of a few bits (key_codes.py).
Its axes are not the principal directions themselves, of which the first would want more levels than the last: they are
turned, so that all have a share of each (as QuaRot, Ashkboos et al. 2024, arXiv 2404.00456, turns activations).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import max_pool1d

from .key_codes import SPAN, KeyCodes, choose_positions, fits_kernel
from .rotary import Rotary

SINKS = 4
"""First tokens that every block attends to: much attention goes there that means nothing (StreamingLLM)."""

POOL = 7
"""Positions over which scores are pooled, so that neighbours of a peak are chosen with it."""

SCORED, CODED = 1 << 24, 8192
"""Bytes of scores that are made at once, which the allocator keeps for the next ones, and keys that are turned back at
once."""


class OldKeys:
    """The index of one layer's old keys. basis: float32 `(1, heads, dim, directions)`, the directions that it has."""

    def __init__(self, keys: Tensor, bits: int, rotary: Rotary) -> None:
        """Of the first `keys` `(1, heads, length, dim)` of a text, which set directions and ranges."""
        bare = without_position(keys, 0, keys.shape[2], rotary)
        self.basis = principal_basis(bare, directions(keys.shape[3]))
        self.codes = KeyCodes(bare @ self.basis, bits)

    def cover(self, keys: Tensor, old: int, rotary: Rotary) -> None:
        """Have the first `old` of all `keys` `(1, heads, length, dim)`, and no more."""
        self.codes.truncate(old)
        for start in range(self.codes.length, old, CODED):
            self.codes.append(without_position(keys, start, min(old, start + CODED), rotary) @ self.basis)

    def highest(self, queries: Tensor, count: int, scaling: float) -> Tensor:
        """As `highest`, for `queries` `(1, heads, queries, dim)` at one distance from all keys."""
        return highest(self.codes, queries.float() @ self.basis, count, scaling)

    def truncate(self, length: int) -> None:
        """Forget all positions from `length` on."""
        self.codes.truncate(length)

    @property
    def nbytes(self) -> int:
        """Bytes of codes and directions."""
        return self.codes.nbytes + self.basis.nbytes


def directions(dim: int) -> int:
    """How many directions of `dim` channels the index has: half, in whole spans of codes."""
    return min(dim, -(-dim // (2 * SPAN)) * SPAN)


def principal_basis(keys: Tensor, count: int) -> Tensor:
    """The `count` principal directions of `keys` `(batch, heads, length, dim)`, turned within what they span: float32
    `(batch, heads, dim, count)`, orthonormal.

    Of all orthonormal bases of that subspace the one nearest to a random frame, which is always the same: keys that
    differ by rounding have nearly the same basis, whatever signs and order their eigenvectors come in. What is no
    number, as of a model that breaks down, counts as 0.
    """
    numbers = keys.double().nan_to_num(0, 0, 0)
    centred = numbers - numbers.mean(dim=2, keepdim=True)
    principal = torch.linalg.eigh(centred.mT @ centred).eigenvectors[..., -count:]
    frame = torch.randn(keys.shape[3], count, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    left, _, right = torch.linalg.svd(principal.mT @ frame.to(keys.device), full_matrices=False)
    basis: Tensor = principal @ left @ right
    return basis.float()


def highest(codes: KeyCodes, queries: Tensor, count: int, scaling: float) -> Tensor:
    """Of each KV head the first positions and those with the highest scores, pooled, for any of its `queries`
    `(1, heads, queries, dim)`: int64 `(1, heads, count)`, ascending. Of many positions the kernel takes the sum of
    exponentials, by which a query's scores are probabilities, from a part of them: some hundredths more or less."""
    if fits_kernel(queries):
        rows, radius = queries.float().contiguous(), POOL // 2
        chosen: Tensor = torch.ops.refreshkv.key_code_peaks(
            rows, codes.codes, codes.ranges, codes.length, count, SINKS, radius, radius, scaling
        )
        return chosen
    scores, at_once = None, max(1, SCORED // (4 * queries.shape[1] * codes.length))
    for some in queries.split(at_once, dim=2):
        found = codes.scores(some.reshape(1, -1, 1, some.shape[3]), scaling)
        scores = found if scores is None else torch.maximum(scores, found)
    assert scores is not None
    scores = max_pool1d(scores, POOL, stride=1, padding=POOL // 2)
    scores[:, :, :SINKS] = torch.inf
    return choose_positions(scores, count, recent=0)


def without_position(keys: Tensor, start: int, end: int, rotary: Rotary) -> Tensor:
    """Those of `keys` `(1, heads, length, dim)` at positions [start, end), turned back to none, float32."""
    return rotary.moved(keys[:, :, start:end], -torch.arange(start, end, device=keys.device)).float()
