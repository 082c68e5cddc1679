"""Where the pages of documents begin in a prompt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageMark:
    """Where a page of a document begins in the prompt.

    `number` counts from 1 within the file `name`, `label` is what is printed on the page, and `position` is the prompt
    position, in tokens, of the page's first token.
    """

    name: str
    number: int
    label: str | None
    position: int

    @property
    def page(self) -> str:
        """What is printed on it and which in the file it is, where they differ: "iv (6)"."""
        return f"{self.number}" if self.label in (None, "", f"{self.number}") else f"{self.label} ({self.number})"

    @property
    def title(self) -> str:
        """What stands on the divider: "report.pdf · page 3"."""
        return f"{self.name} · page {self.page}"
