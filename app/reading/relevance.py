"""How much each part has to do with what somebody asks: by its words (BM25), and by meaning where there is a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import bm25s
import numpy as np
from numpy.typing import NDArray

from app.reading.terms import terms

PASSAGE_WORDS = 180
"""A text is compared by meaning in passages of so many words; the best one counts."""

_RANK_OFFSET = 10
"""Of reciprocal ranks: the larger, the less the first places stand out (Cormack et al., SIGIR 2009, take 60)."""


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
        here, which takes some 20 ms a passage."""
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
        """For each text how relevant it is, 0 to 1, as float32. Which comes first is what they mean: 1 is the best by
        words and by meaning, 0 shares no word and has no vector."""
        lexical = self.lexical(query)
        if self._embedder is None:
            return lexical / max(float(lexical.max(initial=0)), 1e-9)
        ranks = _reciprocal(lexical) + _reciprocal(self.semantic(query))
        return (ranks / 2).astype(np.float32)

    def best(self, query: str, count: int) -> list[int]:
        """The indices of the most relevant texts, best first; of equal ones the earlier."""
        return [int(index) for index in np.argsort(-self.scores(query), kind="stable")[:count]]

    def lexical(self, query: str) -> NDArray[np.float32]:
        """BM25 of each text, 0 or more."""
        wanted = terms(query)
        if self._index is None or not any(term in self._index.vocab_dict for term in wanted):
            return np.zeros(self._count, np.float32)
        return np.asarray(self._index.get_scores(wanted), np.float32)

    def semantic(self, query: str) -> NDArray[np.float32]:
        """The cosine between the query and each text's best passage; zeros without an embedder."""
        if self._embedder is None:
            return np.zeros(self._count, np.float32)
        wanted = self._embedder.embed([query])[0]
        return np.array([float((passages @ wanted).max(initial=-1)) for passages in self.vectors], np.float32)


def embed_passages(texts: Sequence[str], embedder: Vectors) -> list[NDArray[np.float32]]:
    """For each text the vectors of its passages, (passages, dimensions); of one without words none."""
    passages = [_passages(text) for text in texts]
    vectors = embedder.embed([passage for group in passages for passage in group])
    ends = np.cumsum([len(group) for group in passages])
    return [vectors[end - len(group) : end] for group, end in zip(passages, ends, strict=True)]


def _passages(text: str) -> list[str]:
    """A script without blanks has a word a line, which the model cuts off: it knows little of it anyway."""
    words = text.split()
    return [" ".join(words[at : at + PASSAGE_WORDS]) for at in range(0, len(words), PASSAGE_WORDS)]


def _reciprocal(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores by rank: 1 for the best, less for those behind; 0 for what has no score."""
    ranks = np.empty(len(scores), np.float32)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores), dtype=np.float32)
    return np.where(scores > 0, _RANK_OFFSET / (_RANK_OFFSET + ranks), 0).astype(np.float32)
