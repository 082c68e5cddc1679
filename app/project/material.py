"""What is written about: the sources, and what is known of them so far."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from transformers import PreTrainedTokenizerBase

from app.prompt.compose import TokenCounts, compose, count_tokens, last_tokens
from app.prompt.messages import Source, trim_draft
from app.reading.plan import most_relevant
from app.reading.reading import Reading, Readings

_MARK = 24  # tokens of what stands before a page, and of a seam
_LEAST = 256  # tokens of documents that are worth sending
_QUERY = 600  # characters of a draft's end that say what it goes on about


@dataclass(frozen=True)
class Material:
    """The sources of a request; `counts` and `readings` are kept from one request to the next."""

    sources: Sequence[Source]
    counts: TokenCounts = field(default_factory=TokenCounts)
    readings: Readings = field(default_factory=Readings)

    @property
    def reading(self) -> Reading:
        """The documents, as far as their pages are chosen."""
        return self.readings.of(
            [
                source.document  # which knows its digest already
                if source.pages == source.document.pages
                else replace(source.document, pages=source.pages)
                for source in self.sources
            ]
        )

    @property
    def pages(self) -> int:
        """How many are chosen."""
        return sum(len(source.pages) for source in self.sources)


@dataclass(frozen=True)
class Fitted:
    """What of sources and draft is sent, so that it fits the window."""

    sources: Sequence[Source]
    draft: str


def fitted(
    tokenizer: PreTrainedTokenizerBase, material: Material, instruction: str, draft: str, output: int, window: int,
    detail: str = "",
) -> Fitted:  # fmt: skip
    """All of it if that fits; else the end of a long draft, and the parts of the documents that have most to do with
    `detail`, or with the draft's end. What cannot be made to fit is left as it is, to be refused."""
    now = material.counts.budget(tokenizer, material.sources, instruction or "…", trim_draft(draft), output, window)
    if now.excess <= 0:
        return Fitted(material.sources, draft)
    sources, room = now.source_tokens, window - output - now.instruction
    own = count_tokens(tokenizer, draft)
    if own > (most := max(room - sources, room // 2 if sources else room)) and most > 0:
        draft = last_tokens(tokenizer, draft, most)
        own = count_tokens(tokenizer, draft)
    if not material.sources or sources + own <= room:
        return Fitted(material.sources, draft)
    parts = _parts(tokenizer, material.reading, detail or draft[-_QUERY:], room - own)
    while len(parts) > 1 and _excess(tokenizer, material.reading, parts, instruction, draft, output, window) > 0:
        parts.pop()  # what stands before pages took more than was reckoned
    return Fitted(sources_of(material.reading, parts) if parts else material.sources, draft)


def _excess(
    tokenizer: PreTrainedTokenizerBase, reading: Reading, parts: Sequence[int], instruction: str, draft: str,
    output: int, window: int,
) -> int:  # fmt: skip
    composed = compose(tokenizer, sources_of(reading, parts), instruction or "…", trim_draft(draft))
    return composed.budget(output, window).excess


def pages_of(sources: Sequence[Source]) -> int:
    """How many pages are sent something of."""
    return sum(len({page.number for page in source.pages}) for source in sources)


def sources_of(reading: Reading, parts: Sequence[int]) -> list[Source]:
    """What the model is sent of these parts."""
    return [Source(reading.documents[document], pages) for document, pages in reading.pages(parts).items()]


def _parts(tokenizer: PreTrainedTokenizerBase, reading: Reading, query: str, room: int) -> list[int]:
    """The parts that have most to do with `query`, as many as there is room for; if there is for none, a short one, so
    that what it is refused for is the rest."""
    found: list[int] = []
    sizes: dict[int, int] = {}
    for number in most_relevant(reading, re.sub(r"\s+", " ", query), max(4, room // _LEAST)):
        extracts = reading.parts[number].extracts(reading.documents)
        sizes[number] = sum(count_tokens(tokenizer, extract.text) + _MARK for extract in extracts)
        if sizes[number] <= room:
            found.append(number)
            room -= sizes[number]
        if room < _LEAST:
            break
    return found or sorted(sizes, key=lambda number: sizes[number])[:1]
