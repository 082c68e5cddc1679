"""Notes made of a part's own sentences: grounded by construction, and there at once.

A sentence is taken for how much it has in common with the whole part (centrality), for where it stands (a section says
at its beginning what it is about), and against those taken before (maximal marginal relevance, Carbonell and Goldstein,
SIGIR 1998).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.reading.meanings import Vectors
from app.reading.terms import asked, terms
from app.text.sentences import sentences

WORDS = 60
"""A note has about so many words."""

_FEWEST, _MOST = 6, 50  # words of a sentence; an ideograph or kana counts as half a word
_POSITION = 0.3  # added for the first sentence, less for those after it
_ASKED = 2.0  # added for one that has all words of what is asked for
_REPEATS = 0.7  # taken away for what was said already
_COMPARED = 400  # sentences of a part, at most; the rest of a longer one is not looked at

_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_CAPTION = re.compile(
    r"(?:fig(?:ure|\.)|table|abb(?:ildung|\.)|listing|図|表)\s*[\d.]+|copyright\b|©|see also\b", re.IGNORECASE
)
_BEGINS = re.compile(r"[\"'“‘«「『]?(?:[A-ZÀ-ÖØ-ÞĀ-Ž]|[^\W\d_a-zß-öø-ÿ])")
_ENDS = re.compile(r"[.!?。！？][\"'”’)»」』]*$")
_HANGING = re.compile(
    r"(?:(?:if|when|as) )?(?:this|these|that|those|it|they|he|she|such|however|therefore|thus|also|but|and|so|another|"
    r"both|either|neither|see|here (?:is|are)|is|are|was|were|has|have|does)\b"
    r"|(?:[\w’'-]+,? ){1,8}(?:this|these|those|it|them)(?: (?:is|are|was|were|can|could|may|must|should|will|to|in|on|"
    r"for|and|or|by|with|has|have|do|does|[a-z]+s)\b|[,.;:])"
    r"|.*\b(?:the following|the above|the previous|let us|(?:as|see|shown|described|given|discussed) (?:above|below|"
    r"later|earlier)|(?:example|section) (?:above|below))\b"
    # Marks of notes that stand as digits, and pieces of programs.
    r"|.*(?:\b[a-z]{3,}\d{1,2}\b|[a-z][,.]\d{1,3} |<-|==|::|\(\) \{)",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[^\W\d_]|[\s,]")


@dataclass(frozen=True, slots=True)
class Extracted:
    """A sentence: characters `start` up to, not including, `end` of the part's text, and the text itself, in which line
    ends are blanks."""

    start: int
    end: int
    text: str


def note(
    text: str, words: int = WORDS, embedder: Vectors | None = None, focus: str = "", *, alone: bool = False
) -> tuple[Extracted, ...]:
    """The sentences of a part's plain text that say most about it, or about the words of `focus`, in their order: at
    least one if there is a whole sentence, about `words` words in all, none twice. Nothing if there is no whole
    sentence. Those that hang on what was said before come only where there are no others, and if they are to stand
    `alone` never."""
    whole = _candidates(text)[:_COMPARED]
    candidates = [sentence for sentence in whole if not _hangs(sentence.text)] or ([] if alone else whole)
    if not candidates:
        return ()
    vectors = embedder.embed([sentence.text for sentence in candidates]) if embedder else _tf_idf(candidates)
    alike = vectors @ vectors.T
    worth = _worth(alike, candidates, frozenset(asked(focus)) if focus else frozenset())
    chosen: list[int] = []
    left, open_ones = words, list(range(len(candidates)))
    while open_ones:
        taken = alike[:, chosen].max(axis=1) if chosen else np.zeros(len(candidates), np.float32)
        best = max(open_ones, key=lambda index: float(worth[index] - _REPEATS * taken[index]))
        open_ones.remove(best)
        size = _words(candidates[best].text)
        if not chosen or (size <= left and taken[best] < _REPEATS):
            chosen.append(best)
            left -= size
        if left < _FEWEST:
            break
    return tuple(candidates[index] for index in sorted(chosen))


def _candidates(text: str) -> list[Extracted]:
    found = (
        Extracted(sentence.start, sentence.end, " ".join(text[sentence.start : sentence.end].split()))
        for sentence in sentences(text)
        # "Figure 3. The lamp." is two sentences, and the second no sentence of the text.
        if sentence.kind in ("sentence", "item") and not _CAPTION.match(text, text.rfind("\n", 0, sentence.start) + 1)
    )
    return [sentence for sentence in found if is_whole(sentence.text)]


def is_whole(sentence: str) -> bool:
    """Whether it reads as a sentence by itself: not a caption, a title, a program, a row of a table or of contents."""
    if not _FEWEST <= _words(sentence) <= _MOST or not _ENDS.search(sentence) or not _BEGINS.match(sentence):
        return False
    if _CAPTION.match(sentence) or "…" in sentence or sentence.count("(") != sentence.count(")"):
        return False
    return len(_LETTERS.findall(sentence)) >= 0.85 * len(sentence)


def _words(sentence: str) -> int:
    return len(_WIDE.sub(" ", sentence).split()) + len(_WIDE.findall(sentence)) // 2


def _hangs(sentence: str) -> bool:
    """Whether it speaks of something that was said before or elsewhere, or is not quite text."""
    return bool(_HANGING.match(sentence))


def _worth(alike: NDArray[np.float32], candidates: Sequence[Extracted], wanted: frozenset[str]) -> NDArray[np.float32]:
    """Mean similarity to the others, scaled to 1 for the most central, and what its place and words asked for add."""
    others = (alike.sum(axis=1) - alike.diagonal()) / max(len(candidates) - 1, 1)
    central = others / max(float(others.max()), 1e-9)
    place = _POSITION / (1 + np.arange(len(candidates), dtype=np.float32))
    shared = [len(wanted.intersection(terms(sentence.text))) / max(len(wanted), 1) for sentence in candidates]
    return np.asarray(central + place + _ASKED * np.array(shared, np.float32), np.float32)


def _tf_idf(candidates: Sequence[Extracted]) -> NDArray[np.float32]:
    """A vector of length 1 for each sentence, of its terms; those that fewer sentences have weigh more."""
    counts = [Counter(terms(sentence.text)) for sentence in candidates]
    frequency = Counter(term for count in counts for term in count)
    column = {term: index for index, term in enumerate(frequency)}
    vectors = np.zeros((len(candidates), max(len(column), 1)), np.float32)
    for row, count in enumerate(counts):
        for term, times in count.items():
            vectors[row, column[term]] = (1 + np.log(times)) * np.log(1 + len(candidates) / frequency[term])
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)
