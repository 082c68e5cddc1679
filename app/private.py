"""What people wrote is theirs alone: no other user of the computer reads it, and temporary files go with the process.

Modes are POSIX's; elsewhere a user's folders are private of themselves.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

FOLDER, FILE = 0o700, 0o600
UPLOADS_VARIABLE = "GRADIO_TEMP_DIR"
"""Where Gradio keeps uploads and what is offered for download."""

_PREFIX, _LOCK, _UPLOADS = "refreshkv-run-", "lock", "uploads"


def private_from_now_on() -> None:
    """All files that this process and those it starts make are the user's alone."""
    os.umask(0o077)


def tighten(paths: Iterable[Path]) -> None:
    """Make files, and folders with what is in them, the user's alone, where others could read them. What belongs to
    another user, and what links lead to, stays as it is."""
    if os.name == "posix":
        for path in paths:
            _tighten(path)


def tighten_within(folder: Path, patterns: Iterable[str]) -> None:
    """The same for what is in `folder` and called so; and for the folder, unless it holds anything else."""
    ours = {path for pattern in patterns for path in folder.glob(pattern)}
    if folder.is_dir():
        tighten([folder] if {*folder.iterdir()} == ours else ours)


def _tighten(path: Path) -> None:
    with suppress(OSError):  # gone meanwhile, or a file system without modes
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode) or status.st_uid != os.geteuid():
            return
        folder = stat.S_ISDIR(status.st_mode)
        if stat.S_IMODE(status.st_mode) & 0o077:
            path.chmod(FOLDER if folder else FILE)
        if folder:
            tighten(path.iterdir())


@contextmanager
def temporary_files() -> Iterator[Path]:
    """A folder in which all temporary files of this process are, uploads and exports too, and those of the processes it
    starts; deleted at the end. What processes have left that were killed is deleted first."""
    root = Path(tempfile.gettempdir())
    _delete_left(root)
    before, tempfile.tempdir = tempfile.tempdir, None
    variables = {name: os.environ.get(name) for name in ("TMPDIR", UPLOADS_VARIABLE)}
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
    lock = filelock.FileLock(folder / _LOCK)
    lock.acquire()
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    os.environ.setdefault(UPLOADS_VARIABLE, str(folder / _UPLOADS))
    try:
        yield folder
    finally:
        tempfile.tempdir = before
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def _delete_left(root: Path) -> None:
    """Of folders whose lock nobody holds. One without a lock is just being made."""
    for left in root.glob(f"{_PREFIX}*/{_LOCK}"):
        with suppress(OSError, filelock.Timeout):
            if os.name == "posix" and left.parent.lstat().st_uid != os.geteuid():
                continue
            with filelock.FileLock(left, timeout=0):
                shutil.rmtree(left.parent, ignore_errors=True)
