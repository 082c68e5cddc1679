"""Keys and values on disk: the same text, in files that go with the cache, and no room for them said beforehand."""

import gc
import os
from collections import namedtuple
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest
import torch

from core import FullAttention, KeyIndex, Policy, PolicyCache, RefreshKV, SnapKV
from core.decoder import stream_generate
from core.errors import ContextOverflowError, InvalidParameterError
from core.events import TokenGenerated
from core.old_keys import SCORED
from core.on_disk import DiskStorage
from tests.core.tiny import byte_tokenizer, tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")

IDS = torch.randint(0, 256, (150,), generator=torch.Generator().manual_seed(1)).tolist()
Usage = namedtuple("Usage", "total used free")


def written(cache: PolicyCache, ids: Sequence[int] = IDS, count: int = 16) -> list[int]:
    model = tiny_model(max_position_embeddings=64 if cache.window else 256)
    events = stream_generate(model, byte_tokenizer(), list(ids), cache=cache, max_new_tokens=count, window=cache.beyond)
    return [event.token_id for event in events if isinstance(event, TokenGenerated)]


def cache_of(policy: Policy, folder: Path | None, window: str | None = None) -> PolicyCache:
    model = tiny_model(max_position_embeddings=64 if window else 256)
    return PolicyCache(model.config, policy, window, folder)  # type: ignore[arg-type]


@pytest.mark.parametrize("policy", [FullAttention(), KeyIndex(budget=20), RefreshKV(budget=20), SnapKV(budget=20)])
def test_the_text_is_the_same(policy: Policy, tmp_path: Path) -> None:
    assert written(cache_of(policy, tmp_path)) == written(cache_of(policy, None))


@pytest.mark.parametrize("policy", [FullAttention(), KeyIndex(budget=20), RefreshKV(budget=20)])
def test_the_text_is_the_same_beyond_the_window(policy: Policy, tmp_path: Path) -> None:
    cache, in_memory = cache_of(policy, tmp_path, "extend"), cache_of(policy, None, "extend")
    assert written(cache) == written(in_memory)
    assert 0 < cache.nbytes < in_memory.nbytes
    turned = cache.with_policy(FullAttention())
    assert written(turned) == written(cache_of(FullAttention(), None, "extend"))
    assert turned.disk is not None


def test_files_are_where_they_are_said_to_be_and_go_with_the_cache(tmp_path: Path) -> None:
    cache = cache_of(FullAttention(), tmp_path)
    written(cache)
    mapped = [line for line in Path("/proc/self/maps").read_text().splitlines() if str(tmp_path) in line]
    assert len(mapped) >= 6  # keys and values of three layers
    assert not list(tmp_path.glob("*/*"))  # nothing stays, were the process killed now
    del cache
    gc.collect()
    assert not list(tmp_path.iterdir())
    assert str(tmp_path) not in Path("/proc/self/maps").read_text()


def test_a_tensor_keeps_what_is_written(tmp_path: Path) -> None:
    disk = DiskStorage(tmp_path)
    first, second = (disk.empty((2, 3, 4), torch.empty(0, dtype=torch.bfloat16)) for _ in range(2))
    first.fill_(1)
    second.fill_(2)
    assert first.shape == (2, 3, 4)
    assert (first.dtype, first.float().sum(), second.float().sum()) == (torch.bfloat16, 24, 48)
    assert disk.empty((2, 0), torch.empty(0)).shape == (2, 0)


def test_a_folder_that_is_missing_or_not_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match=r"cannot be written to .*missing") as refused:
        cache_of(FullAttention(), tmp_path / "missing")
    assert refused.value.code == "keys-folder-unwritable"


def test_a_disk_too_small_is_said_before_anything_is_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Usage(10**9, 10**9 - 10_000, 10_000))
    cache = cache_of(FullAttention(), tmp_path, "extend")
    with pytest.raises(ContextOverflowError, match=r"166 tokens take 0\.00 GB, and 0\.00 GB are free in") as refused:
        written(cache)
    assert refused.value.code == "disk-exceeded"
    assert cache.get_seq_length() == 0


def test_a_disk_that_fills_up_is_an_error_and_the_cache_stays_usable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    cache = cache_of(FullAttention(), tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", full)
        with pytest.raises(ContextOverflowError, match=r"No space left on device\. Free some") as refused:
            written(cache)
    assert refused.value.code == "keys-disk-full"
    assert written(cache) == written(cache_of(FullAttention(), None))


def test_what_memory_cannot_hold_fits_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = psutil.virtual_memory()._replace(available=2 * SCORED + 200_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    with pytest.raises(ContextOverflowError, match=r"GB are free\. Shorten"):
        written(cache_of(FullAttention(), None, "extend"), IDS * 6)
    assert len(written(cache_of(FullAttention(), tmp_path, "extend"), IDS * 6)) == 16
