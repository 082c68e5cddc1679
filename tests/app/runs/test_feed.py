"""The map's messages, put together as a page does, against the trace of the same run."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.prompt.compose import Composed
from app.runs.feed import MOST_LAYERS, Cursor, MapFeed
from app.runs.trace import Replay
from core.events import CacheRefreshed, GenerationFinished, PrefillProgress, TokenGenerated
from tests.app.runs.trace.runs import MadeRun, compose_pages, made_runs
from tests.app.runs.trace.test_file import fields


class Page:
    """What a browser makes of the messages, none of which repeats what was sent before."""

    def __init__(self) -> None:
        self.start: dict[str, Any] = {}
        self.rows: dict[int, dict[str, Any]] = {}
        self.full: list[int] = []
        self.text = ""
        self.at = 0
        self.layer: tuple[int, dict[int, list[int]]] = (-1, {})

    def receive(self, message: dict[str, Any] | None) -> None:
        if message is None:
            return
        message = json.loads(json.dumps(message))
        self.start = message.get("start", self.start)
        for row in message.get("refresh", []):
            assert row["number"] == len(self.rows)
            self.rows[row["number"]] = {**row, "kept": list(base64.b64decode(row["kept"]))}
        if steps := message.get("steps"):
            assert steps["first"] == len(self.full)
            self.full += steps["full"]
            assert len(steps["texts"]) == len(steps["full"])
            self.text += "".join(steps["texts"])
            self.at = steps["at"]
        if layer := message.get("layer"):
            if layer["index"] != self.layer[0] or not layer["first"]:  # chosen, perhaps once more
                self.layer = (layer["index"], {})
            assert layer["first"] == len(self.layer[1])
            for number, kept in enumerate(layer["kept"], layer["first"]):
                self.layer[1][number] = list(base64.b64decode(kept))


def feed_of(run: MadeRun, run_id: str = "run") -> MapFeed:
    return MapFeed(run_id, run.recorder(), 5)


def feed_on(composed: Composed, layers: tuple[int, ...], heads: int, slots: int) -> MapFeed:
    return MapFeed("run", MadeRun([], composed, layers, heads).recorder(), slots)


def levels(shares: np.ndarray) -> list[int]:
    """A byte a position: 255 times the share, but something for what is held at all."""
    return [max(round(255 * float(share)), 1) if share else 0 for share in shares]


def assert_equal(page: Page, run: MadeRun, layer: int | None = None) -> None:
    trace = run.trace()
    replay = Replay(trace)
    assert sorted(page.rows) == list(range(len(trace.refreshes)))
    for number, refresh in enumerate(trace.refreshes):
        row = page.rows[number]
        assert (row["step"], row["reason"], tuple(row["layers"])) == (refresh.step, refresh.reason, refresh.layers)
        assert row["kept"] == pytest.approx(levels(replay.shares(number)), abs=1)
        assert [level > 0 for level in row["kept"]] == [share > 0 for share in replay.shares(number).tolist()]
        if layer is not None:
            assert page.layer[1][number] == pytest.approx(levels(replay.shares(number, layer)), abs=1)
    assert page.full == [token.full_layers for token in trace.tokens]
    assert page.text == "".join(token.text for token in trace.tokens)
    assert page.at == (trace.draft_start if trace.tokens else 0)


def full_steps(page: Page) -> list[list[bool]]:
    """Layers by steps, as the page's script reads them from the messages."""
    refreshed = {row["step"]: set(row["layers"]) for row in page.rows.values()}
    layers = page.start["layers"]
    return [
        [full >= len(layers) or layer in refreshed.get(step, ()) for step, full in enumerate(page.full)]
        for layer in layers
    ]


@given(made_runs(), st.data())
def test_messages_at_any_moments_make_up_the_trace(run: MadeRun, data: st.DataObject) -> None:
    feed, page, cursor = feed_of(run), Page(), None
    layer = None
    for event in run.events:
        feed.add(event)
        if data.draw(st.integers(0, 3)) == 0:
            layer = data.draw(st.none() | st.integers(0, len(run.layers) - 1))
            message, cursor = feed.since(cursor, layer)
            page.receive(message)
    message, cursor = feed.since(cursor, layer)
    page.receive(message)
    assert_equal(page, run, layer)
    assert full_steps(page) == Replay(run.trace()).full_steps().tolist()
    assert fields(feed.trace) == fields(run.trace())
    assert feed.since(cursor, layer) == (None, cursor)


@given(made_runs(), st.data())
def test_a_stored_run_gives_the_same_messages(run: MadeRun, data: st.DataObject) -> None:
    layer = data.draw(st.none() | st.integers(0, len(run.layers) - 1))
    live = feed_of(run)
    for event in run.events:
        live.add(event)
    told, played = live.since(None, layer)[0], MapFeed.replayed("run", Replay(run.trace())).since(None, layer)[0]
    assert told is not None
    assert played is not None
    held = int(run.refreshes[-1].kept_by_layer.sum()) // (len(run.layers) * run.heads)
    assert played["start"].pop("slots") == held
    assert told["start"].pop("slots") == 5
    assert told == played


def refreshed(step: int, context: int = 12) -> CacheRefreshed:
    counts = np.zeros((6, context), np.uint8)
    counts[3, step % context] = 2
    return CacheRefreshed(step, (3,), counts.sum(axis=0, dtype=np.int64), "stride", counts)


