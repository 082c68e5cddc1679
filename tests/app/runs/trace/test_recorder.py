"""A run of the real decoder, recorded."""

import numpy as np
import pytest

from app.prompt.compose import compose
from app.runs.feed import MapFeed
from app.runs.trace import Recorder, Replay, prompt_tokens, read_trace, write_trace
from app.text.valid import valid_text
from core import CacheRefreshed, RefreshKV, TokenGenerated, stream_generate
from tests.app.prompt.test_compose import source
from tests.app.runs.trace.runs import SETTINGS
from tests.core.tiny import byte_tokenizer, tiny_model


def test_a_run_is_recorded_as_it_streams(one_thread: None) -> None:
    model, tokenizer = tiny_model(), byte_tokenizer()
    composed = compose(tokenizer, [source("The tide turns twice a day.", "The harbour master writes.")], "Summarise.")
    recorder = Recorder(SETTINGS, prompt_tokens(composed), (0, 1, 2), 2, draft_start=0)
    events = []
    for event in stream_generate(model, tokenizer, composed.token_ids, policy=RefreshKV(stride=4), max_new_tokens=40):
        recorder.add(event)
        events.append(event)
    trace = read_trace(write_trace(recorder.trace))
    replay = Replay(trace)
    refreshes = [event for event in events if isinstance(event, CacheRefreshed)]
    assert [refresh.step for refresh in trace.refreshes] == list(range(0, 40, 4))
    for number, event in enumerate(refreshes):
        assert np.array_equal(replay.counts(number), event.kept_by_layer)
    tokens = [event for event in events if isinstance(event, TokenGenerated)]
    assert [token.text for token in trace.tokens] == [valid_text(token.text) for token in tokens]
    assert replay.full_steps().sum(axis=0).tolist() == [token.full_layers for token in tokens]
    assert trace.ending is not None
    assert trace.ending.reason == "length"


def test_of_a_long_text_not_all_refreshes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    composed = compose(byte_tokenizer(), [source("The tide turns twice a day.")], "Summarise.")
    length, kept = composed.prompt_tokens, [0, 1, 2, 3, 4, 6, 8, 16]
    monkeypatch.setattr("app.runs.trace.recorder.MOST_POSITIONS", len(kept) * length)
    feed = MapFeed("run", Recorder(SETTINGS, prompt_tokens(composed), (0,), 2, draft_start=0), slots=8)
    for step in range(40):
        counts = np.zeros((1, length), np.uint8)
        counts[0, step] = 2
        feed.add(CacheRefreshed(step, (0,), counts.sum(axis=0, dtype=np.int64), "stride", counts))
    trace = read_trace(write_trace(feed.trace))
    assert [refresh.step for refresh in trace.refreshes] == kept
    replay = Replay(trace)
    assert [int(replay.counts(number)[0].argmax()) for number in range(len(kept))] == kept
    message, _ = feed.since(None)
    assert message is not None
    assert [row["step"] for row in message["refresh"]] == kept
