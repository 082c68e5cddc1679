"""Prefixes on disk in parts: a prefill that was killed or stopped goes on, and what is kept is right, and no more than
that."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from core import (
    H2O,
    ContextOverflowError,
    FullAttention,
    KeyIndex,
    Policy,
    PolicyCache,
    PrefixCache,
    PrefixFiles,
    RefreshKV,
    Snapshot,
    Statement,
    generate,
    model_fingerprint,
    prefix_parts,
)
from core.sequence import GeneratedStep, PrefillProgress, generate_step
from core.window import Beyond
from tests.core.tiny import byte_tokenizer, tiny_model

pytestmark = pytest.mark.usefixtures("one_thread", "short_parts")
PART, CHUNK = 256, 64
ROW = 3 * 2 * 8 * 4 * 2  # bytes a token: layers x heads x values x float32, keys and values
FULL = FullAttention()
MODEL = tiny_model()
BEYOND = tiny_model(max_position_embeddings=256)
A, B, C = (torch.randint(0, 250, (900,), generator=torch.Generator().manual_seed(seed)).tolist() for seed in (1, 2, 3))
ASKED, OTHER = [5, 6, 7], [8, 9, 10, 11]
PARTS = 4  # of 900 tokens


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefix_parts, "PART_TOKENS", PART)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator["Opened"]:
    opened = Opened(tmp_path)
    yield opened
    opened.close()


class Opened:
    """Caches as of processes, one after another, that keep what they read in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.told = folder, list[Statement]()
        self._files = list[PrefixFiles]()

    def __call__(self, cap: int = 10**9, model: object = MODEL, window: Beyond | None = None) -> PrefixCache:
        self.close()
        self._files.append(PrefixFiles(self.folder, cap, too_large=self.told.append))
        return PrefixCache(model, 10**9, self._files[-1], window=window)  # type: ignore[arg-type]

    def close(self) -> None:
        """Nothing is under way then."""
        while self._files:
            self._files.pop().close()

    def parts(self, document: list[int]) -> list[int]:
        """Where the parts end that are kept of a document, and begin as it does."""
        heads = [Snapshot.read_head(path).token_ids for path in self.folder.glob("*.safetensors")]
        return sorted(len(ids) for ids in heads if list(ids) == document[: len(ids)])

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob("*.safetensors"))


def read(
    prefixes: PrefixCache,
    document: list[int],
    asked: list[int] = ASKED,
    policy: Policy = FULL,
    new: int = 6,
    stop: int | None = None,
) -> tuple[list[int], list[int], PolicyCache]:
    """Read a document and write a little. Returns where the forwards of the prompt ended, the first being what was
    known, the tokens that were written, and the cache. stop: how many forwards until it is stopped."""
    prompt = document + asked
    with prefixes.use(prompt, len(document), policy, len(prompt) + new) as cache:
        shared = cache.common_prefix(prompt[:-1])
        if cache.window is not None and shared <= cache.prefilled:
            shared = cache.window.resume(shared)
        cache.truncate(shared)
        cache.reserve(len(prompt) + new)
        done, written = [len(cache.token_ids)], list[int]()
        ids = torch.tensor([prompt])
        for step in generate_step(prefixes._model, ids, cache, lambda _, logits: int(logits.argmax()), CHUNK):
            if isinstance(step, PrefillProgress):
                done.append(step.done)
            elif isinstance(step, GeneratedStep):
                written.append(step.token_id)
            if len(written) == new or len(done) - 1 == stop:
                break
    return done, written, cache


def anew(
    document: list[int], asked: list[int] = ASKED, policy: Policy = FULL, model: object = MODEL,
    window: Beyond | None = None,
) -> tuple[list[int], PolicyCache]:  # fmt: skip
    """What an uninterrupted run writes, and its cache."""
    _, written, cache = read(PrefixCache(model, 0, window=window), document, asked, policy)  # type: ignore[arg-type]
    return written, cache


def equal(ours: PolicyCache, theirs: PolicyCache, length: int = len(A)) -> bool:
    """Whether both hold the same keys and values of the first tokens."""
    return all(
        torch.equal(one[0, :, :length], other[0, :, :length])  # type: ignore[index]
        for mine, its in zip(ours.layers, theirs.layers, strict=True)
        for one, other in ((mine.keys, its.keys), (mine.values, its.values))
    )


