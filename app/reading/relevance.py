"""How much each part has to do with what somebody asks: by its words (BM25), and by meaning where there is a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import bm25s
import numpy as np
from numpy.typing import NDArray

from app.reading.terms import asked, terms

PASSAGES, PASSAGE_WORDS = 4, 90
"""By meaning a text is compared in at most so many passages of so many words, from all over it; the best one counts."""


class Vectors(Protocol):
    """What makes vectors of length 1 of texts: (texts, dimensions), float32."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A vector for each text."""
        ...


class Relevance:
    """Finds among some texts. Made once for them."""

    def __init__(
        self,
        texts: Sequence[str],
        embedder: Vectors | None = None,
        vectors: Sequence[NDArray[np.float32]] | None = None,
    ) -> None:
        """`vectors`: what `vectors` was for the same texts before. Without it, if there is an `embedder`, they are made
        here, which takes some 50 ms a passage on one core."""
        self._count = len(texts)
        found = [terms(text) for text in texts]
        self._index: bm25s.BM25 | None = None
        if any(found):
            self._index = bm25s.BM25()
            self._index.index(found, show_progress=False)
        self._embedder = embedder
        self.vectors: list[NDArray[np.float32]] = []
        """For each text a vector a passage: (passages, dimensions), float32; empty without an embedder."""
        if embedder is not None:
            self.vectors = list(vectors) if vectors is not None else embed_passages(texts, embedder)

    def scores(self, query: str) -> NDArray[np.float32]:
        """For each text how relevant it is, 0 to 1 and one of them 1 if it is both the best by words and by meaning.

        The mean of both, each scaled to the best of these texts; with queries made of headings that finds more than
        either alone or their reciprocal ranks do."""
        lexical = self.lexical(query)
        lexical = lexical / max(float(lexical.max(initial=0)), 1e-9)
        if self._embedder is None:
            return lexical
        semantic = self.semantic(query)
        low, high = float(semantic.min(initial=1)), float(semantic.max(initial=0))
        semantic = (semantic - low) / max(high - low, 1e-9)
        return ((lexical + semantic) / 2).astype(np.float32)

    def best(self, query: str, count: int) -> list[int]:
        """The indices of the most relevant texts, best first; of equal ones the earlier."""
        return [int(index) for index in np.argsort(-self.scores(query), kind="stable")[:count]]

    def lexical(self, query: str) -> NDArray[np.float32]:
        """BM25 of each text, 0 or more."""
        wanted = asked(query)
        if self._index is None or not any(term in self._index.vocab_dict for term in wanted):
            return np.zeros(self._count, np.float32)
        return np.asarray(self._index.get_scores(wanted), np.float32)

    def semantic(self, query: str) -> NDArray[np.float32]:
        """The cosine between the query and each text's best passage, at least 0; zeros without an embedder."""
        if self._embedder is None:
            return np.zeros(self._count, np.float32)
        wanted = self._embedder.embed([query])[0]
        return np.array([float((passages @ wanted).max(initial=0)) for passages in self.vectors], np.float32)


def embed_passages(texts: Sequence[str], embedder: Vectors) -> list[NDArray[np.float32]]:
    """For each text the vectors of its passages, (passages, dimensions); of one without words none."""
    passages = [_passages(text) for text in texts]
    vectors = embedder.embed([passage for group in passages for passage in group])
    ends = np.cumsum([len(group) for group in passages])
    return [vectors[end - len(group) : end] for group, end in zip(passages, ends, strict=True)]


def _passages(text: str) -> list[str]:
    """Of a long text, passages that begin at equal distances. (A script without blanks has long "words", which the
    model cuts off: it knows little of it anyway.)"""
    words = text.split()
    count = min(PASSAGES, -(-len(words) // PASSAGE_WORDS))
    begins = [len(words) * part // count for part in range(count)]
    return [" ".join(words[at : at + PASSAGE_WORDS]) for at in begins]
