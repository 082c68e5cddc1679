"""Whether a passage says what a sentence claims, told from the words of both. Pure.

What has to be the same: numbers, units and names, each beside the same words; the words that turn a meaning before the
same words (see `lexicon`); no word against its opposite; and the order of three parts, since "A sued B" and "B
sued A" have the same words. Two parts may change places ("if X, Y" and "Y if X"), and passive voice turns the order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from app.reading.support.alignment import Alignment
from app.reading.support.claims import ENDS, Claims, Word
from app.reading.support.lexicon import ADDED, OMITTED, OPPOSITES

Reason: TypeAlias = Literal["negation", "modality", "quantifier", "number", "unit", "name", "roles", "unlike"]
"""Why a sentence is not supported; `unlike`: no passage has enough of its words."""

_NEAR = 3
"""Words that claim something between a number and the word that it is said of."""

_REACH = 8
"""Words within which an order is compared."""

_JOINS = frozenset(("and", "or", "nor"))
_PREPOSITIONS = frozenset(("in", "since", "until", "by", "from", "to", "after", "before", "around", "during"))
_PREFIXES = ("un", "in", "im", "ir", "il", "non", "dis", "de")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a passage has of a sentence.

    `coverage`: of the words that claim something and need not be the same, by their weight. `together`: how many of
    those that follow one another do so there, nearly. `reason`: the first thing that differs, None if nothing does.
    """

    coverage: float
    together: float
    reason: Reason | None


class Opposites:
    """Which stems cannot stand for each other."""

    def __init__(self, stem: Callable[[str], str]) -> None:
        """`stem`: that of a word without capitals."""
        self._of = dict[str, set[str]]()
        for group in OPPOSITES:
            first, *others = (stem(word) for word in group)
            for other in others:
                self._of.setdefault(first, set()).add(other)
                self._of.setdefault(other, set()).add(first)

    def of(self, stem: str) -> set[str]:
        """Those of a stem, with those that a prefix makes."""
        longer = {prefix + stem for prefix in _PREFIXES}
        shorter = {stem.removeprefix(prefix) for prefix in _PREFIXES if len(stem) > len(prefix) + 3} - {stem}
        return self._of.get(stem, set()) | longer | shorter


def compare(claimed: Claims, source: Claims, opposites: Opposites, weight: Callable[[str], float]) -> Comparison:
    """What of `claimed`, which claims something, the passage `source` says. `weight`: how much a stem counts."""
    words = [claimed.words[at] for at in claimed.content]
    words = [word for word in words if not word.exact] or words
    stems = source.stems.union(source.words[at].stem for at in source.ordered)
    weights = [(weight(word.stem), word.stem in stems) for word in words]
    coverage = sum(part for part, found in weights if found) / sum(part for part, _ in weights)
    both = Alignment(claimed, source)
    reason = next((reason for reason in _reasons(both, opposites) if reason), None)
    return Comparison(coverage, both.together(), reason)


def _reasons(both: Alignment, opposites: Opposites) -> Iterator[Reason | None]:
    yield _missing(both)
    yield _other_subject(both)
    yield _turned(both)
    yield _opposed(both, opposites)
    yield _misplaced(both)
    yield _reordered(both)


def _missing(both: Alignment) -> Reason | None:
    """A number, unit or name that the passage does not have."""
    for at in both.claimed.content:
        word = both.claimed.words[at]
        if word.exact and at not in both.to and (word.role == "number" or word.stem not in both.source.stems):
            return _kind(word)
    return None


def _other_subject(both: Alignment) -> Reason | None:
    """A capital at the start of the sentence that stands where the passage has another name."""
    first, *others = both.claimed.content
    if not others or first in both.to or not both.claimed.words[first].capital or others[0] not in both.to:
        return None
    before = [at for at in both.source.content if at < both.to[others[0]]][-2:]
    return "name" if any(both.source.words[at].role == "name" and at not in both.back for at in before) else None


def _turned(both: Alignment) -> Reason | None:
    """A word that turns a meaning in one of the two only, or another one there."""
    taken = set[int]()
    for at in both.claimed.operators:
        word = both.claimed.words[at]
        answer = _answer(at, both.claimed, both.source, both.to, taken)
        if answer is False or (answer is None and word.text not in ADDED):
            return _turn(word)
    for at in both.source.operators:
        word, heads = both.source.words[at], both.source.heads(at, 2)
        said = heads and (heads[0] in both.back or (word.negates and heads[-1] in both.back))
        if not said or _may_be_omitted(at, both.source):
            continue
        if not _answer(at, both.source, both.claimed, both.back, set()):
            return _turn(word)
    return None


def _answer(at: int, ours: Claims, theirs: Claims, to: dict[int, int], taken: set[int]) -> bool | None:
    """Whether the other text has the same operator before the same words; None if it has none before them.

    A negation answers one; it is put into `taken`.
    """
    category, meaning = ours.words[at].meaning or (None, "")
    heads = [to[head] for head in ours.heads(at, 2) if head in to]
    alike = [other for other in theirs.operators if theirs.words[other].category == category]
    if heads and category == "negation":
        alike = [other for other in alike if heads[0] in theirs.heads(other, 2) and other not in taken]
        taken.update(alike[:1])
    elif heads and category != "only":
        alike = [other for other in alike if not set(heads).isdisjoint(theirs.heads(other, 3))]
    if not alike:
        return None
    meanings = {found[1] for other in alike if (found := theirs.words[other].meaning)}
    if category == "modality" and _has_not(at, ours) and any(_has_not(other, theirs) for other in alike):
        return meaning in meanings or "should" not in {meaning, *meanings}  # must not, may not, cannot
    return meaning in meanings


