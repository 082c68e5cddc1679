"""Chunks come to take as long as is meant, unless smaller ones would only make a prompt take longer."""

import pytest

from app.engine.pace import Pace


@pytest.mark.parametrize(
    ("overhead", "rate", "chunks"),
    [
        (0.0, 100_000, [256, 1024, 720]),  # at once as large as may be
        (0.0, 800, [256, 480, 480, 480, 304]),
        (0.0, 400, [256] * 7 + [208]),  # a little more than is meant
        (0.0, 200, [256, 128] + [128] * 12 + [80]),
        (0.0, 20, [256, 128, 64] + [32] * 48 + [16]),
        (1.3, 800, [256, 128] + [256] * 6 + [80]),  # a chunk of 128 takes nine tenths of the time
        (0.7, 1000, [256, 128] + [256] * 6 + [80]),  # as it does here, though it takes less than it may
    ],
)
def test_chunks_of_two_thousand_tokens(overhead: float, rate: int, chunks: list[int]) -> None:
    pace, left, read, seconds = Pace(), 2000, [0], 0.0
    while left:
        read.append(min(pace(read[-1], seconds), left))
        seconds = overhead + read[-1] / rate
        left -= read[-1]
    assert read[1:] == chunks


def test_a_short_piece_teaches_nothing() -> None:
    pace = Pace()
    assert [pace(0, 0.0), pace(10, 5.0), pace(256, 1.0), pace(60, 9.0)] == [256, 256, 128, 128]
