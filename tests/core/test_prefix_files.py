"""Prefixes on disk: whole or not there, within the cap, the least recently used first to go."""

import logging
import os
import stat
import threading
from pathlib import Path

import filelock
import pytest
import torch
from safetensors.torch import save_file

from core import InvalidParameterError, PrefixFiles, Snapshot, Statement

MEGABYTE = 10**6
TOKENS = tuple(range(40))


def snapshot(value: float = 1.0) -> Snapshot:
    """One layer of two heads of 8 values: 40 x 2 x 8 x 4 bytes, for keys and for values."""
    keys, values = torch.full((2, 40, 8), value), torch.full((2, 40, 8), -value)
    return Snapshot(TOKENS, ((tuple(keys.unbind()), tuple(values.unbind())),))


def save(folder: Path, *keys: str, max_bytes: int = MEGABYTE) -> None:
    files = PrefixFiles(folder, max_bytes)
    for key in keys:
        files.save(key, snapshot())
    files.close()


def names(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.safetensors")}


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def age(folder: Path, key: str, seconds: int) -> None:
    path = folder / f"{key}.safetensors"
    os.utime(path, (path.stat().st_mtime - seconds,) * 2)


def test_what_was_written_is_found_by_another_process(tmp_path: Path) -> None:
    save(tmp_path / "made" / "when needed", "a")
    files = PrefixFiles(tmp_path / "made" / "when needed", MEGABYTE)
    (found,) = files.load("a")
    assert found.token_ids == TOKENS
    for (ours, _), (theirs, _) in zip(found.layers, snapshot().layers, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert files.load("b") == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes of files")
def test_files_are_for_the_user_alone(tmp_path: Path) -> None:
    save(tmp_path / "prefixes", "a")
    assert stat.S_IMODE((tmp_path / "prefixes").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "prefixes" / "a.safetensors").stat().st_mode) == 0o600


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    save(tmp_path, "a")
    one = size(tmp_path)
    cap = 3 * one
    save(tmp_path, "b", "c", max_bytes=cap)
    assert names(tmp_path) == {"a", "b", "c"}
    for key, seconds in (("a", 30), ("b", 20), ("c", 10)):
        age(tmp_path, key, seconds)
    files = PrefixFiles(tmp_path, cap)
    assert files.load("a")  # used now, so b is the oldest
    files.save("d", snapshot())
    files.close()
    assert names(tmp_path) == {"a", "c", "d"}
    assert size(tmp_path) == cap
    files = PrefixFiles(tmp_path, cap - 1)
    files.touch("c")
    age(tmp_path, "a", 5)
    age(tmp_path, "d", 1)
    files.save("e", snapshot())
    files.close()
    assert names(tmp_path) == {"c", "e"}


def test_what_a_run_uses_makes_no_room_for_others(tmp_path: Path) -> None:
    save(tmp_path, "a", "b")
    age(tmp_path, "a", 30)
    age(tmp_path, "b", 20)
    files = PrefixFiles(tmp_path, size(tmp_path))
    with files.using(["a"]):
        files.save("c", snapshot())
    with files.using(["a", "c", "d"]):
        files.save("d", snapshot())
    files.close()
    assert names(tmp_path) == {"a", "c"}
    save(tmp_path, "d", max_bytes=size(tmp_path))
    assert names(tmp_path) == {"c", "d"}


@pytest.mark.parametrize("below", [1, 3000])
def test_one_that_is_larger_than_the_limit_is_not_kept_and_that_is_said(
    tmp_path: Path, below: int, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path, "a")
    one = size(tmp_path)
    told: list[Statement] = []
    files = PrefixFiles(tmp_path, one - below, too_large=told.append)
    files.save("b", snapshot())
    files.close()
    assert left(tmp_path) <= {"a.safetensors"}
    assert caplog.text == ""
    (problem,) = told
    taken = one if below == 1 else snapshot().nbytes  # with the file's header only once it is written
    values = {"tokens": 40, "kept": 0, "megabytes": taken / MEGABYTE, "limit": (one - below) / MEGABYTE}
    assert (problem.code, problem.values) == ("prefix-larger-than-limit", values)
    save(tmp_path, "b", max_bytes=one - below)
    assert "Of a prefix of 40 tokens the first 0 are kept on disk" in caplog.text
    assert "raise max_bytes" in caplog.text
    assert len(caplog.records) == 1


def test_a_folder_without_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="max_bytes is 0; it must be 1 or more") as refused:
        PrefixFiles(tmp_path, 0)
    assert refused.value.code == "prefix-files-without-room"


