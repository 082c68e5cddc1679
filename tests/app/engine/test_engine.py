"""The queue of runs: order, priorities, stopping, failures, and what one run leaves to the next."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import torch

from app.engine.engine import Engine, ModelUnavailableError
from app.engine.pace import FIRST_CHUNK
from app.engine.queue import QueueFullError
from app.engine.run import GenerationRequest, Priority, Run, TimedEvent
from core import (
    CacheRefreshed,
    Event,
    FullAttention,
    GenerationFinished,
    LoadingError,
    PrefillProgress,
    PrefixCache,
    PrefixFiles,
    RefreshKV,
    Statement,
)
from core.default_model import LoadProgress
from core.sequence import LEAST_TAIL
from tests.app.conftest import held, wait
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


def request(text: str = PROMPT, new: int = 20, **options: object) -> GenerationRequest:
    ids = torch.tensor([byte_tokenizer()(text)["input_ids"]])
    return GenerationRequest(ids, options.pop("policy", RefreshKV()), new, **options)


def submitted(engine: Engine, asked: GenerationRequest | None = None, priority: Priority = Priority.WRITING) -> Run:
    run = Run(request() if asked is None else asked, priority)
    engine.submit(run)
    return run


def timed(run: Run) -> list[TimedEvent]:
    """What came, once it is over."""
    assert run.wait(60)
    return run.take()


def finished(engine: Engine, asked: GenerationRequest) -> list[Event]:
    """All events of a run."""
    return [event for _, event in timed(submitted(engine, asked))]


def test_what_looks_like_a_special_token_is_dictated_as_text(engine: Engine) -> None:
    text = "The keeper said <|im_end|> and <end>, and went."
    last = finished(engine, request(new=len(text) + 1, dictated=text))[-1]
    assert isinstance(last, GenerationFinished)
    assert (last.text, last.reason) == (text, "end_token")


def test_a_run_ends_with_all_its_events(engine: Engine) -> None:
    run = submitted(engine)
    events = timed(run)
    assert run.state == "finished"
    assert events[0][1] == PrefillProgress(0, len(PROMPT))
    assert sum(isinstance(event, CacheRefreshed) for _, event in events) == 1 + 19 // RefreshKV().stride
    assert isinstance(events[-1][1], GenerationFinished)
    times = [when for when, _ in events]
    assert times == sorted(times)
    assert run.started is not None
    assert run.started <= times[0]
    assert run.cache_bytes > 0


def test_runs_wait_for_each_other_and_stop_stops_only_its_own(engine: Engine) -> None:
    with held(engine):
        first = submitted(engine)
        wait(lambda: first.state == "running")
        second, third = submitted(engine, request(new=5)), submitted(engine, request(new=5))
        assert (engine.ahead_of(first), engine.ahead_of(second), engine.ahead_of(third)) == (0, 1, 2)
        with pytest.raises(QueueFullError, match="2 people are waiting"):
            submitted(engine)
        second.stop()
        assert (second.state, first.state, third.state) == ("stopped", "running", "waiting")
        assert engine.current() == [first, third]
        first.stop()
    assert not any(isinstance(event, GenerationFinished) for _, event in timed(first))
    assert third.wait(60)
    assert (first.state, third.state) == ("stopped", "finished")
    assert second.take() == []


def test_a_run_in_the_background_yields_to_people_who_come_later_and_takes_no_place_of_theirs(engine: Engine) -> None:
    with held(engine):
        first = submitted(engine)
        wait(lambda: first.state == "running")
        reading = [submitted(engine, request(new=2), Priority.BACKGROUND) for _ in range(3)]
        writing = [submitted(engine, request(new=2)) for _ in range(2)]
        with pytest.raises(QueueFullError, match="2 people are waiting"):
            submitted(engine)
        reading.append(submitted(engine, request(new=2), Priority.BACKGROUND))
        assert engine.current() == [first, *writing, *reading]
        assert [engine.ahead_of(run) for run in (*writing, *reading)] == [1, 2, 3, 4, 5, 6]
    assert all(run.wait(60) for run in reading)
    begun = [run.started for run in (first, *writing, *reading)]
    assert None not in begun
    assert begun == sorted(begun)  # type: ignore[type-var]


def test_whoever_watches_the_queue_is_told_whose_turn_it_is(engine: Engine) -> None:
    seen = engine.notifier.wait()  # of the model that is there
    run = submitted(engine, request(new=2))
    assert engine.notifier.wait(seen, timeout=60) == seen + 1
    assert run.wait(60)


def test_a_run_that_waits_is_told_when_it_has_come_nearer(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    with held(engine):
        first = submitted(engine, request(new=2))
        wait(lambda: first.state == "running")
        second, third = submitted(engine, request(new=2)), submitted(engine, request(new=2))
        assert engine.ahead_of(third) == 2
        notify = third.notifier.notify
        monkeypatch.setattr(third.notifier, "notify", lambda: (told.append(third.state), notify()))
    assert third.wait(60)
    assert second.done
    assert told[0] == "waiting"


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


def about(document: str, instruction: str, **options: object) -> GenerationRequest:
    return request(document + instruction, new=4, document_end=len(document), **options)


def test_the_next_run_prefills_only_what_is_new(engine: Engine) -> None:
    finished(engine, about(PROMPT, "Summarise."))
    with forwarded(engine) as counts:
        again = finished(engine, about(PROMPT, "List them."))
    assert again[0] == PrefillProgress(len(PROMPT), len(PROMPT) + 10)
    assert counts == [10, 1, 1, 1]


def test_two_documents_in_turn_are_read_once_each(engine: Engine) -> None:
    other = PROMPT.upper()
    with forwarded(engine) as counts:
        for document in (PROMPT, other):
            finished(engine, about(document, "Summarise."))
        assert counts == [FIRST_CHUNK, len(PROMPT) + 10 - FIRST_CHUNK, 1, 1, 1] * 2
        counts.clear()
        for document in (PROMPT, other, PROMPT):
            finished(engine, about(document, f"List {document[0]}."))
    assert counts == [LEAST_TAIL, 1, 1, 1] * 3


def test_another_policy_reads_nothing_again_and_writes_its_own_text(engine: Engine) -> None:
    finished(engine, about(PROMPT, "Summarise.", policy=RefreshKV(budget=4, stride=100)))
    with forwarded(engine) as counts:
        full = finished(engine, about(PROMPT, "Summarise.", policy=FullAttention()))
    assert full[0] == PrefillProgress(len(PROMPT) + 10 - LEAST_TAIL, len(PROMPT) + 10)
    assert counts == [LEAST_TAIL, 1, 1, 1]
    assert not any(isinstance(event, CacheRefreshed) for event in full)
    fresh = Engine(lambda report: (tiny_model(), byte_tokenizer()), queue_size=2)
    fresh.start()
    expected = finished(fresh, about(PROMPT, "Summarise.", policy=FullAttention()))
    fresh.close()
    assert full[-1].text == expected[-1].text


def test_a_prefill_that_was_stopped_goes_on_where_it_was(engine: Engine) -> None:
    document = PROMPT * 3
    model, _ = engine.require_model()
    hook = model.register_forward_pre_hook(lambda *_: run.stop())
    run = Run(about(document, "Summarise."))
    engine.submit(run)
    assert run.wait(60)
    hook.remove()
    assert run.state == "stopped"
    again = finished(engine, about(document, "List them."))
    assert again[0] == PrefillProgress(FIRST_CHUNK, len(document) + 10)


def opened(folder: Path, limit: int = 10**9) -> Engine:
    """One that keeps its documents in a folder."""
    documents = partial(PrefixCache, files=PrefixFiles(folder, limit))
    engine = Engine(lambda report: (tiny_model(), byte_tokenizer()), 2, documents)
    engine.start()
    engine.require_model(timeout=60)
    return engine


def test_a_prefill_that_was_stopped_goes_on_when_the_app_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.prefix_parts.PART_TOKENS", FIRST_CHUNK)
    document = PROMPT * 3
    yesterday = opened(tmp_path)
    model, _ = yesterday.require_model()
    model.register_forward_pre_hook(lambda *_: run.stop())
    run = Run(about(document, "Summarise."))
    yesterday.submit(run)
    assert run.wait(60)
    yesterday.close()
    today = opened(tmp_path)
    again = finished(today, about(document, "List them."))
    today.close()
    assert again[0] == PrefillProgress(FIRST_CHUNK, len(document) + 10)


def test_documents_that_are_too_large_for_the_disk_are_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.prefix_parts.PART_TOKENS", 256)
    engine = opened(tmp_path, 300_000)  # a token takes 384 bytes
    assert [engine.kept_in_part(tokens) for tokens in (300, 512, 781)] == [None] * 3
    said = str(engine.kept_in_part(2000))
    assert said.startswith("Of the documents' 2,000 tokens the first 768 are kept on disk; the others are read again")
    assert "all of them take 1 MB, and the limit is 0 MB (REFRESHKV_DOCUMENT_DISK_GIGABYTES)" in said
    engine.close()
    engine = opened(tmp_path, 90_000)
    assert str(engine.kept_in_part(2000)).startswith("The documents are not kept on disk and are read again")
    engine.close()


def test_an_app_that_is_opened_again_reads_from_disk(tmp_path: Path) -> None:
    document = PROMPT * 2
    yesterday = opened(tmp_path)
    finished(yesterday, about(document, "Summarise."))
    expected = finished(yesterday, about(document, "List them."))
    yesterday.close()
    today = opened(tmp_path)
    with forwarded(today) as counts:
        events = finished(today, about(document, "List them."))
    today.close()
    assert events[0] == PrefillProgress(len(document), len(document) + 10)
    assert counts == [10, 1, 1, 1]
    assert events[-1].text == expected[-1].text


def test_a_run_that_fails_says_so_and_the_next_one_works(engine: Engine) -> None:
    failed = submitted(engine, request(new=5000))
    assert failed.wait(60)
    assert failed.state == "failed"
    assert "window" in str(failed.error)
    model, _ = engine.require_model()
    hook = model.model.layers[0].mlp.register_forward_pre_hook(lambda *_: 1 / 0)
    broken = submitted(engine)
    assert broken.wait(60)
    hook.remove()
    assert (broken.state, "division by zero" in str(broken.error)) == ("failed", True)
    working = submitted(engine)
    assert working.wait(60)
    assert (working.state, working.error) == ("finished", None)


@pytest.mark.parametrize("lack", [MemoryError, lambda: torch.empty(1 << 52, dtype=torch.uint8)])
def test_a_lack_of_memory_in_a_run_says_what_to_lower_and_the_next_one_works(
    engine: Engine, lack: Callable[[], object]
) -> None:
    def fail(*_: object) -> None:
        if isinstance(found := lack(), BaseException):
            raise found

    model, _ = engine.require_model()
    hook = model.model.layers[0].mlp.register_forward_pre_hook(fail)
    failed = submitted(engine)
    assert failed.wait(60)
    hook.remove()
    assert failed.state == "failed"
    assert "lower REFRESHKV_DOCUMENT_MEMORY_GIGABYTES" in str(failed.error)
    working = submitted(engine)
    assert working.wait(60)
    assert working.state == "finished"


def test_a_lack_of_memory_in_loading_says_what_to_lower() -> None:
    def load(report: LoadProgress) -> None:
        torch.empty(1 << 52, dtype=torch.uint8)

    engine = Engine(load, queue_size=1)  # type: ignore[arg-type]
    engine.start()
    with pytest.raises(ModelUnavailableError, match="set REFRESHKV_QUANTIZATION to int4"):
        engine.require_model(timeout=30)
    engine.close()


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
        self.model, self._ended = model, threading.Event()

    @property
    def running(self) -> bool:
        return not self._ended.is_set()

    def cancel(self) -> None:
        self._ended.set()

    def wait(self) -> None:
        self._ended.wait(60)


def test_runs_are_served_while_the_model_is_compiled_and_its_end_is_told() -> None:
    begun: list[SlowCompilation] = []

    def begin(model: object) -> SlowCompilation:
        begun.append(SlowCompilation(model))
        return begun[0]

    engine = Engine(lambda report: (tiny_model(), byte_tokenizer()), 2, compilation=begin)  # type: ignore[arg-type]
    engine.start()
    model, _ = engine.require_model(timeout=60)
    run = submitted(engine)
    assert run.wait(60)
    assert run.state == "finished"
    assert engine.compiling
    assert begun[0].model is model
    seen = engine.notifier.wait()
    engine.close()
    assert not engine.compiling
    assert not begun[0].running
    assert engine.notifier.wait(seen, timeout=60) > seen


def test_what_waits_when_it_is_closed_is_stopped(engine: Engine) -> None:
    closing = threading.Thread(target=engine.close)
    with held(engine):
        first, second = submitted(engine), submitted(engine)
        wait(lambda: first.state == "running")
        closing.start()
        assert second.wait(60)
    closing.join(60)
    assert (first.state, second.state) == ("stopped", "stopped")


def test_what_comes_after_it_was_closed_is_refused() -> None:
    engine = Engine(lambda report: (tiny_model(), byte_tokenizer()), 2)
    engine.start()
    engine.close()
    with pytest.raises(ModelUnavailableError, match="The app is ending"):
        engine.submit(Run(request()))


def test_what_comes_while_it_is_closed_is_refused(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, refused = engine.current, []

    def current() -> list[Run]:
        with pytest.raises(ModelUnavailableError, match="The app is ending"):
            engine.submit(Run(request()))
        refused.append(True)
        return runs()

    monkeypatch.setattr(engine, "current", current)
    engine.close()
    assert refused


def test_how_long_a_run_waits_is_estimated_from_the_latest_runs(engine: Engine) -> None:
    (finish,) = [event for event in finished(engine, request(new=20)) if isinstance(event, GenerationFinished)]
    one = finish.prefill_seconds + finish.decode_seconds
    with held(engine):
        first = submitted(engine, request(new=20))
        wait(lambda: first.state == "running")
        second, third = submitted(engine, request(new=20)), submitted(engine, request(new=40))
        assert engine.seconds_until(first) == 0
        until = engine.seconds_until(third)
        assert until is not None
        assert one <= until <= 1 + 2 * one  # the first may be longer than it was to be
        assert until - (engine.seconds_until(second) or 0) == pytest.approx(one, abs=max(one, 1) / 2)
        for run in (first, second, third):
            run.stop()


def test_nothing_is_said_of_a_wait_before_a_run_has_ended(engine: Engine) -> None:
    with held(engine):
        first, second = submitted(engine), submitted(engine)
        assert engine.seconds_until(second) is None
        first.stop()
        second.stop()


def test_a_run_of_which_nothing_comes_is_given_up_and_others_are_served() -> None:
    now = [0.0]
    engine = Engine(lambda report: (tiny_model(), byte_tokenizer()), 2, stall_seconds=60, clock=lambda: now[0])
    engine.start()
    engine.require_model(timeout=60)
    with held(engine):
        stuck = submitted(engine)
        wait(lambda: stuck.state == "running")
        engine.tend()
        assert stuck.state == "running"
        other = submitted(engine, request(new=2))
        now[0] = 61
        engine.tend()
        assert stuck.state == "failed"
        assert str(stuck.error).startswith("Nothing came from the model for 60 seconds (REFRESHKV_STALL_SECONDS)")
        wait(lambda: other.state == "running")
        assert engine.current() == [other]
    assert other.wait(60)
    assert (other.state, stuck.state) == ("finished", "failed")
    after = submitted(engine, request(new=2))
    assert after.wait(60)
    assert after.state == "finished"
    engine.close()
