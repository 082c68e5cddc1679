"""Prefixes on disk: one safetensors file of keys and values each, the least recently used go.

A file holds the prefix's token ids, so the folder is as private as the text; only its user can read what is written.
Several processes may share it. Whatever goes wrong here is logged and costs a prefix that is computed again; it never
stops a run.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import filelock

from .errors import InvalidParameterError, SnapshotError
from .snapshot import Snapshot
from .statement import Statement

LOCK_SECONDS = 60
"""Another process that writes for longer than this has hung; nothing is written then."""

PATTERN = "*.safetensors"
"""What the files are called; their names are the keys."""

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
        self._writer = ThreadPoolExecutor(1, "prefix-files")

    def load(self, key: str) -> Snapshot | None:
        """The snapshot kept under `key`, or None. A file that is damaged or of another format is deleted."""
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            snapshot = Snapshot.read(path)
        except SnapshotError as error:
            logger.warning("a kept prefix is deleted and will be computed again: %s", error)
            self._delete(path)
            return None
        self.touch(key)
        return snapshot

    def touch(self, key: str) -> None:
        """Note that the prefix was used. Times of access are often not kept, so the time of change is set."""
        try:
            os.utime(self._path(key))
        except OSError as error:
            logger.debug("%s is not there to be touched: %s", key, error)

    def save(self, key: str, snapshot: Snapshot) -> None:
        """Write `snapshot` in the background. Its tensors must not change meanwhile; its cache may grow."""
        self._writer.submit(self._write, self._path(key), snapshot)

    def forget(self, holds: Callable[[str, Sequence[int]], bool]) -> None:
        """Delete, in the background, the files of which `holds` is true, given their key and the ids in them; and those
        of which nobody knows what is in them."""
        self._writer.submit(self._forget, holds)

    def close(self) -> None:
        """Wait until everything is written."""
        self._writer.shutdown()

    def _write(self, path: Path, snapshot: Snapshot) -> None:
        try:
            if snapshot.nbytes > self._max_bytes:  # not even without the file's header
                self._refuse(snapshot, snapshot.nbytes)
                return
            self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            with filelock.FileLock(self._folder / ".lock", timeout=LOCK_SECONDS):
                if not path.exists():  # else another process wrote it meanwhile
                    self._replace(path, snapshot)
        except (OSError, SnapshotError) as error:  # a full disk, a folder that cannot be written, a lock not given
            logger.warning("a prefix is not kept on disk: %s", error)
        except Exception:  # nobody waits for this thread's result
            logger.exception("a prefix is not kept on disk")

    def _forget(self, holds: Callable[[str, Sequence[int]], bool]) -> None:
        try:
            for path in self._folder.glob(PATTERN):
                try:
                    known = not holds(path.stem, Snapshot.read_tokens(path))
                except SnapshotError:
                    known = False
                if not known:
                    self._delete(path)
        except Exception:  # nobody waits for this thread's result
            logger.exception("prefixes are not deleted from the disk")

    def _replace(self, path: Path, snapshot: Snapshot) -> None:
        """Write it elsewhere in the folder and rename: a file under its own name is whole.

        Not flushed to the disk first: what a power cut leaves is found by its checksum.
        """
        scratch = self._folder / "partial"
        shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed: the lock is ours
        scratch.mkdir(mode=FOLDER_MODE)
        try:
            written = scratch / path.name
            snapshot.save(written)
            written.chmod(FILE_MODE)
            size = written.stat().st_size
            if size > self._max_bytes:
                self._refuse(snapshot, size)
                return
            self._make_room(size)
            os.replace(written, path)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _refuse(self, snapshot: Snapshot, size: int) -> None:
        self._too_large(
            Statement(
                "prefix-larger-than-limit",
                "A prefix of {tokens:,} tokens is not kept on disk: it takes {megabytes:,.1f} MB, and the folder's "
                "limit is {limit:,.1f} MB. It is computed again once it is not in memory any more; raise max_bytes to "
                "keep it.",
                tokens=len(snapshot.token_ids),
                megabytes=size / MEGABYTE,
                limit=self._max_bytes / MEGABYTE,
            )
        )

    def _make_room(self, needed: int) -> None:
        """Delete the least recently used files until `needed` bytes fit."""
        files = sorted(((p.stat(), p) for p in self._folder.glob(PATTERN)), key=lambda item: item[0].st_mtime_ns)
        total = sum(status.st_size for status, _ in files)
        for status, path in files:
            if total + needed <= self._max_bytes:
                return
            self._delete(path)
            total -= status.st_size

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.safetensors"

    def _delete(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:  # Windows does not delete what another process has mapped
            logger.warning("%s cannot be deleted: %s", path, error)


def _log(problem: Statement) -> None:
    logger.warning("%s", problem)
