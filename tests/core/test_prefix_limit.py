"""Prefixes on disk in parts: what the limit leaves, and several runs at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest
import torch

from core import (
    ContextOverflowError,
    PrefixCache,
    PrefixFiles,
    Snapshot,
    generate,
)
from core.sequence import generate_step
from tests.core.kept_parts import ASKED, BEYOND, FULL, MODEL, OTHER, PART, PARTS, ROW, A, B, C, Opened, anew, read
from tests.core.tiny import byte_tokenizer

pytestmark = pytest.mark.usefixtures("one_thread")


# --- the limit ---


def test_what_makes_room_goes_from_its_end(opened: Opened) -> None:
    for document in (A, B):
        read(opened(), document)
    opened.close()
    room = opened.size
    read(opened(room), C, stop=5)
    opened.close()
    assert [len(opened.parts(document)) for document in (A, B, C)] == [PARTS - 2, PARTS, 1]
    assert opened.parts(A) == [PART, 2 * PART]
    read(opened(room), A, stop=1)  # which is used now, and finds what is left of it
    opened.close()
    read(opened(room), C)
    opened.close()
    assert opened.parts(C) == [PART, 2 * PART, 3 * PART, len(C)]
    assert opened.size <= room
    assert opened.parts(A) == [PART, 2 * PART]
    assert opened.parts(B) == [PART]
    assert read(opened(room), A)[0][0] == 2 * PART


@pytest.mark.parametrize("below", [1, ROW * PART])
def test_a_document_makes_no_room_for_itself(opened: Opened, below: int) -> None:
    read(opened(), A)
    opened.close()
    room = opened.size - below
    for path in opened.folder.glob("*.safetensors"):
        path.unlink()
    read(opened(), B)
    done, written, _ = read(opened(room), A)
    opened.close()
    assert (done[0], written) == (0, anew(A)[0])
    kept = 3 * PART if below == 1 else 2 * PART
    assert opened.parts(A) == [*range(PART, kept + 1, PART)]
    assert opened.size <= room
    (problem,) = opened.told
    assert problem.code == "prefix-larger-than-limit"
    assert (problem.values["tokens"], problem.values["kept"]) == (len(A), kept)
    assert read(opened(room), A)[0][0] == kept


def test_it_is_said_before_anything_is_computed_and_once(opened: Opened) -> None:
    room = 2 * PART * ROW + 50_000
    prefixes = opened(room)
    problem = prefixes.too_large(len(A))
    assert problem is not None
    megabytes = {"megabytes": len(A) * ROW / 1e6, "limit": room / 1e6}
    assert problem.values == {"tokens": len(A), "kept": 2 * PART, **megabytes}
    assert str(problem).startswith(f"Of a prefix of {len(A)} tokens the first {2 * PART} are kept on disk: it takes ")
    with prefixes.use(A + ASKED, len(A), FULL, 1000):
        assert [told.values for told in opened.told] == [problem.values]
    for _ in range(2):
        read(prefixes, A)
    assert len(opened.told) == 1
    opened.close()
    assert opened.parts(A) == [PART, 2 * PART]
    assert opened(room).too_large(2 * PART) is None
    assert PrefixCache(MODEL, 10**9).too_large(10**9) is None  # nothing is kept anyway


def test_runs_under_way_make_no_room_for_each_other(opened: Opened) -> None:
    read(opened(), C)
    opened.close()
    prefixes, others = opened(int(1.6 * opened.size)), [A, B]
    running = []
    for document in others:
        use = prefixes.use(document + ASKED, len(document), FULL, 1000)
        cache = use.__enter__()
        steps = generate_step(MODEL, torch.tensor([document + ASKED]), cache, lambda *_: 0, PART)
        running.append((use, steps))
    for _ in range(PARTS):
        for _, steps in running:
            next(steps)
    prefixes._files._writer.submit(lambda: None).result()  # type: ignore[union-attr]
    counts = [len(opened.parts(document)) for document in others]
    assert opened.parts(C) == []
    assert sorted(counts) == [2, PARTS] or sorted(counts) == [3, 3]
    for document, count in zip(others, counts, strict=True):
        assert opened.parts(document) == [PART, 2 * PART, 3 * PART, len(document)][:count]
    for use, _ in running:
        use.__exit__(None, None, None)
    assert opened.size <= 1.6 * len(C) * ROW * 1.2


def test_a_part_is_not_written_behind_one_that_is_gone(opened: Opened) -> None:
    prefixes, ids = opened(), torch.tensor([A + ASKED])
    with prefixes.use(A + ASKED, len(A), FULL, 1000) as cache:
        steps = generate_step(MODEL, ids, cache, lambda *_: 0, PART)
        next(steps)
        prefixes._files._writer.submit(lambda: None).result()  # type: ignore[union-attr]
        for path in opened.folder.glob("*.safetensors"):
            path.unlink()  # by another process
        list(islice(steps, 5))
    prefixes._files._writer.submit(lambda: None).result()  # type: ignore[union-attr]
    assert opened.parts(A) == []
    read(prefixes, A)  # it is in memory, and written now
    opened.close()
    assert opened.parts(A) == [PART, 2 * PART, 3 * PART, len(A)]


def test_what_memory_cannot_hold_is_refused_before_it_is_loaded(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(opened(model=BEYOND, window="extend"), A)
    prefixes, other = opened(model=BEYOND, window="extend"), B[:700]
    read(prefixes, other)
    asked: list[int] = []
    prefixes._make_room_elsewhere = asked.append
    for module in ("core.prefix_cache", "core.memory"):
        monkeypatch.setattr(f"{module}.free_for", lambda model: 100_000)
    monkeypatch.setattr(Snapshot, "restore", lambda *_, **__: pytest.fail("loaded"))
    with prefixes.use(A + ASKED, len(A), FULL, 1000) as cache:
        assert cache.nbytes == prefixes.nbytes == 0  # what was kept is let go of first
        with pytest.raises(ContextOverflowError, match=r"keys and values take 0.0 GB, and 0.0 GB are free"):
            generate(BEYOND, byte_tokenizer(), A + ASKED, cache=cache, max_new_tokens=8)
    assert asked[0] > 1000 * ROW


# --- several at once ---


@pytest.mark.slow
def test_several_threads_and_folders_in_common(opened: Opened) -> None:
    expected = {tuple(asked): anew(A, asked)[0] for asked in (ASKED, OTHER)}
    caches = [PrefixCache(MODEL, 0, PrefixFiles(opened.folder, int(2.5 * len(A) * ROW))) for _ in range(2)]

    def work(number: int) -> None:
        for document in (A, B, A, C, A)[number % 2 :]:
            for asked in (ASKED, OTHER):
                written = read(caches[number % 2], document, asked)[1]
                assert document is not A or written == expected[tuple(asked)]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    for cache in caches:
        cache.close()
    assert opened.size <= 2.5 * len(A) * ROW
    assert read(opened(), A)[1] == expected[tuple(ASKED)]


def test_what_is_forgotten_while_it_is_read_is_not_written_after(opened: Opened) -> None:
    prefixes, ids, blocked = opened(), torch.tensor([A + ASKED]), threading.Event()
    read(prefixes, B)
    with prefixes.use(A + ASKED, len(A), FULL, 1000) as cache:
        steps = generate_step(MODEL, ids, cache, lambda *_: 0, PART)
        next(steps)
        prefixes._files._writer.submit(blocked.wait, 60)  # type: ignore[union-attr]
        next(steps)  # whose part waits to be written
        prefixes.forget(lambda read: list(read[:PART]) == A[:PART])
        blocked.set()
        list(islice(steps, 5))
    opened.close()
    assert opened.parts(A) == []
    assert opened.parts(B) == [PART, 2 * PART, 3 * PART, len(B)]


def test_what_a_forgotten_document_begins_with_goes_with_it(opened: Opened) -> None:
    both = A[: 2 * PART + 40] + B[:300]
    for document in (A, both, C):
        read(opened(), document)
    asked: list[int] = []

    def holds(ids: object) -> bool:
        asked.append(len(ids))  # type: ignore[arg-type]
        return list(ids) == both  # type: ignore[call-overload]

    opened().forget(holds)
    opened.close()
    assert sorted(asked) == sorted([len(A), len(both), len(C)])  # not of each part
    assert opened.parts(both) == []
    assert opened.parts(C) == [PART, 2 * PART, 3 * PART, len(C)]
    assert read(opened(), A)[1] == anew(A)[0]
    opened.close()
    assert opened.parts(A) == [PART, 2 * PART, 3 * PART, len(A)]


def test_a_run_that_goes_on_after_the_end_is_not_disturbed(opened: Opened) -> None:
    prefixes, ids = opened(), torch.tensor([A + ASKED])
    with prefixes.use(A + ASKED, len(A), FULL, 1000) as cache:
        steps = generate_step(MODEL, ids, cache, lambda *_: 0, PART)
        next(steps)
        prefixes.close()
        list(islice(steps, 5))
    assert opened.parts(A) == [PART]


def test_the_whole_through_generate(opened: Opened) -> None:
    """As a program uses it, with what the decoder prepares."""
    tokenizer = byte_tokenizer()

    def text(prefixes: PrefixCache, asked: list[int]) -> tuple[int, str]:
        with prefixes.use(A + asked, len(A), FULL, 1000) as cache:
            known = len(cache.token_ids)
            return known, generate(MODEL, tokenizer, A + asked, cache=cache, max_new_tokens=8, prefill_chunk=100)

    expected = [generate(MODEL, tokenizer, A + asked, policy=FULL, max_new_tokens=8) for asked in (ASKED, OTHER)]
    assert text(opened(), ASKED) == (0, expected[0])
    assert text(opened(), OTHER) == (len(A), expected[1])
