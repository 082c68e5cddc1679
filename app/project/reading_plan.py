"""What is read for a text, as a person is shown it: what the model sees of the parts of each section or chapter."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate

from app.documents import name_pages
from app.project.material import part_id
from app.project.notes import note_text
from app.prompt.reading_plan import PartPlan, ReadingPlan, SectionPlan
from app.reading.candidates import heading_of
from app.reading.parts import Part
from app.reading.plan import Plan, PlannedSection, State
from app.reading.reading import Reading


def of_sections(
    whole: Plan, sections: Sequence[PlannedSection], notes: Mapping[str, str], *, quoted: bool
) -> ReadingPlan:
    """Of a text that is written section by section: these of the plan are to come. notes: on parts, by their
    digests."""
    reading = whole.reading
    ends = _ends(reading)
    shown = tuple(_section(reading, section, ends, notes, quoted=quoted) for section in sections)
    others = tuple(_chapter(reading, heading, parts, (), ends) for heading, parts in whole.others)
    noted = 0 if quoted else whole.pages_noted
    return ReadingPlan(whole.pages, whole.pages_seen, shown, quoted, whole.found, others, noted)


def of_parts(reading: Reading, taken: Sequence[int], pages: int, seen: int) -> ReadingPlan:
    """Of a text that is written at once from the parts that are `taken`."""
    ends, numbers = _ends(reading), frozenset(taken)
    chapters = [(heading_of(reading, chapter), chapter.parts) for chapter in reading.chapters]
    others = tuple(_chapter(reading, heading, parts, numbers, ends) for heading, parts in chapters)
    return ReadingPlan(pages, seen, others=others)


def _section(
    reading: Reading, section: PlannedSection, ends: Sequence[int], known: Mapping[str, str], *, quoted: bool
) -> SectionPlan:
    notes = () if quoted else section.notes
    parts = []
    for number in sorted({*section.candidates, *section.parts}):
        state: State = "full" if number in section.parts else "note" if number in notes else "none"
        text = ""
        if quoted:
            text = " ".join(saying.text for saying in section.said.get(number, ()))
        elif state == "note":
            text = note_text(reading, number, known)
        parts.append(_part(reading.parts[number], state, ends, text))
    return SectionPlan(section.heading, _pages(reading, section.parts), tuple(parts))


def _chapter(
    reading: Reading, heading: str, numbers: Iterable[int], taken: Collection[int], ends: Sequence[int]
) -> SectionPlan:
    shown = [number for number in numbers if number in taken]
    parts = tuple(_part(reading.parts[number], "full" if number in taken else "none", ends, "") for number in numbers)
    return SectionPlan(heading, _pages(reading, shown), parts)


def _part(part: Part, state: State, ends: Sequence[int], text: str) -> PartPlan:
    total = max(ends[-1], 1)
    span = (round((ends[part.number] - part.characters) / total, 4), round(ends[part.number] / total, 4))
    return PartPlan(part_id(part), part.title, name_pages(list(part.pages)), state, span, text)


def _ends(reading: Reading) -> list[int]:
    return list(accumulate(part.characters for part in reading.parts))


def _pages(reading: Reading, numbers: Collection[int]) -> str:
    """The pages of some parts in words, with the documents' names where there are several."""
    pages = [
        (reading.names[document], sorted({page.number for page in read}))
        for document, read in reading.pages(numbers).items()
    ]
    names = [
        name_pages(numbers) if len(reading.documents) == 1 else f"{name} {name_pages(numbers)}"
        for name, numbers in pages
    ]
    return "; ".join(names)
