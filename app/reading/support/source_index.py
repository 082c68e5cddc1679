"""The sentences of documents, found by their words: those in a row, or the rarest of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

import numpy as np

from app.reading.support.claims import Claims, Reader, Word, row
from app.text.sentences import sentences

_CANDIDATES = 12
_PLACES = 5
"""Places tried for one row of words in a document."""


@dataclass(frozen=True, slots=True)
class SourceText:
    """A page: the index of its document, its 1-based number, its text."""

    document: int
    page: int
    text: str


@dataclass(frozen=True, slots=True)
class SourceSentence:
    """A sentence of a document: characters `start` up to, not including, `end` of the text of a page."""

    document: int
    page: int
    start: int
    end: int


class SourceIndex:
    """The sentences of some texts, by number. Not for two threads at once: a sentence is read when it is asked for."""

    def __init__(self, texts: Sequence[SourceText], reader: Reader) -> None:
        """`texts`: the pages of each document in order, documents one after another."""
        self._reader = reader
        self._texts = texts
        self._sentences = list[SourceSentence]()
        self._text_of = list[int]()
        for index, text in enumerate(texts):
            for start, end, _ in sentences(text.text):
                self._sentences.append(SourceSentence(text.document, text.page, start, end))
                self._text_of.append(index)
        self._stems = [reader.stems(self._quoted(at)) for at in range(len(self._sentences))]
        self._rows = [_Rows([row(self._quoted(at)) for at in part], part.start) for part in self._parts()]
        self._claims = dict[int, Claims]()
        self._places = self._posted()

    def sentences(self, span: range) -> tuple[SourceSentence, ...]:
        """Those of a passage."""
        return tuple(self._sentences[at] for at in span)

    def stems(self, span: range) -> frozenset[str]:
        """The stems of a passage."""
        return self._stems[span[0]].union(*(self._stems[at] for at in span[1:]))

    def claims(self, span: range) -> Claims:
        """What a passage claims."""
        for at in span:
            if at not in self._claims:
                self._claims[at] = self._reader.read(self._quoted(at))
        if len(span) == 1:
            return self._claims[span[0]]
        words = list[Word]()
        for at in span:
            words += [*self._claims[at].words, Word(".", "", 0, 0, "break")]
        return Claims(words)

    def quoted(self, span: range) -> str:
        """The text of a passage."""
        return " ".join(self._quoted(at) for at in span)

    def word_for_word(self, sentence: str, within: Collection[int] | None) -> Iterator[tuple[range, bool]]:
        """The passages in which the words stand in a row, and whether these are all of the passage's."""
        words = row(sentence)
        for rows in self._rows:
            for span, whole in rows.places(words):
                if self.in_a_row(span, within):
                    yield span, whole

    def candidates(self, stems: Collection[str], within: Collection[int] | None) -> list[int]:
        """The sentences that share the rarest words, the best first."""
        total = len(self._sentences)
        scores = np.zeros(total, np.float32)
        for stem in stems:
            if (places := self._places.get(stem)) is not None:
                scores[places] += log(1 + total / len(places))
        if within is not None:
            scores[~np.isin(self._text_of, list(within))] = 0
        found = np.flatnonzero(scores)
        if len(found) > _CANDIDATES:
            least = np.partition(scores[found], -_CANDIDATES)[-_CANDIDATES]
            found = found[scores[found] >= least]
        return [int(at) for at in found[np.argsort(-scores[found], kind="stable")][:_CANDIDATES]]

    def weight(self, stem: str) -> float:
        """How much a word counts, 0.5 to 1: a rare one more."""
        total, places = len(self._sentences), self._places.get(stem)
        return 0.5 + 0.5 * log(1 + total / (1 if places is None else len(places))) / log(1 + total)

    def in_a_row(self, span: range, within: Collection[int] | None) -> bool:
        """Whether there are such sentences, in one document, and all of them in the texts `within`."""
        if span.start < 0 or span.stop > len(self._sentences):
            return False
        if self._sentences[span[0]].document != self._sentences[span[-1]].document:
            return False
        return within is None or all(self._text_of[at] in within for at in span)

    def _quoted(self, at: int) -> str:
        sentence = self._sentences[at]
        return self._texts[self._text_of[at]].text[sentence.start : sentence.end]

    def _parts(self) -> list[range]:
        """The sentences of each document."""
        documents = [sentence.document for sentence in self._sentences]
        starts = [at for at in range(len(documents)) if not at or documents[at] != documents[at - 1]]
        return [range(start, end) for start, end in pairwise([*starts, len(documents)])]

    def _posted(self) -> dict[str, np.ndarray]:
        """For each stem the numbers of the sentences with it."""
        places = dict[str, list[int]]()
        for at, stems in enumerate(self._stems):
            for stem in stems:
                places.setdefault(stem, []).append(at)
        return {stem: np.array(found, np.int32) for stem, found in places.items()}


class _Rows:
    """The words of a document in a row, to find others in."""

    def __init__(self, rows: Sequence[str], first: int) -> None:
        """`rows`: those of its sentences; `first`: the number of the first."""
        self._first = first
        self._starts, length = list[int](), 0
        for words in rows:
            self._starts.append(length)
            length += len(words)
        self._words = "".join(rows) + " "
        self._edges = {*self._starts, length}

    def places(self, words: str) -> Iterator[tuple[range, bool]]:
        """The sentences in which `words` stand, and whether these are all of theirs."""
        at = -1
        for _ in range(_PLACES):
            if (at := self._words.find(words + " ", at + 1)) < 0:
                return
            end = at + len(words)
            first, last = bisect_right(self._starts, at) - 1, bisect_right(self._starts, end - 1) - 1
            yield range(self._first + first, self._first + last + 1), at in self._edges and end in self._edges
