"""What a run proposes for a passage of the draft. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from app.project.insertion import Insertion
from app.text.diff import Change, diff


@dataclass(frozen=True)
class Proposal:
    """What a run wrote for the characters `start` to `end` of the draft, to be accepted or not."""

    id: str
    start: int
    end: int
    old: str
    text: str

    @classmethod
    def of(cls, insertion: Insertion) -> Proposal:
        """What was written, for what stands at its point."""
        start, replaced = insertion.start, insertion.point.replaced
        return cls(insertion.id, start, start + len(replaced), replaced, insertion.text)

    @property
    def changes(self) -> list[Change]:
        """From the old passage to the new one."""
        return diff(self.old, self.text)

    def applied(self, draft: str) -> str | None:
        """The draft with it; None if its passage was edited meanwhile."""
        if draft[self.start : self.end] != self.old:
            return None
        return draft[: self.start] + self.text + draft[self.end :]
