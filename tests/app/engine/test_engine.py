"""The queue of runs: order, stopping, failures, and what one run leaves to the next."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import torch

from app.engine.document_cache import DocumentCache
from app.engine.document_files import DocumentFiles
from app.engine.engine import Engine, ModelUnavailableError, QueueFullError
from app.engine.pace import FIRST_CHUNK
from app.engine.run import Request, Run
from core import CacheRefreshed, FullAttention, GenerationFinished, LoadingError, PrefillProgress, RefreshKV, Statement
from core.default_model import LoadProgress
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


@contextmanager
def forwarded(engine: Engine) -> Iterator[list[int]]:
    """The number of tokens of each forward of the model."""
    model, _ = engine.require_model()
    counts: list[int] = []
    hook = model.register_forward_pre_hook(
        lambda module, args, kwargs: counts.append(kwargs["input_ids"].shape[1]), with_kwargs=True
    )
    yield counts
    hook.remove()


def about(document: str, instruction: str, **options: object) -> Request:
    return request(document + instruction, new=4, document_end=len(document), **options)


def test_the_next_run_prefills_only_what_is_new(engine: Engine) -> None:
    finished(engine.submit(about(PROMPT, "Summarise.")))
    with forwarded(engine) as counts:
        again = finished(engine.submit(about(PROMPT, "List them.")))
    assert again.events[0][1] == PrefillProgress(len(PROMPT), len(PROMPT) + 10)
    assert counts == [10, 1, 1, 1]


def test_two_documents_in_turn_are_read_once_each(engine: Engine) -> None:
    other = PROMPT.upper()
    with forwarded(engine) as counts:
        for document in (PROMPT, other):
            finished(engine.submit(about(document, "Summarise.")))
        assert counts == [FIRST_CHUNK, len(PROMPT) + 10 - FIRST_CHUNK, 1, 1, 1] * 2
        counts.clear()
        for document in (PROMPT, other, PROMPT):
            finished(engine.submit(about(document, f"List {document[0]}.")))
    assert counts == [7, 1, 1, 1, 7, 1, 1, 1, 1, 1, 1, 1]


def test_another_policy_reads_nothing_again_and_writes_its_own_text(engine: Engine) -> None:
    finished(engine.submit(about(PROMPT, "Summarise.", policy=RefreshKV(budget=4, stride=100))))
    with forwarded(engine) as counts:
        full = finished(engine.submit(about(PROMPT, "Summarise.", policy=FullAttention())))
    assert full.events[0][1] == PrefillProgress(len(PROMPT) + 9, len(PROMPT) + 10)
    assert counts == [1, 1, 1, 1]
    assert not any(isinstance(event, CacheRefreshed) for _, event in full.events)
    fresh = Engine(lambda report: (tiny_model(), byte_tokenizer()), queue_size=2)
    fresh.start()
    expected = finished(fresh.submit(about(PROMPT, "Summarise.", policy=FullAttention())))
    fresh.close()
    assert full.events[-1][1].text == expected.events[-1][1].text


def test_a_prefill_that_was_stopped_goes_on_where_it_was(engine: Engine) -> None:
    document = PROMPT * 3
    model, _ = engine.require_model()
    hook = model.register_forward_pre_hook(lambda *_: run.stop())
    run = engine.submit(about(document, "Summarise."))
    finished(run)
    hook.remove()
    assert run.state == "stopped"
    again = finished(engine.submit(about(document, "List them.")))
    assert again.events[0][1] == PrefillProgress(FIRST_CHUNK, len(document) + 10)


def test_an_app_that_is_opened_again_reads_from_disk(tmp_path: Path) -> None:
    def opened() -> Engine:
        documents = partial(DocumentCache, files=DocumentFiles(tmp_path, 10**9))
        engine = Engine(lambda report: (tiny_model(), byte_tokenizer()), 2, documents)
        engine.start()
        engine.require_model(timeout=60)
        return engine

    document = PROMPT * 2
    yesterday = opened()
    finished(yesterday.submit(about(document, "Summarise.")))
    expected = finished(yesterday.submit(about(document, "List them.")))
    yesterday.close()
    today = opened()
    with forwarded(today) as counts:
        run = finished(today.submit(about(document, "List them.")))
    today.close()
    assert run.events[0][1] == PrefillProgress(len(document), len(document) + 10)
    assert counts == [10, 1, 1, 1]
    assert run.events[-1][1].text == expected.events[-1][1].text


def test_a_run_that_fails_says_so_and_the_next_one_works(engine: Engine) -> None:
    failed = finished(engine.submit(request(new=5000)))
    assert failed.state == "failed"
    assert "window" in str(failed.error)
    model, _ = engine.require_model()
    hook = model.model.layers[0].mlp.register_forward_pre_hook(lambda *_: 1 / 0)
    broken = finished(engine.submit(request()))
    hook.remove()
    assert "division by zero" in str(broken.error)
    assert finished(engine.submit(request())).state == "finished"


def test_a_model_that_cannot_be_loaded_is_reported() -> None:
    def load(report: LoadProgress) -> None:
        raise LoadingError("test", "There is no model “{name}”. Name another.", name="x")

    engine = Engine(load, queue_size=1)  # type: ignore[arg-type]
    engine.start()
    with pytest.raises(ModelUnavailableError, match="no model “x”"):
        engine.require_model(timeout=30)


def test_loading_progress_is_visible_meanwhile() -> None:
    gate = threading.Event()

    def load(report: LoadProgress) -> object:
        report(Statement("test", "downloading {file}", file="a.gguf"), 3, 10)
        gate.wait(30)
        return tiny_model(), byte_tokenizer()

    engine = Engine(load, queue_size=1)  # type: ignore[arg-type]
    engine.start()
    wait(lambda: engine.loading.done == 3)
    assert str(engine.loading.what) == "downloading a.gguf"
    with pytest.raises(ModelUnavailableError, match="still loading"):
        engine.require_model(timeout=0)
    gate.set()
    engine.require_model(timeout=30)
    assert (engine.layers, engine.pairs, engine.window) == (3, 6, 1024)


class SlowCompilation:
    """Stands for a compilation that never ends by itself."""

    def __init__(self, model: object) -> None:
        self.model, self.running = model, True

    def cancel(self) -> None:
        self.running = False


def test_runs_are_served_while_the_model_is_compiled() -> None:
    begun: list[SlowCompilation] = []

    def begin(model: object) -> SlowCompilation:
        begun.append(SlowCompilation(model))
        return begun[0]

    engine = Engine(lambda report: (tiny_model(), byte_tokenizer()), 2, compilation=begin)  # type: ignore[arg-type]
    engine.start()
    model, _ = engine.require_model(timeout=60)
    assert finished(engine.submit(request())).state == "finished"
    assert engine.compiling
    assert begun[0].model is model
    engine.close()
    assert not engine.compiling
    assert not begun[0].running
