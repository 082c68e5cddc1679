"""Whether documents say what a sentence says: word for word, in other words nearly, or not as far as can be seen.

A sentence is compared with the passages, up to three sentences in a row, that share its rarest words; those that have
most of its words are then read closely (app.reading.contradictions), since "must" and "must not" are as alike as can be.

What this cannot see: a synonym (its word counts as missing); an opposite that is not in the lexicon; what "it" refers to;
that two names changed places around a verb which was changed too; that a condition or an exception was left out; sarcasm,
and a source that is itself wrong or reports what somebody denies. The lexicon of operators and opposites is English; in
other languages numbers, names and the share of words decide, in Japanese and Chinese pairs of characters.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from threading import Lock
from typing import Literal, TypeAlias

import numpy as np
import Stemmer

from app.reading.claims import Claims, Reader, Word
from app.reading.contradictions import Comparison, Opposites, Reason, compare
from app.text.sentences import sentences

Kind: TypeAlias = Literal["word for word", "near", "none"]
Similarity: TypeAlias = Callable[[str, Sequence[str]], Sequence[float]]
"""How alike a sentence and each of some passages are, 0 to 1."""

COVERED = 0.75
"""Share of its words that a supported sentence has in common with the passage, numbers and names apart."""

COVERED_IN_PAIRS = 0.65
"""The same for scripts without blanks, where an ending is several pairs of characters."""

COVERED_IF_SIMILAR = 0.6
SIMILAR = 0.75
"""With such a similarity this share is enough."""

_SPOKEN_OF = 0.6
"""A passage with this share of the words is about the same: what it contradicts, its neighbours do not support."""

_LEAST = 3
"""Words in common that make a claim; a shorter sentence needs all of its words."""

_TOGETHER = 0.5
"""Share of its neighbouring words that are neighbours in the passage."""

_WINDOWS = ((0, 0), (0, 1), (-1, 0), (-1, 1), (0, 2), (-2, 0))
"""Passages around a candidate: first and last sentence from there."""

_CANDIDATES = 12
_PLACES = 5


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


@dataclass(frozen=True, slots=True)
class Support:
    """What supports a sentence: `source` are sentences in a row, empty if there are none; then `reason` says why."""

    kind: Kind
    source: tuple[SourceSentence, ...] = ()
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The sentences of a text, headings and heads of tables apart: (start, end, support)."""

    sentences: tuple[tuple[int, int, Support], ...]

    @property
    def supported(self) -> int:
        """How many of them have support."""
        return sum(support.kind != "none" for _, _, support in self.sentences)


