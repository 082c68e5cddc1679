"""Documents as they are read to be written about: parts, chapters, and the sentences that say most about a part."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count

import numpy as np
from numpy.typing import NDArray

from app.documents import Document, Page
from app.reading.extract import passages
from app.reading.meanings import Meanings
from app.reading.outline import Chapter, chapters
from app.reading.paragraphs import Extract, Plain
from app.reading.parts import digest, divide
from app.reading.place import Place
from app.reading.relevance import Relevance
from app.reading.standing import standing_alone, without_asides
from app.reading.statements import Statement, line_statements, said_in_lines, statements

PART_CHARACTERS, PART_IDEOGRAPHS = 2_400, 600
"""Of a part, at most: some 600 tokens of English; of scripts whose characters take a token and more each."""

NOTE_WORDS = 45
"""Of a part of which the model sees a note."""

QUERIES = 64
"""Of which it is remembered what the parts have to do with them."""

APT = 4096
"""Parts of which it is remembered how near their statements are to a focus."""

_SAMPLED = 20_000
_SAMPLED_PARTS = 24
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")


@dataclass(frozen=True, slots=True)
class Saying:
    """A sentence of a document, as it is quoted, and the 1-based number of the page on which it begins. apart: it
    begins a passage. line: it is a line of a document that has lines instead of sentences."""

    text: str
    document: int
    page: int
    apart: bool = True
    line: bool = False


class Reading:
    """Some documents, each as far as it is to be read. What is known of them is found when it is asked for, once; for
    several threads."""

    def __init__(self, documents: Sequence[Document], meanings: Meanings | None = None, owner: str = "") -> None:
        """They may hold only some of their pages. `meanings`: what compares their parts with a query by meaning too;
        `owner`: whose the vectors are that it makes."""
        self.documents = tuple(documents)
        self.names = _told_apart([document.name for document in documents])
        """Of the documents, no two the same."""
        sample = "".join(page.text for document in self.documents for page in document.pages)[:_SAMPLED]
        wide = len(_WIDE.findall(sample)) > 0.3 * len(sample)
        self.parts = divide(self.documents, PART_IDEOGRAPHS if wide else PART_CHARACTERS)
        self.chapters = chapters(self.documents, self.parts) or self._one_chapter()
        self._plain: dict[int, Plain] = {}
        self._digests: dict[int, str] = {}
        self._notes: dict[int, list[Extract]] = {}
        self._lined: dict[int, bool] = {}
        self._whole: dict[int, str] = {}
        self._statements: dict[int, list[Statement]] = {}
        self._apt: dict[tuple[int, str], NDArray[np.float32] | None] = {}
        self._meanings, self._owner = meanings, owner
        self._scores: dict[str, list[float]] = {}
        self._lock = threading.Lock()
        self._building = threading.Lock()  # not held while vectors are waited for, whose thread needs it too
        if meanings:
            meanings.prepare(self._compared, owner)

    def plain(self, number: int) -> Plain:
        """What the part of that number says, paragraph by paragraph."""
        if number not in self._plain:
            part = self.parts[number]
            self._plain[number] = part.plain(self.documents, self._titles[part.document])
        return self._plain[number]

    @property
    def compared(self) -> list[str]:
        """The texts of the parts as they are compared with a query."""
        return [f"{part.title}\n{self.plain(part.number).text}" for part in self.parts]

    def relevance(self, query: str) -> list[float]:
        """How much each part has to do with `query`, 0 to 1. The same each time, also when more parts can be compared
        by meaning than at first: what is written is what the plan showed."""
        with self._lock:
            if query not in self._scores:
                if len(self._scores) == QUERIES:
                    del self._scores[next(iter(self._scores))]
                self._scores[query] = [float(score) for score in self._index().scores(query)]
            return self._scores[query]

    def sayings(self, number: int, words: int, focus: str = "", *, alone: bool = False) -> tuple[Saying, ...]:
        """The passages that say most about a part, or about `focus`, in their order, about `words` words in all; see
        `note`."""
        document = self.parts[number].document
        chosen = passages(
            self.statements(number), words, focus, title=self._titled(number), alone=alone,
            worn=lambda sentence: self._is_worn(document, sentence), apt=self._apt_of(number, focus),
        )  # fmt: skip
        return self.quoted(number, chosen)

    def weigh(self, numbers: Sequence[int], focus: str) -> None:
        """Make the statements of these parts comparable by meaning, as many of them as can be within PATIENCE."""
        new = [number for number in numbers if (number, focus) not in self._apt]
        if self._meanings is None or not new or (focus and not self._index().knows(focus)):
            return
        texts = [each.text for number in new for each in self.statements(number)]
        with self._lock:
            self._index().prepare(texts)

    def _apt_of(self, number: int, focus: str) -> NDArray[np.float32] | None:
        """How near each statement of a part is by its meaning to the focus, or without one to what its chapter is
        about; None where they had no vectors when this was first asked for, so that it is the same each time."""
        key = (number, focus)
        if self._meanings is None:  # an index of all parts would be made for nothing
            return None
        if key not in self._apt:
            chapter = self.chapter_of.get(number)
            about = focus or self._titled(number)
            around = chapter.parts if chapter and not focus else ()
            texts = [each.text for each in self.statements(number)]
            with self._lock:
                if len(self._apt) == APT:
                    del self._apt[next(iter(self._apt))]
                self._apt[key] = self._index().known_nearness(about, texts, around)
        return self._apt[key]

    def _titled(self, number: int) -> str:
        """What a part is called, and its chapter."""
        part = self.parts[number]
        chapter = self.chapter_of.get(number)
        return part.title if chapter is None or chapter.title in part.title else f"{chapter.title} {part.title}"

    def statements(self, number: int) -> list[Statement]:
        """The whole sentences of a part, or its lines if it is of a document that has no sentences."""
        if number not in self._statements:
            part, text = self.parts[number], self.plain(number).text
            lined = self._in_lines(part.document)
            self._statements[number] = line_statements(text, part.title) if lined else statements(text)
        return self._statements[number]

    def nearness(self, query: str, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """How near each text is to `query` by its meaning, 0 to 1; None if that cannot be told."""
        with self._lock:
            return self._index().nearness(query, texts)

    def frequency(self, wanted: Sequence[str]) -> dict[str, int]:
        """In how many parts each term is, titles included."""
        return self._index().frequency(wanted)

    @cached_property
    def chapter_of(self) -> dict[int, Chapter]:
        """The chapter of each part that is in one, by the part's number."""
        return {number: chapter for chapter in self.chapters for number in chapter.parts}

    def quoted(self, number: int, chosen: Sequence[Statement]) -> tuple[Saying, ...]:
        """Statements of the part of that number, in their order: as they stand where each goes on from the one before,
        and without the words that tie it to others where it does not."""
        plain, document = self.plain(number), self.parts[number].document
        lines, found, end = self._in_lines(document), list[Saying](), -1
        for each in chosen:
            apart = end < 0 or bool(plain.text[end : each.start].strip()) or "\n\n" in plain.text[end : each.start]
            text = standing_alone(each.text) if apart else without_asides(each.text)
            found.append(Saying(text, document, plain.page(each.start), apart, lines))
            end = each.end
        return tuple(found)

    def _is_worn(self, document: int, sentence: str) -> bool:
        """Whether a document says it more than once."""
        if document not in self._whole:
            self._whole[document] = " ".join(" ".join(page.text for page in self.documents[document].pages).split())
        first = self._whole[document].find(sentence)
        return first >= 0 and self._whole[document].find(sentence, first + 1) >= 0

    def _in_lines(self, document: int) -> bool:
        """Whether a document has lines instead of sentences, judged by parts from all over it."""
        if document not in self._lined:
            own = [part.number for part in self.parts if part.document == document]
            sample = own[:: max(1, len(own) // _SAMPLED_PARTS)]
            self._lined[document] = said_in_lines("\n".join(self.plain(number).text for number in sample))
        return self._lined[document]

    def digest(self, number: int) -> str:
        """Of a part's text: the same wherever it stands."""
        if number not in self._digests:
            self._digests[number] = digest(self.parts[number].text(self.documents))
        return self._digests[number]

    def note(self, number: int) -> list[Extract]:
        """The sentences that say most about a part, as they stand on its pages."""
        if number not in self._notes:
            self._notes[number] = self._note(number)
        return self._notes[number]

    def _note(self, number: int) -> list[Extract]:
        plain, part = self.plain(number), self.parts[number]
        texts = {extract.place.page: extract for extract in part.extracts(self.documents)}
        found = []
        for sentence in passages(self.statements(number), NOTE_WORDS, title=part.title):
            start, last = plain.place(sentence.start), plain.place(sentence.end - 1)
            page = texts[start.page]
            end = last.offset + 1 if last.page == start.page else page.place.offset + len(page.text)
            found.append(Extract(start, page.text[start.offset - page.place.offset : end - page.place.offset]))
        return found

    def pages(self, numbers: Collection[int], notes: Collection[int] = ()) -> dict[int, tuple[Page, ...]]:
        """By document the pages of some of its parts, cut to what belongs to these, and to the sentences that say most
        about the parts `notes`. A page of which parts are taken that do not follow each other is there more than
        once."""
        found: dict[int, list[Page]] = {}
        for number in sorted({*numbers, *notes}):
            part = self.parts[number]
            pages = found.setdefault(part.document, [])
            extracts = part.extracts(self.documents) if number in numbers else self.note(number)
            for place, text in ((extract.place, extract.text) for extract in extracts):
                last = pages[-1] if pages else None
                if last and last.number == place.page and last.begin + len(last.text) == place.offset:
                    pages[-1] = replace(last, text=last.text + text)
                else:
                    pages.append(Page(place.page, self._labels[part.document][place.page], text, begin=place.offset))
        return {document: tuple(pages) for document, pages in found.items()}

    @cached_property
    def _titles(self) -> list[dict[Place, str]]:
        """Of each document its headings, by where they begin."""
        return [
            {Place(heading.page, heading.offset): heading.title for heading in document.headings}
            for document in self.documents
        ]

    @cached_property
    def _labels(self) -> list[dict[int, str | None]]:
        return [{page.number: page.label for page in document.pages} for document in self.documents]

    @cached_property
    def _relevance(self) -> Relevance:
        return Relevance(self.compared, self._meanings, self._owner)

    def _compared(self) -> Sequence[str]:
        return self._index().compared

    def _index(self) -> Relevance:
        with self._building:
            return self._relevance

    def _one_chapter(self) -> tuple[Chapter, ...]:
        """All parts, where none is running text."""
        if not self.parts:
            return ()
        numbers = tuple(part.number for part in self.parts)
        return (Chapter(0, self.documents[0].name, numbers, self.parts[0].pages),)


def _told_apart(names: Sequence[str]) -> tuple[str, ...]:
    """The names, of which later ones that are there already have a number: "a.pdf (2)"."""
    found: list[str] = []
    for name in names:
        told = (f"{name} ({number})" if number > 1 else name for number in count(1))
        found.append(next(each for each in told if each not in found))
    return tuple(found)


class Readings:
    """The latest reading, for as long as the same documents are asked for. For several threads."""

    def __init__(self, meanings: Meanings | None = None, owner: str = "") -> None:
        """Nothing is read yet. The parameters are those of a `Reading`."""
        self._meanings, self._owner = meanings, owner
        self._lock = threading.Lock()
        self._key: tuple[object, ...] = ()
        self._reading: Reading | None = None

    def of(self, documents: Sequence[Document]) -> Reading:
        """The reading of these documents."""
        key = tuple(
            (document.name, document.digest, tuple(page.number for page in document.pages)) for document in documents
        )
        with self._lock:
            if self._reading is None or key != self._key:
                self._key, self._reading = key, Reading(documents, self._meanings, self._owner)
            return self._reading
