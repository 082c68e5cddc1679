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

from app.reading.lines import is_of_lines, line_spans
from app.reading.standing import Bearing, bearing, is_definite, standing_alone
from app.reading.terms import asked, terms
from app.text.sentences import sentences

WORDS = 60
"""A note has about so many words."""

_FEWEST, _MOST = 5, 50  # words of a sentence; an ideograph or kana counts as half a word
_POSITION = 0.5  # added for the first sentence, less for those after it
_OPENS = 0.15  # added for the first of a paragraph
_UNKNOWN = 0.4  # taken away from one that begins with what was spoken of before
_ON = 0.15  # added for one directly behind a sentence that is taken
_DEFINITION = 0.2  # added for one that says what something is
_TITLE = 0.4  # added for one that has all words of the title
_ASKED = 2.0  # added for one that has all words of what is asked for
_REPEATS = 0.7  # taken away for what was said already
_COMPARED = 400  # sentences of a part, at most; the rest of a longer one is not looked at

_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_CAPTION = re.compile(
    r"(?:fig(?:ure|\.)|table|abb(?:ildung|\.)|listing|図|表)\s*[\d.]+|copyright\b|©|see also\b", re.IGNORECASE
)
# Also "/usr is", "read.table() reads".
_BEGINS = re.compile(r"[\"'“”‘«「『]?(?:[A-ZÀ-ÖØ-ÞĀ-Ž/]|[^\W\d_a-zß-öø-ÿ]|(?!e\.g|i\.e)[a-z][\w-]*[._/(][^\s.])")
_ENDS = re.compile(r"[.!?。！？][\"'”’)»」』]*$")
# A note below the text: "[12] The …", "12 The …".
_NOTE = re.compile(r"(?:\^?\[\d{1,3}\]|\d{1,3}) (?=\W?[A-Z])")
_NOTE_NUMBERS = re.compile(r"^(\d{1,3}) \W?[A-Z][^\n]*[.!?]", re.MULTILINE)
_NEW_LINE = re.compile(r"\n\s*(?![a-z(])\S|\A\S{1,12}\n")
_PROGRAM = re.compile(r"(?::|[{};\\])\s*\Z|<-|\w\(\)?\s*\Z|^\s*[>$%#] ")
_FINITE = re.compile(
    r"(?:(?!where|which|that|who|when|if)\S+ ){1,9}(?:is|are|was|were|has|have|must|should|shall|may|might|"
    r"can|could|will|would)\b"
)
_DEFINES = re.compile(
    r"(?:[\w’'“”\"./()-]+,? ){1,7}(?:is|are|provides?|contains?|consists? of|holds?|allows?|means|specif(?:y|ies)|"
    r"describes?|defines?|gives?|enables?|lets?|can be (?:used|considered)|(?:is|are) used)\b"
    r"|[^、。]{1,24}(?:とは|は、)"
)
_LETTERS = re.compile(r"[^\W\d_]|[\s,]")


@dataclass(frozen=True, slots=True)
class Extracted:
    """A sentence: characters `start` up to, not including, `end` of the part's text, and the text itself, in which line
    ends are blanks, without the numbers of notes that stand below."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A whole sentence, what it needs, and whether it begins a paragraph that goes on from nothing. before: the index
    of the candidate that it stands directly behind in the same paragraph, or -1."""

    sentence: Extracted
    bearing: Bearing
    first: bool
    before: int

    @property
    def text(self) -> str:
        return self.sentence.text

    @property
    def definite(self) -> bool:
        """Whether it begins with what was spoken of before."""
        return not self.first and is_definite(self.text)


def note(
    text: str,
    words: int = WORDS,
    focus: str = "",
    *,
    title: str = "",
    alone: bool = False,
    in_lines: bool = False,
) -> tuple[Extracted, ...]:
    """The sentences of a part's plain text that say most about it, or about the words of `focus`, in their order: at
    least one if there is a whole sentence, about `words` words in all, none twice. `title`: what the part is called.

    One that hangs on the sentence before it comes only with that. Where none stands by itself any comes, and if they
    are to stand `alone` none. in_lines: lines of words instead of sentences."""
    candidates = (_lines(text, title) if in_lines else _candidates(text))[:_COMPARED]
    open_ones = _open(candidates, alone=alone)
    if not open_ones:
        return ()
    texts = [candidate.text for candidate in candidates]
    vectors = _tf_idf(texts)
    alike = vectors @ vectors.T
    worth = _worth(alike, candidates, frozenset(terms(title)), frozenset(asked(focus)) if focus else frozenset())
    chosen: list[int] = []
    left = words
    while open_ones and (not chosen or left >= _FEWEST):
        taken = alike[:, chosen].max(axis=1) if chosen else np.zeros(len(candidates), np.float32)
        on = {
            index: _ON + _UNKNOWN * candidates[index].definite
            for index in open_ones
            if candidates[index].before in chosen
        }
        best = max(open_ones, key=lambda index: float(worth[index] - _REPEATS * taken[index]) + on.get(index, 0.0))
        open_ones.remove(best)
        size = _words(candidates[best].text)
        if not chosen or (size <= left and taken[best] < _REPEATS):
            chosen.append(best)
            left -= size
            open_ones += [
                index
                for index, candidate in enumerate(candidates)
                if candidate.before == best and candidate.bearing == "follows" and index not in open_ones
            ]
    return tuple(candidates[index].sentence for index in sorted(chosen))


