"""Which run wrote which words of a draft. Pure.

Found by comparing texts, so that nothing has to follow the draft while it is edited, undone, restored or opened again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import TypeAlias

from app.text.spans import Span
from app.text.words import Piece, pieces

LEAST_WORDS = 4
"""Fewer words in a row may be anybody's."""

MOST_PLACES = 200
"""Places tried for one beginning, so that a run that repeats itself does not take for ever."""

_Match: TypeAlias = tuple[int, int, int, int]
"""Minus its length in pieces, the run, where in the draft it is, and where in the run."""


class Authorship:
    """Says for any part of a draft which of some runs wrote it, and where in what the run wrote.

    The longest agreements come first, of equal ones those of the first run; each word of a run is in the draft once.
    """

    def __init__(self, draft: str, texts: Sequence[str]) -> None:
        """`texts`: what each run wrote, the newest first."""
        self._draft, self._texts = pieces(draft), [pieces(text) for text in texts]
        self._ends = [piece.end for piece in self._draft]
        self._owners: dict[int, tuple[int, int]] = {}
        """For a piece of the draft the run that wrote it, and which piece of the run's it is."""
        matches = list(_matches(self._draft, self._texts))
        heapify(matches)
        taken: set[tuple[int, int]] = set()
        while matches:
            match = heappop(matches)
            free = list(self._free(match, taken))
            if free != [match]:
                for part in free:
                    heappush(matches, part)
                continue
            size, run, at, where = match
            self._owners |= {at + step: (run, where + step) for step in range(-size)}
            taken |= {(run, where + step) for step in range(-size)}

    def of(self, start: int, end: int) -> tuple[int, list[Span]] | None:
        """The run, an index into the texts, that wrote most of the characters `start` up to `end`, and which characters
        of its text those are; None if no run wrote half of them."""
        first = bisect_right(self._ends, start)
        last = next((at for at in range(first, len(self._draft)) if self._draft[at].start >= end), len(self._draft))
        total = sum(piece.halves for piece in self._draft[first:last])
        shares: Counter[int] = Counter()
        for at in range(first, last):
            if at in self._owners:
                shares[self._owners[at][0]] += self._draft[at].halves
        run, share = max(shares.items(), key=lambda item: item[1], default=(0, 0))
        if not total or 2 * share < total:
            return None
        theirs = [self._owners[at][1] for at in range(first, last) if self._owners.get(at, (-1, 0))[0] == run]
        return run, list(_spans(self._texts[run], theirs))

    def _free(self, match: _Match, taken: set[tuple[int, int]]) -> Iterator[_Match]:
        """What is left of a match: its parts of which no piece, on either side, belongs to another."""
        size, run, at, where = match
        begin = 0
        for step in range(-size + 1):
            if step == -size or at + step in self._owners or (run, where + step) in taken:
                if _enough(self._draft[at + begin : at + step]):
                    yield (begin - step, run, at + begin, where + begin)
                begin = step + 1


def _matches(draft: Sequence[Piece], texts: Sequence[Sequence[Piece]]) -> Iterator[_Match]:
    """The agreements of at least LEAST_WORDS pieces, as long as they are."""
    places: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    wanted = {_key(draft, at) for at in range(len(draft) - LEAST_WORDS + 1)}
    for run, text in enumerate(texts):
        for where in range(len(text) - LEAST_WORDS + 1):
            key = _key(text, where)
            if key in wanted and len(places.setdefault(key, [])) < MOST_PLACES:
                places[key].append((run, where))
    reached: dict[tuple[int, int], int] = {}
    for at in range(len(draft) - LEAST_WORDS + 1):
        for run, where in places.get(_key(draft, at), ()):
            if not draft[at].halves or reached.get((run, where - at), 0) > at:
                continue  # a sign that may belong to others, or a part of an agreement that began before
            text, most = texts[run], min(len(draft) - at, len(texts[run]) - where)
            size = next((step for step in range(most) if draft[at + step].text != text[where + step].text), most)
            while not draft[at + size - 1].halves:
                size -= 1
            reached[run, where - at] = at + size
            yield (-size, run, at, where)


def _key(text: Sequence[Piece], at: int) -> tuple[str, ...]:
    return tuple(piece.text for piece in text[at : at + LEAST_WORDS])


def _enough(words: Sequence[Piece]) -> bool:
    return sum(piece.halves for piece in words) >= 2 * LEAST_WORDS


def _spans(text: Sequence[Piece], numbers: Sequence[int]) -> Iterator[Span]:
    """The characters of the pieces of these numbers, those in a row together."""
    begin = 0
    for place in range(1, len(numbers) + 1):
        if place == len(numbers) or numbers[place] != numbers[place - 1] + 1:
            yield text[numbers[begin]].start, text[numbers[place - 1]].end
            begin = place
