"""What texts mean, as vectors: each made once, in a thread of its own, while nobody waits or for somebody who does."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path
from queue import PriorityQueue
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.reading.embedder import PACKAGE, Embedder, installed
from app.reading.vector_file import VectorFile
from app.settings import Settings
from core.default_model import cache_folder

PATIENCE = 5.0
"""Seconds that somebody waits for vectors at most."""

_TOGETHER = 8  # texts: a second of a core, which whoever comes meanwhile waits for
_NICENESS = 10
_END, _URGENT, _LATER = range(3)

logger = logging.getLogger(__name__)


class Vectors(Protocol):
    """What makes vectors of length 1 of texts: (texts, dimensions), float32."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A vector for each text."""
        ...


@dataclass(order=True)
class _Task:
    urgency: int
    order: int
    work: Callable[[], None] = field(compare=False)
    done: Future[None] = field(default_factory=Future, compare=False)


class Meanings:
    """Vectors of texts. One for the app; for several threads. Without a model that can be loaded it knows none."""

    def __init__(self, load: Callable[[], Vectors], file: VectorFile | None = None) -> None:
        """`load`: makes the model, when a vector is asked for that is not in `file`; what it raises is logged."""
        self._load = load
        self._file = file or VectorFile()
        self._model: Vectors | None = None
        self._failed = False
        self._tasks: PriorityQueue[_Task] = PriorityQueue()
        self._order = count()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def known(self, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """The vectors of all texts, (texts, dimensions), if none has to be made."""
        keys = list(map(_key, texts))
        found = self._file.get(keys)
        return np.stack([found[key] for key in keys]) if keys and all(key in found for key in keys) else None

    def of(self, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """The same, with those that have to be made; None if they cannot be within PATIENCE."""
        self._wait(lambda: self._make(texts))
        return self.known(texts)

    def query(self, text: str) -> NDArray[np.float32] | None:
        """The vector of what somebody asks for, which is not kept; None if it cannot be made within PATIENCE."""
        made: list[NDArray[np.float32]] = []
        self._wait(lambda: made.extend(self._embedded([text])))
        return made[0] if made else None

    def prepare(self, texts: Callable[[], Sequence[str]]) -> None:
        """Make the vectors of what `texts` gives while nobody waits for others."""

        def divide() -> None:
            every = texts()
            for start in range(0, len(every), _TOGETHER):
                self._submit(_LATER, partial(self._make, every[start : start + _TOGETHER]))

        self._submit(_LATER, divide)

    def close(self) -> None:
        """Make no more."""
        self._submit(_END, lambda: None)
        if self._thread is not None:
            self._thread.join()
        self._file.close()

    def _wait(self, work: Callable[[], None]) -> None:
        try:
            self._submit(_URGENT, work).result(PATIENCE)
        except (TimeoutError, CancelledError):
            logger.info("vectors took more than %s s", PATIENCE)

    def _submit(self, urgency: int, work: Callable[[], None]) -> Future[None]:
        task = _Task(urgency, next(self._order), work)
        self._tasks.put(task)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="meanings", daemon=True)
                self._thread.start()
        return task.done

    def _serve(self) -> None:
        if sys.platform == "linux":  # where this is of a thread, and those that it starts
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        while (task := self._tasks.get()).urgency != _END:
            try:
                task.work()
            except Exception:  # nobody else would see it
                logger.exception("texts are compared by their words alone")
                self._failed = True
            task.done.set_result(None)
        task.done.set_result(None)
        while not self._tasks.empty():
            self._tasks.get().done.cancel()

    def _make(self, texts: Sequence[str]) -> None:
        keys = {_key(text): text for text in texts}
        known = self._file.get(list(keys))
        missing = [key for key in keys if key not in known]
        if missing:
            made = self._embedded([keys[key] for key in missing])
            self._file.keep(dict(zip(missing, made, strict=False)))

    def _embedded(self, texts: Sequence[str]) -> NDArray[np.float32] | tuple[()]:
        """Their vectors; none without a model."""
        if self._failed:
            return ()
        if self._model is None:
            self._model = self._load()
        return self._model.embed(texts)


def _key(text: str) -> str:
    return sha256(f"{PACKAGE}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()


def installed_meanings(settings: Settings) -> Meanings | None:
    """MiniLM's, kept on disk as `settings` have it for documents; None if it is not installed."""
    folder: Path | None = installed()
    if folder is None:
        return None
    kept = settings.document_folder or cache_folder() / "documents"
    path = kept / "vectors.sqlite" if settings.document_disk_gigabytes else None
    return Meanings(lambda: Embedder(folder), VectorFile(path))
