"""The words of a sentence and of a passage, laid side by side. Pure."""

from __future__ import annotations

from itertools import pairwise

from rapidfuzz.distance import LCSseq

from app.reading.support.claims import Claims

_TOGETHER = 5
"""Words apart that still are together."""


class Alignment:
    """Which word of `source` each word of `claimed` is: `to` maps the indices, `back` does the reverse.

    `in_order`: those of `claimed` that are in the order of `source`, the longest common subsequence; the others were
    moved. A word of the source is taken once.
    """

    def __init__(self, claimed: Claims, source: Claims) -> None:
        """Aligns them."""
        self.claimed, self.source = claimed, source
        self.to = self._common()
        self.in_order = frozenset(self.to)
        self._add_moved()
        self.back = {there: here for here, there in self.to.items()}

    def together(self) -> float:
        """The share of the words next to each other that the source has near each other."""
        places = {at: place for place, at in enumerate(self.source.content)}
        found = [places[self.to[at]] for at in self.claimed.content if self.to.get(at) in places]
        steps = [abs(one - other) <= _TOGETHER for one, other in pairwise(found)]
        return sum(steps) / len(steps) if steps else 1.0

    def beside(self, here: int, there: int) -> bool:
        """Whether words beside these two are the same."""
        ours, theirs = self.claimed.ordered, self.source.ordered
        place, other = ours.index(here), theirs.index(there)
        near = set(theirs[max(0, other - 4) : other + 5])
        return any(self.to.get(at) in near for at in ours[max(0, place - 3) : place + 4])

    def _common(self) -> dict[int, int]:
        ours, theirs = self.claimed.ordered, self.source.ordered
        here, there = [self.claimed.words[at].stem for at in ours], [self.source.words[at].stem for at in theirs]
        to = dict[int, int]()
        for step in LCSseq.opcodes(here, there):
            if step.tag == "equal":
                span = range(step.src_end - step.src_start)
                to.update((ours[step.src_start + shift], theirs[step.dest_start + shift]) for shift in span)
        return to

    def _add_moved(self) -> None:
        taken, last = set(self.to.values()), 0
        left = [at for at in self.source.ordered if at not in taken]
        for at in self.claimed.ordered:
            if at not in self.to:
                stem = self.claimed.words[at].stem
                same = [other for other in left if self.source.words[other].stem == stem]
                if same:
                    self.to[at] = min(same, key=lambda other: abs(other - last))
                    left.remove(self.to[at])
            last = self.to.get(at, last)