class Sources:
    """The sentences of documents, to look up what supports a sentence. Made once for them; threads may share it."""

    def __init__(self, texts: Sequence[SourceText], similarity: Similarity | None = None) -> None:
        """`texts`: the pages of each document in order, documents one after another."""
        stem = Stemmer.Stemmer("english").stemWord
        self._reader = Reader(stem)
        self._opposites = Opposites(stem)
        self._similarity = similarity
        self._lock = Lock()
        self._sentences = list[SourceSentence]()
        self._claims = list[Claims]()
        self._text_of = list[int]()
        for index, text in enumerate(texts):
            for start, end, _ in sentences(text.text):
                self._sentences.append(SourceSentence(text.document, text.page, start, end))
                self._claims.append(self._reader.read(text.text[start:end], learn=True))
                self._text_of.append(index)
        self._texts = texts
        self._documents = [_Exact(self._claims, part) for part in self._parts()]
        self._postings = self._posted()

    def check(self, sentence: str, within: Collection[int] | None = None) -> Support:
        """What supports `sentence` in the texts, or in those with the indices `within`."""
        with self._lock:
            claimed = self._reader.read(sentence)
        if not claimed.content:
            return Support("none", (), "unlike")
        for first, last, whole in self._exact(claimed, within):
            passage = self._passage(first, last)
            if whole or (
                _enough(claimed, 1.0) and compare(claimed, passage, self._opposites, self._weight).reason is None
            ):
                return Support("word for word", tuple(self._sentences[first : last + 1]))
        return self._near(sentence, claimed, within)

    def _exact(self, claimed: Claims, within: Collection[int] | None) -> Iterator[tuple[int, int, bool]]:
        """Where the words stand in a row: first and last sentence, and whether it is all of them."""
        for document in self._documents:
            for first, last, whole in document.places(claimed.key):
                if self._allowed(first, last, within):
                    yield first, last, whole

    def _near(self, sentence: str, claimed: Claims, within: Collection[int] | None) -> Support:
        against, contradicted = Support("none", (), "unlike"), 0.0
        refused = set[int]()
        for candidate in self._candidates(claimed, within):
            shared = 0
            for first, last in _WINDOWS:
                span = range(candidate + first, candidate + last + 1)
                if not self._allowed(span[0], span[-1], within) or not refused.isdisjoint(span):
                    continue
                found = len(claimed.stems & self._union(span))
                if found <= shared or found < _SPOKEN_OF * len(claimed.stems):
                    continue
                shared = found
                passage = self._passage(span[0], span[-1])
                result = compare(claimed, passage, self._opposites, self._weight)
                source = tuple(self._sentences[span[0] : span[-1] + 1])
                if result.reason is None:
                    if result.coverage >= contradicted and self._is_support(sentence, claimed, source, result):
                        return Support("near", source)
                elif result.coverage >= _SPOKEN_OF and result.together >= _TOGETHER:
                    if len(span) == 1 and _speaks_of(passage, result.reason):
                        refused.add(candidate)
                    if result.coverage > contradicted:
                        against, contradicted = Support("none", source, result.reason), result.coverage
        return against

    def _is_support(self, sentence: str, claimed: Claims, source: Sequence[SourceSentence], found: Comparison) -> bool:
        if not _enough(claimed, found.coverage) or found.together < _TOGETHER:
            return False
        wide = any(word.wide for word in claimed.words)
        if found.coverage >= (COVERED_IN_PAIRS if wide else COVERED):
            return True
        if found.coverage < COVERED_IF_SIMILAR or self._similarity is None:
            return False
        return self._similarity(sentence, [self._quoted(source)])[0] >= SIMILAR

    def _union(self, span: range) -> frozenset[str]:
        return frozenset[str]().union(*(self._claims[at].stems for at in span))

    def _weight(self, stem: str) -> float:
        """How much a word counts, 0.5 to 1: a rare one more."""
        places = self._postings.get(stem)
        total = len(self._sentences)
        return 0.5 + 0.5 * log(1 + total / (1 if places is None else len(places))) / log(1 + total)

    def _quoted(self, source: Sequence[SourceSentence]) -> str:
        texts = {(text.document, text.page): text.text for text in self._texts}
        return " ".join(texts[one.document, one.page][one.start : one.end] for one in source)

    def _candidates(self, claimed: Claims, within: Collection[int] | None) -> list[int]:
        """The sentences that share the rarest words with it, the best first."""
        total = len(self._sentences)
        scores = np.zeros(total, np.float32)
        for stem in claimed.stems:
            if (places := self._postings.get(stem)) is not None:
                scores[places] += np.log(1 + total / len(places))
        if within is not None:
            scores[~np.isin(self._text_of, list(within))] = 0
        best = np.argsort(-scores, kind="stable")[:_CANDIDATES]
        return [int(at) for at in best if scores[at] > 0]

    def _allowed(self, first: int, last: int, within: Collection[int] | None) -> bool:
        if (
            first < 0
            or last >= len(self._sentences)
            or self._sentences[first].document != self._sentences[last].document
        ):
            return False
        return within is None or all(self._text_of[at] in within for at in range(first, last + 1))

    def _passage(self, first: int, last: int) -> Claims:
        if first == last:
            return self._claims[first]
        words = list[Word]()
        for claims in self._claims[first : last + 1]:
            words += [*claims.words, Word(".", "", 0, 0, "break")]
        return Claims(words)

    def _parts(self) -> list[range]:
        """The sentences of each document."""
        starts = [
            at for at, one in enumerate(self._sentences) if not at or one.document != self._sentences[at - 1].document
        ]
        return [range(start, end) for start, end in pairwise([*starts, len(self._sentences)])]

    def _posted(self) -> dict[str, np.ndarray]:
        places = dict[str, list[int]]()
        for at, claims in enumerate(self._claims):
            for stem in claims.stems:
                places.setdefault(stem, []).append(at)
        return {stem: np.array(found, np.int32) for stem, found in places.items()}


class _Exact:
    """The words of a document in a row, to find others in."""

    def __init__(self, claims: Sequence[Claims], part: range) -> None:
        self._first = part.start
        self._starts, length, keys = list[int](), 0, list[str]()
        for at in part:
            key = claims[at].key[1:]
            self._starts.append(length)
            length += len(key)
            keys.append(key)
        self._key = " " + "".join(keys)
        self._edges = {*self._starts, length}

    def places(self, key: str) -> Iterator[tuple[int, int, bool]]:
        """Sentences in which `key` stands: the first, the last, and whether it is all of them."""
        at = -1
        for _ in range(_PLACES):
            at = self._key.find(key, at + 1)
            if at < 0:
                return
            end = at + len(key) - 1
            first, last = bisect_right(self._starts, at) - 1, bisect_right(self._starts, end - 1) - 1
            yield self._first + first, self._first + last, at in self._edges and end in self._edges


def supported(text: str, index: Sources, within: Collection[int] | None = None) -> Report:
    """What of `text` the documents support, sentence by sentence."""
    return Report(
        tuple(
            (start, end, index.check(text[start:end], within))
            for start, end, kind in sentences(text)
            if kind not in ("heading", "head", "code")
        )
    )


def _enough(claimed: Claims, coverage: float) -> bool:
    """Whether so much of a sentence is a claim at all."""
    found = coverage * len(claimed.stems)
    talk = any(word.role == "talk" for word in claimed.words)
    return found >= _LEAST or (coverage == 1.0 and not talk and len(claimed.stems) == _LEAST - 1)


def _speaks_of(passage: Claims, reason: Reason) -> bool:
    """Whether a passage that lacks something has another thing of its kind."""
    return reason not in ("number", "unit", "name") or any(word.role == reason for word in passage.words)
