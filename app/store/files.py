"""The files that rows of the database name: written before the transaction that names them, deleted after the one that
names them no more. No two rows share a file, so that nobody deletes what another has just written."""

from __future__ import annotations

import logging
import os
import re
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from app.private import FILE, FOLDER

_DELETED = ".deleted"
_PART = re.compile(r"\.(\d+)\.\d+\.part$")  # with the process that writes it

logger = logging.getLogger(__name__)


def new_name(suffix: str, prefix: str = "") -> str:
    """A file name that no other file has."""
    return f"{prefix}{uuid.uuid4().hex}{suffix}"


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and onto the disk. Raises OSError."""
    for folder in (path.parent.parent, path.parent):  # a parent that is made for another has the usual mode
        folder.mkdir(FOLDER, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name[:100]}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        with open(part, "wb", opener=lambda name, flags: os.open(name, flags, FILE)) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def deleted_if_it_fails(path: Path) -> Iterator[None]:
    """Around the transaction that names a file: the file goes if that fails."""
    try:
        yield
    except BaseException:
        delete_file(path)
        raise


def delete_file(path: Path) -> None:
    """Delete a file that no row names any more. One that cannot be deleted stays, and is logged."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("%s cannot be deleted: %s", path, error)


def delete_folder(folder: Path) -> None:
    """Delete a project's files. What cannot be deleted yet is at the next start."""
    doomed = folder.with_name(folder.name + _DELETED)
    try:
        folder.replace(doomed)
    except FileNotFoundError:  # it never had a file
        return
    except OSError as error:
        logger.warning("%s cannot be deleted: %s", folder, error)
        doomed = folder
    shutil.rmtree(doomed, ignore_errors=True)


def clear_leftovers(folder: Path) -> None:
    """Delete what processes have left under a store's folder that were killed while they wrote or deleted files."""
    for doomed in folder.glob(f"projects/*{_DELETED}"):
        shutil.rmtree(doomed, ignore_errors=True)
    for part in folder.glob("projects/*/.*.part"):
        maker = _PART.search(part.name)
        if maker and not psutil.pid_exists(int(maker[1])):
            delete_file(part)
