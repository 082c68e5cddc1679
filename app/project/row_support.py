"""Whether parts of documents say what a row of a table says, and on which pages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from app.project.whole import texts_of_part
from app.reading.reading import Reading
from app.reading.support import Sources
from app.reading.support.claims import row as words_in_a_row


class RowSupport:
    """Looks rows up in some parts."""

    def __init__(self, reading: Reading, numbers: Sequence[int]) -> None:
        """Of these parts of a reading."""
        self._parts = [_PartTexts(reading, number) for number in numbers]

    def pages(self, row: Sequence[str]) -> frozenset[tuple[int, int]]:
        """The pages of the first part that says all of its cells; none if no part does."""
        return next((pages for part in self._parts if (pages := part.pages(row))), frozenset())


class _PartTexts:
    def __init__(self, reading: Reading, number: int) -> None:
        part = reading.parts[number]
        self._texts = texts_of_part(reading, number)
        self._title = f"{words_in_a_row(' '.join((*part.path, part.title)))} "
        self._whole = f"{words_in_a_row(reading.plain(number).text)} "
        self._rows = [f"{words_in_a_row(text.text)} " for text in self._texts]

    @cached_property
    def _sources(self) -> Sources:
        return Sources(self._texts)

    def pages(self, row: Sequence[str]) -> frozenset[tuple[int, int]]:
        found: set[tuple[int, int]] = set()
        said = [cell for cell in row if cell]
        # What the row is about stands in a heading or in many places; the others say where the row comes from.
        for cell in sorted(said, key=lambda cell: cell == row[0]):
            pages = self._of(cell)
            if pages is None:
                return frozenset()
            if cell != row[0] or not found:
                found.update(pages)
        return frozenset(found)

    def _of(self, cell: str) -> set[tuple[int, int]] | None:
        words = f"{words_in_a_row(cell)} "
        if not words.strip():
            return None
        pages = {(text.document, text.page) for text, row in zip(self._texts, self._rows, strict=True) if words in row}
        if pages:
            return {min(pages)}
        if words in self._whole or words in self._title:
            return {(self._texts[0].document, self._texts[0].page)}
        support = self._sources.check(cell)
        return {(found.document, found.page) for found in support.source} if support.kind != "none" else None
