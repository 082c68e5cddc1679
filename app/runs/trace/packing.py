"""Counts of KV heads, layer by position, in few bytes.

A refresh exchanges a part of what is kept, so it is stored as the exclusive or with the one before, and every
KEYFRAME-th by itself, so that none is far from a beginning. The bits of the counts are stored plane by plane: first the
lowest bit of every count, row by row and eight to a byte with the first in the highest bit, then the next bit; the last
byte of a plane is filled with zeros. All planes in a row are one zlib stream.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

KEYFRAME = 16

_LEVEL = 1  # higher ones take three times as long for a twentieth less


def is_keyframe(number: int) -> bool:
    """Whether the `number`-th refresh, from 0, is stored by itself."""
    return number % KEYFRAME == 0


def pack(counts: NDArray[np.uint8], before: NDArray[np.uint8] | None, heads: int) -> bytes:
    """`counts` `(layers, context)`, none above `heads`, relative to `before` `(layers, a shorter context)` if given."""
    changed = _changed(counts, before)
    planes = [np.packbits(changed & np.uint8(1 << bit)) for bit in range(heads.bit_length())]
    return zlib.compress(b"".join(plane.tobytes() for plane in planes), _LEVEL)


def unpack(packed: bytes, before: NDArray[np.uint8] | None, shape: tuple[int, int], heads: int) -> NDArray[np.uint8]:
    """The counts that `pack` was given. Raises ValueError if `packed` does not hold as many."""
    size = shape[0] * shape[1]
    plane_bytes, planes = -(-size // 8), heads.bit_length()
    unzip = zlib.decompressobj()
    try:
        data = unzip.decompress(packed, max(1, plane_bytes * planes))
    except zlib.error as error:
        raise ValueError(f"a refresh is damaged: {error}") from error
    if len(data) != plane_bytes * planes or (unzip.unconsumed_tail and unzip.decompress(unzip.unconsumed_tail, 1)):
        raise ValueError(f"a refresh of {shape[0]} layers and {shape[1]} positions does not have {len(data)} bytes")
    rows = np.frombuffer(data, np.uint8).reshape(planes, plane_bytes)
    counts = np.zeros(size, np.uint8)
    for bit in range(planes):
        counts |= np.unpackbits(rows[bit], count=size) << bit
    return _changed(counts.reshape(shape), before)


def _changed(counts: NDArray[np.uint8], before: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """`counts` xor `before`; positions that `before` does not have are new."""
    if before is None:
        return counts
    changed = counts.copy()
    changed[:, : before.shape[1]] ^= before
    return changed
