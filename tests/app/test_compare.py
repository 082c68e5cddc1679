"""Comparisons on a tiny model: order, figures, the prompt read once, stopping, errors."""

import time
from collections.abc import Iterator

import pytest
import torch

from app.compare import METHODS, Comparison
from app.engine import Engine, Request
from app.errors import AppError
from core import FullAttention, RefreshKV, generate
from tests.core.tiny import byte_tokenizer, tiny_model

PROMPT = "The light stood on the rock for a hundred years. " * 4


@pytest.fixture
def engine(one_thread: None) -> Iterator[Engine]:
    engine = Engine(lambda report: (tiny_model(), byte_tokenizer()), queue_size=4)
    engine.start()
    engine.require_model(timeout=60)
    yield engine
    engine.close()


def request(new: int = 21, prompt: str = PROMPT) -> Request:
    return Request(torch.tensor([list(prompt.encode())]), FullAttention(), new)


def compared(engine: Engine, *methods: str, new: int = 21) -> Comparison:
    comparison = Comparison(engine, request(new), RefreshKV(1 / 8, 5), methods)
    comparison.start()
    return comparison


def test_each_method_writes_what_it_writes_alone_and_its_steps_are_counted(engine: Engine) -> None:
    comparison = compared(engine, *METHODS)
    comparison.join(60)
    small, full = comparison.frame()["methods"]
    assert comparison.done
    for shown, policy in ((small, RefreshKV(1 / 8, 5)), (full, FullAttention())):
        alone = generate(tiny_model(), byte_tokenizer(), request().token_ids, policy=policy, max_new_tokens=21)
        assert shown["state"] == "finished"
        assert shown["text"] == alone
    assert (full["fullSteps"], full["partialSteps"]) == (20, 0)
    assert (small["fullSteps"], small["partialSteps"]) == (4, 16)
    assert small["cacheBytes"] > full["cacheBytes"] > 0  # the small caches come on top
    assert "".join(c["text"] for c in full["changes"] if c["kind"] != "insert") == small["text"]
    assert "".join(c["text"] for c in full["changes"] if c["kind"] != "delete") == full["text"]
    assert small["changes"] == []


@pytest.mark.parametrize("methods", [("RefreshKV", "FullAttention"), ("FullAttention", "RefreshKV")])
def test_no_method_reads_more_of_the_prompt_than_another(engine: Engine, methods: tuple[str, ...]) -> None:
    comparison = compared(engine, *methods)
    comparison.join(60)
    first, second = comparison.frame()["methods"]
    assert first["reusedTokens"] == second["reusedTokens"] > len(PROMPT) // 2


def test_a_stopped_comparison_stops_the_run_and_drops_the_rest(engine: Engine) -> None:
    comparison = compared(engine, *METHODS, new=700)
    deadline = time.monotonic() + 60
    while not comparison.frame()["methods"][0]["text"] and time.monotonic() < deadline:
        time.sleep(0.01)
    comparison.stop()
    comparison.join(60)
    first, second = comparison.frame()["methods"]
    assert (first["state"], second["state"]) == ("stopped", "stopped")
    assert first["text"]
    assert second["text"] == ""
    assert engine.current() == []


def test_an_error_is_told_for_every_method(engine: Engine) -> None:
    comparison = compared(engine, *METHODS, new=2000)
    comparison.join(60)
    assert all(shown["state"] == "failed" and shown["error"] for shown in comparison.frame()["methods"])


@pytest.mark.parametrize("methods", [(), ("RefreshKV",), ("RefreshKV", "RefreshKV"), ("RefreshKV", "H2O")])
def test_what_cannot_be_compared_is_refused(engine: Engine, methods: tuple[str, ...]) -> None:
    with pytest.raises(AppError, match="at least two"):
        Comparison(engine, request(), RefreshKV(), methods)
