"""Whether documents say what a sentence says: word for word, in nearly its words, or not as far as can be seen.

A sentence is compared with the passages, up to three sentences in a row, that share its rarest words; those that have
most of its words are then read closely (see `contradictions`), since "must" and "must not" are as alike as can be.
"Near" therefore means: a passage has these words, and nothing in it was seen to speak against the sentence.

What this cannot see: that an ordinary word was put for another among words that are all there ("a blue lamp", "a red
lamp"), if neither is a name or in the lexicon; a synonym (its word counts as missing, so that a paraphrase in words of
its own has no support); what "it" refers to; that two names changed places around a verb that was changed too; that a
condition or an exception at a sentence's end was left out; irony, and a source that is itself wrong or reports what
somebody denies. The lexicon is English: in other languages numbers, names and the share of words decide, where words
have no blanks between them pairs of characters; of Japanese the common negations are known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Literal, TypeAlias

import Stemmer

from app.reading.support.claims import Claims, Reader
from app.reading.support.contradictions import Comparison, Opposites, Reason, compare
from app.reading.support.source_index import SourceIndex, SourceSentence, SourceText
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
"""Words in common that make a claim; one less if those are all and the sentence does not speak of its text."""

_TOGETHER = 0.5
"""Share of its neighbouring words that are neighbours in the passage."""

_WINDOWS = ((0, 0), (0, 1), (-1, 0), (-1, 1), (0, 2), (-2, 0))
"""Passages around a candidate: first and last sentence from there."""


@dataclass(frozen=True, slots=True)
class Support:
    """What supports a sentence: `source` are sentences in a row.

    Of a sentence without support `reason` says why; `source` is then the passage that speaks of the same and differs in
    that, empty if no passage does.
    """

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
        self._index = SourceIndex(texts, self._reader)

    def check(self, sentence: str, within: Collection[int] | None = None) -> Support:
        """What supports `sentence` in the texts, or in those with the indices `within`."""
        with self._lock:
            claimed = self._reader.read(sentence)
            if not claimed.content:
                return Support("none", (), "unlike")
            for span, whole in self._index.word_for_word(sentence, within):
                if whole or (_enough(claimed, 1.0) and self._compare(claimed, self._index.claims(span)).reason is None):
                    return Support("word for word", self._index.sentences(span))
            return self._near(sentence, claimed, within)

    def _near(self, sentence: str, claimed: Claims, within: Collection[int] | None) -> Support:
        against, contradicted = Support("none", (), "unlike"), 0.0
        refused = set[int]()
        for candidate in self._index.candidates(claimed.stems, within):
            shared = 0
            for first, last in _WINDOWS:
                span = range(candidate + first, candidate + last + 1)
                if not self._index.in_a_row(span, within) or not refused.isdisjoint(span):
                    continue
                found = len(claimed.stems & self._index.stems(span))
                if found <= shared or found < _SPOKEN_OF * len(claimed.stems):
                    continue
                shared = found
                passage = self._index.claims(span)
                result = self._compare(claimed, passage)
                source = self._index.sentences(span)
                if result.reason is None:
                    if result.coverage >= contradicted and self._is_support(sentence, claimed, span, result):
                        return Support("near", source)
                elif result.coverage >= _SPOKEN_OF and result.together >= _TOGETHER:
                    if len(span) == 1 and _speaks_of(passage, result.reason):
                        refused.add(candidate)
                    if result.coverage > contradicted:
                        against, contradicted = Support("none", source, result.reason), result.coverage
        return against

    def _is_support(self, sentence: str, claimed: Claims, span: range, found: Comparison) -> bool:
        if not _enough(claimed, found.coverage) or found.together < _TOGETHER:
            return False
        wide = any(word.wide for word in claimed.words)
        if found.coverage >= (COVERED_IN_PAIRS if wide else COVERED):
            return True
        if found.coverage < COVERED_IF_SIMILAR or self._similarity is None:
            return False
        return self._similarity(sentence, [self._index.quoted(span)])[0] >= SIMILAR

    def _compare(self, claimed: Claims, passage: Claims) -> Comparison:
        return compare(claimed, passage, self._opposites, self._index.weight)


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
    talk = any(word.role == "talk" for word in claimed.words)
    least = _LEAST if talk or coverage < 1 else _LEAST - 1
    return coverage * len(claimed.stems) >= least


def _speaks_of(passage: Claims, reason: Reason) -> bool:
    """Whether a passage that lacks something has another thing of its kind."""
    return reason not in ("number", "unit", "name") or any(word.role == reason for word in passage.words)
