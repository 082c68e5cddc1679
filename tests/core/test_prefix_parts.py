"""Prefixes on disk in parts: a prefill that was killed or stopped goes on, and what is found is right."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from core import (
    H2O,
    KeyIndex,
    Policy,
    PolicyCache,
    RefreshKV,
    Snapshot,
    model_fingerprint,
    prefix_parts,
)
from core.sequence import PrefillProgress, generate_step
from tests.core.kept_parts import (
    ASKED,
    BEYOND,
    CHUNK,
    FULL,
    MODEL,
    OTHER,
    PART,
    PARTS,
    A,
    B,
    C,
    Opened,
    anew,
    equal,
    read,
)
from tests.core.tiny import tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")


# --- a prefill goes on ---

KILLED = """
import sys, torch
from pathlib import Path
from core import PrefixCache, PrefixFiles, prefix_parts
from core.sequence import generate_step
from tests.core.kept_parts import A, ASKED, CHUNK, FULL, MODEL, PART
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
    assert equal(cache, uninterrupted, within=1e-5)  # this process may have kernels that the other did not
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


@pytest.mark.slow
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
    before = [torch.tensor(A[: part.end]).numpy().tobytes() for part in (first, second)]
    whole, longer = (hashlib.sha256(model_fingerprint(MODEL).encode() + ids).hexdigest() for ids in before)
    assert (first.key, second.key != longer) == (whole, True)
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
