"""What each visitor may have: projects, and bytes of documents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.project.opened import OpenSessions
from app.project.resting import Resting
from app.project.session import Session
from app.say.errors import AppError, StoreError
from app.settings import VisitorLimits
from app.store import Store


class Allowance:
    """Counts what visitors have, in open projects and in those that rest. For several threads."""

    def __init__(self, store: Store, each: VisitorLimits, sessions: OpenSessions, resting: Resting) -> None:
        """`each`: what a visitor may have."""
        self._store, self._each, self._open, self._resting = store, each, sessions, resting

    def require_room(self, visitor: str, paths: Sequence[Path]) -> None:
        """Raises AppError if a visitor's documents are more than each may have, with these files."""
        limit = self._each.megabytes
        if limit is None:
            return
        kept = sum(session.sources.file_bytes for session in self._of(visitor))
        kept += sum(rested.file_bytes for rested in self._resting.of(visitor))
        size = kept + sum(path.stat().st_size for path in paths if path.exists())
        if size > limit * 10**6:
            raise AppError(
                "With these files your documents would have {:,} MB; the limit of each visitor is {:,} MB "
                "(REFRESHKV_UPLOAD_MEGABYTES_EACH). Remove some, or a project, and add these again.",
                -(-size // 10**6), limit,
            )  # fmt: skip

    def admit(self, project: str) -> None:
        """Whether the visitor may have this one more project. Raises StoreError."""
        found = next((session for session in self._open.there if session.id == project), None)
        if found is None or self._each.projects is None:
            return
        visitor = found.caller.visitor
        count = sum(session.id not in self._store.promised for session in self._of(visitor))
        count += len(self._resting.of(visitor))
        if count >= self._each.projects:
            raise StoreError(
                "You have {:,} projects, as many as each visitor can (REFRESHKV_PROJECTS_EACH). Delete one that is not "
                "needed; your text is on the page still.",
                count,
            )

    def _of(self, visitor: str) -> list[Session]:
        return [session for session in self._open.there if session.caller.visitor == visitor]