def _has_not(at: int, text: Claims) -> bool:
    return any(word.negates for word in text.words[max(0, at - 3) : at + 3])


def _may_be_omitted(at: int, text: Claims) -> bool:
    """Whether a sentence without this operator claims no more."""
    word = text.words[at]
    if word.text == "only":
        return any(text.words[head].role == "number" for head in text.heads(at, 1))
    return word.text in OMITTED and not (word.text in ("can", "could") and _has_not(at, text))


def _opposed(both: Alignment, opposites: Opposites) -> Reason | None:
    """A word where the passage has its opposite."""
    there = [both.source.words[at].stem for at in both.source.ordered]
    for at in both.claimed.ordered:
        stem = both.claimed.words[at].stem
        against = opposites.of(stem)
        if stem not in there:
            for other in both.source.ordered:
                found = both.source.words[other].stem in against and other not in both.back and both.beside(at, other)
                if found and both.claimed.is_negated(at) == both.source.is_negated(other):
                    return "negation"
        elif following := [both.to[head] for head in both.claimed.heads(at, 1) if head in both.to]:
            place = both.source.ordered.index(following[0])
            before = there[max(0, place - 2) : place]
            if stem not in before and not against.isdisjoint(before):
                return "negation"
    return None


def _misplaced(both: Alignment) -> Reason | None:
    """A number, unit or name beside other words than in the passage."""
    ours, theirs = both.claimed, both.source
    for place, at in enumerate(ours.content):
        word, before = ours.words[at], ours.content[max(0, place - 1)]
        if word.role == "number" and not word.wide and not _is_floating(at, ours) and not _is_beside(place, both):
            return "number"
        if (
            not word.exact
            or at not in both.to
            or before not in both.in_order
            or _is_parted(ours.words[before + 1 : at])
        ):
            continue
        skipped = [index for index in theirs.content if both.to[before] < index < both.to[at]]
        for index in skipped:  # another one of its kind, which is no part of the same name
            between = theirs.words[index : both.to[at]]
            if theirs.words[index].role == word.role and any(part.role != word.role for part in between):
                return _kind(word)
    return None


def _is_beside(place: int, both: Alignment) -> bool:
    """Whether the passage has a number near one of the words that are next to it in the sentence."""
    ours, theirs = both.claimed, both.source
    around = [*ours.content[max(0, place - 2) : place], *ours.content[place + 1 : place + 3]]
    stems = {ours.words[at].stem for at in around if ours.words[at].role != "number"} & theirs.stems
    value = ours.words[ours.content[place]].stem
    there = [at for at in range(len(theirs.content)) if theirs.words[theirs.content[at]].stem == value]
    return not stems or any(not stems.isdisjoint(_near(at, theirs)) for at in there)


def _near(place: int, text: Claims) -> Iterator[str]:
    """The stems around a number, up to another number or the end of what is said."""
    start = text.content[place]
    for near in (text.content[place + 1 : place + 1 + _NEAR], text.content[max(0, place - _NEAR) : place][::-1]):
        for at in near:
            between = text.words[min(start, at) + 1 : max(start, at)]
            if text.words[at].role == "number" or any(word.text in ENDS for word in between):
                break
            yield text.words[at].stem


def _is_floating(at: int, text: Claims) -> bool:
    """Whether a number is a part of a sentence by itself, such as "since 1995", that stands anywhere in it."""
    after = text.words[at + 1 : at + 2]
    alone = not after or after[0].role in ("small", "break", "order")
    return alone and at > 0 and text.words[at - 1].text in _PREPOSITIONS


def _is_parted(words: Sequence[Word]) -> bool:
    return any(word.role == "break" or word.text in _JOINS for word in words)


def _reordered(both: Alignment) -> Reason | None:
    """Three parts in the reverse order, or in the same order although only one is in the passive voice."""
    moved = [(at, both.to[at]) for at in both.claimed.ordered if at in both.to]
    passive = {at for at in both.claimed.passives if at in both.to}
    stems = [both.source.words[at].stem for at in both.source.ordered]
    turned = passive ^ {both.back[at] for at in both.source.passives if at in both.back}
    for middle, (at, there) in enumerate(moved):
        before, after = moved[max(0, middle - _REACH) : middle], moved[middle + 1 : middle + 1 + _REACH]
        higher = [here for here, place in before if place > there]
        lower = [here for here, place in after if place < there]
        only = stems.count(both.source.words[there].stem) == 1  # of a word that comes twice either may be meant
        if only and higher and lower and not any(higher[-1] <= verb <= lower[0] for verb in turned):
            return "roles"
        if at in turned and before and after and before[-1][1] < there < after[0][1]:
            here = at in passive
            if _is_agent(both.claimed if here else both.source, at if here else there, after[0][0 if here else 1]):
                return "roles"
    return None


def _is_agent(text: Claims, verb: int, agent: int) -> bool:
    """Whether this is by whom something is done."""
    between = text.words[text.passives[verb] + 1 : agent]
    return agent > verb and text.words[agent].role != "number" and all(word.role == "small" for word in between)


def _kind(word: Word) -> Reason:
    return "number" if word.role == "number" else "unit" if word.role == "unit" else "name"


def _turn(word: Word) -> Reason:
    return word.category if word.category in ("modality", "quantifier") else "negation"
