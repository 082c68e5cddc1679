"""Whether a passage says what a sentence claims, told from the words of both. Pure.

The words of the two are aligned (longest common subsequence, then what was moved). What has to be the same: numbers,
units and names, each beside the same words; the words that turn a meaning (app.reading.lexicon) before the same words; no
word against its opposite; and the order of three parts, since "A sued B" and "B sued A" have the same words. Two parts
may change places ("if X, Y" and "Y if X"), and passive voice turns the order round.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from rapidfuzz.distance import LCSseq

from app.reading.claims import Claims, Word
from app.reading.lexicon import ADDED, OMITTED, OPPOSITES, Category

Reason: TypeAlias = Literal["negation", "modality", "quantifier", "number", "unit", "name", "roles", "unlike"]
"""Why a sentence is not supported; `unlike`: no passage has enough of its words."""

_NEAR = 3
"""Words that claim something between a number and the word that it is said of."""

_TOGETHER = 5
"""Words apart that still are together."""

_REACH = 8
"""Words within which an order is compared."""

_ENDS = frozenset(".;:!?。！？")
_PREPOSITIONS = frozenset(("in", "since", "until", "by", "from", "to", "after", "before", "around", "during"))
_PARTICIPLE = re.compile(r"(?:ed|en|wn|un|ught|ilt|ept|ade|ent|old|ung|one|ut|ound|aid|ead)$")
_JOINS = frozenset(("and", "or", "nor"))


class Opposites:
    """Which stems cannot stand for each other."""

    def __init__(self, stem: Callable[[str], str]) -> None:
        self._of: dict[str, set[str]] = {}
        for group in OPPOSITES:
            first, *others = (stem(word) for word in group)
            for other in others:
                self._of.setdefault(first, set()).add(other)
                self._of.setdefault(other, set()).add(first)

    def of(self, stem: str) -> set[str]:
        """Those of a stem, with those that a prefix or suffix makes."""
        made = {prefix + stem for prefix in ("un", "in", "im", "ir", "il", "non", "dis", "de")}
        for prefix in ("un", "in", "im", "ir", "il", "non", "dis", "de"):
            if stem.startswith(prefix) and len(stem) > len(prefix) + 3:
                made.add(stem[len(prefix) :])
        return self._of.get(stem, set()) | made


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a passage has of a sentence.

    `coverage`: of the words that claim something and need not be the same, by their weight. `together`: how many of
    those that follow one another do so there, nearly. `reason`: the first thing that differs, None if nothing does.
    """

    coverage: float
    together: float
    reason: Reason | None


def compare(claimed: Claims, source: Claims, opposites: Opposites, weight: Callable[[str], float]) -> Comparison:
    """What of `claimed` the passage `source` says."""
    words = [claimed.words[at] for at in claimed.content]
    words = [word for word in words if not word.exact] or words
    stems = source.stems | {source.words[at].stem for at in source.ordered}
    weights = [(weight(word.stem), word.stem in stems) for word in words]
    pair = _Pair(claimed, source, opposites)
    coverage = sum(part for part, found in weights if found) / sum(part for part, _ in weights)
    return Comparison(coverage, pair.together(), pair.reason())


