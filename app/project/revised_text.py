"""A text that pages and runs change in turn, and its revision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from app.text.spans import Span, moved


class Mark(NamedTuple):
    """Where a text was: the hash of what it said, its revision, and what the latest run wrote."""

    text: int
    revision: int
    written: Span | None


@dataclass
class RevisedText:
    """A text that pages and runs change in turn. A change that was made to an older revision is refused.

    A page may know a later revision than the server, which was started anew: what it has then counts. It need not wait
    for an answer: as long as nobody else comes between, its edits follow one another by their `serial`.

    `written` is what the latest run wrote, as far as it is still there; it moves with what is edited before it.
    """

    text: str = ""
    revision: int = 0
    written: Span | None = None
    author: tuple[str, int] = ("", 0)
    """The page whose edit came last, and the serial of that; no page if a run or an undo came after."""

    def edit(self, text: str, revision: int, page: str = "", serial: int = 0) -> bool:
        """A page's text, made from `revision`; False if another came before."""
        own = page != "" and page == self.author[0]
        if own and serial < self.author[1]:  # a later one of the same page overtook it
            return True
        if text != self.text:
            if not self.takes(revision, page):
                return False
            self.revision = max(self.revision, revision)
            self.put(text)
        elif not own:
            return True
        self.author = page, serial
        return True

    def takes(self, revision: int, page: str) -> bool:
        """Whether an edit that `page` made from `revision` is not refused."""
        return revision >= self.revision or (page != "" and page == self.author[0])

    def put(self, text: str, written: Span | None = None) -> None:
        """Replace the text; `written` says what of it a run has just written, else the earlier one moves."""
        self.written = written or moved(self.written, self.text, text)
        self.text = text
        self.revision += 1
        self.author = "", 0

    @property
    def mark(self) -> Mark:
        """Where it is now."""
        return Mark(hash(self.text), self.revision, self.written)

    def go_on(self, mark: Mark) -> None:
        """Be where it was, as read again: pages know its revision still."""
        self.revision = mark.revision
        self.written = mark.written if hash(self.text) == mark.text else None
