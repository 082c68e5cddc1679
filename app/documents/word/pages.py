"""The pages of a Word document as they grow."""

from __future__ import annotations

from app.documents.file_input import FileInput
from app.say.wording import Message


class Pages:
    """The text of each page so far, whose size and number stay within the limits."""

    def __init__(self, job: FileInput) -> None:
        """One empty page."""
        self._job, self._size = job, 0
        self._pages: list[list[str]] = [[]]
        self._after_item = False
        self.begun = False  # whether anything stands on this page, if only a picture

    @property
    def number(self) -> int:
        """Of this page, from 1."""
        return len(self._pages)

    def add(self, block: str, *, item: bool = False, beside: bool = False) -> None:
        """Add a paragraph or a table, after a blank line unless it is a list's next item. With what stands `beside` the
        text nothing begins."""
        page = self._pages[-1]
        page += (("\n" if item and self._after_item else "\n\n") if page else "", block)
        self._after_item, self.begun = item, self.begun or not beside
        self._size += len(block)
        self._job.check_size(self._size, Message("The text in {} has more than", self._job.name))

    def turn(self) -> None:
        """Begin a new page."""
        self._pages.append([])
        self.begun = False
        self._job.check_pages(len(self._pages))

    def texts(self) -> list[str]:
        """Each page's text."""
        return ["".join(page) for page in self._pages]
