"""How documents are read that are not sent as a whole, as it is told to a person."""

from __future__ import annotations

from dataclasses import dataclass

from app.say.wording import Wording

NOTHING_READ = (
    "Every part of the documents is left out. Take one in again in “See and change what is read”, or undo the changes "
    "there."
)


@dataclass(frozen=True, slots=True)
class PartPlan:
    """What the model sees of a part of the documents: `state` is "full", "note" or "none". `span`: where it stands in
    all that is read, from 0 at its begin to 1 at its end. `text`: what is quoted from it, if anything is."""

    id: str
    title: str
    pages: str
    state: str
    span: tuple[float, float]
    text: str = ""


@dataclass(frozen=True, slots=True)
class SectionPlan:
    """What a section is written from, or what is read of a chapter: the pages seen in full in words ("9, 29-30"), and
    all parts that belong to it."""

    heading: str
    pages: str
    parts: tuple[PartPlan, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadingPlan:
    """How documents are read that are not sent as a whole: the text is written from `seen` of the `pages`.

    sections: of the text, each from pages of its own; none for a text from all of those at once. quoted: its sentences
    are the documents' own. found: whether any word of what it is to be about is in the documents. others: chapters that
    have no section. noted: further pages of which the model sees the main sentences.
    table: the sections are runs that write rows.
    """

    pages: int
    seen: int
    sections: tuple[SectionPlan, ...] = ()
    quoted: bool = False
    found: bool = True
    others: tuple[SectionPlan, ...] = ()
    noted: int = 0
    table: bool = False

    def message(self, say: Wording) -> str:
        """For the person."""
        if not self.seen:
            return say(NOTHING_READ)
        if not self.sections and self.seen == self.pages:  # of each of them a part
            return say("Longer than the window: reads the parts that have most to do with it.")
        if not self.sections:
            return say(
                "Longer than the window: reads the {:,} of {:,} pages that have most to do with it.",
                self.seen, self.pages,
            )  # fmt: skip
        reads = self._parts_read(say) if self.pages == 1 else self._pages_read(say)
        notes = say("Of {:,} more the model sees the main sentences.", self.noted)
        quoted = say("The sentences are the documents' own: a model of this size invents when it uses its own words.")
        if self.table:
            quoted = say("The rows are the documents' own: a model of this size writes none that are worth reading.")
        missing = say("No word of yours about the task is in the documents: the text is about all of them.")
        return say.together(
            reads, notes if self.noted else "", "" if self.found else missing, quoted if self.quoted else ""
        )

    def _pages_read(self, say: Wording) -> str:
        counts = len(self.sections), self.pages, self.seen
        if self.table:
            return say("Runs that write rows: {:,}. Pages read: {:,}; rows from: {:,}.", *counts)
        return say("Sections: {:,}. Pages read: {:,}; written from: {:,}.", *counts)

    def _parts_read(self, say: Wording) -> str:
        """Of a document of one page, of which the page alone says nothing: a web page, a text file."""
        parts = [part for section in (*self.sections, *self.others) for part in section.parts]
        counts = len(self.sections), sum(part.state == "full" for part in parts), len(parts)
        if self.table:
            return say("Runs that write rows: {:,}. Parts with rows: {:,} of {:,}.", *counts)
        return say("Sections: {:,}. Parts written from: {:,} of {:,}.", *counts)
