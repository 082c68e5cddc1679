import pytest

from benchmarks.protocol import Arrival, bytes_per_token, growing, measurement


def test_the_decode_rate_counts_the_tokens_after_the_first_arrival() -> None:
    arrivals = [Arrival(102.0, 1), Arrival(102.5, 1), Arrival(103.0, 1)]
    result = measurement(100.0, arrivals, new_tokens=3, bytes_per_token=7.0)
    assert (result.first_token_seconds, result.decode_rate, result.bytes_per_token) == (2.0, 2.0, 7.0)


def test_tokens_that_come_with_the_first_are_not_decoded_ones() -> None:
    arrivals = [Arrival(1.0, 4), Arrival(1.5, 1), Arrival(3.0, 5)]
    assert measurement(0.0, arrivals, new_tokens=10).decode_rate == 3.0


def test_another_number_of_tokens_is_an_error() -> None:
    with pytest.raises(ValueError, match="generated 1 tokens instead of 41"):
        measurement(0.0, [Arrival(1.0, 1)], new_tokens=41)


def test_every_step_reads_the_weights_once_and_the_positions_it_attends_to() -> None:
    assert growing(100, new_tokens=4) == [101, 102, 103]
    assert bytes_per_token(1000, 2, [101, 102, 103], tokens=3) == 1000 + 2 * 102


def test_weights_read_once_for_several_tokens_are_shared_by_them() -> None:
    assert bytes_per_token(1000, 0, [10, 15], tokens=8) == 250
