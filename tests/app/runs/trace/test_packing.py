"""Counts in few bytes, read back equal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runs.trace.packing import KEYFRAME, is_keyframe, pack, unpack


@given(
    st.integers(1, 4), st.integers(0, 40), st.integers(0, 9), st.integers(1, 255), st.integers(0, 2**32), st.booleans()
)
def test_packed_counts_read_back(layers: int, context: int, more: int, heads: int, seed: int, alone: bool) -> None:
    random = np.random.default_rng(seed)
    before = random.integers(0, heads + 1, (layers, context), np.uint8, endpoint=False)
    counts = random.integers(0, heads + 1, (layers, context + more), np.uint8, endpoint=False)
    earlier = None if alone else before
    packed = pack(counts, earlier, heads)
    assert np.array_equal(unpack(packed, earlier, counts.shape, heads), counts)


def test_every_sixteenth_refresh_stands_by_itself() -> None:
    assert [number for number in range(40) if is_keyframe(number)] == [0, KEYFRAME, 2 * KEYFRAME]
    assert KEYFRAME == 16


def test_an_unchanged_refresh_takes_next_to_nothing() -> None:
    counts = np.random.default_rng(0).integers(0, 4, (30, 8192), np.uint8)
    assert len(pack(counts, counts, 3)) < 500 < len(pack(counts, None, 3)) / 50


@pytest.mark.parametrize("shape", [(2, 7), (2, 24), (1, 9)])
def test_another_size_than_packed_is_refused(shape: tuple[int, int]) -> None:
    packed = pack(np.ones((2, 9), np.uint8), None, 3)
    with pytest.raises(ValueError, match=f"{shape[0]} layers and {shape[1]} positions"):
        unpack(packed, None, shape, 3)


def test_damaged_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="damaged"):
        unpack(b"no zlib stream", None, (1, 8), 1)
