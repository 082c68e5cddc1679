"""The passages of documents that answer a question: found sentence by sentence in the parts that have to do with it.

How near a sentence comes is told by its meaning, by the question's words, of which rare ones count for more, and by the
part it stands in (benchmarks.relevance). A passage goes on with the sentences behind the one that was found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from app.reading.extract import passage
from app.reading.reading import Reading, Saying
from app.reading.statements import FEWEST, Statement
from app.reading.terms import asked, terms

PARTS = 8
"""That are looked through, the most relevant."""

PASSAGE_WORDS = 60
"""Of a passage, at most."""

KEPT = 0.75
"""Of the score of the best: a passage with less is left out."""

_MEANING, _WORDS, _PART = 0.3, 0.2, 0.5
_OPENS = 0.2  # added for the first statement of a part if it has to do with the question, less for those after it
_PENALTY = {"alone": 0.0, "follows": 0.0, "elsewhere": 0.15, "apparatus": 0.5}


@dataclass(frozen=True, slots=True)
class _Place:
    part: int
    index: int
    statement: Statement


def answering(
    reading: Reading, question: str, words: int, numbers: Sequence[int], wanted: Sequence[int] = ()
) -> Mapping[int, tuple[Saying, ...]]:
    """What the parts `numbers` say to it, about `words` words in all, by part, that with the best passage first. Of
    each part of `wanted` something, if it has a whole sentence."""
    known = {number: reading.statements(number) for number in dict.fromkeys((*wanted, *numbers))}
    places = [_Place(number, index, each) for number, found in known.items() for index, each in enumerate(found)]
    if not places:
        return {}
    scores = _scores(reading, question, places)
    taken: dict[int, set[int]] = {}
    said: set[str] = set()
    left, best = words, float(scores.max())
    for at in np.argsort(-scores, kind="stable"):
        place, first = places[at], not taken
        must = place.part in wanted and place.part not in taken
        if not must and (scores[at] < KEPT * best or left < FEWEST):
            continue
        room = PASSAGE_WORDS if first or must else min(left, PASSAGE_WORDS)
        run = _from(known[place.part], place.index, room)
        texts = {known[place.part][index].text for index in run}
        if run and not said & texts:
            taken.setdefault(place.part, set()).update(run)
            said |= texts
            left -= sum(known[place.part][index].words for index in run)
    return {
        number: reading.quoted(number, [known[number][index] for index in sorted(run)]) for number, run in taken.items()
    }


def _from(found: Sequence[Statement], begin: int, words: int) -> list[int]:
    """The passage with a statement: from the one that it hangs on, if it hangs on one. Empty if that leaves it out."""
    start = begin
    while found[start].bearing == "follows" and found[start].before >= 0:
        start = found[start].before
    run = passage(found, start, words)
    return run if begin in run else []


def _scores(reading: Reading, question: str, places: Sequence[_Place]) -> NDArray[np.float32]:
    """Of each place how well it answers."""
    relevance = reading.relevance(question)
    parts = np.array([relevance[place.part] for place in places], np.float32)
    own = _WORDS * _shared(reading, question, places)
    near = reading.nearness(question, [place.statement.text for place in places])
    if near is not None:
        own += _MEANING * near / max(float(near.max()), 1e-9)
    scores = _PART * parts / max(float(parts.max()), 1e-9) + own
    scores += _OPENS * (own > 0) / (1 + np.array([place.index for place in places], np.float32))
    return scores - np.array([_PENALTY[place.statement.bearing] for place in places], np.float32)


def _shared(reading: Reading, question: str, places: Sequence[_Place]) -> NDArray[np.float32]:
    """Of each place the share of the question's terms that it or its part's title has, those counting for more that
    fewer parts have."""
    counts = reading.frequency(asked(question))
    weights = {term: log(1 + len(reading.parts) / count) for term, count in counts.items() if count}
    titles = {place.part: set(terms(reading.parts[place.part].title)) for place in places}
    found = [titles[place.part].union(terms(place.statement.text)) for place in places]
    total = max(sum(weights.values()), 1e-9)
    return np.array(
        [sum(weight for term, weight in weights.items() if term in own) / total for own in found], np.float32
    )
