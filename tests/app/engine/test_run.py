"""A run on its own: its states, and its events, which are handed over once."""

import threading
import weakref

import numpy as np
import pytest
import torch

from app.engine.run import GenerationRequest, Run, RunState
from app.say.wording import Message
from core import CacheRefreshed, Event, FullAttention, PrefillProgress, TokenGenerated

FIRST, SECOND = PrefillProgress(1, 2), PrefillProgress(2, 2)


def made() -> Run:
    return Run(GenerationRequest(torch.zeros((1, 2), dtype=torch.int64), FullAttention(), 8))


def test_its_states() -> None:
    run = made()
    assert (run.state, run.started, run.done) == ("waiting", None, False)
    assert run.begin()
    assert (run.state, run.started is not None, run.done) == ("running", True, False)
    run.end("failed", Message("It broke."))
    assert (run.state, str(run.error), run.done) == ("failed", "It broke.", True)


def test_one_that_waits_is_stopped_at_once_and_does_not_begin() -> None:
    run = made()
    run.stop()
    assert (run.state, run.done, run.stopping) == ("stopped", True, True)
    assert not run.begin()
    assert (run.state, run.started) == ("stopped", None)


def test_one_that_runs_is_asked_to_stop() -> None:
    run = made()
    run.begin()
    run.stop()
    assert (run.state, run.done, run.stopping) == ("running", False, True)


@pytest.mark.parametrize("state", ["finished", "stopped", "failed"])
def test_to_stop_one_that_is_over_changes_nothing(state: RunState) -> None:
    run = made()
    run.begin()
    run.end(state, Message("Why."))
    run.stop()
    assert (run.state, str(run.error)) == (state, "Why.")


def test_each_event_is_handed_over_once_with_its_time() -> None:
    run = made()
    run.begin()
    run.emit(FIRST)
    ((early, first),) = run.take()
    run.emit(SECOND)
    ((late, second),) = run.take()
    assert (first, second, run.take()) == (FIRST, SECOND, [])
    assert run.started is not None
    assert run.started <= early <= late


def test_what_a_refresh_kept_is_not_held_on_to() -> None:
    run, kept = made(), np.zeros(4, np.int64)
    gone = weakref.ref(kept)
    run.emit(CacheRefreshed(0, (0,), kept, "prefill", np.zeros((1, 4), np.uint8)))
    del kept
    taken = run.take()
    assert gone() is not None
    del taken
    assert gone() is None


def test_all_events_are_followed_to_the_last_one() -> None:
    run = made()
    followed: list[Event] = []

    def follow() -> None:
        for events in run.followed():
            followed.extend(event for _, event in events)

    follower = threading.Thread(target=follow)
    follower.start()
    run.begin()
    told: list[Event] = [TokenGenerated(1, "a", step, 0, 0.1) for step in range(500)]
    for event in told:
        run.emit(event)
    run.end("finished")
    follower.join(60)
    assert followed == told


def test_what_was_there_before_it_is_followed_and_its_states_are_told_too() -> None:
    run = made()
    run.begin()
    run.emit(FIRST)
    followed = run.followed()
    assert [event for _, event in next(followed)] == [FIRST]
    run.stop()
    assert next(followed) == []
    run.emit(SECOND)
    run.end("stopped")
    assert [event for _, event in next(followed)] == [SECOND]
    assert list(followed) == []


def test_who_waits_is_woken_by_the_end() -> None:
    run = made()
    assert not run.wait(0.01)
    ending = threading.Thread(target=lambda: [run.begin(), run.emit(FIRST), run.end("finished")])
    ending.start()
    assert run.wait()
    ending.join(60)
    assert run.wait(0)
