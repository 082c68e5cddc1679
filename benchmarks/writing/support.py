"""Whether the documents say what a sentence says, as far as words can show it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .plain import paragraphs, whole
from .words import Lexicon, content, facts, sentences

WINDOW = 3
"""Sentences of the documents, one after another, that a sentence may draw on."""
FEWEST_WORDS = 3
"""Sentences with fewer different content words are not judged."""
THRESHOLD = 0.6
"""The share of a sentence's content words, weighed by how rare they are, that one window must hold.

`python -m benchmarks.writing --calibrate` prints what it rests on: all sentences of the same document pass, and of the
sentences of other documents 98.1 % fail in English (97.1 % at 0.55; mean over the pairs, which lie between 82 % for two
manuals of Debian packaging, which say in part the same, and 100 %) and 99.3 % in Japanese."""


FEWEST_SENTENCES = 10
"""Whole ones in a chapter that counts; title pages, tables of contents and indexes have fewer."""


class Found(NamedTuple):
    """`share` of the content in the nearest window, the `chapter` of that window, and the facts that are nowhere.

    The chapter is None if it is none that counts.
    """

    share: float
    chapter: int | None
    missing: tuple[str, ...]

    def supports(self, threshold: float = THRESHOLD) -> bool:
        """Whether everything looked for was found."""
        return not self.missing and self.share >= threshold


class Source:
    """The documents that a text is about: what they say, in which chapter."""

    def __init__(self, chapters: Sequence[str]) -> None:
        """The chapters of all documents, in order."""
        self.text = whole(chapters)
        self.lexicon = Lexicon(self.text)
        split = [[one for part in paragraphs(chapter) for one in sentences(part)] for chapter in chapters]
        self.sentences = [sentence for chapter in split for sentence in chapter]
        counted = [sum(map(is_whole, chapter)) >= FEWEST_SENTENCES for chapter in split]
        self.chapters = sum(counted)
        self._chapter = [
            number if counts else None
            for number, (chapter, counts) in enumerate(zip(split, counted, strict=True))
            for _ in chapter
        ]
        positions: dict[str, set[int]] = {}
        self._content = [set(content(sentence)) for sentence in self.sentences]
        for number, words in enumerate(self._content):
            for word in words:
                positions.setdefault(word, set()).add(number)
        count = len(self.sentences)
        self._weights = {word: float(np.log1p(count / len(where))) for word, where in positions.items()}
        self._unknown = float(np.log1p(count))
        self._windows = {word: _windows(where) for word, where in positions.items()}

    def find(self, sentence: str) -> Found | None:
        """Where its content is, or None if there is too little of it to judge."""
        looked_for = set(content(sentence))
        if len(looked_for) < FEWEST_WORDS or not self.sentences:
            return None
        scores = np.zeros(len(self.sentences))
        for word in looked_for & self._windows.keys():
            scores[self._windows[word]] += self._weights[word]
        total = sum(self._weights.get(word, self._unknown) for word in looked_for)
        start = int(scores.argmax())
        window = range(start, min(start + WINDOW, len(self.sentences)))
        held = max(window, key=lambda number: sum(self._weights[word] for word in looked_for & self._content[number]))
        missing = tuple(fact for fact in facts(sentence) if not self.lexicon.has(fact))
        return Found(float(scores[start]) / total, self._chapter[held], missing)


def _windows(where: set[int]) -> np.ndarray:
    """The numbers of the windows, named by their first sentence, that hold one of these sentences."""
    return np.array(sorted({max(0, number - back) for number in where for back in range(WINDOW)}))


def is_whole(sentence: str) -> bool:
    """Whether it has six content words and an end mark, which headings, labels and code haven't."""
    return sentence[-1] in ".!?。" and len(set(content(sentence))) >= 6


def drawn(source: Source, count: int, seed: int = 0) -> list[str]:
    """Whole sentences of a document, drawn at random."""
    whole_ones = [sentence for sentence in source.sentences if is_whole(sentence)]
    return random.Random(seed).sample(whole_ones, min(count, len(whole_ones)))


def failing(source: Source, foreign: Sequence[str], thresholds: Sequence[float]) -> list[float]:
    """The share of the sentences that fail at each threshold."""
    results = [found for sentence in foreign if (found := source.find(sentence))]
    return [sum(not found.supports(threshold) for found in results) / len(results) for threshold in thresholds]