def made(refreshes: int = 0, steps: int = 0) -> MapFeed:
    composed = compose_pages([[4, 2], [3]], before=2, after=1)
    feed = feed_on(composed, (1, 3, 5), 3, 7)
    for step in range(refreshes):
        feed.add(refreshed(step))
    for step in range(steps):
        feed.add(TokenGenerated(1, "a", step, 0, 0.1))
    return feed


def test_the_start_holds_the_document_once() -> None:
    message, cursor = made().since(None)
    assert message == {
        "run": "run",
        "refreshes": 0,
        "start": {
            "pieces": ("ab", "ab", "ab", "ab", "\n", "ab", "ab", "\n", "ab", "ab", "ab"),
            "documentStart": 2,
            "pages": [
                [2, "1", "d0.pdf · page 1", "d0.pdf"],
                [7, "2", "d0.pdf · page 2", "d0.pdf"],
                [10, "1", "d1.pdf · page 1", "d1.pdf"],
            ],
            "layers": (1, 3, 5),
            "heads": 3,
            "slots": 7,
            "promptTokens": 14,
            "draftTokens": 0,
            "kind": "refreshed",
        },
    }
    assert cursor == Cursor(0, 0, None)


def test_what_is_new_comes_alone() -> None:
    feed = made(refreshes=10, steps=100)
    cursor = Cursor(9, 90, None)
    message, cursor = feed.since(cursor)
    assert message is not None
    assert set(message) == {"run", "refreshes", "refresh", "steps"}
    assert message["refreshes"] == 10
    assert [row["number"] for row in message["refresh"]] == [9]
    assert message["steps"] == {"first": 90, "full": [0] * 10, "texts": ["a"] * 10, "at": 0}
    feed.add(TokenGenerated(1, "a", 100, 3, 0.1))
    message, cursor = feed.since(cursor)
    assert message == {"run": "run", "refreshes": 10, "steps": {"first": 100, "full": [3], "texts": ["a"], "at": 0}}


def test_a_layer_comes_whole_when_it_is_chosen_and_then_as_it_grows() -> None:
    feed = made(refreshes=20)
    cursor = feed.since(None)[1]
    message, cursor = feed.since(cursor, layer=1)
    assert message is not None
    assert set(message) == {"run", "refreshes", "layer"}
    assert (message["layer"]["index"], message["layer"]["first"], len(message["layer"]["kept"])) == (1, 0, 20)
    assert list(base64.b64decode(message["layer"]["kept"][15])) == [0, 0, 0, 170] + [0] * 8
    feed.add(refreshed(20))
    message, cursor = feed.since(cursor, layer=1)
    assert message is not None
    assert [row["number"] for row in message["refresh"]] == [20]
    assert (message["layer"]["first"], len(message["layer"]["kept"])) == (20, 1)
    assert message["layer"]["kept"][-1] == base64.b64encode(bytes([0] * 8 + [170] + [0] * 3)).decode()
    message, cursor = feed.since(cursor, layer=None)
    assert message == {"run": "run", "refreshes": 21}


def test_layers_asked_for_long_ago_are_unpacked_again() -> None:
    composed = compose_pages([[4]], before=0, after=0)
    random = np.random.default_rng(1)
    feed = feed_on(composed, tuple(range(8)), 3, 7)
    counts = [random.integers(0, 4, (8, 4 + step), np.uint8) for step in range(40)]
    for step, kept in enumerate(counts):
        feed.add(CacheRefreshed(step, (0,), kept.sum(axis=0, dtype=np.int64), "stride", kept))
        feed.since(None, step % 8)
    for layer in (0, 7, 3, 0):
        message = feed.since(None, layer)[0]
        assert message is not None
        for kept, text in zip(counts, message["layer"]["kept"], strict=True):
            assert list(base64.b64decode(text)) == [85 * count for count in kept[layer].tolist()]
    assert len(feed._single) == MOST_LAYERS


@pytest.mark.parametrize("layer", [-1, 3])
def test_a_layer_that_is_not_there_is_refused(layer: int) -> None:
    with pytest.raises(ValueError, match=f"layer {layer} of 3"):
        made().since(None, layer)


def test_other_events_tell_the_map_nothing() -> None:
    feed = made()
    cursor = feed.since(None)[1]
    feed.add(PrefillProgress(1, 2))
    feed.add(GenerationFinished("length", "", 1, 1, 0.1, 0.1, 0, 0))
    assert feed.since(cursor) == (None, cursor)


def test_one_pair_of_a_thousand_is_seen() -> None:
    composed = compose_pages([[4]], before=0, after=0)
    feed = feed_on(composed, tuple(range(100)), 10, 7)
    kept = np.zeros((100, 4), np.uint8)
    kept[50, 2] = 1
    feed.add(CacheRefreshed(0, (50,), kept.sum(axis=0, dtype=np.int64), "prefill", kept))
    message = feed.since(None)[0]
    assert message is not None
    assert list(base64.b64decode(message["refresh"][0]["kept"])) == [0, 0, 1, 0]


def test_a_refresh_over_8192_tokens_takes_11_kilobytes() -> None:
    composed = compose_pages([[8192]], before=0, after=0)
    feed = feed_on(composed, tuple(range(30)), 3, 1024)
    kept = np.random.default_rng(0).integers(0, 4, (30, 8192), np.uint8)
    feed.add(CacheRefreshed(0, tuple(range(30)), kept.sum(axis=0, dtype=np.int64), "prefill", kept))
    message = feed.since(Cursor(0, 0, None))[0]
    assert len(json.dumps(message)) < 11_200
