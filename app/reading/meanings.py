"""What texts mean, as vectors: each made once, for somebody who waits or, in a thread of low priority, while nobody
does."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.reading.embedder import PACKAGE, Embedder, installed
from app.reading.vector_file import VectorFile
from app.settings import Settings
from core.default_model import cache_folder

PATIENCE = 3.0
"""Seconds after which somebody who waits for vectors takes those that are made."""

_TOGETHER = 4  # texts: half a second of a core
_NICENESS = 10

logger = logging.getLogger(__name__)


class Vectors(Protocol):
    """What makes vectors of length 1 of texts: (texts, dimensions), float32."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A vector for each text."""
        ...


class Meanings:
    """Vectors of texts. One for the app; for several threads. Without a model that can be loaded it knows none."""

    def __init__(self, load: Callable[[], Vectors], file: VectorFile | None = None) -> None:
        """`load`: makes the model, for several threads, when a vector is asked for that is not in `file`. What it
        raises is logged."""
        self._load = load
        self._file = file or VectorFile()
        self._model: Vectors | None = None
        self._failed = False
        self._loading = threading.Lock()
        self._to_prepare: SimpleQueue[tuple[Callable[[], Sequence[str]], str]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._forgotten: set[str] = set()
        self._waiting = 0
        self._closed = False
        self._changed = threading.Condition()

    def known(self, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """The vectors of all texts, (texts, dimensions), if none has to be made."""
        found = self._first_known(texts)
        return found if found is not None and len(found) == len(texts) else None

    def of(self, texts: Sequence[str], owner: str = "") -> NDArray[np.float32] | None:
        """The vectors of the first of these texts, of which those are made that can be within PATIENCE; None without a
        model. They are kept for as long as `owner` is not forgotten; without one until others take their place."""
        end = perf_counter() + PATIENCE
        with self._before_others():
            for start in range(0, len(texts), _TOGETHER):
                self._make(texts[start : start + _TOGETHER], owner)
                if perf_counter() >= end:
                    break
        return self._first_known(texts)

    def query(self, text: str) -> NDArray[np.float32] | None:
        """The vector of what somebody asks for, which is not kept; None without a model."""
        with self._before_others():
            made = self._embedded([text])
        return made[0] if len(made) else None

    def prepare(self, texts: Callable[[], Sequence[str]], owner: str = "") -> None:
        """Make the vectors of what `texts` gives, while nobody waits for others; `owner` as in `of`."""
        self._to_prepare.put((texts, owner))
        with self._changed:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._serve, name="meanings", daemon=True)
                self._thread.start()

    def forget(self, owner: str, texts: Sequence[str] = ()) -> None:
        """Delete the vectors that `owner` had and those of texts, unless another owner has them too. No more are made
        for it."""
        self._forgotten.add(owner)
        self._file.forget(owner, list(map(_key, texts)))

    @property
    def kept(self) -> VectorFile:
        """Where they are."""
        return self._file

    def close(self) -> None:
        """Make no more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._to_prepare.put((tuple, ""))
        if self._thread is not None:
            self._thread.join()
        self._file.close()

    def _serve(self) -> None:
        if sys.platform == "linux":  # where this is of a thread, and those that it starts
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        while not self._closed:
            try:
                given, owner = self._to_prepare.get()
                texts = given()
            except Exception:  # the others are to be prepared all the same
                logger.exception("texts are not prepared")
                continue
            for start in range(0, len(texts), _TOGETHER):
                with self._changed:
                    self._changed.wait_for(lambda: self._closed or not self._waiting)
                if self._closed:
                    return
                if owner in self._forgotten:
                    break
                self._make(texts[start : start + _TOGETHER], owner)

    @contextmanager
    def _before_others(self) -> Iterator[None]:
        with self._changed:
            self._waiting += 1
        try:
            yield
        finally:
            with self._changed:
                self._waiting -= 1
                self._changed.notify_all()

    def _first_known(self, texts: Sequence[str]) -> NDArray[np.float32] | None:
        keys = list(map(_key, texts))
        found = self._file.get(keys)
        vectors = [found[key] for key in takewhile(found.__contains__, keys)]
        return np.stack(vectors) if vectors else None

    def _make(self, texts: Sequence[str], owner: str) -> None:
        keys = {_key(text): text for text in texts}
        if owner:
            self._file.own(owner, list(keys))
        known = self._file.get(list(keys))
        missing = [key for key in keys if key not in known]
        if missing:
            made = self._embedded([keys[key] for key in missing])
            self._file.keep(dict(zip(missing, made, strict=False)))
        if owner in self._forgotten:  # meanwhile
            self._file.forget(owner, list(keys))

    def _embedded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Their vectors; none without a model."""
        try:
            with self._loading:
                if self._model is None and not self._failed:
                    self._model = self._load()
            if self._model is not None and not self._failed:
                return self._model.embed(texts)
        except Exception:  # of a damaged file, or a lack of memory: no reason not to answer
            logger.exception("texts are compared by their words alone")
            self._failed = True
        return np.zeros((0, 0), np.float32)


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
