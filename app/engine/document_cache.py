"""Documents that were read before: the library's cache of prefixes, by the app's settings and within its memory."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from transformers import PreTrainedModel

from app.memory import Memory
from app.private import tighten_within
from app.settings import Settings
from core import PrefixCache, PrefixFiles, Statement
from core.default_model import cache_folder
from core.prefix_files import PATTERN

logger = logging.getLogger(__name__)


def document_cache(settings: Settings, memory: Memory | None = None) -> Callable[[PreTrainedModel], PrefixCache]:
    """What makes the cache that `settings` ask for, once there is a model. Caches in the processor's memory are a part
    of `memory`, whose limit they have if they have none of their own."""
    own, disk = settings.document_memory_gigabytes, int(settings.document_disk_gigabytes * 10**9)
    files = document_files(settings.document_folder or cache_folder() / "documents", disk) if disk else None

    def made(model: PreTrainedModel) -> PrefixCache:
        shared = memory if model.device.type == "cpu" else None
        limit = int(own * 10**9) if own is not None else shared.limit if shared is not None else None
        cache = PrefixCache(model, limit, files, make_room=shared.make_room if shared is not None else None)
        if shared is not None:  # which may be asked at once what is in it
            shared.add("caches", cache)
        return cache

    return made


def document_files(folder: Path, max_bytes: int) -> PrefixFiles:
    """A folder of them that is the person's alone, also where it was not."""
    tighten_within(folder, (PATTERN, ".lock", "partial", "vectors.sqlite*"))
    return PrefixFiles(folder, max_bytes, too_large=_too_large)


def _too_large(problem: Statement) -> None:
    logger.warning(
        "a document is larger than what may be kept on disk, and what is not will be read again; raise "
        "REFRESHKV_DOCUMENT_DISK_GIGABYTES to keep it",
        extra=problem.values,
    )
