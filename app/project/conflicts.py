"""Texts that came from a page when another window had changed the draft: kept as versions."""

from __future__ import annotations

from contextlib import suppress

from app.say.errors import StoreError
from app.store import Store, Version, delete_version, save_version

NAME = "Text from another window"


class Conflicts:
    """Those of one project. What a page sends before it sees the other text is one conflict, and one version."""

    def __init__(self, store: Store, project: str) -> None:
        """None yet."""
        self._store, self._project = store, project
        self._latest: dict[str, tuple[int, Version]] = {}
        """By page, the version of its latest conflict, and the revision that the page's text was made from."""

    def keep(self, text: str, page: str, revision: int) -> None:
        """Keep a text as a version, in place of the one before of the same conflict. Raises StoreError."""
        kept = save_version(self._store, self._project, text, NAME, automatic=True)
        before, self._latest[page] = self._latest.get(page), (revision, kept)
        if before and before[0] == revision and before[1].name == NAME and before[1].id != kept.id:
            with suppress(StoreError):  # the person has deleted it
                delete_version(self._store, before[1].id)
