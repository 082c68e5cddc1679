"""What is written about: the sources, and what is known of them so far."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast, get_args

from transformers import PreTrainedTokenizerBase

from app.prompt.compose import TokenCounts, compose, count_tokens, last_tokens
from app.prompt.messages import Source, trim_draft
from app.prompt.reading_plan import NOTHING_READ
from app.reading.candidates import most_relevant
from app.reading.english import is_written_in
from app.reading.parts import Part
from app.reading.plan import Choices, State
from app.reading.reading import Reading, Readings
from app.say.errors import AppError, PromptError

_PART_ID = re.compile(r"(\d{1,6})/(\d{1,9}:\d{1,9})", re.ASCII)
_MARK = 24  # tokens of what stands before a page, and of a seam
_LEAST = 256  # tokens of documents that are worth sending
_QUERY = 600  # characters of a draft's end that say what it goes on about


@dataclass(frozen=True)
class Material:
    """The sources of a request; `counts` and `readings` are kept from one request to the next. notes: on parts of them,
    by the digest of the part."""

    sources: Sequence[Source]
    counts: TokenCounts = field(default_factory=TokenCounts)
    readings: Readings = field(default_factory=Readings)
    notes: Mapping[str, str] = field(default_factory=dict)

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

    def is_in(self, language: str) -> bool:
        """Whether the documents are in the language of that name, see `is_written_in`."""
        return is_written_in(language, [page.text for source in self.sources for page in source.pages])

    @property
    def choices(self) -> dict[int, State]:
        """What is chosen for parts of the reading, by their numbers."""
        if not any(source.parts for source in self.sources):
            return {}
        chosen = {part.number: self.sources[part.document].parts.get(place_key(part)) for part in self.reading.parts}
        return {number: cast(State, state) for number, state in chosen.items() if state in get_args(State)}

    @property
    def pages(self) -> int:
        """How many are chosen."""
        return sum(len(source.pages) for source in self.sources)


def place_key(part: Part) -> str:
    """How a source names a part: "12:0" begins at the first character of page 12."""
    return f"{part.start.page}:{part.start.offset}"


def part_id(part: Part) -> str:
    """How all sources name a part: "1/12:0" is one of the first source."""
    return f"{part.document + 1}/{place_key(part)}"


def parts_chosen(chosen: Mapping[Any, Any], sources: int) -> list[dict[str, str]]:
    """What is chosen for parts by their ids, as each of so many sources keeps it. Raises AppError."""
    found: list[dict[str, str]] = [{} for _ in range(sources)]
    for key, state in chosen.items():
        known = _PART_ID.fullmatch(key) if isinstance(key, str) else None
        if known is None or not 1 <= int(known[1]) <= sources:
            raise AppError(
                "“{}” is no part of the {:,} documents. A plan names its parts, such as “1/12:0”.",
                str(key)[:40],
                sources,
            )
        if state not in get_args(State):
            raise AppError("“{}” is nothing that can be read of a part. Choose one of {}.", str(state)[:40],
                           ", ".join(get_args(State)))  # fmt: skip
        found[int(known[1]) - 1][known[2]] = state
    return found


class NothingRead(PromptError):
    """Every part of the documents was left out of what is read."""

    def __init__(self) -> None:
        """Says how one is taken in again."""
        super().__init__(NOTHING_READ)


class NothingToQuote(PromptError):
    """The documents have neither sentences nor lines of words, and the model is too small for words of its own."""

    def __init__(self) -> None:
        """Says what else can be done."""
        super().__init__(
            "The documents have no sentences or lines of words that could be quoted, and what a small model writes "
            "about them in its own words is invented. Add a document that has text. To have the model write "
            "nevertheless, choose “The model's own” at “Sentences of a text about documents” (wording: own)."
        )


@dataclass(frozen=True)
class Fitted:
    """What of sources and draft is sent, so that it fits the window. parts: those of the reading, if the sources are
    not sent as a whole."""

    sources: Sequence[Source]
    draft: str
    parts: Sequence[int] = ()


def fitted(
    tokenizer: PreTrainedTokenizerBase, material: Material, instruction: str, draft: str, output: int, window: int,
    detail: str = "",
) -> Fitted:  # fmt: skip
    """All of it if that fits; else the end of a long draft, and the parts of the documents that have most to do with
    `detail`, or with the draft's end. What cannot be made to fit is left as it is, to be refused. Raises
    NothingRead."""
    now = material.counts.budget(tokenizer, material.sources, instruction or "…", trim_draft(draft), output, window)
    choices = material.choices
    if now.excess <= 0 and not choices:
        return Fitted(material.sources, draft)
    sources, room = now.source_tokens, window - output - now.instruction
    own = count_tokens(tokenizer, draft)
    if own > (most := max(room - sources, room // 2 if sources else room)) and most > 0:
        draft = last_tokens(tokenizer, draft, most)
        own = count_tokens(tokenizer, draft)
    if not material.sources or (sources + own <= room and not choices):
        return Fitted(material.sources, draft)
    parts = _parts(tokenizer, material.reading, detail or draft[-_QUERY:], room - own, choices)
    while len(parts) > 1 and _excess(tokenizer, material.reading, parts, instruction, draft, output, window) > 0:
        parts.pop()  # what stands before pages took more than was reckoned
    if not parts:
        return Fitted(material.sources, draft)
    return Fitted(sources_of(material.reading, parts), draft, tuple(parts))


def _excess(
    tokenizer: PreTrainedTokenizerBase, reading: Reading, parts: Sequence[int], instruction: str, draft: str,
    output: int, window: int,
) -> int:  # fmt: skip
    composed = compose(tokenizer, sources_of(reading, parts), instruction or "…", trim_draft(draft))
    return composed.budget(output, window).excess


def pages_of(sources: Sequence[Source]) -> int:
    """How many pages are sent something of."""
    return sum(len({page.number for page in source.pages}) for source in sources)


def sources_of(reading: Reading, parts: Sequence[int], notes: Sequence[int] = ()) -> list[Source]:
    """What the model is sent of these parts, and of those of which it sees notes."""
    pages = reading.pages(parts, notes)
    return [Source(reading.documents[document], pages[document]) for document in sorted(pages)]


def _parts(tokenizer: PreTrainedTokenizerBase, reading: Reading, query: str, room: int, choices: Choices) -> list[int]:
    """The parts that are chosen and those that have most to do with `query`, as many as there is room for; if there is
    for none, a short one, so that what it is refused for is the rest."""
    found: list[int] = []
    sizes: dict[int, int] = {}
    full = [number for number in sorted(choices) if choices[number] == "full"]
    for number in (*full, *most_relevant(reading, re.sub(r"\s+", " ", query), max(4, room // _LEAST) + len(choices))):
        if number in sizes or choices.get(number, "full") != "full":
            continue
        extracts = reading.parts[number].extracts(reading.documents)
        sizes[number] = sum(count_tokens(tokenizer, extract.text) + _MARK for extract in extracts)
        if sizes[number] <= room:
            found.append(number)
            room -= sizes[number]
        if room < _LEAST:
            break
    if not sizes:
        raise NothingRead
    return found or sorted(sizes, key=lambda number: sizes[number])[:1]
