"""Several runs under way: who begins beside whom, and that nobody takes part in what befalls another."""

import threading
from collections.abc import Callable, Iterator
from typing import Self

import pytest
from transformers import PreTrainedModel

from app.engine.engine import Engine
from app.engine.run import GenerationRequest, Priority, Run
from core import Exact, FullAttention, GenerationFinished, KeyIndex, NextStep, RefreshKV, TokenGenerated
from core.steps import forward
from tests.app.conftest import held, wait
from tests.app.engine.test_engine import PROMPT, finished, request, submitted, timed
from tests.core.tiny import byte_tokenizer, tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, now: list[float]) -> Iterator[Engine]:
    """Three go on side by side, each with steps of its own: nothing is compiled."""
    monkeypatch.setattr("app.engine.engine.steps_together", lambda model: True)
    engine = Engine(
        lambda report: (tiny_model(), byte_tokenizer()),
        queue_size=9,
        together=3,
        stall_seconds=60,
        clock=lambda: now[0],
    )
    engine.start()
    engine.require_model(timeout=60)
    yield engine
    engine.close()


class Held:
    """The first forward at which `condition` holds of the runs waits for the end of this block; all wait until the
    block has begun them."""

    def __init__(self, engine: Engine, condition: Callable[[list[Run]], bool]) -> None:
        self.runs: list[Run] = []
        self._engine, self._condition = engine, condition
        self._begun, self._there, self._going_on = threading.Event(), threading.Event(), threading.Event()

    def __enter__(self) -> Self:
        model, _ = self._engine.require_model()
        self._hook = model.register_forward_pre_hook(self._pause)
        return self

    def submit(self, *asked: GenerationRequest) -> list[Run]:
        """Begin runs, and wait until the condition holds."""
        self.runs = [submitted(self._engine, each) for each in asked]
        self._begun.set()
        assert self._there.wait(60)
        return self.runs

    def __exit__(self, *_: object) -> None:
        self._hook.remove()
        self._begun.set()
        self._going_on.set()

    def _pause(self, *_: object) -> None:
        self._begun.wait(60)
        if not self._there.is_set() and self._condition(self.runs):
            self._there.set()
            self._going_on.wait(60)


def text_of(run: Run) -> str:
    (last,) = [event for _, event in timed(run) if isinstance(event, GenerationFinished)]
    return last.text


def test_runs_side_by_side_write_what_each_writes_alone(engine: Engine) -> None:
    asked = [
        request(PROMPT + str(number), 30 + number, policy=policy, seed=number, temperature=number % 2)
        for number, policy in enumerate([FullAttention(), RefreshKV(), KeyIndex(budget=40), Exact()])
    ]
    alone = [finished(engine, each)[-1].text for each in asked]
    with held(engine):
        runs = [submitted(engine, each) for each in asked]
        wait(lambda: runs[0].state == "running")
        assert [run.state for run in runs] == ["running", "waiting", "waiting", "waiting"]  # one reads at a time
    assert [text_of(run) for run in runs] == alone


def test_runs_are_under_way_at_once_and_the_next_begins_when_one_is_over(engine: Engine) -> None:
    with Held(engine, lambda runs: runs[2].state == "running") as here:
        runs = here.submit(*[request(new=300)] * 4)
        assert [run.state for run in runs] == ["running", "running", "running", "waiting"]
        assert [engine.ahead_of(run) for run in runs] == [0, 1, 2, 3]
        runs[1].stop()
    assert runs[3].wait(60)
    assert [run.wait(60) and run.state for run in runs] == ["finished", "stopped", "finished", "finished"]
    begun = [run.started or 0.0 for run in runs]
    assert begun == sorted(begun)


def test_a_run_that_fails_ends_no_other(engine: Engine) -> None:
    with Held(engine, lambda runs: runs[1].done) as here:
        fine, broken = here.submit(request(new=300), request(new=5000))
        assert fine.state == "running"
    assert fine.wait(60)
    assert (fine.state, broken.state) == ("finished", "failed")
    assert "window" in str(broken.error)


def test_a_comparison_goes_on_beside_no_other(engine: Engine) -> None:
    with held(engine, forwards=2):
        first = submitted(engine, request(new=40))
        alone = Run(request(new=4), alone=True)
        engine.submit(alone)
        last = submitted(engine, request(new=4))
        wait(lambda: any(isinstance(event, TokenGenerated) for _, event in first.take()))
        assert (alone.state, last.state) == ("waiting", "waiting")
    assert all(run.wait(60) for run in (first, alone, last))
    assert [run.state for run in (first, alone, last)] == ["finished"] * 3


