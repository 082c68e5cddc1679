"""What a run does, in lines and figures for the page."""

from itertools import pairwise

import pytest

from app.engine.statistics import RunStatistics
from app.methods import Kind
from app.web.html.run_lines import already_read, last_step, prefill_progress, status, steps, waiting
from core.events import PrefillProgress
from tests.app.engine.test_statistics import statistics_of, token


def reading(*progress: tuple[float, int], total: int = 5600, started: float | None = 0.0) -> RunStatistics:
    """After so many tokens at so many seconds."""
    statistics = RunStatistics(30, total)
    statistics.started = started
    for now, done in progress:
        statistics.add(now, PrefillProgress(done, total))
    return statistics


def test_steps_by_their_kind_in_words() -> None:
    statistics = statistics_of(
        token(1, 0.010), token(2, 0.012), token(3, 0.030), token(4, 0.040, full_layers=30), token(5, 0.025, 12)
    )
    assert steps(statistics) == "2 full, 3 partial (40% full)"
    assert last_step(statistics) == "mixed, 12 of 30 layers full"


@pytest.mark.parametrize(("full_layers", "kind"), [(0, "partial"), (30, "full"), (1, "mixed, 1 of 30 layers full")])
def test_the_last_step_in_words(full_layers: int, kind: str) -> None:
    assert last_step(statistics_of(token(1, 0.01, full_layers))) == kind


@pytest.mark.parametrize(
    ("kind", "full_layers", "count", "last"),
    [
        ("full", 30, "2, all full", "full"),
        ("kept", 0, "2 over what was kept", "over what was kept"),
        ("read", 0, "2, each over what it chose", "over what it chose"),
        ("read", 2, "2, each over what it chose", "over what it chose"),  # two layers that always read everything
    ],
)
def test_steps_of_other_methods_are_called_what_they_are(kind: Kind, full_layers: int, count: str, last: str) -> None:
    statistics = statistics_of(token(1, 0.010, full_layers), token(2, 0.030, full_layers))
    assert (steps(statistics, kind=kind), last_step(statistics, kind=kind)) == (count, last)
    assert status(statistics, kind=kind)["times"] == [("a step", 20.0)]


def test_the_token_of_the_prefill_is_no_step() -> None:
    statistics = statistics_of(token(0, 0.01, 30))
    assert (last_step(statistics), steps(statistics)) == (None, None)


def test_what_is_unknown_is_none() -> None:
    *figures, times = status(statistics_of()).values()
    assert (set(figures), times) == ({None}, [("full step", None), ("partial step", None)])


def test_the_live_figures() -> None:
    statistics = statistics_of(*(token(step, 0.0625) for step in range(1, 16)), token(16, 0.0625, full_layers=30))
    assert status(statistics) == {
        "decodeRate": 16.0, "recentRate": 16.0, "firstToken": None, "prefillRate": None, "lastStep": "full",
        "steps": "1 full, 15 partial (6% full)", "times": [("full step", 62.5), ("partial step", 62.5)],
    }  # fmt: skip
    statistics = reading((1.0, 100), (3.0, 500), started=0.5)
    statistics.add(3.0, token(0, 0.1, 30))
    assert (status(statistics)["prefillRate"], status(statistics)["firstToken"]) == (200.0, 2.5)


@pytest.mark.parametrize(
    ("progress", "fraction", "text"),
    [
        ([(0.0, 0)], 0.0, "Reading the document: 0 of 5,600 tokens (0%)"),
        ([(5.0, 0), (5.0, 1400)], 0.25, "Reading the document: 1,400 of 5,600 tokens (25%), about 15 s left"),
        ([(0.0, 0), (25.0, 1400)], 0.25, "Reading the document: 1,400 of 5,600 tokens (25%), about 1 min 15 s left"),
        ([(0.0, 0), (30.0, 5600)], 1.0, "Reading the document: 5,600 of 5,600 tokens (100%)"),
        ([], 0.0, "Reading the document: 0 of 5,600 tokens (0%)"),
    ],
)
def test_prefill_progress(progress: list[tuple[float, int]], fraction: float, text: str) -> None:
    assert prefill_progress(reading(*progress)) == (fraction, text)


def test_tokens_that_were_there_do_not_count_as_fast() -> None:
    start = "Reading the document: 5,000 of 5,600 tokens (89%)"
    assert prefill_progress(reading((0.5, 5000)))[1] == start
    assert prefill_progress(reading((10.0, 4900), (10.0, 5000)))[1] == f"{start}, about 1 min 00 s left"


def test_the_estimate_falls_while_the_recent_rate_is_steady() -> None:
    texts = [prefill_progress(reading((1.0, done - 10), (2.0, done), total=1000))[1] for done in (100, 500, 900)]
    remaining = [text.rsplit("about ", 1)[1] for text in texts]
    assert remaining == ["1 min 30 s left", "50 s left", "10 s left"]
    assert all(a != b for a, b in pairwise(texts))


def test_the_latest_chunks_count_more_than_the_first() -> None:
    progress = [(0.0, 0), (1.0, 1000), (2.0, 1100), (3.0, 1200), (4.0, 1300), (5.0, 1400)]
    assert prefill_progress(reading(*progress))[1].endswith("about 42 s left")  # 4,200 tokens at 100 a second


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (5983, "5,983 tokens of the documents were already read."),
        (1, "1 token of the documents was already read."),
        (0, ""),
        (-20, ""),
    ],
)
def test_what_was_already_read(tokens: int, text: str) -> None:
    assert already_read(tokens) == text


@pytest.mark.parametrize(
    ("ahead", "seconds", "said"),
    [
        (0, 30.0, "Starting."),
        (3, None, "Waiting: 3 before you."),
        (3, 0.0, "Waiting: 3 before you, about 10 seconds."),
        (3, 54.0, "Waiting: 3 before you, about 50 seconds."),
        (3, 56.0, "Waiting: 3 before you, about 1 minute."),
        (3, 120.0, "Waiting: 3 before you, about 2 minutes."),
        (3, 4000.0, "Waiting: 3 before you, about 67 minutes."),
    ],
)
def test_how_long_one_waits(ahead: int, seconds: float | None, said: str) -> None:
    assert waiting(ahead, seconds) == said
