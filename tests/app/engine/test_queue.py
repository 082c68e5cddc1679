"""Who comes next, who may queue, and who is heard no more; on a clock that the test sets."""

import pytest
import torch

from app.engine.caller import Caller
from app.engine.queue import ABANDONED, ABANDONED_SECONDS, SILENT_SECONDS, QueueFullError, RunQueue, TooManyRunsError
from app.engine.run import GenerationRequest, Priority, Run
from core import FullAttention

REQUEST = GenerationRequest(torch.zeros(1, 1, dtype=torch.int64), FullAttention(), 1)


class Person:
    """A caller who listens until the test says otherwise."""

    def __init__(self, visitor: str = "", *, here: bool = True) -> None:
        self.here = here
        self.caller = Caller(visitor, lambda: self.here)

    def run(self, priority: Priority = Priority.WRITING, *, continues: bool = False) -> Run:
        return Run(REQUEST, priority, self.caller, continues=continues)


class Hall:
    """A queue and its clock."""

    def __init__(self, size: int = 100, each: int | None = None) -> None:
        self.now = 0.0
        self.queue = RunQueue(size, each, lambda: self.now)

    def add(self, *runs: Run) -> None:
        for run in runs:
            self.queue.add(run)

    def after(self, seconds: float) -> None:
        """So much later, looked at every second."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + 1, end)
            self.queue.tend()

    def next(self) -> Run | None:
        """Who comes when those under way are over."""
        for run in self.queue.under_way:
            run.end("finished")
        return self.queue.next()

    def served(self) -> list[Run]:
        """All, in the order in which they are."""
        return list(iter(self.next, None))


def test_visitors_come_one_after_the_other_each_with_one_run() -> None:
    hall, ann, ben, cho = Hall(), Person("ann"), Person("ben"), Person("cho")
    a, b, c = [[who.run() for _ in range(3)] for who in (ann, ben, cho)]
    hall.add(*a, *b, c[0])
    assert hall.queue.runs == [a[0], b[0], c[0], a[1], b[1], a[2], b[2]]
    assert hall.served() == [a[0], b[0], c[0], a[1], b[1], a[2], b[2]]


def test_whoever_was_served_comes_after_those_who_wait_and_before_those_who_come_later() -> None:
    hall, ann, ben = Hall(), Person("ann"), Person("ben")
    first, second, third = ann.run(), ann.run(), ben.run()
    hall.add(first)
    assert hall.next() is first
    hall.add(second, third)
    assert hall.queue.waiting == [third, second]
    newcomers = [Person(f"new {number}").run() for number in range(3)]
    hall.add(newcomers[0])
    assert hall.next() is third
    assert hall.next() is newcomers[0]
    assert hall.next() is second
    hall.add(*newcomers[1:])
    assert hall.queue.waiting == newcomers[1:]


def test_reading_in_the_background_yields_to_writing_whosever_it_is() -> None:
    hall, ann = Hall(), Person("ann")
    notes, late = Person("ben").run(Priority.BACKGROUND), ann.run()
    hall.add(notes, ann.run(Priority.BACKGROUND), late)
    assert hall.queue.waiting[:2] == [late, notes]


def test_a_third_run_of_a_visitor_is_refused_until_one_has_ended() -> None:
    hall, ann = Hall(each=2), Person("ann")
    first, second = ann.run(), ann.run()
    hall.add(first, second, ann.run(Priority.BACKGROUND), Person("ben").run())
    hall.queue.next()
    with pytest.raises(TooManyRunsError, match=r"2 of your runs .* each visitor can have .* ended, or stop it"):
        hall.add(ann.run())
    hall.add(ann.run(continues=True))
    first.end("finished")
    with pytest.raises(TooManyRunsError):  # what goes on counts, though it is never refused
        hall.add(ann.run())
    second.stop()
    hall.add(ann.run())


def test_a_text_that_goes_on_is_not_refused_by_a_full_queue() -> None:
    hall, ann = Hall(size=1), Person("ann")
    hall.add(Person("ben").run())
    with pytest.raises(QueueFullError, match="1 people are waiting"):
        hall.add(ann.run())
    hall.add(ann.run(continues=True))


def test_what_nobody_listens_to_comes_last_until_somebody_does() -> None:
    hall, ann, ben = Hall(), Person("ann"), Person("ben")
    left, heard = ann.run(), ben.run()
    hall.add(left, heard)
    ann.here = False
    hall.after(SILENT_SECONDS - 1)
    assert hall.queue.waiting == [left, heard]
    hall.after(1)
    assert hall.queue.waiting == [heard, left]
    ann.here = True
    hall.after(1)
    assert hall.queue.waiting == [left, heard]
    ann.here = False
    hall.after(SILENT_SECONDS - 1)
    assert hall.queue.waiting == [left, heard]


def test_what_nobody_listens_to_goes_on_while_nobody_waits_and_is_stopped_for_who_does() -> None:
    hall, ann = Hall(), Person("ann")
    running, waiting = ann.run(), ann.run()
    hall.add(running, waiting)
    hall.queue.next()
    running.begin()
    ann.here = False
    hall.after(10 * ABANDONED_SECONDS)
    assert (running.stopping, waiting.stopping) == (False, False)
    hall.add(Person("ben", here=False).run())  # nobody listens to this one either
    hall.after(SILENT_SECONDS + 1)
    assert not running.stopping
    heard = Person("cho").run()
    hall.add(heard)
    hall.after(1)
    assert (running.stopping, waiting.state, heard.state) == (True, "stopped", "waiting")
    assert running.stopped_for == waiting.stopped_for == ABANDONED


def test_a_run_that_is_heard_again_in_time_is_not_stopped() -> None:
    hall, ann = Hall(), Person("ann")
    run = ann.run()
    hall.add(run, Person("ben").run())
    hall.queue.next()
    for _ in range(3):
        ann.here = False
        hall.after(ABANDONED_SECONDS - 1)
        ann.here = True
        hall.after(1)
    assert not run.stopping


def test_calls_that_nobody_reads_take_nobodys_place() -> None:
    hall = Hall(size=16)
    calls = [Person(f"call {number}", here=False).run() for number in range(16)]
    hall.add(*calls)
    with pytest.raises(QueueFullError):  # they may be read in a moment
        hall.add(Person("early").run())
    hall.after(SILENT_SECONDS)
    people = [Person(f"person {number}").run() for number in range(16)]
    hall.add(*people)
    assert hall.queue.waiting == people
    assert {call.state for call in calls} == {"stopped"}
    with pytest.raises(QueueFullError):
        hall.add(Person("late").run())


def test_what_nobody_reads_and_nothing_keeps_is_stopped_though_nobody_waits() -> None:
    hall, call = Hall(), Run(REQUEST, caller=Caller("call", lambda: False, kept=False))
    hall.add(call)
    hall.after(ABANDONED_SECONDS - 1)
    assert call.state == "waiting"
    hall.after(1)
    assert (call.state, call.stopped_for) == ("stopped", ABANDONED)


def test_as_many_as_may_are_under_way_and_nobody_overtakes_who_is_to_be_alone() -> None:
    hall, ann, ben = Hall(), Person("ann"), Person("ben")
    first, second, third = (Person(name).run() for name in "abc")
    hall.add(first, second, third)
    assert [hall.queue.next(2) for _ in range(3)] == [first, second, None]
    assert hall.queue.under_way == [first, second]
    first.end("finished")
    assert hall.queue.next(2) is third
    alone, late = Run(REQUEST, caller=ann.caller, alone=True), ben.run()
    hall.add(alone, late)
    second.end("finished")
    assert hall.queue.next(2) is None
    assert hall.queue.runs == [third, alone, late]
    third.end("finished")
    assert [hall.queue.next(2) for _ in range(2)] == [alone, None]
    alone.end("finished")
    assert hall.queue.next(2) is late


def test_nothing_goes_on_in_the_background_beside_what_a_person_waits_for() -> None:
    hall, ann = Hall(), Person("ann")
    notes, writing = ann.run(Priority.BACKGROUND), ann.run()
    hall.add(writing, notes)
    assert [hall.queue.next(4) for _ in range(2)] == [writing, None]
    writing.end("finished")
    assert hall.queue.next(4) is notes
    hall.add(ann.run())
    assert hall.queue.next(4) is None
