"""A place in a document."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A character of a page's text, or the end of it: the page's 1-based number, and the character's offset."""

    page: int
    offset: int

    def moved(self, by: int) -> Place:
        """The place so many characters later on the same page."""
        return Place(self.page, self.offset + by)
