"""Keys and values in files of a folder instead of memory: the system reads what is attended to and writes back what it
needs the room of."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from .errors import ContextOverflowError, InvalidParameterError


class DiskStorage:
    """Tensors whose contents lie in files of a folder, which go with them, and with the process where the system lets a
    file without a name live on."""

    def __init__(self, folder: Path) -> None:
        """`folder` is to exist. Raises InvalidParameterError if nothing can be written to it."""
        self.folder = folder
        try:
            self._own = TemporaryDirectory(prefix="refreshkv-", dir=folder, ignore_cleanup_errors=True)
        except OSError as error:
            raise InvalidParameterError(
                "keys-folder-unwritable",
                "Keys and values cannot be written to {folder}: {reason}. Give a folder that exists and has room.",
                folder=str(folder),
                reason=error.strerror or str(error),
            ) from error
        self._count = 0

    def free(self) -> int:
        """Bytes that are free in the folder."""
        return shutil.disk_usage(self.folder).free

    def empty(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """A tensor of that shape and of the dtype of `like`, a CPU's. Raises ContextOverflowError if there is no room:
        a file is made as large as it will be, since a system ends a process that meets a full disk later."""
        if like.device.type != "cpu":
            raise InvalidParameterError(
                "keys-on-disk-of-a-gpu",
                "Keys and values are computed on {device}, and only those of a CPU can lie on disk. Leave folder out.",
                device=str(like.device),
            )
        size = prod(shape)
        if not size:
            return like.new_empty(tuple(shape))
        path = Path(self._own.name) / f"{self._count}.states"
        self._count += 1
        try:
            with path.open("wb") as file:
                _fill(file.fileno(), size * like.element_size())
            return torch.from_file(str(path), shared=True, size=size, dtype=like.dtype).view(tuple(shape))
        except OSError as error:
            raise ContextOverflowError(
                "keys-disk-full",
                "Keys and values take {needed} GB more in {folder}, where {free} GB are free: {reason}. Free some, "
                "give another folder, or shorten the prompt.",
                needed=f"{size * like.element_size() / 1e9:.2f}",
                folder=str(self.folder),
                free=f"{self.free() / 1e9:.2f}",
                reason=error.strerror or str(error),
            ) from error
        finally:
            with suppress(OSError):  # Windows keeps a file that is mapped until the folder goes
                path.unlink()


def _fill(file: int, size: int) -> None:
    """Give a file so many bytes of the disk."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)
