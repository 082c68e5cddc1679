"""A trace played again, against the events it was recorded from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runs.trace import Replay
from core.events import CacheRefreshed, TokenGenerated
from tests.app.runs.trace.runs import MadeRun, compose_pages, made_runs

LAYER = st.none() | st.integers(0, 3)


def held(run: MadeRun, refresh: int, layer: int | None) -> list[float]:
    """The share of the pairs that hold each position, from the event itself."""
    counts = run.refreshes[refresh].kept_by_layer
    rows = [counts[index].tolist() for index in run.layers]
    if layer is None:
        return [sum(column) / (len(rows) * run.heads) for column in zip(*rows, strict=True)]
    return [count / run.heads for count in rows[layer]]


def of(run: MadeRun, layer: int | None) -> int | None:
    return None if layer is None else layer % len(run.layers)


@given(made_runs(), st.data())
def test_every_refresh_is_the_one_that_was_recorded(run: MadeRun, data: st.DataObject) -> None:
    replay = Replay(run.trace())
    for number in data.draw(st.lists(st.integers(0, len(run.refreshes) - 1), max_size=12)):
        expected = run.refreshes[number].kept_by_layer[list(run.layers)]
        assert np.array_equal(replay.counts(number), expected)
        assert replay.shares(number).tolist() == pytest.approx(held(run, number, None))
    with pytest.raises(IndexError):
        replay.counts(len(run.refreshes))


@given(made_runs(), LAYER)
def test_what_came_went_and_stayed(run: MadeRun, layer: int | None) -> None:
    replay, before = Replay(run.trace()), set[int]()
    for number in range(len(run.refreshes)):
        now = {position for position, share in enumerate(held(run, number, of(run, layer))) if share}
        changes = replay.changes(number, of(run, layer))
        assert changes.entered.tolist() == sorted(now - before)
        assert changes.left.tolist() == sorted(before - now)
        assert changes.stayed.tolist() == sorted(now & before)
        before = now


@given(made_runs(), st.integers(1, 30), st.integers(1, 60), LAYER)
def test_the_heatmap_is_the_mean_share_of_each_part(
    run: MadeRun, columns: int, positions: int, layer: int | None
) -> None:
    rows = Replay(run.trace()).heatmap(columns, positions, of(run, layer))
    assert rows.shape == (len(run.refreshes), columns)
    for number, row in enumerate(rows):
        shares = held(run, number, of(run, layer))
        for column, value in enumerate(row):
            first = column * positions // columns
            last = max(first + 1, (column + 1) * positions // columns)
            inside = shares[first:last]
            assert value == pytest.approx(sum(inside) / len(inside) if inside else 0, abs=1e-5)


@given(made_runs(), LAYER)
def test_pages_have_the_mean_share_of_their_tokens(run: MadeRun, layer: int | None) -> None:
    rows = Replay(run.trace()).pages(of(run, layer))
    start, pages = run.composed.document_start, run.composed.places.page
    for number, row in enumerate(rows):
        shares = held(run, number, of(run, layer))
        for page, value in enumerate(row):
            inside = [shares[start + token] for token in range(len(pages)) if pages[token] == page]
            assert value == pytest.approx(sum(inside) / len(inside), abs=1e-5)


@given(made_runs())
def test_full_steps_are_those_that_refreshed_a_layer(run: MadeRun) -> None:
    full = Replay(run.trace()).full_steps()
    assert full.shape == (len(run.layers), len(run.tokens))
    assert full.sum(axis=0).tolist() == [token.full_layers for token in run.tokens]
    for refresh in run.refreshes:
        assert {run.layers[row] for row in np.flatnonzero(full[:, refresh.step])} == set(refresh.layers)


def test_without_a_small_cache_every_step_is_full() -> None:
    run = MadeRun([TokenGenerated(1, "a", step, 2, 0.1) for step in range(3)], compose_pages([[2]], 0, 0), (0, 1), 3)
    replay = Replay(run.trace())
    assert replay.full_steps().all()
    assert replay.heatmap(4, 8).shape == (0, 4)
    assert replay.pages().shape == (0, 1)


def test_a_run_stopped_between_a_refresh_and_its_token() -> None:
    counts = np.ones((1, 2), np.uint8)
    run = MadeRun([CacheRefreshed(0, (0,), counts.sum(axis=0), "prefill", counts)], compose_pages([[2]], 0, 0), (0,), 1)
    replay = Replay(run.trace())
    assert replay.full_steps().shape == (1, 0)
    assert replay.shares(0).tolist() == [1.0, 1.0]
