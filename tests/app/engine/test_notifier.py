"""Nobody polls: threads wake exactly when something has changed, and so do pages; and no change is missed."""

import asyncio
import threading

from app.engine.notifier import Notifier

CHANGES = 50


def test_a_thread_is_woken_by_each_change_and_by_nothing_else() -> None:
    notifier, woken = Notifier(), threading.Semaphore(0)
    counts: list[int] = []

    def watch() -> None:
        while len(counts) < CHANGES:
            counts.append(notifier.wait(counts[-1] if counts else 0))
            woken.release()

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(CHANGES):
        assert len(counts) == number
        notifier.notify()
        assert woken.acquire(timeout=60)
    watcher.join(60)
    assert counts == list(range(1, CHANGES + 1))


def test_what_changes_between_a_look_and_the_wait_is_not_missed() -> None:
    notifier = Notifier()
    seen = notifier.wait(timeout=0)
    notifier.notify()
    notifier.notify()
    assert (seen, notifier.wait(seen)) == (0, 2)


def test_no_change_of_several_threads_is_missed() -> None:
    notifier, over = Notifier(), threading.Event()
    threads = [threading.Thread(target=lambda: [notifier.notify() for _ in range(CHANGES)]) for _ in range(4)]

    def watch() -> None:
        seen = 0
        while seen < 4 * CHANGES:
            seen = notifier.wait(seen)
        over.set()

    for thread in [threading.Thread(target=watch), *threads]:
        thread.start()
    assert over.wait(60)


def test_without_a_change_the_wait_ends_at_its_time() -> None:
    notifier = Notifier()
    notifier.notify()
    assert notifier.wait(1, timeout=0.01) == 1


def test_a_page_is_woken_in_its_loop_by_another_thread() -> None:
    notifier = Notifier()

    async def watch() -> int:
        with notifier.listen() as changed:
            for number in range(1, CHANGES + 1):
                assert not changed.is_set()
                await asyncio.to_thread(notifier.notify)
                await asyncio.wait_for(changed.wait(), 60)
                assert notifier.wait(timeout=0) == number
                changed.clear()
        return number

    assert asyncio.run(watch()) == CHANGES


def test_what_changes_before_a_page_waits_is_not_missed() -> None:
    notifier = Notifier()

    async def watch() -> None:
        with notifier.listen() as changed:
            changed.clear()
            notifier.notify()
            await asyncio.wait_for(changed.wait(), 60)

    asyncio.run(watch())


def test_each_page_is_told_until_it_leaves() -> None:
    notifier = Notifier()

    async def watch() -> tuple[bool, bool]:
        with notifier.listen() as stays:
            with notifier.listen() as leaves:
                notifier.notify()
                await asyncio.wait_for(asyncio.gather(stays.wait(), leaves.wait()), 60)
            stays.clear()
            leaves.clear()
            notifier.notify()
            await asyncio.wait_for(stays.wait(), 60)
            return stays.is_set(), leaves.is_set()

    assert asyncio.run(watch()) == (True, False)


def test_a_page_whose_loop_is_gone_keeps_nobody_from_being_told() -> None:
    notifier = Notifier()

    async def enter() -> object:
        listening = notifier.listen()
        listening.__enter__()
        return listening

    left = asyncio.run(enter())  # held on to, or it would leave
    notifier.notify()
    assert notifier.wait(timeout=0) == 1
    assert left is not None
