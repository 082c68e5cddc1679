"""The figures of a run, from events whose times the test says."""

import json

import pytest

from app.engine.statistics import RunStatistics
from core.events import Event, GenerationFinished, PrefillProgress, TokenGenerated


def token(step: int, seconds: float, full_layers: int = 0) -> TokenGenerated:
    return TokenGenerated(token_id=1, text="a", step=step, full_layers=full_layers, seconds=seconds)


def statistics_of(*events: Event, layers: int = 30) -> RunStatistics:
    statistics = RunStatistics(layers)
    for event in events:
        statistics.add(0.0, event)
    return statistics


def test_rates_count_decode_steps_only() -> None:
    statistics = statistics_of(token(0, 9.0, full_layers=30), *(token(step, 0.25) for step in range(1, 9)))
    assert statistics.decode_steps == 8
    assert statistics.decode_rate == 4.0
    assert statistics.recent_rate == 4.0
    assert statistics.tokens == 9


def test_the_recent_rate_forgets_what_is_older_than_a_second() -> None:
    statistics = statistics_of(*(token(step, 1.0) for step in (1, 2)), *(token(step, 0.125) for step in range(3, 13)))
    assert statistics.recent_rate == 8.0
    assert statistics.decode_rate == pytest.approx(12 / 3.25)


def test_a_step_longer_than_a_second_is_the_whole_recent_rate() -> None:
    assert statistics_of(token(1, 0.5), token(2, 4.0)).recent_rate == 0.25


def test_medians_and_number_by_kind_of_step() -> None:
    statistics = statistics_of(
        token(1, 0.010), token(2, 0.012), token(3, 0.030), token(4, 0.040, full_layers=30), token(5, 0.025, 12)
    )
    assert statistics.partial_milliseconds == 12.0
    assert statistics.full_milliseconds == 40.0
    assert (statistics.full_steps, statistics.partial_steps) == (2, 3)


def test_prefill_rates_leave_out_what_a_reused_cache_held() -> None:
    statistics = RunStatistics(30, 4000)
    statistics.started = -1.0
    for now, done in [(0.0, 1000), (1.0, 1512), (2.0, 2024), (4.0, 2536), (6.0, 3048), (8.0, 3560)]:
        statistics.add(now, PrefillProgress(done, 4000))
    assert statistics.prefill_rate == 320.0
    assert statistics.recent_prefill_rate == 256.0
    assert (statistics.reused, statistics.prefill_seconds, statistics.reading_seconds) == (1000, 8.0, 9.0)
    assert statistics.progress == PrefillProgress(3560, 4000)


def test_the_first_token_is_timed_from_the_runs_begin() -> None:
    statistics = RunStatistics(30)
    statistics.started = 3.0
    statistics.add(5.5, token(0, 0.1, full_layers=30))
    statistics.add(9.0, token(1, 0.1))
    assert statistics.first_token == 2.5
    assert statistics_of(token(0, 0.1)).first_token is None


def test_figures_count_from_the_events() -> None:
    statistics = RunStatistics(3, 9)
    statistics.started = 10.0
    for when, event in [(12.0, token(0, 0.1, 3)), (12.5, token(1, 0.5)), (13.0, token(2, 0.25, 1))]:
        statistics.add(when, event)
    assert (statistics.tokens, statistics.full_steps, statistics.partial_steps) == (3, 1, 1)
    assert statistics.first_token == pytest.approx(2.0)
    assert statistics.decode_rate == pytest.approx(2 / 0.75)
    assert statistics.cache_bytes is None


def test_what_is_unknown_is_none() -> None:
    statistics = RunStatistics(30, 9)
    rates = (
        statistics.decode_rate, statistics.recent_rate, statistics.prefill_rate, statistics.recent_prefill_rate,
        statistics.first_token, statistics.reused, statistics.prefill_seconds, statistics.full_milliseconds,
        statistics.partial_milliseconds, statistics.progress, statistics.ending,
    )  # fmt: skip
    assert set(rates) == {None}
    assert (statistics.tokens, statistics.reading_seconds) == (0, 0.0)


def test_a_program_is_given_all_of_them_as_json() -> None:
    statistics = RunStatistics(3, 40)
    statistics.started, statistics.cache_bytes = 1.0, 12_000
    ending = GenerationFinished("length", "aaa", 40, 3, 2.0, 0.75, 1, 1)
    events: list[tuple[float, Event]] = [
        (1.0, PrefillProgress(10, 40)), (3.0, PrefillProgress(40, 40)), (3.5, token(0, 0.5, 3)), (4.0, token(1, 0.5)),
        (4.5, token(2, 0.25, 1)), (4.5, ending),
    ]  # fmt: skip
    for when, event in events:
        statistics.add(when, event)
    assert json.loads(json.dumps(statistics.plain)) == {
        "reason": "length", "prompt_tokens": 40, "reused_prompt_tokens": 10, "prefill_seconds": 2.0,
        "seconds_to_first_token": 2.5, "generated_tokens": 3, "tokens_per_second": pytest.approx(2 / 0.75),
        "full_steps": 1, "partial_steps": 1, "cache_bytes": 12_000,
    }  # fmt: skip