def _open(candidates: Sequence[_Candidate], *, alone: bool) -> list[int]:
    """The indices of those that need nothing; else, unless they are to stand `alone`, of the next best kind."""
    wanted: tuple[Bearing, ...] = ("alone",) if alone else ("alone", "follows", "elsewhere")
    kinds = ([index for index, each in enumerate(candidates) if each.bearing == kind] for kind in wanted)
    return next((indices for indices in kinds if indices), [])


def _candidates(text: str) -> list[_Candidate]:
    found: list[_Candidate] = []
    marks = _marks(text)
    end, last = 0, -1  # of the sentence before, and its index if it is a candidate
    noted = False  # in a paragraph that is a note
    for sentence in sentences(text):
        between, spelt = text[end : sentence.start], text[sentence.start : sentence.end]
        one = Extracted(sentence.start, sentence.end, " ".join(marks.sub("", spelt).split()))
        first, before, end, last = "\n" in between or not end, last, sentence.end, -1
        noted = bool(_NOTE.match(spelt)) or (noted and not first)
        # "Figure 3. The lamp." is two sentences, and the second no sentence of the text.
        caption = _CAPTION.match(text, text.rfind("\n", 0, sentence.start) + 1)
        if sentence.kind in ("sentence", "item") and not caption and is_whole(standing_alone(one.text)):
            needs = bearing(one.text)
            # Lines that were not joined may be titles; an item without a verb ends what stands before its list.
            hidden = bool(_NEW_LINE.search(spelt)) or (
                sentence.kind == "item" and first and not _FINITE.match(one.text)
            )
            if needs != "apparatus" and (noted or hidden):
                needs = "elsewhere"
            last = len(found)
            opens = first and not _PROGRAM.search(text[: sentence.start].rstrip().rpartition("\n")[2])
            found.append(_Candidate(one, needs, opens, -1 if first else before))
    return found


def _lines(text: str, title: str) -> list[_Candidate]:
    return [
        _Candidate(Extracted(start, end, " ".join(text[start:end].split())), "alone", first=False, before=-1)
        for start, end in line_spans(text, title)
    ]


def said_in_lines(text: str) -> bool:
    """Whether a plain text is no running text, so that it is its lines that say something."""
    return is_of_lines(text, [(each.sentence.start, each.sentence.end) for each in _candidates(text)])


def _marks(text: str) -> re.Pattern[str]:
    """What finds the numbers of notes that stand below, where they are glued to a word: "the lamp12 was"."""
    numbers = "|".join({match[1] for match in _NOTE_NUMBERS.finditer(text)}) or r"(?!)"
    return re.compile(rf"(?<=[a-z][a-z][a-z])(?:{numbers})(?=[\s,.;:)]|\Z)")


def is_whole(sentence: str) -> bool:
    """Whether it reads as a sentence by itself: not a caption, a title, a program, a row of a table or of contents."""
    if not _FEWEST <= _words(sentence) <= _MOST or not _ENDS.search(sentence) or not _BEGINS.match(sentence):
        return False
    if _CAPTION.match(sentence) or "…" in sentence or sentence.count("(") != sentence.count(")"):
        return False
    return len(_LETTERS.findall(sentence)) >= 0.85 * len(sentence)


def _words(sentence: str) -> int:
    return len(_WIDE.sub(" ", sentence).split()) + len(_WIDE.findall(sentence)) // 2


def _worth(
    alike: NDArray[np.float32], candidates: Sequence[_Candidate], named: frozenset[str], wanted: frozenset[str]
) -> NDArray[np.float32]:
    """Mean similarity to the others, scaled to 1 for the most central, and what is added for its place, for a
    definition, for words of the title and for those asked for."""
    others = (alike.sum(axis=1) - alike.diagonal()) / max(len(candidates) - 1, 1)
    central = others / max(float(others.max()), 1e-9)
    place = _POSITION / (1 + np.arange(len(candidates), dtype=np.float32))
    found = [set(terms(candidate.text)) for candidate in candidates]
    added = [
        _OPENS * candidate.first
        - _UNKNOWN * candidate.definite
        + _DEFINITION * bool(_DEFINES.match(candidate.text))
        + _TITLE * len(named & own) / max(len(named), 1)
        + _ASKED * len(wanted & own) / max(len(wanted), 1)
        for candidate, own in zip(candidates, found, strict=True)
    ]
    return np.asarray(central + place + np.array(added, np.float32), np.float32)


def _tf_idf(texts: Sequence[str]) -> NDArray[np.float32]:
    """A vector of length 1 for each sentence, of its terms; those that fewer sentences have weigh more."""
    counts = [Counter(terms(text)) for text in texts]
    frequency = Counter(term for count in counts for term in count)
    column = {term: index for index, term in enumerate(frequency)}
    vectors = np.zeros((len(texts), max(len(column), 1)), np.float32)
    for row, count in enumerate(counts):
        for term, times in count.items():
            vectors[row, column[term]] = (1 + np.log(times)) * np.log(1 + len(texts) / frequency[term])
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)
