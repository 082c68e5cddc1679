"""Prefixes on disk: safetensors files of keys and values, one or a chain of parts each, the least recently used go.

A file holds the prefix's token ids, so the folder is as private as the text; only its user can read what is written.
Several processes may share it. Whatever goes wrong here is logged and costs a prefix that is computed again; it never
stops a run.

A part is of use only with those before it. So it is written behind them, and of a chain the last goes first: a use is
noted of all its parts, of each earlier one as if it had come later.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import filelock

from .errors import InvalidParameterError, SnapshotError
from .snapshot import Snapshot
from .statement import Statement

LOCK_SECONDS = 60
"""Another process that writes for longer than this has hung; nothing is written then."""

PATTERN = "*.safetensors"
"""What the files are called; their names are the keys."""

APART = 1_000_000
"""Nanoseconds between the times of use of a prefix's parts."""

FOLDER_MODE, FILE_MODE = 0o700, 0o600
MEGABYTE = 10**6

logger = logging.getLogger(__name__)


class PrefixFiles:
    """A folder of snapshots by key, of at most `max_bytes` in all. Writes in a thread of its own."""

    def __init__(
        self, folder: Path | str, max_bytes: int, *, too_large: Callable[[Statement], None] | None = None
    ) -> None:
        """`folder` is made when the first file is written. `too_large` is told, in any thread, of a prefix that
        `max_bytes` keeps from being written, with tokens, megabytes and limit; by default that is logged.

        Raises InvalidParameterError if `max_bytes` is less than 1.
        """
        if max_bytes < 1:
            raise InvalidParameterError(
                "prefix-files-without-room",
                "max_bytes is {max_bytes}; it must be 1 or more. To keep nothing on disk, make the PrefixCache without "
                "files.",
                max_bytes=max_bytes,
            )
        self._folder = Path(folder)
        self._max_bytes = max_bytes
        self._too_large = too_large or _log
        self._busy: list[Sequence[str]] = []
        self._refused: set[str] = set()
        self._writer = ThreadPoolExecutor(1, "prefix-files")

    @property
    def max_bytes(self) -> int:
        """What all files may take."""
        return self._max_bytes

    def has(self, key: str) -> bool:
        """Whether there is a file under `key`, be it whole or not."""
        return os.path.isfile(self._path(key))  # never raises, as Path.is_file may

    def load(self, *keys: str) -> list[Snapshot]:
        """The parts kept under `keys`, which follow each other, up to the first that is not there. Any that is damaged,
        of another format or of another prefix is deleted."""
        found: list[Snapshot | None] = []
        for key in keys:
            path = self._path(key)
            try:
                found.append(self._part(path, first=not found) if self.has(key) else None)
            except SnapshotError as error:
                logger.warning("a kept prefix is deleted and will be computed again: %s", error)
                self._delete(path)
                found.append(None)
        parts = [part for part in takewhile(lambda part: part is not None, found) if part is not None]
        self.touch(*keys[: len(parts)])
        return parts

    def touch(self, *keys: str) -> None:
        """Note that the prefix with these parts was used. Times of access are often not kept, so the time of change is
        set."""
        now = time.time_ns()
        for place, key in enumerate(keys):
            try:
                os.utime(self._path(key), ns=(now - place * APART,) * 2)
            except OSError as error:
                logger.debug("%s is not there to be touched: %s", key, error)

    @contextmanager
    def using(self, keys: Sequence[str]) -> Iterator[None]:
        """What is kept under `keys`, or written there in this block, makes no room for others meanwhile."""
        self._busy.append(keys)
        try:
            yield
        finally:
            self._submit(self._busy.remove, keys)

    def save(
        self, key: str, snapshot: Snapshot, before: Sequence[str] = (), wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """Write `snapshot` in the background, if it is `wanted` then: a part goes behind those kept under `before`, and
        is not written if these are gone. Its cache may grow; if its tensors change meanwhile it is not kept."""
        self._submit(self._write, key, snapshot, before, wanted)

    def refuse(self, first: str, problem: Statement) -> None:
        """Say that a prefix, whose first part has this key, is too large."""
        self._refused.add(first)
        self._too_large(problem)

    def forget(self, holds: Callable[[str, Sequence[int]], bool]) -> None:
        """Delete, in the background, the prefixes of which `holds` is true, given their key and the ids in them; and
        files of which nobody knows what is in them. Of parts that follow each other the last is asked about, and those
        before go with it."""
        self._submit(self._forget, holds)

    def close(self) -> None:
        """Wait until everything is written."""
        self._writer.shutdown()

    def _submit(self, job: Callable[..., None], *arguments: object) -> None:
        try:
            self._writer.submit(job, *arguments)
        except RuntimeError:  # closed: a run that went on until after the end
            logger.debug("nothing is written any more")

    def _write(self, key: str, snapshot: Snapshot, before: Sequence[str], wanted: Callable[[], bool]) -> None:
        try:
            # Without the file's header, with which it may be too large all the same.
            if not wanted() or self._is_too_large(key, snapshot, before, snapshot.nbytes):
                return
            self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            with filelock.FileLock(self._folder / ".lock", timeout=LOCK_SECONDS):
                # Another process may have written it meanwhile, or deleted those before it.
                if not self.has(key) and all(self.has(part) for part in before):
                    self._replace(key, snapshot, before)
        except (OSError, SnapshotError) as error:  # a full disk, a folder that cannot be written, a lock not given
            logger.warning("a prefix is not kept on disk: %s", error)
        except Exception:  # nobody waits for this thread's result
            logger.exception("a prefix is not kept on disk")

    def _forget(self, holds: Callable[[str, Sequence[int]], bool]) -> None:
        try:
            paths = {path.stem: path for path in self._folder.glob(PATTERN)}
            known: dict[str, Snapshot] = {}
            for key, path in paths.items():
                try:
                    known[key] = Snapshot.read_head(path)
                except SnapshotError:
                    self._delete(path)
            followed = {head.notes.get("before") for head in known.values()}
            for key in [key for key, head in known.items() if key not in followed and holds(key, head.token_ids)]:
                part: str | None = key
                while part in known:
                    self._delete(paths[part])
                    part = known.pop(part).notes.get("before")
        except Exception:  # nobody waits for this thread's result
            logger.exception("prefixes are not deleted from the disk")

    def _replace(self, key: str, snapshot: Snapshot, before: Sequence[str]) -> None:
        """Write it elsewhere in the folder and rename: a file under its own name is whole.

        Not flushed to the disk first: what a power cut leaves is found by its checksum.
        """
        scratch = self._folder / "partial"
        shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed: the lock is ours
        scratch.mkdir(mode=FOLDER_MODE)
        try:
            path = self._path(key)
            written = scratch / path.name
            replace(snapshot, notes={"key": key, **({"before": before[-1]} if before else {})}).save(written)
            Snapshot.read(written)  # its last tokens may have been computed again meanwhile, by another run
            written.chmod(FILE_MODE)
            if self._make_room(key, snapshot, before, written.stat().st_size):
                os.replace(written, path)
                self.touch(*before, key)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _is_too_large(self, key: str, snapshot: Snapshot, before: Sequence[str], size: int) -> bool:
        """Whether a part of so many bytes is, with those before it; that is said once of a prefix."""
        size += sum(self._path(part).stat().st_size for part in before if self.has(part))
        first = [*before, key][0]
        if size > self._max_bytes and first not in self._refused:
            self.refuse(first, too_large(len(snapshot.token_ids), size, self._max_bytes, snapshot.start))
        return size > self._max_bytes

    def _make_room(self, key: str, snapshot: Snapshot, before: Sequence[str], size: int) -> bool:
        """Delete the least recently used files until so many bytes fit; none if they cannot."""
        if self._is_too_large(key, snapshot, before, size):
            return False
        files = sorted(((p.stat(), p) for p in self._folder.glob(PATTERN)), key=lambda item: item[0].st_mtime_ns)
        kept = {*before, *(part for keys in self._busy for part in keys)}
        if sum(status.st_size for status, path in files if path.stem in kept) + size > self._max_bytes:
            logger.info("a prefix is not kept on disk: those of other runs under way take the room")
            return False
        total = sum(status.st_size for status, _ in files) + size
        for status, path in files:
            if total > self._max_bytes and path.stem not in kept and self._delete(path):
                total -= status.st_size
        return total <= self._max_bytes

    def _part(self, path: Path, *, first: bool) -> Snapshot:
        """Raises SnapshotError if the file is not what its name says; of the format before, which does not say it, a
        file is a whole."""
        part = Snapshot.read(path)
        if part.notes.get("key", path.stem if first else "") != path.stem:
            raise SnapshotError(
                "snapshot-of-another-prefix",
                "{file} holds another prefix than its name says, or another part.",
                file=str(path),
            )
        return part

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.safetensors"

    def _delete(self, path: Path) -> bool:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:  # Windows does not delete what another process has mapped
            logger.warning("%s cannot be deleted: %s", path, error)
            return False
        return True


def too_large(tokens: int, size: int, limit: int, kept: int) -> Statement:
    """What is said of a prefix of so many tokens that takes so many bytes, of which the first `kept` tokens fit."""
    return Statement(
        "prefix-larger-than-limit",
        "Of a prefix of {tokens:,} tokens the first {kept:,} are kept on disk: it takes {megabytes:,.1f} MB, and the "
        "folder's limit is {limit:,.1f} MB. The others are computed again once they are not in memory any more; raise "
        "max_bytes to keep them all.",
        tokens=tokens,
        kept=kept,
        megabytes=size / MEGABYTE,
        limit=limit / MEGABYTE,
    )


def _log(problem: Statement) -> None:
    logger.warning("%s", problem)
