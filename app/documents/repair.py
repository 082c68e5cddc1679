"""Extracted text is repaired, and every character left knows where it stood before.

Four rules, in this order. Characters: they become valid, see `app.text.valid`, and Latin ligatures are spelt out.
Broken words: see `hyphenation`. Running headers and footers: see `running_lines`. Nothing else changes: what a page
shows is what the model reads, character by character. A repaired text is not changed by another repair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.documents.document import Origin, Page, RemovedLine
from app.documents.hyphenation import Edit, join_broken_words
from app.documents.line_forms import Edge, PageForms
from app.documents.running_lines import FEWEST_PAGES, body_spans
from app.say.wording import Message
from app.text.valid import valid_text

_LIGATURES = {chr(0xFB00 + i): text for i, text in enumerate(("ff", "fi", "fl", "ffi", "ffl", "st", "st"))}
_CHARACTERS = re.compile(
    r"\r\n?|[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]|[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]|[\ufb00-\ufb06]"
)


def normalise(text: str) -> str:
    """The same text, valid, with Latin ligatures spelt out."""
    return _CHARACTERS.sub(lambda match: _spelt(match[0]), text)


def clean(texts: Sequence[str], labels: Sequence[str | None]) -> tuple[Page, ...]:
    """Pages with their characters repaired and nothing else: for texts whose line ends are the author's own."""
    drafts = [_Draft(text) for text in texts]
    return tuple(draft.page(number, label) for number, (draft, label) in enumerate(zip(drafts, labels, strict=True), 1))


@dataclass(frozen=True, slots=True)
class Repaired:
    """Pages, notes that say what was left out, and the lines that were."""

    pages: tuple[Page, ...]
    notes: tuple[Message, ...]
    removed: tuple[RemovedLine, ...] = ()


def repair(texts: Sequence[str], labels: Sequence[str | None]) -> tuple[tuple[Page, ...], tuple[Message, ...]]:
    """Pages with everything repaired: for texts set in lines and pages. And notes that say what was left out."""
    repaired = repair_lines(texts, labels)
    return repaired.pages, repaired.notes


def repair_lines(
    texts: Sequence[str],
    labels: Sequence[str | None],
    forms: PageForms | None = None,
    *,
    keep_running: bool = False,
) -> Repaired:
    """The same where it is known how lines are set. Running lines stay if they are to be kept."""
    drafts = [_Draft(text) for text in texts]
    joined = join_broken_words([draft.text for draft in drafts])
    for draft, edits in zip(drafts, joined, strict=True):
        draft.replace(edits)
    headers = footers = 0
    removed: list[RemovedLine] = []
    if len(drafts) >= FEWEST_PAGES and not keep_running:
        spans = body_spans([draft.text for draft in drafts], labels, _DraftForms(drafts, forms) if forms else None)
        for number, (draft, (start, end)) in enumerate(zip(drafts, spans, strict=True), 1):
            headers += start > 0
            footers += end < len(draft.text)
            removed += draft.lines_outside(number, start, end)
            draft.keep(start, end)
    pages = tuple(
        draft.page(number, label) for number, (draft, label) in enumerate(zip(drafts, labels, strict=True), 1)
    )
    return Repaired(pages, _notes(len(pages), headers, footers, sum(map(len, joined))), tuple(removed))


def is_repair(note: Message) -> bool:
    """Whether a note says what was mended, so that nobody need look at it; also one that was kept on an earlier day."""
    return note.pattern in {repaired.pattern for _, repaired in _repairs(0, 0, 0, 0)}


def _notes(pages: int, headers: int, footers: int, words: int) -> tuple[Message, ...]:
    return tuple(note for said, note in _repairs(pages, headers, footers, words) if said)


def _repairs(pages: int, headers: int, footers: int, words: int) -> tuple[tuple[bool, Message], ...]:
    """All that can be said, and whether it is."""
    return (
        (headers > 0, Message("A running header on {:,} of {:,} pages was left out.", headers, pages)),
        (footers > 0, Message("A running footer on {:,} of {:,} pages was left out.", footers, pages)),
        (words == 1, Message("1 word broken over two lines was put together.")),
        (words > 1, Message("{:,} words broken over two lines were put together.", words)),
    )


def _spelt(found: str) -> str:
    return _LIGATURES.get(found) or valid_text(found)


class _Draft:
    """A text under repair that keeps for each of its characters the offset in `extracted` at which it stood."""

    def __init__(self, extracted: str) -> None:
        """A draft with its characters repaired."""
        self.extracted = self.text = extracted
        self._offsets: NDArray[np.int64] | None = None  # None: every character at its own place
        self.replace([(*match.span(), _spelt(match[0])) for match in _CHARACTERS.finditer(extracted)])

    def replace(self, edits: Sequence[Edit]) -> None:
        """Make `edits`, which are in order and apart. A text put in stands where the text that it replaces began."""
        if not edits:
            return
        offsets = np.arange(len(self.text)) if self._offsets is None else self._offsets
        texts: list[str] = []
        kept: list[NDArray[np.int64]] = []
        done = 0
        for start, end, text in edits:
            texts += self.text[done:start], text
            kept += offsets[done:start], np.full(len(text), offsets[start])
            done = end
        self.text = "".join([*texts, self.text[done:]])
        self._offsets = np.concatenate([*kept, offsets[done:]])

    def line_number(self, position: int) -> int:
        """In which line of `extracted`, from 0, the character at `position` stood."""
        offset = position if self._offsets is None else int(self._offsets[position])
        return self.extracted.count("\n", 0, offset)

    def lines_outside(self, page: int, start: int, end: int) -> Iterator[RemovedLine]:
        """The lines before `start` and from `end` on in which something stands."""
        for text in (self.text[:start], self.text[end:]):
            yield from (RemovedLine(page, " ".join(line.split())) for line in text.split("\n") if line.strip())

    def keep(self, start: int, end: int) -> None:
        """Drop what stands before `start` and from `end` on."""
        edits = [(first, last, "") for first, last in ((0, start), (end, len(self.text))) if first < last]
        self.replace(edits)

    def page(self, number: int, label: str | None) -> Page:
        """The page that the draft has become."""
        if self._offsets is None:
            return Page(number, label, self.text)
        breaks = np.flatnonzero(np.diff(self._offsets) != 1) + 1
        starts = np.concatenate([[0], breaks])[: len(self.text)]
        origin = Origin(self.extracted, tuple(starts.tolist()), tuple(self._offsets[starts].tolist()))
        return Page(number, label, self.text, origin)


@dataclass(frozen=True, slots=True)
class _DraftForms:
    """How the lines of drafts are set."""

    drafts: Sequence[_Draft]
    forms: PageForms

    def place(self, page: int, position: int, edge: Edge) -> int | None:
        number = self.drafts[page].line_number(position)
        return self.forms.place(page, number) if self.forms.in_margin(page, number, edge) else None

    def may_be_title(self, page: int, position: int, edge: Edge) -> bool:
        number = self.drafts[page].line_number(position)
        return self.forms.is_set_off(page, number, edge) and not self.forms.is_larger(page, number)

    def counts_pages(self, page: int, position: int, edge: Edge) -> bool:
        return self.forms.counts_pages(page, self.drafts[page].line_number(position), edge)
