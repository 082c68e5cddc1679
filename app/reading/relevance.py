"""How much each part has to do with what somebody asks: by its words (BM25), and by meaning where there is a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import bm25s
import numpy as np
from numpy.typing import NDArray

from app.reading.english import in_latin_letters, is_english
from app.reading.meanings import Meanings
from app.reading.terms import asked, terms

MEANING = 0.7
"""Of a score that is by meaning (benchmarks.relevance)."""

RELATED = 0.25
"""Cosine of the nearest text below which none has to do with the query by its meaning: requests for what is nowhere in
a manual stay below it, the part that answers a question is above it in nine of ten."""

SHORTLIST = 10
"""Texts that are compared by meaning while not all have a vector yet: the best by words, in a second of a core."""


class Relevance:
    """Finds among some texts. Made once for them."""

    def __init__(self, texts: Sequence[str], meanings: Meanings | None = None, owner: str = "") -> None:
        """With `meanings`, if the texts are English, they are compared by meaning too, by vectors of `owner`'s."""
        self._count = len(texts)
        found = [terms(text) for text in texts]
        self._counts = Counter(term for each in found for term in set(each))
        self._index: bm25s.BM25 | None = None
        if any(found):
            self._index = bm25s.BM25()
            self._index.index(found, show_progress=False)
        self._meanings, self._owner = meanings, owner
        self.compared: Sequence[str] = texts if meanings and is_english(texts) else ()
        """By meaning: all texts, or none."""
        self._vectors: NDArray[np.float32] | None = None

    def scores(self, query: str) -> NDArray[np.float32]:
        """For each text how relevant it is, 0 to 1; 0 if it has nothing to do with the query.

        By words and by meaning, each scaled to the best of these texts. Until all have a vector, only the best by words
        are compared by meaning: who asks then does not wait for the others."""
        lexical = self.lexical(query)
        lexical = lexical / max(float(lexical.max(initial=0)), 1e-9)
        if self._meanings is None or not self.knows(query):
            return lexical
        numbers, vectors = self._compare(lexical)
        wanted = self._meanings.query(query) if vectors is not None else None
        if vectors is None or wanted is None:
            return lexical
        semantic = np.maximum(vectors @ wanted, 0)
        highest = float(semantic.max())
        if highest < RELATED:
            return lexical
        scores = (1 - MEANING) * lexical
        scores[numbers] += MEANING / highest * semantic
        return scores

    def frequency(self, wanted: Sequence[str]) -> dict[str, int]:
        """In how many of the texts each term is."""
        return {term: self._counts[term] for term in wanted}

    def nearness(self, query: str, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """How near other texts of the same documents are to the query by meaning, 0 to 1; those whose vectors take too
        long to be made are not near. None if they are not compared by meaning."""
        if self._meanings is None or not self.knows(query):
            return None
        vectors, wanted = self.prepare(texts), self._meanings.query(query)
        if vectors is None or wanted is None:
            return None
        near = np.zeros(len(texts), np.float32)
        near[: len(vectors)] = np.maximum(vectors @ wanted, 0)
        return near

    def prepare(self, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """The vectors of the first of other texts of the same documents, of which those are made that can be within
        PATIENCE; None if they are not compared by meaning."""
        return self._meanings.of(texts, self._owner) if self.compared and self._meanings is not None else None

    def known_nearness(self, query: str, texts: Sequence[str], among: Sequence[int] = ()) -> NDArray[np.float32] | None:
        """How near other texts of the same documents are to the middle between the query and the mean of the texts
        `among`, 0 to 1, or to the query alone if not all of these have vectors; None if not all of `texts` have."""
        if self._meanings is None or not texts or not self.knows(query):
            return None
        vectors = self._meanings.known(texts)
        wanted = self._meanings.query(query) if vectors is not None else None
        if vectors is None or wanted is None:
            return None
        if among and (known := self._meanings.known([self.compared[number] for number in among])) is not None:
            mean = known.mean(axis=0)
            wanted = (wanted + mean / max(float(np.linalg.norm(mean)), 1e-9)) / 2
        return np.maximum(vectors @ wanted, 0)

    def knows(self, query: str) -> bool:
        """Whether texts are compared with this query by meaning: both are English, as far as that can be told."""
        return bool(self.compared) and bool(query.strip()) and in_latin_letters(query)

    def best(self, query: str, count: int) -> list[int]:
        """The indices of the most relevant texts, best first; of equal ones the earlier."""
        return [int(index) for index in np.argsort(-self.scores(query), kind="stable")[:count]]

    def lexical(self, query: str) -> NDArray[np.float32]:
        """BM25 of each text, 0 or more."""
        wanted = asked(query)
        if self._index is None or not any(term in self._index.vocab_dict for term in wanted):
            return np.zeros(self._count, np.float32)
        return np.asarray(self._index.get_scores(wanted), np.float32)

    def _compare(self, lexical: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float32] | None]:
        """The indices of the texts that are compared by meaning, and their vectors if they can be had."""
        assert self._meanings is not None
        if self._vectors is None:
            self._vectors = self._meanings.known(self.compared)
        if self._vectors is not None:
            return np.arange(self._count), self._vectors
        numbers = np.argsort(-lexical, kind="stable")[:SHORTLIST]
        vectors = self._meanings.of([self.compared[number] for number in numbers], self._owner)
        return numbers[: 0 if vectors is None else len(vectors)], vectors