def test_a_file_of_an_unknown_version_is_ignored_and_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path, "a")
    path = tmp_path / "a.safetensors"
    path.write_bytes(path.read_bytes().replace(b"refreshkv-snapshot-2", b"refreshkv-snapshot-9"))
    assert PrefixFiles(tmp_path, MEGABYTE).load("a") == []
    assert "is of format 'refreshkv-snapshot-9', not 'refreshkv-snapshot-2'" in caplog.text
    save(tmp_path, "a")
    assert b"refreshkv-snapshot-2" in path.read_bytes()
    assert PrefixFiles(tmp_path, MEGABYTE).load("a")


def test_what_is_forgotten_is_deleted_and_what_nobody_knows(tmp_path: Path) -> None:
    save(tmp_path, "a", "b", "c", "d")
    unknown = tmp_path / "c.safetensors"
    unknown.write_bytes(unknown.read_bytes().replace(b"refreshkv-snapshot-2", b"refreshkv-snapshot-9"))
    (tmp_path / "d.safetensors").write_bytes(b"no file of this kind")
    seen: list[tuple[str, tuple[int, ...]]] = []
    files = PrefixFiles(tmp_path, MEGABYTE)
    files.forget(lambda key, ids: (seen.append((key, tuple(ids))), key == "a")[1])
    files.close()
    assert sorted(seen) == [("a", TOKENS), ("b", TOKENS)]
    assert names(tmp_path) == {"b"}


def test_a_prefix_is_written_once(tmp_path: Path) -> None:
    save(tmp_path, "a")
    before = (tmp_path / "a.safetensors").stat()
    save(tmp_path, "a")
    after = (tmp_path / "a.safetensors").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_damaged_file_is_deleted_and_written_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path, "a")
    path = tmp_path / "a.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    assert PrefixFiles(tmp_path, MEGABYTE).load("a") == []
    assert "will be computed again" in caplog.text
    assert not path.exists()
    save(tmp_path, "a")
    assert path.stat().st_size == len(whole)
    assert PrefixFiles(tmp_path, MEGABYTE).load("a")


def test_what_changed_while_it_was_written_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def changed(tensors: dict[str, torch.Tensor], path: Path, said: dict[str, str]) -> None:
        tensors["values.0.1"][3] += 1
        save_file(tensors, path, said)

    with monkeypatch.context() as patched:
        patched.setattr("core.snapshot.save_file", changed)
        save(tmp_path, "a")
    assert left(tmp_path) == set()
    assert "a prefix is not kept on disk" in caplog.text
    save(tmp_path, "a")
    assert names(tmp_path) == {"a"}


@pytest.mark.skipif(os.name == "nt", reason="Windows does not limit the size of files")
def test_a_write_that_fails_is_logged_and_leaves_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    import resource

    save(tmp_path, "a")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))  # the system refuses to write on, as when a disk is full
    try:
        save(tmp_path, "b")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "a prefix is not kept on disk" in caplog.text
    assert "File too large" in caplog.text
    assert left(tmp_path) == {"a.safetensors"}
    save(tmp_path, "b")
    assert names(tmp_path) == {"a", "b"}


def test_a_folder_that_cannot_be_made_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    save(tmp_path / "file" / "prefixes", "a")
    assert "not kept on disk" in caplog.text


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial" / "half.safetensors").write_bytes(b"half")
    save(tmp_path, "a")
    assert left(tmp_path) == {"a.safetensors"}


def test_two_processes_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = threading.Event()
    plain = Snapshot.save
    monkeypatch.setattr(Snapshot, "save", lambda self, path: (plain(self, path), written.set())[0])
    files = PrefixFiles(tmp_path, MEGABYTE)
    with filelock.FileLock(tmp_path / ".lock"):
        files.save("a", snapshot())
        assert not written.wait(0.3)
    files.close()
    assert written.is_set()
    assert names(tmp_path) == {"a"}


def test_a_lock_that_is_never_given_back_costs_the_file_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("core.prefix_files.LOCK_SECONDS", 0.05)
    with filelock.FileLock(tmp_path / ".lock"):
        save(tmp_path, "a")
    assert "not kept on disk" in caplog.text
    assert names(tmp_path) == set()


def test_nothing_of_a_prefix_is_logged_in_passing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    save(tmp_path, "a")
    files = PrefixFiles(tmp_path, MEGABYTE)
    files.load("a")
    files.touch("nothing")
    assert caplog.text == ""
