"""The files that rows of the database name: written before the transaction that names them, deleted after the one that
names them no more. No two rows share a file, so that nobody deletes what another has just written."""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)


def new_name(suffix: str, prefix: str = "") -> str:
    """A file name that no other file has."""
    return f"{prefix}{uuid.uuid4().hex}{suffix}"


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and onto the disk. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name[:100]}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        with part.open("wb") as file:
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
