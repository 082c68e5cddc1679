"""Comments that stand beside a text: put in at their place, or left out and listed."""

from __future__ import annotations

from app.documents.document import RemovedLine
from app.say.wording import Message


class Comments:
    """Those of one document as it is read."""

    def __init__(self, keep: bool) -> None:
        """`keep`: they are to be put in."""
        self._keep = keep
        self.removed: list[RemovedLine] = []

    def at(self, page: int, author: str, text: str) -> str:
        """What stands in the text for a comment on that page (1-based): "[comment by Orr: check the date]", or
        nothing."""
        author, text = " ".join(author.split()), " ".join(text.split())
        if not text:
            return ""
        if self._keep:
            return f"[comment by {author}: {text}]" if author else f"[comment: {text}]"
        self.removed.append(RemovedLine(page, f"{author}: {text}" if author else text, "comment"))
        return ""

    @property
    def notes(self) -> tuple[Message, ...]:
        """That some were left out, if some were."""
        count = len(self.removed)
        one, many = Message("1 comment was left out."), Message("{:,} comments were left out.", count)
        return () if not count else (one if count == 1 else many,)
