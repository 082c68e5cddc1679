"""How long runs are expected to take."""

import pytest
import torch

from app.engine.run import GenerationRequest
from app.engine.run_times import LATEST, RunTimes
from core import FullAttention, GenerationFinished


def ended(prompt: int, reading: float, new: int, writing: float) -> GenerationFinished:
    return GenerationFinished("length", "", prompt, new, reading, writing, new, 0)


def request(prompt: int, new: int) -> GenerationRequest:
    return GenerationRequest(torch.zeros(1, prompt, dtype=torch.int64), FullAttention(), new)


def test_it_follows_from_tokens_and_rates() -> None:
    times = RunTimes()
    assert times.seconds(request(100, 10)) is None
    times.add(ended(1000, 10.0, 100, 5.0), asked=100)
    assert times.seconds(request(2000, 400)) == pytest.approx((20, 20))
    times.add(ended(1000, 30.0, 100, 15.0), asked=300)  # as many again, and a third of what was asked for
    assert times.seconds(request(2000, 400)) == pytest.approx((40, 400 * 0.5 * 0.1))


def test_only_the_latest_runs_count() -> None:
    times = RunTimes()
    times.add(ended(1000, 1000.0, 100, 1000.0), asked=100)
    for _ in range(LATEST):
        times.add(ended(1000, 10.0, 100, 5.0), asked=100)
    assert times.seconds(request(1000, 100)) == pytest.approx((10, 5))
