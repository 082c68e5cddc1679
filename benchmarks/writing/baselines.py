"""What takes no model: the first sentences, and TextRank.

TextRank is a plain one of our own (Mihalcea and Tarau 2004, with the cosine of tf-idf as similarity, as in LexRank,
Erkan and Radev 2004): sumy's needs NLTK's data, which are not on PyPI.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np

from .support import Source, is_whole
from .tasks import Written
from .words import content, words

DAMPING = 0.85
ROUNDS = 40
FEWEST_WORDS = 5
"""With room for fewer a text is full."""


def lead(source: Source, length: int) -> Written:
    """The first sentences up to `length` words."""
    started = time.perf_counter()
    text = _joined(source, range(len(source.sentences)), length)
    return Written("lead sentences", text, seconds=time.perf_counter() - started)


def textrank(source: Source, length: int) -> Written:
    """The sentences that are most like all others, in their order, up to `length` words."""
    started = time.perf_counter()
    ranked = np.argsort(-ranks([content(sentence) for sentence in source.sentences]), kind="stable")
    text = _joined(source, ranked.tolist(), length)
    return Written("TextRank", text, seconds=time.perf_counter() - started)


def ranks(stems: list[list[str]]) -> np.ndarray:
    """PageRank of each sentence, linked to every other by the cosine of their tf-idf; they sum to 1.

    The links are never made: with unit rows X they are X @ X.T, and a round multiplies by one after the other.
    """
    columns = {word: number for number, word in enumerate(dict.fromkeys(word for row in stems for word in row))}
    pairs = [(row, columns[word]) for row, sentence in enumerate(stems) for word in sentence]
    count = len(stems)
    if not pairs:
        return np.full(count, 1 / max(count, 1))
    cells, times = np.unique(np.array(pairs), axis=0, return_counts=True)
    row, column = cells[:, 0], cells[:, 1]
    idf = np.log1p(count / np.bincount(column))
    values = times * idf[column]
    values /= np.sqrt(np.bincount(row, values**2, count))[row]
    own = np.bincount(row, values**2, count)  # the link to itself: 1, or 0 without content

    def linked(weights: np.ndarray) -> np.ndarray:
        by_word = np.bincount(column, values * weights[row], len(columns))
        links: np.ndarray = np.bincount(row, values * by_word[column], count) - own * weights
        return links

    degree: np.ndarray = np.maximum(linked(np.ones(count)), 1e-9)
    rank = np.full(count, 1 / count)
    for _ in range(ROUNDS):
        rank = (1 - DAMPING) / count + DAMPING * linked(rank / degree)
    normalized: np.ndarray = rank / rank.sum()
    return normalized


def _joined(source: Source, order: Iterable[int], length: int) -> str:
    """The sentences in that order while they fit, put into the document's, a line each, without repetitions."""
    taken: dict[str, int] = {}
    left = length
    for number in order:
        sentence = source.sentences[number]
        size = len(words(sentence))
        if not is_whole(sentence) or sentence in taken or size > left:
            continue
        taken[sentence] = number
        left -= size
        if left < FEWEST_WORDS:
            break
    return "\n\n".join(sorted(taken, key=taken.__getitem__))
