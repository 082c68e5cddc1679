"""Notes made of a part's own sentences: grounded by construction, and there at once.

What is taken are passages: a sentence and those behind it, since a sentence says what it says where it stands. Where
one begins is chosen for how much it has in common with the whole part (centrality), for where it stands (a section says
at its beginning what it is about), and against what was taken before (maximal marginal relevance, Carbonell and
Goldstein, SIGIR 1998).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from app.reading.standing import Bearing, is_about_itself
from app.reading.statements import FEWEST, Statement, statements
from app.reading.terms import asked, terms

WORDS = 60
"""A note has about so many words."""

_POSITION = 0.5  # added for the first sentence, less for those after it
_OPENS = 0.3  # added for the first of a paragraph
_UNKNOWN = 0.4  # taken away from one that begins with what was spoken of before
_ITSELF = 0.3  # taken away from one that speaks of the document
_DEFINITION = 0.2  # added for one that says what something is
_TITLE = 0.4  # added for one that has all words of the title
_ASKED = 2.0  # added for one that has all words of what is asked for
_APT = 1.5  # added for the one that is nearest by its meaning to what it is to be about
_REPEATS = 0.7  # taken away for what was said already
_WORN = 1.0  # taken away from what the document says again and again
_COMPARED = 400  # sentences of a part, at most; the rest of a longer one is not looked at

_DEFINES = re.compile(
    r"(?:[\w’'“”\"./()-]+,? ){1,7}(?:is|are|provides?|contains?|consists? of|holds?|allows?|means|specif(?:y|ies)|"
    r"describes?|defines?|gives?|enables?|lets?|can be (?:used|considered)|(?:is|are) used)\b"
    r"|[^、。]{1,24}(?:とは|は、)"
)


def note(
    text: str,
    words: int = WORDS,
    focus: str = "",
    *,
    title: str = "",
    alone: bool = False,
    worn: Callable[[str], bool] = lambda sentence: False,
) -> tuple[Statement, ...]:
    """The passages of a part's plain text that say most about it, see `passages`."""
    return passages(statements(text), words, focus, title=title, alone=alone, worn=worn)


def passages(
    found: Sequence[Statement],
    words: int = WORDS,
    focus: str = "",
    *,
    title: str = "",
    alone: bool = False,
    worn: Callable[[str], bool] = lambda sentence: False,
    apt: NDArray[np.float32] | None = None,
) -> tuple[Statement, ...]:
    """Of a part's statements the passages that say most about it, or about the words of `focus`, in their order: at
    least one statement if there is any, about `words` words in all, none twice. `title`: what the part is called.

    No passage begins with a sentence that hangs on the one before it. Where none stands by itself any comes, and if
    they are to stand `alone` none. worn: whether the document says a sentence again and again. apt: of each statement
    how near it is by its meaning to what it is to be about, 0 to 1."""
    found = found[:_COMPARED]
    open_ones = _open(found, alone=alone)
    if not open_ones:
        return ()
    vectors = _tf_idf([each.text for each in found])
    alike = vectors @ vectors.T
    worth = _worth(alike, found, frozenset(terms(title)), frozenset(asked(focus)) if focus else frozenset())
    if apt is not None:
        worth += _APT * apt[: len(found)] / max(float(apt.max(initial=0)), 1e-9)
    chosen: list[int] = []
    left, tried = words, set[int]()
    while open_ones and (not chosen or left >= FEWEST):
        taken = alike[:, chosen].max(axis=1) if chosen else np.zeros(len(found), np.float32)
        best = max(open_ones, key=lambda index: float(worth[index] - _REPEATS * taken[index]))
        if best not in tried and worn(found[best].text):
            worth[best] -= _WORN
            tried.add(best)
            continue
        open_ones.remove(best)
        run = passage(found, best, left if chosen else max(left, found[best].words))
        if (chosen or open_ones) and (not run or taken[best] >= _REPEATS or set(run) & set(chosen)):
            continue
        run = run or [best]
        chosen += run
        left -= sum(found[index].words for index in run)
        # What is taken as known was not spoken of, where the text goes on elsewhere.
        open_ones = [index for index in open_ones if index not in chosen and not found[index].definite]
    return tuple(found[index] for index in sorted(chosen))


def passage(found: Sequence[Statement], begin: int, words: int) -> list[int]:
    """The indices of a statement and of those directly behind it, `words` words at most: none that is taken back by
    what is left out. Empty if that leaves none."""
    run, left = [begin], words - found[begin].words
    for index in range(begin + 1, len(found)):
        each = found[index]
        if each.before != run[-1] or each.bearing not in ("alone", "follows") or each.words > left:
            break
        run.append(index)
        left -= each.words
    while run and (left < 0 or found[run[-1]].turned):
        left += found[run.pop()].words
    return run


def _open(found: Sequence[Statement], *, alone: bool) -> list[int]:
    """The indices of those that need nothing; else, unless they are to stand `alone`, of the next best kind."""
    wanted: tuple[Bearing, ...] = ("alone",) if alone else ("alone", "follows", "elsewhere")
    kinds = ([index for index, each in enumerate(found) if each.bearing == kind] for kind in wanted)
    return next((indices for indices in kinds if indices), [])


def _worth(
    alike: NDArray[np.float32], found: Sequence[Statement], named: frozenset[str], wanted: frozenset[str]
) -> NDArray[np.float32]:
    """Mean similarity to the others, scaled to 1 for the most central, and what is added for its place, for a
    definition, for words of the title and for those asked for."""
    others = (alike.sum(axis=1) - alike.diagonal()) / max(len(found) - 1, 1)
    central = others / max(float(others.max()), 1e-9)
    place = _POSITION / (1 + np.arange(len(found), dtype=np.float32))
    words = [set(terms(each.text)) for each in found]
    added = [
        _OPENS * each.first
        - _UNKNOWN * each.definite
        - _ITSELF * is_about_itself(each.text)
        + _DEFINITION * bool(_DEFINES.match(each.text))
        + _TITLE * len(named & own) / max(len(named), 1)
        + _ASKED * len(wanted & own) / max(len(wanted), 1)
        for each, own in zip(found, words, strict=True)
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
