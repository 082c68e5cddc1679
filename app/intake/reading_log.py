"""What the log has of files: their kind, size and pages, how long reading them took, and why they were refused. Nothing
of what is in them, and not their names."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from app.documents import ACCEPTED_TYPES, Document
from app.intake.jobs import FileJob, Job
from app.say.errors import DocumentError, ReadingStopped

logger = logging.getLogger(__name__)


def logged(job: Job, read: Callable[[], Document]) -> Document:
    """What `read` gives, or raises, with a line in the log."""
    begun, said = time.monotonic(), _of(job)
    try:
        document = read()
    except (DocumentError, OSError) as error:
        event = "reading stopped" if isinstance(error, ReadingStopped) else "file refused"
        logger.info(event, extra={**said, "seconds": _since(begun), "reason": error})
        raise
    found = {"pages": len(document.pages), "characters": document.characters, "notes": len(document.notes)}
    logger.info("file read", extra={**said, "seconds": _since(begun), **found})
    return document


def _of(job: Job) -> dict[str, Any]:
    if not isinstance(job, FileJob):
        return {"kind": "pasted", "bytes": len(job.text)}
    suffix = PurePath(job.name).suffix.lower()
    try:
        size = job.path.stat().st_size
    except OSError:
        size = 0
    return {"kind": suffix if suffix in ACCEPTED_TYPES else "other", "bytes": size}


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 3)
