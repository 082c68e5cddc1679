from itertools import pairwise

import pytest

from app.engine.statistics import RunStatistics
from app.prompt.marks import PageMark
from app.web.html.run_lines import already_read, prefill_progress, status
from core.events import PrefillProgress, TokenGenerated


def token(step: int, seconds: float, full_layers: int = 0) -> TokenGenerated:
    return TokenGenerated(token_id=1, text="a", step=step, full_layers=full_layers, seconds=seconds)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def statistics_of(*events: TokenGenerated, layers: int = 30) -> RunStatistics:
    statistics = RunStatistics(layers, Clock())
    for event in events:
        statistics.add(event)
    return statistics


def test_rates_count_decode_steps_only() -> None:
    statistics = statistics_of(token(0, 9.0, full_layers=30), *(token(step, 0.25) for step in range(1, 9)))
    assert statistics.decode_steps == 8
    assert statistics.decode_rate == 4.0
    assert statistics.recent_rate == 4.0


def test_the_recent_rate_forgets_what_is_older_than_a_second() -> None:
    statistics = statistics_of(*(token(step, 1.0) for step in (1, 2)), *(token(step, 0.125) for step in range(3, 13)))
    assert statistics.recent_rate == 8.0
    assert statistics.decode_rate == pytest.approx(12 / 3.25)


def test_a_step_longer_than_a_second_is_the_whole_recent_rate() -> None:
    assert statistics_of(token(1, 0.5), token(2, 4.0)).recent_rate == 0.25


def test_medians_and_share_by_kind_of_step() -> None:
    statistics = statistics_of(
        token(1, 0.010), token(2, 0.012), token(3, 0.030), token(4, 0.040, full_layers=30), token(5, 0.025, 12)
    )
    assert statistics.partial_milliseconds == 12.0
    assert statistics.full_milliseconds == 40.0
    assert statistics.full_and_partial == (2, 3)
    assert statistics.steps == "2 full, 3 partial (40% full)"
    assert statistics.last_step == "mixed, 12 of 30 layers full"


@pytest.mark.parametrize(("full_layers", "kind"), [(0, "partial"), (30, "full"), (1, "mixed, 1 of 30 layers full")])
def test_the_last_step_in_words(full_layers: int, kind: str) -> None:
    assert statistics_of(token(1, 0.01, full_layers)).last_step == kind


def test_prefill_rates_leave_out_what_a_reused_cache_held() -> None:
    clock = Clock()
    statistics = RunStatistics(30, clock)
    for now, done in [(0.0, 1000), (1.0, 1512), (2.0, 2024), (4.0, 2536), (6.0, 3048), (8.0, 3560)]:
        clock.now = now
        statistics.add(PrefillProgress(done, 4000))
    assert statistics.prefill_rate == 320.0
    assert statistics.recent_prefill_rate == 256.0


def test_the_first_token_is_timed_from_the_runs_begin() -> None:
    clock, began = Clock(), 3.0
    statistics = RunStatistics(30, clock, lambda: began)
    clock.now = 5.5
    statistics.add(token(0, 0.1, full_layers=30))
    clock.now = 9.0
    statistics.add(token(1, 0.1))
    assert statistics.first_token == 2.5
    assert status(statistics)["firstToken"] == 2.5
    assert statistics_of(token(0, 0.1)).first_token is None


@pytest.mark.parametrize(("label", "title"), [(None, "6"), ("6", "6"), ("iv", "iv (6)"), ("", "6")])
def test_a_page_has_its_label_and_its_number(label: str | None, title: str) -> None:
    mark = PageMark("a.pdf", 6, label, 0)
    assert (mark.page, mark.title) == (title, f"a.pdf · page {title}")


def test_what_is_unknown_is_none() -> None:
    assert set(status(statistics_of()).values()) == {None}


def test_the_live_figures() -> None:
    statistics = statistics_of(*(token(step, 0.0625) for step in range(1, 16)), token(16, 0.0625, full_layers=30))
    assert status(statistics) == {
        "decodeRate": 16.0, "recentRate": 16.0, "firstToken": None, "prefillRate": None, "lastStep": "full",
        "steps": "1 full, 15 partial (6% full)", "fullMilliseconds": 62.5, "partialMilliseconds": 62.5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("done", "elapsed", "rate", "fraction", "text"),
    [
        (0, 0.0, None, 0.0, "Reading the document: 0 of 5,600 tokens (0%)"),
        (1400, 5.0, None, 0.25, "Reading the document: 1,400 of 5,600 tokens (25%), about 15 s left"),
        (1400, 5.0, 56.0, 0.25, "Reading the document: 1,400 of 5,600 tokens (25%), about 1 min 15 s left"),
        (5600, 30.0, 56.0, 1.0, "Reading the document: 5,600 of 5,600 tokens (100%)"),
    ],
)
def test_prefill_progress(done: int, elapsed: float, rate: float | None, fraction: float, text: str) -> None:
    assert prefill_progress(done, 5600, elapsed, rate) == (fraction, text)


def test_tokens_that_were_there_do_not_count_as_fast() -> None:
    start = "Reading the document: 5,000 of 5,600 tokens (89%)"
    assert prefill_progress(5000, 5600, 0.5, None, reused=5000)[1] == start
    assert prefill_progress(5000, 5600, 10.0, None, reused=4900)[1] == f"{start}, about 1 min 00 s left"


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


def test_the_estimate_falls_while_the_recent_rate_is_steady() -> None:
    texts = [prefill_progress(done, 1000, 1.0, 10.0)[1] for done in (100, 500, 900)]
    remaining = [text.rsplit("about ", 1)[1] for text in texts]
    assert remaining == ["1 min 30 s left", "50 s left", "10 s left"]
    assert all(a != b for a, b in pairwise(texts))
