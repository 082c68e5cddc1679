"""How long runs are expected to take."""

import pytest
import torch

from app.engine.run import GenerationRequest
from app.engine.run_times import LATEST, RunTimes, Seconds, usual
from core import FullAttention, GenerationFinished


def ended(prompt: int, reading: float, new: int, writing: float) -> GenerationFinished:
    return GenerationFinished("length", "", prompt, new, reading, writing, new, 0)


def request(prompt: int, new: int) -> GenerationRequest:
    return GenerationRequest(torch.zeros(1, prompt, dtype=torch.int64), FullAttention(), new)


def parts(seconds: Seconds | None) -> tuple[float, float]:
    """Of reading and of writing."""
    assert seconds is not None
    return seconds.reading, seconds.writing


def test_it_follows_from_tokens_and_rates() -> None:
    times = RunTimes()
    assert times.seconds(request(100, 10)) is None
    times.add(ended(1000, 10.0, 100, 5.0), asked=100)
    assert parts(times.seconds(request(2000, 400))) == pytest.approx((20, 20))
    times.add(ended(1000, 30.0, 100, 15.0), asked=300)  # as many again, and a third of what was asked for
    assert parts(times.seconds(request(2000, 400))) == pytest.approx((40, 400 * 0.5 * 0.1))


def test_only_the_latest_runs_count() -> None:
    times = RunTimes()
    times.add(ended(1000, 1000.0, 100, 1000.0), asked=100)
    for _ in range(LATEST):
        times.add(ended(1000, 10.0, 100, 5.0), asked=100)
    assert parts(times.seconds(request(1000, 100))) == pytest.approx((10, 5))


def test_before_anything_ran_it_is_what_the_embedded_model_takes() -> None:
    assert usual(8_192 + 600, 24, 8_192).reading == pytest.approx(8_192 / 1_000 + 1, rel=0.01)
    # At the end of 128,192 tokens 350 are read in a second, and 25 written.
    before, after = usual(128_192, 25, 8_192), usual(128_192 + 350, 25, 8_192)
    assert after.reading - before.reading == pytest.approx(1, rel=0.01)
    assert before.writing == pytest.approx(1, rel=0.01)
    assert usual(1_000, 100).total == pytest.approx(2)
    times = RunTimes()
    assert times.expected(20_000, 100, 8_192) == usual(20_000, 100, 8_192)
    assert times.expected(1_000, 100, heavier=10).total == pytest.approx(20)


def test_what_is_beyond_the_window_is_reckoned_by_what_it_took_there() -> None:
    times, window = RunTimes(), 8_192
    times.add(ended(1000, 2.0, 100, 2.0), asked=100)  # half as fast within
    assert times.expected(20_000, 100, window).reading == pytest.approx(2 * usual(20_000, 100, window).reading)
    read = usual(20_000, 100, window)
    times.add(ended(20_000, 3 * read.reading, 100, read.writing), asked=100, window=window)
    found = times.expected(30_000, 50, window)
    assert found.reading == pytest.approx(3 * usual(30_000, 50, window).reading)
    assert found.writing == pytest.approx(usual(30_000, 50, window).writing)
    assert times.expected(1000, 100).reading == pytest.approx(2)
    # What was in the cache took nothing.
    rest = usual(20_000, 100, window).reading - usual(19_000, 100, window).reading
    again = RunTimes()
    again.add(ended(20_000, rest, 100, read.writing), asked=100, reused=19_000, window=window)
    assert again.expected(20_000, 100, window).reading == pytest.approx(read.reading)


def test_a_run_beyond_the_window_that_waits_is_reckoned_so_too() -> None:
    times, window = RunTimes(), 8_192
    times.add(ended(1000, 1.0, 100, 1.0), asked=100)
    prompt = torch.zeros(1, 20_000, dtype=torch.int64)
    waits = GenerationRequest(prompt, FullAttention(), 100, window=window)
    assert parts(times.seconds(waits)) == pytest.approx(parts(usual(20_000, 100, window)))
