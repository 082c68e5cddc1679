"""Which parts of documents a text about the whole of them is written from, section by section.

Each chapter has its section; the longer ones get more of the text. A section is written from a few parts of its
chapter: in each stretch of it the one where its largest subsection begins. With words of the person's it is written
about the parts that have most to do with them. The person may choose other parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from types import MappingProxyType
from typing import Literal, TypeAlias

from app.reading.answers import PARTS, answering
from app.reading.candidates import Candidate, about, along_chapters, below, heading_of, most_relevant
from app.reading.outline import Chapter
from app.reading.reading import Reading, Saying

PARAGRAPH_WORDS = 60
"""Of a text that are written from one part."""

LEAST_WORDS, LEAST_PARAGRAPH = 20, 40
"""Of a section with a heading: a sentence; without: what says something by itself."""

MOST_PARTS = 10
"""That a section is written from, where nothing else is said."""

NOTES_IN_PART = 6
"""So many notes take the room of a part."""

State: TypeAlias = Literal["full", "note", "none"]
"""What the model sees of a part: all, the sentences that say most about it, or nothing."""

Choices: TypeAlias = Mapping[int, State]
"""What a person has chosen for parts, by their numbers."""

NO_CHOICES: Choices = MappingProxyType({})


@dataclass(frozen=True)
class PlannedSection:
    """A section that is to be written: its heading, how many words, the parts that it is written from, and for those
    of them that have any the sentences that say most about them, none of which is in a section before.

    notes: further parts, of which the model sees the main sentences. candidates: all parts that belong to it.
    """

    heading: str
    words: int
    parts: tuple[int, ...]
    said: Mapping[int, tuple[Saying, ...]]
    notes: tuple[int, ...] = ()
    candidates: tuple[int, ...] = ()

    @property
    def sayings(self) -> tuple[tuple[Saying, ...], ...]:
        """Of each part that says something, in order."""
        return tuple(self.said[number] for number in sorted(self.said))


@dataclass(frozen=True)
class Plan:
    """The sections, in order, and how much is read for them. found: whether anything in the documents has to do with
    the focus, if there is one. others: chapters that are not written about, by their headings, each with its parts."""

    reading: Reading
    sections: tuple[PlannedSection, ...]
    found: bool = True
    others: tuple[tuple[str, tuple[int, ...]], ...] = ()

    @cached_property
    def pages(self) -> int:
        """Pages with text of all documents."""
        return sum(document.pages_with_text for document in self.reading.documents)

    @cached_property
    def pages_seen(self) -> int:
        """Those of which the model sees a part in full."""
        return self._pages(number for section in self.sections for number in section.parts)

    @cached_property
    def pages_noted(self) -> int:
        """Further ones, of which it sees notes."""
        every = (number for section in self.sections for number in (*section.parts, *section.notes))
        return self._pages(every) - self.pages_seen

    def _pages(self, numbers: Iterable[int]) -> int:
        found = self.reading.pages(set(numbers)).values()
        return sum(len({page.number for page in pages}) for pages in found)


def plan(
    reading: Reading, focus: str, words: int, headings: Sequence[str] = (), choices: Choices = NO_CHOICES, *,
    most: int = MOST_PARTS, notes: bool = False, asks: bool = False, headed: bool = True,
) -> Plan:  # fmt: skip
    """A text of about `words` words about all of `reading`, or about `focus` if that is not empty; with `headings` in
    sections of these. `choices` come before what would be taken; no section is written from more than `most` parts.
    `notes`: the model sees notes of the other parts of each section too. asks: `focus` is a question, and what is
    wanted are the passages that answer it. headed: the sections have headings, so that a sentence is one."""
    found = bool(headings) or not focus.strip() or any(reading.relevance(focus))
    if asks and found:
        answers = _answers(reading, focus, words, choices)
        return Plan(reading, tuple(answers), True, unplanned(reading, answers))
    count = max(1, round(words / PARAGRAPH_WORDS))
    if headings:
        wanted = below(reading, headings, max(1, count // len(headings)))
    elif focus.strip():
        wanted = about(reading, focus, count)
    else:
        wanted = along_chapters(reading, count, max(1, words // (LEAST_WORDS if headed else LEAST_PARAGRAPH)))
    sections = _sections(reading, wanted, focus, words)
    if choices:
        taken = [section.parts for section in sections]
        wanted = _chosen(reading, wanted, taken, choices, outlined=bool(headings))
        sections = [
            replace(section, parts=tuple(chain(*one.groups))) for section, one in
            zip(_sections(reading, wanted, focus, words), wanted, strict=True)
        ]  # fmt: skip
    sections = [_at_most(section, most) for section in sections]
    if notes:
        sections = [_with_notes(section, choices, most) for section in sections]
    return Plan(reading, tuple(sections), found, unplanned(reading, sections))


def _answers(reading: Reading, question: str, words: int, choices: Choices) -> list[PlannedSection]:
    """A section of each chapter that answers, the best one first."""
    chapter_of = reading.chapter_of
    chosen = [number for number, state in choices.items() if state == "full" and number in chapter_of]
    ranked = most_relevant(reading, question, len(reading.parts))
    numbers = [number for number in ranked if number in chapter_of and choices.get(number, "full") == "full"][:PARTS]
    said = answering(reading, question, words, numbers, chosen)
    found: dict[Chapter, dict[int, tuple[Saying, ...]]] = {}
    for number, sayings in said.items():
        found.setdefault(chapter_of[number], {})[number] = sayings
    return [
        PlannedSection(
            heading_of(reading, chapter), words // len(found), tuple(sorted(own)), own, candidates=chapter.parts
        )
        for chapter, own in found.items()
    ]


def _sections(reading: Reading, wanted: Sequence[Candidate], focus: str, words: int) -> list[PlannedSection]:
    each = max(LEAST_WORDS, words // max(sum(len(one.groups) for one in wanted), 1))
    said: set[str] = set()
    reading.weigh([group[0] for one in wanted for group in one.groups], focus)
    return [_section(reading, one, focus, each, said) for one in wanted]


def _section(reading: Reading, wanted: Candidate, focus: str, words: int, said: set[str]) -> PlannedSection:
    """Of each group the first part that says something which is not `said` yet, in `words` words; added to `said`."""
    found: dict[int, tuple[Saying, ...]] = {}
    for group in wanted.groups:
        for number, alone in ((number, alone) for alone in (True, False) for number in group if number not in found):
            sayings = reading.sayings(number, words, focus, alone=alone)
            sayings = tuple(saying for saying in sayings if saying.text not in said)
            if sayings:
                said.update(saying.text for saying in sayings)
                found[number] = sayings
                break
    parts = tuple(sorted(found)) or tuple(group[0] for group in wanted.groups)
    return PlannedSection(wanted.heading, words * len(wanted.groups), parts, found, candidates=wanted.parts)


def _chosen(
    reading: Reading, wanted: Sequence[Candidate], taken: Sequence[Sequence[int]], choices: Choices, *, outlined: bool
) -> list[Candidate]:
    """The sections with the parts that are `taken` for each and not chosen away, and with those chosen for it; a
    section without any is not written. A part that is chosen and belongs to none has one of its chapter, or is taken
    for that below whose heading it fits best if these are the person's."""
    full = {number for number, state in choices.items() if state == "full"}
    left = full.difference(*(one.parts for one in wanted))
    extra: dict[int, set[int]] = {}
    if outlined and wanted:
        scores = [reading.relevance(one.heading) for one in wanted]
        for number in left:
            extra.setdefault(max(range(len(wanted)), key=lambda index: scores[index][number]), set()).add(number)
    found = []
    for index, (one, parts) in enumerate(zip(wanted, taken, strict=True)):
        away = {number for number in parts if choices.get(number, "full") != "full"}
        numbers = (set(parts) - away) | (full & set(one.parts)) | extra.get(index, set())
        found.append(
            replace(
                one, groups=tuple([number] for number in sorted(numbers)), parts=tuple(sorted({*one.parts, *numbers}))
            )
        )
    for chapter in () if outlined else reading.chapters:
        if numbers := left.intersection(chapter.parts):
            found.append(
                Candidate(heading_of(reading, chapter), tuple([number] for number in sorted(numbers)), chapter.parts)
            )
    found = [one for one in found if one.groups]
    return found if outlined else sorted(found, key=lambda one: one.parts[0])


def _at_most(section: PlannedSection, most: int) -> PlannedSection:
    """Written from the first `most` of its parts."""
    kept = section.parts[:most]
    return replace(section, parts=kept, said={number: said for number, said in section.said.items() if number in kept})


def _with_notes(section: PlannedSection, choices: Choices, most: int) -> PlannedSection:
    """With notes of its other parts, or of some from all over them, in the room that is left of `most` parts."""
    others = [number for number in section.candidates if number not in section.parts and choices.get(number) != "none"]
    count = min(len(others), (most - len(section.parts)) * NOTES_IN_PART)
    chosen = {others[len(others) * place // count] for place in range(count)}
    chosen.update(number for number in others if choices.get(number) == "note")
    return replace(section, notes=tuple(sorted(chosen)))


def unplanned(reading: Reading, sections: Sequence[PlannedSection]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The chapters of which parts belong to no section, by their headings, each with those parts."""
    known = {number for section in sections for number in section.candidates}
    chapters = ((heading_of(reading, chapter), chapter.parts) for chapter in reading.chapters)
    left = ((heading, tuple(number for number in parts if number not in known)) for heading, parts in chapters)
    return tuple((heading, parts) for heading, parts in left if parts)