class _Pair:
    """A sentence and a passage, aligned: `to` maps indices of words of the one to the other, `back` the reverse."""

    def __init__(self, claimed: Claims, source: Claims, opposites: Opposites) -> None:
        self.claimed, self.source, self._opposites = claimed, source, opposites
        self.to, self._in_order = _aligned(claimed, source)
        self.back = {there: here for here, there in self.to.items()}

    def reason(self) -> Reason | None:
        return next((reason for reason in self._reasons() if reason), None)

    def together(self) -> float:
        """The share of the words next to each other that the passage has near each other."""
        places = {at: place for place, at in enumerate(self.source.content)}
        found = [places[self.to[at]] for at in self.claimed.content if self.to.get(at) in places]
        steps = [abs(one - other) <= _TOGETHER for one, other in pairwise(found)]
        return sum(steps) / len(steps) if steps else 1.0

    def _reasons(self) -> Iterator[Reason | None]:
        yield self._missing()
        yield self._turned()
        yield self._opposed()
        yield self._misplaced()
        yield self._reordered()

    def _missing(self) -> Reason | None:
        """A number, unit or name that the passage does not have."""
        stems = {self.source.words[at].stem for at in self.source.content}
        for at in self.claimed.content:
            word = self.claimed.words[at]
            if word.exact and (at not in self.to if word.role == "number" else word.stem not in stems):
                return "number" if word.role == "number" else "unit" if word.role == "unit" else "name"
        return self._other_subject()

    def _other_subject(self) -> Reason | None:
        """A capital at the start of the sentence that stands where the passage has another name."""
        first, *others = self.claimed.content or [0]
        if not others or first in self.to or not self.claimed.words[first].capital or others[0] not in self.to:
            return None
        before = [at for at in self.source.content if at < self.to[others[0]]][-2:]
        named = any(self.source.words[at].role == "name" and at not in self.back for at in before)
        return "name" if named else None

    def _turned(self) -> Reason | None:
        """A word that turns a meaning in one of the two only, or another one there."""
        taken = set[int]()
        for at in _operators(self.claimed):
            word = self.claimed.words[at]
            answer = self._answer(at, self.claimed, self.source, self.to, taken)
            if answer is False or (answer is None and word.text not in ADDED):
                return _reason(word)
        for at in _operators(self.source):
            word = self.source.words[at]
            heads = _heads(self.source, at, 2)
            touched = heads and (heads[0] in self.back or (_negates(word) and heads[-1] in self.back))
            if touched and not _droppable(self.source, at):
                if not self._answer(at, self.source, self.claimed, self.back, set()):
                    return _reason(word)
        return None

    def _answer(self, at: int, ours: Claims, theirs: Claims, map_: dict[int, int], taken: set[int]) -> bool | None:
        """Whether the other text has the same operator before the same words; None if it has none before them.

        A negation answers one; it is put into `taken`.
        """
        category, meaning = ours.words[at].meaning or ("negation", "")
        heads = [map_[head] for head in _heads(ours, at, 2) if head in map_]
        alike = [other for other in _operators(theirs) if _category(theirs.words[other]) == category]
        if heads and category == "negation":
            alike = [other for other in alike if heads[0] in _heads(theirs, other, 2) and other not in taken]
            taken.update(alike[:1])
        elif heads and category != "only":
            alike = [other for other in alike if set(heads) & set(_heads(theirs, other, 3))]
        if not alike:
            return None
        meanings = {word.meaning[1] for word in (theirs.words[other] for other in alike) if word.meaning}
        if category == "modality" and _negated(ours, at) and any(_negated(theirs, other) for other in alike):
            return meaning in meanings or "should" not in {meaning, *meanings}  # must not, may not, cannot
        return meaning in meanings

    def _opposed(self) -> Reason | None:
        """A word where the passage has its opposite."""
        there = [self.source.words[at].stem for at in self.source.ordered]
        for at in self.claimed.ordered:
            stem = self.claimed.words[at].stem
            against = self._opposites.of(stem)
            if stem not in there:
                places = [
                    other
                    for other in self.source.ordered
                    if self.source.words[other].stem in against and other not in self.back
                ]
                if any(
                    self._beside(at, other) and self._negates(self.claimed, at) == self._negates(self.source, other)
                    for other in places
                ):
                    return "negation"
            elif following := [self.to[head] for head in _heads(self.claimed, at, 1) if head in self.to]:
                place = self.source.ordered.index(following[0])
                before = there[max(0, place - 2) : place]
                if stem not in before and against & set(before):
                    return "negation"
        return None

    def _beside(self, at: int, other: int) -> bool:
        """Whether words beside these two are aligned."""
        ours, theirs = self.claimed.ordered, self.source.ordered
        here, there = ours.index(at), theirs.index(other)
        near = set(theirs[max(0, there - 4) : there + 5])
        return any(self.to.get(index) in near for index in ours[max(0, here - 3) : here + 4])

    @staticmethod
    def _negates(text: Claims, at: int) -> bool:
        return any(_negates(text.words[other]) and at in _heads(text, other, 2) for other in _operators(text))

    def _misplaced(self) -> Reason | None:
        """A number or name beside other words than in the passage."""
        ours, theirs = self.claimed, self.source
        places = {at: place for place, at in enumerate(theirs.content)}
        for place, at in enumerate(ours.content):
            word = ours.words[at]
            if word.role == "number" and not word.wide and not self._number_is_beside(place, places):
                return "number"
            if not (word.exact and place and at in self.to and ours.content[place - 1] in self._in_order):
                continue
            start, end = self.to[ours.content[place - 1]], self.to[at]
            if start >= end or _parted(ours.words[ours.content[place - 1] + 1 : at]):
                continue
            others = [
                index for index in theirs.content if start < index < end and theirs.words[index].role == word.role
            ]
            if any(not _adjacent(theirs, index, end) for index in others):
                return "number" if word.role == "number" else "unit" if word.role == "unit" else "name"
        return None

    def _number_is_beside(self, place: int, places: dict[int, int]) -> bool:
        ours, theirs = self.claimed, self.source
        at = ours.content[place]
        around = [*ours.content[place + 1 : place + 3], *reversed(ours.content[max(0, place - 2) : place])]
        if _floats(ours, at):
            return True
        stems = {ours.words[index].stem for index in around if ours.words[index].role != "number"}
        near = {word.stem for word in (theirs.words[index] for index in theirs.content)} & stems
        if not near:
            return True
        for there in (index for index in theirs.content if theirs.words[index].stem == ours.words[at].stem):
            for step in (1, -1):
                for index in theirs.content[places[there] + step :: step][:_NEAR] if places[there] + step >= 0 else ():
                    between = theirs.words[min(there, index) + 1 : max(there, index)]
                    if theirs.words[index].role == "number" or any(word.text in _ENDS for word in between):
                        break
                    if theirs.words[index].stem in near:
                        return True
        return False

    def _reordered(self) -> Reason | None:
        """Three parts in the reverse order, or in the same order although only one is in the passive voice."""
        moved = [(at, self.to[at]) for at in self.claimed.ordered if at in self.to]
        passive = {at for at in _passives(self.claimed) if at in self.to}
        passive_there = {self.back[at] for at in _passives(self.source) if at in self.back}
        turned = passive ^ passive_there
        for middle, (at, there) in enumerate(moved):
            before = moved[max(0, middle - _REACH) : middle]
            after = moved[middle + 1 : middle + 1 + _REACH]
            highest = max((pair for pair in before if pair[1] > there), key=lambda pair: pair[0], default=None)
            lowest = min((pair for pair in after if pair[1] < there), key=lambda pair: pair[0], default=None)
            if highest and lowest and not any(highest[0] <= verb <= lowest[0] for verb in turned):
                return "roles"
            if at in turned and before and after and before[-1][1] < there < after[0][1]:
                text = self.claimed if at in passive else self.source
                agent = after[0][0] if at in passive else after[0][1]
                if _is_agent(text, at if at in passive else there, agent):
                    return "roles"
        return None