def test_those_behind_a_comparison_wait_for_all_of_it(engine: Engine) -> None:
    finished(engine, request(new=4))
    with held(engine):
        alone = Run(request(new=4), alone=True)
        engine.submit(alone)
        wait(lambda: alone.state == "running")
        behind = submitted(engine, request(new=4))
        until = engine.seconds_until(behind)
        assert until is not None
        assert until >= 1  # what is left of one under way at least, undivided
        alone.stop()
    assert behind.wait(60)


def test_a_comparison_waits_for_the_longest_of_those_under_way(engine: Engine) -> None:
    finished(engine, request(new=4))
    with held(engine):
        first = submitted(engine, request(new=4))
        wait(lambda: first.state == "running")
        alone = Run(request(new=4), alone=True)
        engine.submit(alone)
        until = engine.seconds_until(alone)
        assert until is not None
        assert until >= 1  # another would have a place beside it sooner
        first.stop()
    assert alone.wait(60)


def test_those_behind_long_prompts_wait_for_each_of_them(engine: Engine) -> None:
    engine._times.add(GenerationFinished("length", "", 100, 10, 50.0, 1.0, 10, 0), asked=10)
    prompt = len(request().token_ids[0])
    with held(engine):
        runs = [submitted(engine, request(new=10)) for _ in range(5)]
        wait(lambda: runs[0].state == "running")
        until = engine.seconds_until(runs[4])
        assert until is not None
        assert 3 * prompt / 2 < until < 4 * prompt / 2 + 4  # half a second a token, one prompt after the other
        for run in runs:
            run.stop()


def test_what_is_read_in_the_background_makes_way(engine: Engine) -> None:
    with held(engine):
        notes = submitted(engine, request(new=100), Priority.BACKGROUND)
        wait(lambda: notes.state == "running")
        writing = submitted(engine, request(new=4))
        assert notes.stopping
    assert writing.wait(60)
    assert (notes.state, writing.state) == ("stopped", "finished")


def test_a_run_that_hangs_is_given_up_and_those_beside_it_go_on(engine: Engine, now: list[float]) -> None:
    expected = finished(engine, request(PROMPT + "b", new=60))[-1].text
    with Held(engine, lambda runs: runs[1].state == "running") as here:  # in a step of the first
        first, second = here.submit(request(PROMPT + "a", new=60), request(PROMPT + "b", new=60))
        now[0] = 61
        engine.tend()
        assert first.state == "failed"
        assert str(first.error).startswith("Nothing came from the model for 60 seconds")
        assert text_of(second) == expected
    assert finished(engine, request(new=2))


def test_closed_while_one_hangs_all_are_stopped() -> None:
    hung = threading.Event()
    engine = Engine(lambda report: (tiny_model(), byte_tokenizer()), queue_size=9, stall_seconds=0.05)
    engine.start()
    model, _ = engine.require_model(timeout=60)
    model.register_forward_pre_hook(lambda *_: hung.wait(60) and None)
    runs = [submitted(engine, request(PROMPT + name, new=60)) for name in "ab"]
    wait(lambda: runs[0].state == "running")
    engine.close()
    hung.set()
    assert [run.state for run in runs] == ["stopped", "stopped"]


def test_a_step_that_fails_together_is_taken_alone_unless_a_cache_has_changed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [request(PROMPT + str(number), 40) for number in range(3)]
    alone = [finished(engine, each)[-1].text for each in asked]
    torn: list[bool] = []

    def fail(model: PreTrainedModel, steps: list[NextStep]) -> None:
        if len(steps) == 3 and not torn:
            torn.append(True)
            cache = steps[1].cache
            assert steps[1].token is not None
            forward(model, steps[1].token, cache)
            cache.token_ids.pop()
        raise ZeroDivisionError("in a step of several")

    monkeypatch.setattr("app.engine.shift.decode_together", fail)
    with Held(engine, lambda runs: runs[2].state == "running") as here:
        runs = here.submit(*asked)
    assert [run.wait(60) and run.state for run in runs] == ["finished", "failed", "finished"]
    assert "in a step of several" in str(runs[1].error)
    assert [text_of(runs[0]), text_of(runs[2])] == [alone[0], alone[2]]
    assert finished(engine, asked[1])[-1].text == alone[1]  # nothing of it was kept
