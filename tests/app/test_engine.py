"""The queue of runs: order, stopping, failures, and the cache that one run leaves to the next."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import torch

from app.engine import Engine, ModelUnavailableError, QueueFullError, Request, Run
from core import CacheRefreshed, FullAttention, GenerationFinished, LoadingError, PrefillProgress, RefreshKV
from tests.core.tiny import byte_tokenizer, tiny_model

PROMPT = "The keeper trims the lamp before the fog comes in. " * 6


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(lambda report: (tiny_model(), byte_tokenizer()), queue_size=2)
    engine.start()
    engine.require_model(timeout=60)
    yield engine
    engine.close()


def request(text: str = PROMPT, new: int = 20, **options: object) -> Request:
    ids = torch.tensor([byte_tokenizer()(text)["input_ids"]])
    return Request(ids, options.pop("policy", RefreshKV()), new, **options)


def wait(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def finished(run: Run) -> Run:
    wait(lambda: run.done)
    return run


def test_a_run_ends_with_all_its_events(engine: Engine) -> None:
    run = finished(engine.submit(request()))
    events = [event for _, event in run.events]
    assert run.state == "finished"
    assert events[0] == PrefillProgress(0, len(PROMPT))
    assert sum(isinstance(event, CacheRefreshed) for event in events) == 2
    assert isinstance(events[-1], GenerationFinished)
    times = [when for when, _ in run.events]
    assert times == sorted(times)


def test_runs_wait_for_each_other_and_stop_stops_only_its_own(engine: Engine) -> None:
    first = engine.submit(request(new=400))
    wait(lambda: first.state == "running")
    second, third = engine.submit(request(new=5)), engine.submit(request(new=5))
    assert (engine.ahead_of(second), engine.ahead_of(third)) == (1, 2)
    with pytest.raises(QueueFullError, match="2 people are waiting"):
        engine.submit(request())
    second.stop()
    assert (second.state, first.state, third.state) == ("stopped", "running", "waiting")
    first.stop()
    assert finished(first).state == "stopped"
    assert finished(third).state == "finished"
    assert second.events == []
    assert not any(isinstance(event, GenerationFinished) for _, event in first.events)


def test_the_next_run_prefills_only_what_is_new(engine: Engine) -> None:
    finished(engine.submit(request(PROMPT + "Summarise.")))
    again = finished(engine.submit(request(PROMPT + "List them.")))
    assert again.events[0][1] == PrefillProgress(len(PROMPT), len(PROMPT) + 10)
    other_policy = finished(engine.submit(request(PROMPT, policy=FullAttention())))
    assert other_policy.events[0][1] == PrefillProgress(0, len(PROMPT))


def test_a_run_that_fails_says_so_and_the_next_one_works(engine: Engine) -> None:
    failed = finished(engine.submit(request(new=5000)))
    assert failed.state == "failed"
    assert "window" in failed.error
    model, _ = engine.require_model()
    hook = model.model.layers[0].mlp.register_forward_pre_hook(lambda *_: 1 / 0)
    broken = finished(engine.submit(request()))
    hook.remove()
    assert "division by zero" in broken.error
    assert finished(engine.submit(request())).state == "finished"


def test_a_model_that_cannot_be_loaded_is_reported() -> None:
    def load(report: Callable[[str, int, int], None]) -> None:
        raise LoadingError("There is no model “x”. Name another.")

    engine = Engine(load, queue_size=1)  # type: ignore[arg-type]
    engine.start()
    with pytest.raises(ModelUnavailableError, match="no model “x”"):
        engine.require_model(timeout=30)


def test_loading_progress_is_visible_meanwhile() -> None:
    gate = threading.Event()

    def load(report: Callable[[str, int, int], None]) -> object:
        report("downloading", 3, 10)
        gate.wait(30)
        return tiny_model(), byte_tokenizer()

    engine = Engine(load, queue_size=1)  # type: ignore[arg-type]
    engine.start()
    wait(lambda: engine.loading.done == 3)
    with pytest.raises(ModelUnavailableError, match="still loading"):
        engine.require_model(timeout=0)
    gate.set()
    engine.require_model(timeout=30)
    assert (engine.layers, engine.pairs, engine.window) == (3, 6, 1024)
