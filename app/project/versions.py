"""The versions of a project: those that a person named, and those kept before something changed the draft."""

from __future__ import annotations

from datetime import datetime

from app.project.draft import ProjectDraft
from app.say.errors import AppError
from app.store import Store, Version, delete_version, list_versions, save_version, version_text
from app.text.diff import Change, diff


class Versions:
    """Those of one project: another's are not reached through it, whatever id a client sends."""

    def __init__(self, store: Store, project: str, draft: ProjectDraft) -> None:
        """As the store has them."""
        self._store, self._project, self._draft = store, project, draft

    def all(self) -> list[Version]:
        """The newest first. Raises StoreError."""
        return list_versions(self._store, self._project)

    def keep(self, name: str = "") -> Version:
        """Keep the draft as it is under a name, or under the time. Raises StoreError."""
        label = name.strip() or datetime.now().strftime("%Y-%m-%d %H:%M:%S")
        return save_version(self._store, self._project, self._draft.text, label)

    def changes(self, version: object) -> list[Change]:
        """From a version to the draft. Raises AppError."""
        return diff(version_text(self._store, self._known(version)), self._draft.text)

    def restore(self, version: object) -> None:
        """Make a version the draft, see ProjectDraft.restore. Raises AppError."""
        self._draft.restore(self._known(version))

    def delete(self, version: object) -> None:
        """For good. Raises AppError."""
        delete_version(self._store, self._known(version))

    def _known(self, version: object) -> int:
        if not isinstance(version, int) or version not in {kept.id for kept in self.all()}:
            raise AppError("Choose a version first.")
        return version
