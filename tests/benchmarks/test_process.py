"""Real worker processes without a model: what they answer, and that every way to fail has a named reason."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.length.readers import Peer
from benchmarks.process import WorkerError, WorkerProcess
from benchmarks.protocol import Setup, peak_memory

Start = Callable[..., WorkerProcess]


@pytest.fixture
def start(setup: Setup, tmp_path: Path) -> Iterator[Start]:
    started: list[WorkerProcess] = []

    def start(fault: str | None = None, module: str = "tests.benchmarks.sample_worker") -> WorkerProcess:
        options = {"fault": fault} if fault else {}
        log = tmp_path / "logs" / "worker.log"
        started.append(WorkerProcess(Path(sys.executable), module, replace(setup, options=options), log))
        return started[-1]

    yield start
    for worker in started:
        worker.close()


def test_a_worker_measures_the_prompt_up_to_the_context_asked_for(start: Start) -> None:
    worker = start()
    assert worker.details == "sample 1.0"
    result = worker.measure(2)
    assert (result.first_token_seconds, result.decode_rate) == (2, 30)
    assert worker.measure(4).decode_rate == 100


def test_a_worker_scores_a_text_that_goes_on(start: Start) -> None:
    reader = Peer(start())
    reader.read(torch.tensor([5]))
    reader.read(torch.tensor([6, 7]))
    scores = reader.score(torch.tensor([8, 9]))
    assert (scores.likelihood.tolist(), scores.best.tolist()) == ([-3, -4], [7, 8])
    assert reader.score(torch.tensor([1])).likelihood.tolist() == [-5]


def test_a_worker_that_cannot_score_says_so(start: Start) -> None:
    with pytest.raises(WorkerError, match="ValueError: gives no probabilities of tokens"):
        start("scores").score([1], [2])


@pytest.mark.slow
def test_the_peak_memory_is_the_workers_own_and_not_the_parents(start: Start) -> None:
    ballast = bytearray(b"x" * 200_000_000)
    assert 5 < start().measure(2).peak_mb < len(ballast) / 1e6 < peak_memory() / 1e6


def test_what_a_worker_prints_goes_to_the_log_and_not_between_its_answers(start: Start, tmp_path: Path) -> None:
    start().measure(2)
    assert "a C library's banner" in (tmp_path / "logs" / "worker.log").read_text()


def test_a_worker_that_is_not_there_says_which(start: Start) -> None:
    with pytest.raises(WorkerError, match=r"ended with status 1: .*No module named benchmarks.workers.absent"):
        start(module="benchmarks.workers.absent")


def test_a_worker_that_cannot_load_gives_the_reason_in_one_line(start: Start) -> None:
    with pytest.raises(WorkerError, match=r"^RuntimeError: no such model$"):
        start("load")


def test_a_failed_request_gives_its_reason_and_the_next_is_answered(start: Start) -> None:
    worker = start("request")
    with pytest.raises(WorkerError, match=r"^MemoryError: 3 tokens are too many$"):
        worker.measure(3)
    assert worker.measure(2).decode_rate == 30


def test_a_worker_that_dies_is_named_by_its_status_and_last_words_then_and_later(start: Start) -> None:
    worker = start("exit")
    for _ in range(2):
        with pytest.raises(WorkerError, match=r"^ended with status 7: fatal: out of luck$"):
            worker.measure(3)


@pytest.mark.slow
def test_a_worker_that_does_not_answer_is_given_up(start: Start) -> None:
    worker = start("silence")
    worker.patience = 0.2
    with pytest.raises(WorkerError, match=r"^gave no answer within 0.2 seconds$"):
        worker.measure(3)
    with pytest.raises(WorkerError, match=r"^ended with status -9"):
        worker.measure(2)