def _aligned(claimed: Claims, source: Claims) -> tuple[dict[int, int], frozenset[int]]:
    """For words of the sentence which of the passage they are, and those of them that are in the passage's order."""
    ours, theirs = claimed.ordered, source.ordered
    here, there = [claimed.words[at].stem for at in ours], [source.words[at].stem for at in theirs]
    to = dict[int, int]()
    for step in LCSseq.opcodes(here, there):
        if step.tag == "equal":
            for shift in range(step.src_end - step.src_start):
                to[ours[step.src_start + shift]] = theirs[step.dest_start + shift]
    in_order, taken = frozenset(to), set(to.values())
    left = [at for at in theirs if at not in taken]
    last = 0
    for at in ours:
        if at not in to:
            same = [other for other in left if source.words[other].stem == claimed.words[at].stem]
            if same:
                to[at] = min(same, key=lambda other: abs(other - last))
                left.remove(to[at])
        last = to.get(at, last)
    return to, in_order


def _operators(text: Claims) -> list[int]:
    return [at for at, word in enumerate(text.words) if word.meaning]


def _heads(text: Claims, at: int, most: int) -> list[int]:
    """Up to so many words that claim something and that the operator at `at` is said of."""
    if text.words[at].wide:
        return [index for index in text.content if index < at][-most:]
    heads = list[int]()
    for index in range(at + 1, len(text.words)):
        word = text.words[index]
        if word.text in _ENDS or (word.role == "break" and heads) or len(heads) == most:
            break
        if word.role not in ("small", "break", "order", "talk"):
            heads.append(index)
    return heads


def _category(word: Word) -> Category | None:
    return word.meaning[0] if word.meaning else None


def _negates(word: Word) -> bool:
    return _category(word) == "negation"


def _negated(text: Claims, at: int) -> bool:
    return any(_negates(word) for word in text.words[max(0, at - 3) : at + 3])


def _droppable(text: Claims, at: int) -> bool:
    """Whether a sentence without this operator claims no more."""
    word = text.words[at]
    if word.text == "only":
        return any(text.words[head].role == "number" for head in _heads(text, at, 1))
    return word.text in OMITTED and not (_negated(text, at) and word.text in ("can", "could"))


def _reason(word: Word) -> Reason:
    category = word.meaning[0] if word.meaning else "negation"
    return "negation" if category in ("exception", "only", "negation") else category  # type: ignore[return-value]


def _floats(text: Claims, at: int) -> bool:
    """Whether a number is a part of a sentence by itself, such as "since 1995", that stands anywhere in it."""
    before, after = text.words[at - 1] if at else None, text.words[at + 1] if at + 1 < len(text.words) else None
    alone = after is None or after.role in ("small", "break", "order")
    return alone and before is not None and before.text in _PREPOSITIONS


def _parted(words: Iterable[Word]) -> bool:
    return any(word.role == "break" or word.text in _JOINS for word in words)


def _adjacent(text: Claims, start: int, end: int) -> bool:
    """Whether only words of one name or number lie between."""
    return all(word.role == text.words[end].role for word in text.words[start:end])


def _passives(text: Claims) -> dict[int, int]:
    """The verbs to which a "by" belongs, and where that is."""
    found = dict[int, int]()
    for by in (at for at, word in enumerate(text.words) if word.text == "by"):
        before = [at for at in range(max(0, by - 6), by) if text.words[at].role == "content"]
        verbs = [at for at in before if _PARTICIPLE.search(text.words[at].text)] or before
        if verbs:
            found[verbs[-1]] = by
    return found


def _is_agent(text: Claims, verb: int, agent: int) -> bool:
    between = text.words[_passives(text)[verb] + 1 : agent]
    return agent > verb and text.words[agent].role != "number" and all(word.role == "small" for word in between)
