"""The files of calls: read for as long as who called waits, so many at once."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from app.documents import Document
from app.engine.caller import Caller
from app.intake import FileJob, Reader, Wanted
from app.prompt.messages import Source
from app.settings import Limits
from app.web.api.inputs import read_sources, uploaded, wanted_reading

AWAY_SECONDS = 10
"""So long files are read for a client that has no stream: one that calls opens it a moment later."""

READINGS = 8
"""So many calls have their files read, or wait for that, at once; the others wait for them. Each holds a thread."""


class CallReading:
    """Reads what clients send. Raises AppError, also once nobody waits."""

    def __init__(self, reader: Reader, limits: Limits) -> None:
        """`limits`: of each file."""
        self._reader, self._limits = reader, limits
        self._threads = ThreadPoolExecutor(READINGS, "reading")

    def document(self, file: Any, password: str, reading: Any, caller: Caller | None) -> Document:
        """An uploaded file, read as `reading` says."""
        job = FileJob(uploaded(file), self._limits, password or None, wanted_reading(reading))
        return self._reader.read(job, None, _awaited(caller))

    def sources(
        self, files: Any, pages: Any, passwords: Any, parts: Any, reading: Any, caller: Caller | None
    ) -> list[Source]:
        """Uploaded files with what is chosen of them, each read as `reading` says."""
        return read_sources(files, self._limits, self._reader, pages, passwords, parts, reading, _awaited(caller))

    async def sources_in_thread(self, *given: Any) -> list[Source]:
        """As `sources`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.sources, *given)


def _awaited(caller: Caller | None) -> Wanted | None:
    """Whether who called still waits."""
    return None if caller is None else lambda: caller.awaits(AWAY_SECONDS)
