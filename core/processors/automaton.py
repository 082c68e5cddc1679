"""The rules of `words` as a machine that reads one character at a time: what may follow, given the allowed words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .vocabulary import Vocabulary, prefixes
from .words import (
    ABBREVIATIONS,
    JOINERS,
    Place,
    after,
    allowed_words,
    first_part,
    is_abbreviation,
    is_guarded,
    is_list_number,
    kind_of,
    lowered,
    moved,
)

FREE = "\ufdd0"
"""Stands for a run that is not guarded and begins no allowed word; no character."""
HELD = "\ufdd1"
"""Stands for an allowed word that is the begin of no other; no character."""


class State(NamedTuple):
    """What the characters read so far amount to: the run that is under way, with a joiner at its end if that was read
    last, and where it began; or with an empty run where the next one would begin. What leads to the same is one
    state."""

    place: Place
    run: str


class Automaton:
    """Reads text in which guarded words are `allowed`, and capitals at the begin of a sentence `ordinary` words.

    Every state can be left towards the end of the run, character by character.
    """

    def __init__(self, sources: Iterable[str], vocabulary: Vocabulary) -> None:
        """`sources` allow their guarded words, and make their words in lower case ordinary beside the vocabulary's.
        Words that the vocabulary cannot spell are left out."""
        can_spell = vocabulary.can_spell
        allowed, lower = allowed_words(sources)
        self._allowed = set(filter(can_spell, allowed))
        usual = {word for word in lower if len(word) > 1 and can_spell(word[0].upper() + word)}
        self._ordinary = vocabulary.ordinary, usual
        self._prefixes = prefixes(self._allowed) | prefixes(ABBREVIATIONS)
        self._ordinary_prefixes = vocabulary.ordinary_prefixes, prefixes(usual)
        capital = (word[0].upper() + word[1:] for words in self._ordinary for word in words if not word.isascii())
        self._begun = _begun(self._allowed) | _begun(capital)

    def step(self, state: State, character: str) -> State | None:
        """The state after one more character, or None if it may not follow."""
        place, run = state
        kind = kind_of(character)
        if kind in "ULDS" or (kind == "M" and run and run[-1] not in JOINERS):
            return self._begun_or_none(place, run + character)
        if not run:
            return State(moved(place, character), "")
        if kind == "J" and run[-1] not in JOINERS:
            return self._begun_or_none(place, run + character)
        if is_list_number(place, run, character):
            return State(Place.START, "")
        between = self.between(state)
        return None if between is None else State(moved(between.place, character), "")

    def between(self, state: State) -> State | None:
        """The state without a run from which white space and the like lead to where they lead from `state`; None if the
        run may not end. (The ")" of a list number is left out.)"""
        place, run = state
        if not run:
            return state
        word, joiner = _split(run)
        if not self.is_complete(place, word) and not is_list_number(place, word, joiner):
            return None
        return State(after(place, word, joiner) if joiner else Place.WITHIN, "")

    def read(self, text: str, state: State) -> State:
        """The state after `text`, which was given and is not judged."""
        for character in text:
            following = self.step(state, character)
            if following is None:  # a word that the sources do not have: it may end, or go on in small letters
                inside = kind_of(character) in "ULDSM"
                following = State(Place.WITHIN, FREE) if inside else State(moved(Place.WITHIN, character), "")
            state = following
        return state

    def is_free(self, state: State) -> bool:
        """Whether any number of small letters may follow."""
        return not state.run or (not is_guarded(state.run) and state.run[0] != HELD and state.run[-1] != ".")

    def only_ordinary(self, state: State) -> bool:
        """Whether the run can only come to an ordinary word with a capital, and `may_go_on` says how."""
        place, run = state
        return place is Place.START and run != "" and run not in self._prefixes

    def may_go_on(self, state: State, letters: str) -> bool:
        """Whether small `letters` may follow in a state that is `only_ordinary`."""
        word = lowered(state.run) + letters
        return any(word in words for words in self._ordinary_prefixes)

    def follow(self, state: State, text: str) -> State | None:
        """The state after `text`, or None if it may not follow."""
        for character in text:
            following = self.step(state, character)
            if following is None:
                return None
            state = following
        return state

    def may_begin(self, state: State, begun: bytes, others: str) -> bool:
        """Whether a character whose UTF-8 begins with `begun` may follow; `others` are its `completions`."""
        return (state.run, begun) in self._begun or any(self.step(state, other) is not None for other in others)

    def is_complete(self, place: Place, word: str) -> bool:
        """Whether a run that began at `place` may end as `word`."""
        return not is_guarded(word) or word in self._allowed or self._is_ordinary(place, word, self._ordinary)

    def _is_ordinary(self, place: Place, word: str, words: tuple[set[str], set[str]]) -> bool:
        """Whether `word` is one of `words` with a capital that is due to its place; what a joiner adds is free."""
        if place > Place.START or is_guarded(small := lowered(word)):
            return False
        part = first_part(small)
        return part in words[0] or part in words[1]

    def _begun_or_none(self, place: Place, run: str) -> State | None:
        """The state in a run, which may end with a joiner, or None if it can come to no word that may be written."""
        word, joiner = _split(run)
        if place is Place.LINE and not word.isdecimal():
            place = Place.START
        if run in self._prefixes:
            return State(place if place <= Place.START and is_guarded(run) else Place.WITHIN, run)
        if run[0] == HELD:
            return State(Place.WITHIN, run) if run == HELD + joiner else None
        if not is_guarded(run) or (first_part(run) != run and self._is_ordinary(place, run, self._ordinary)):
            return State(Place.WITHIN, run if is_abbreviation(word) else FREE + joiner)
        if joiner:
            if self.is_complete(place, word):
                return State(Place.WITHIN, run if is_abbreviation(word) else HELD + joiner)
            return State(place, run) if is_list_number(place, word, joiner) else None
        # After a joiner inside no letter can be added to the first part any more.
        begins = first_part(run) == run and self._is_ordinary(place, run, self._ordinary_prefixes)
        return State(place, run) if begins or is_list_number(place, run, ".") else None


def _split(run: str) -> tuple[str, str]:
    """A run, and the joiner at its end."""
    return (run[:-1], run[-1]) if run[-1] in JOINERS else (run, "")


def _begun(words: Iterable[str]) -> set[tuple[str, bytes]]:
    """Every place within a character of several bytes: what is before it, and the bytes that were begun."""
    places = ((word[:at], one.encode()) for word in words if not word.isascii() for at, one in enumerate(word))
    return {(before, encoded[:size]) for before, encoded in places for size in range(1, len(encoded))}