# --- a prefill goes on ---

KILLED = """
import sys, torch
from pathlib import Path
from core import PrefixCache, PrefixFiles, prefix_parts
from core.sequence import generate_step
from tests.core.test_prefix_parts import A, ASKED, CHUNK, FULL, MODEL, PART
torch.set_num_threads(1)
prefix_parts.PART_TOKENS = PART
prefixes = PrefixCache(MODEL, 10**9, PrefixFiles(Path(sys.argv[1]), 10**9))
with prefixes.use(A + ASKED, len(A), FULL, 1000) as cache:
    for step in generate_step(MODEL, torch.tensor([A + ASKED]), cache, lambda *_: 0, CHUNK):
        if step.done == 10 * CHUNK:
            sys.stdin.read()  # in the middle of the prefill, until it is killed
"""


def killed(folder: Path) -> None:
    """A process reads A, and is killed in the middle, once two of its parts are on disk."""
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], stdin=subprocess.PIPE)
    deadline = time.monotonic() + 300
    try:
        while len(list(folder.glob("*.safetensors"))) < 2:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_a_prefill_that_was_killed_goes_on_where_it_was(
    opened: Opened, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    killed(tmp_path)
    (tmp_path / "partial").mkdir(exist_ok=True)  # as if it had been writing
    (tmp_path / "partial" / "torn.safetensors").write_bytes(b"torn")
    assert opened.parts(A) == [PART, 2 * PART]
    before = {path: path.stat().st_ino for path in tmp_path.glob("*.safetensors")}
    done, written, cache = read(opened(), A)
    assert done == [2 * PART, *range(2 * PART + CHUNK, len(A) - CHUNK, CHUNK), len(A + ASKED)]
    expected, uninterrupted = anew(A)
    assert written == expected
    assert equal(cache, uninterrupted)
    opened.close()
    assert opened.parts(A) == [PART, 2 * PART, 3 * PART, len(A)]
    assert {path: path.stat().st_ino for path in before} == before  # nothing was written twice
    assert not (tmp_path / "partial").exists()
    assert caplog.text == ""
    assert read(opened(), A, OTHER)[0][0] == len(A)


@pytest.mark.parametrize("policy", [FULL, RefreshKV(budget=16, stride=3), KeyIndex(budget=16), H2O(budget=16)])
def test_a_prefill_that_was_stopped_goes_on_in_the_next_process(opened: Opened, policy: Policy) -> None:
    assert read(opened(), A, policy=policy, stop=9)[0][-1] == 9 * CHUNK
    opened.close()
    assert opened.parts(A) == [PART, 2 * PART]
    done, written, cache = read(opened(), A, policy=policy)
    assert done[0] == (0 if policy.sums_attention else 2 * PART)  # that one needs the sums of all that is attended to
    expected, uninterrupted = anew(A, policy=policy)
    assert written == expected
    assert equal(cache, uninterrupted)
    assert cache.kept().tolist() == uninterrupted.kept().tolist()


def test_parts_are_written_while_the_prefill_goes_on(opened: Opened) -> None:
    prefixes, ids = opened(), torch.tensor([A + ASKED])
    with prefixes.use(A + ASKED, len(A), FULL, 1000) as cache:
        for step in generate_step(MODEL, ids, cache, lambda *_: 0, CHUNK):
            if not isinstance(step, PrefillProgress):
                break
            prefixes._files._writer.submit(lambda: None).result()  # type: ignore[union-attr]
            whole = [end for end in range(PART, len(A), PART) if end <= step.done]
            assert opened.parts(A) == whole + [len(A)] * (step.done >= len(A))


def test_who_changes_what_is_kept_holds_no_prefill_up(opened: Opened) -> None:
    prefixes, ids = opened(), torch.tensor([A + ASKED])
    with ThreadPoolExecutor() as pool, prefixes.use(A + ASKED, len(A), FULL, 1000) as cache:
        steps = generate_step(MODEL, ids, cache, lambda *_: 0, CHUNK)
        with prefixes._lock:  # as another thread does while it loads a document
            assert len(pool.submit(lambda: list(islice(steps, 8))).result(timeout=60)) == 8


@pytest.mark.parametrize("part", [256, 200])  # blocks end with the first, and not with the second
def test_a_prefill_beyond_the_window_goes_on(opened: Opened, monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    monkeypatch.setattr(prefix_parts, "PART_TOKENS", part)
    read(opened(model=BEYOND, window="extend"), A, stop=12)
    opened.close()
    ends = [part * count for count in range(1, 12 * CHUNK // part + 1)]
    assert opened.parts(A) == ends
    done, written, cache = read(opened(model=BEYOND, window="extend"), A)
    block = cache.window.block  # type: ignore[union-attr]
    assert ends[-1] - block < done[0] <= ends[-1]
    expected, uninterrupted = anew(A, model=BEYOND, window="extend")
    assert written == expected
    for ours, theirs in zip(cache.layers, uninterrupted.layers, strict=True):
        torch.testing.assert_close(ours.keys, theirs.keys)
        torch.testing.assert_close(ours.values, theirs.values)
    opened.close()
    assert opened.parts(A) == [*range(part, len(A), part), len(A)]
    assert read(opened(model=BEYOND, window="extend"), A, OTHER)[1] == anew(A, OTHER, model=BEYOND, window="extend")[0]


def test_runs_within_and_beyond_the_window_share_the_parts_within(opened: Opened) -> None:
    model = tiny_model(max_position_embeddings=544)
    read(opened(model=model, window="extend"), A)
    opened.close()
    assert opened.parts(A) == [PART, 2 * PART, 3 * PART, len(A)]
    done, written, _ = read(opened(model=model), A[:538])
    assert done[0] == 2 * PART
    assert written == anew(A[:538], model=model)[0]
    # The third part was read by the rule of what is beyond the window.
    with opened(model=model).use(A + ASKED, len(A), FULL, 1000) as cache:
        assert len(cache.token_ids) == 2 * PART


# --- which parts a prefix has ---


def test_prefixes_that_begin_alike_share_their_parts(opened: Opened) -> None:
    both, other = A[: 2 * PART + 40] + B[:300], A[: 2 * PART + 40] + C[:300]
    for document in (both, other):
        read(opened(), document)
    opened.close()
    assert opened.parts(both) == [PART, 2 * PART, 3 * PART, len(both)]
    assert opened.parts(other) == [PART, 2 * PART, 3 * PART, len(other)]
    assert len(list(opened.folder.glob("*.safetensors"))) == 6
    for document in (other, both):
        done, written, cache = read(opened(), document, OTHER)
        assert done[0] == len(document)
        assert written == anew(document, OTHER)[0]
        assert equal(cache, anew(document)[1], len(document))


def test_what_memory_has_more_of_does_not_come_from_disk(opened: Opened) -> None:
    read(opened(), A, stop=5)
    prefixes = opened()
    longer = A[: 2 * PART + 100]
    _, _, cache = read(prefixes, longer)
    done, _, other = read(prefixes, A)
    assert (done[0], other is cache) == (len(longer), True)
    read(opened(), A[: PART + 270])  # of which the last part ends elsewhere
    opened.close()
    assert opened.parts(A) == [PART, 2 * PART, PART + 270, len(longer), 3 * PART, len(A)]


def test_another_model_or_another_rule_finds_nothing(opened: Opened) -> None:
    read(opened(), A)
    changed = tiny_model()
    with torch.no_grad():
        changed.model.layers[0].mlp.up_proj.weight.mul_(1.5)
    assert read(opened(model=changed), A)[0][0] == 0
    assert len(list(opened.folder.glob("*.safetensors"))) <= 2 * PARTS
    assert read(opened(), A)[0][0] == len(A)
    beyond = tiny_model(max_position_embeddings=250)
    read(opened(model=beyond, window="extend"), A)
    rule = replace(PolicyCache(beyond.config, FULL, "extend").window, chosen=7)  # type: ignore[type-var]
    prefixes = opened(model=beyond, window="extend")
    parts = prefixes._disk
    assert parts is not None
    assert parts.load(A, PolicyCache(beyond.config, FULL, "extend").window, 0)
    assert not parts.load(A, rule, 0)  # type: ignore[arg-type]


def test_what_else_is_read_in_a_cache_is_not_taken_for_the_prefix(opened: Opened) -> None:
    prefixes = opened()
    with prefixes.use(A + ASKED, len(A), FULL, 1000) as cache:
        next(generate_step(MODEL, torch.tensor([A + ASKED]), cache, lambda *_: 0, PART))
        cache.reset()
        list(islice(generate_step(MODEL, torch.tensor([B + ASKED]), cache, lambda *_: 0, PART), 5))
    opened.close()
    assert opened.parts(A) == [PART]
    assert opened.parts(B) == []
    assert read(opened(), A)[1] == anew(A)[0]


# --- what is read is looked at ---


@pytest.mark.parametrize("damage", ["torn", "changed", "foreign", "text", "empty", "another part", "another model"])
def test_a_part_that_is_not_what_it_should_be_is_ignored_and_said(
    opened: Opened, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    for document in (A, B):
        read(opened(), document)
    opened.close()

    def path(document: list[int], part: int) -> Path:
        disk = opened()._disk
        assert disk is not None
        return opened.folder / f"{disk._parts(document, None)[part].key}.safetensors"

    wrong, files = path(A, 2), set(opened.folder.glob("*.safetensors"))
    data = bytearray(wrong.read_bytes())
    changed = data[:-100] + bytes([data[-100] ^ 1]) + data[-99:]
    kinds = {"torn": data[: len(data) // 2], "changed": changed, "text": b"not a file of this kind", "empty": b""}
    kinds |= {"foreign": path(B, 2).read_bytes(), "another part": path(A, 1).read_bytes()}
    if damage == "another model":
        read(opened(model=tiny_model(vocab_size=258)), A)
        opened.close()
        of_others = set(opened.folder.glob("*.safetensors")) - files
        kinds[damage] = next(path for path in of_others if Snapshot.read_head(path).start == 2 * PART).read_bytes()
    wrong.write_bytes(kinds[damage])
    done, written, cache = read(opened(), A)
    assert done[0] == 2 * PART
    expected, uninterrupted = anew(A)
    assert written == expected
    assert equal(cache, uninterrupted)
    assert caplog.text.count("a kept prefix is deleted and will be computed again") == 1
    opened.close()
    assert Snapshot.read(wrong).notes["key"] == wrong.stem
    assert wrong.stat().st_size == len(data)
    assert read(opened(), A, OTHER)[0][0] == len(A)


def test_a_file_of_the_format_before_is_a_whole(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    """That had keys and values of all its tokens: a short prefix is found in it, a long one begins anew."""
    prefixes = opened()
    _, cache = anew(A)
    disk = prefixes._disk
    assert disk is not None
    first, second = disk._parts(A, None)[:2]
    ids = torch.tensor(A[:PART]).numpy().tobytes()
    assert first.key == hashlib.sha256(model_fingerprint(MODEL).encode() + ids).hexdigest()  # as it was
    for part in (first, second):
        path = opened.folder / f"{part.key}.safetensors"
        Snapshot.take(cache, part.end).save(path)
        path.write_bytes(path.read_bytes().replace(b"refreshkv-snapshot-2", b"refreshkv-snapshot-1"))
    done, written, again = read(prefixes, A)
    assert done[0] == PART  # the second is of as many tokens as it should be, but has all of them
    assert "holds another prefix than its name says, or another part" in caplog.text
    expected, uninterrupted = anew(A)
    assert written == expected
    assert equal(again, uninterrupted)


def test_a_file_of_a_format_to_come_is_ignored_and_said(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    read(opened(), A)
    opened.close()
    for path in opened.folder.glob("*.safetensors"):
        path.write_bytes(path.read_bytes().replace(b"refreshkv-snapshot-2", b"refreshkv-snapshot-9"))
    assert read(opened(), A)[0][0] == 0
    assert "is of format 'refreshkv-snapshot-9'" in caplog.text
    assert read(opened(), A)[0][0] == len(A)


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
