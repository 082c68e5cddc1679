"""A project that is deleted for good, with what was computed of documents that no other has."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from app.engine.engine import Engine
from app.reading.meanings import Meanings
from app.reading.reading import Reading
from app.store import Store, delete_project, list_own_sources


class Forgetting:
    """Deletes projects: at a person's wish, and those that strangers left."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        meanings: Meanings | None = None,
        passing: Callable[[str, Iterable[str]], None] = lambda project, uploads: None,
    ) -> None:
        """`passing`: deletes a project's exports, and the uploads whose content has one of these hashes (SHA-256)."""
        self._store, self._engine, self._meanings, self._passing = store, engine, meanings, passing

    def __call__(self, project: str) -> None:
        """Delete it. Raises ProjectGone, and StoreError, and then nothing is deleted."""
        own = list_own_sources(self._store, project)
        delete_project(self._store, project)
        documents = [source.document for source in own]
        if documents:
            self._engine.forget([page.text for document in documents for page in document.pages])
        if self._meanings is not None:  # by their texts too: earlier versions kept vectors without their project
            self._meanings.forget(project, Reading(documents).compared)
        self._passing(project, [source.hash for source in own])
