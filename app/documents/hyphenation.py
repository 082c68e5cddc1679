"""Words broken over two lines: "exam-" + "ple" is one word, "well-" + "known" is a compound, "pre-" + "and" is neither.

What the rest of the document writes unbroken decides; where it is silent, what is true of most of its broken words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

Edit: TypeAlias = tuple[int, int, str]
"""Characters `start` up to, not including, `end` give way to a text."""
Verdict: TypeAlias = Literal["one word", "compound", "never broken", "unknown"]

_HYPHENS = "-\u2010\u00ad"
_LETTER = r"[^\W\d_]"
_BREAK = re.compile(rf"(?<={_LETTER})[{_HYPHENS}]([ \t]*\n[ \t]*)(?={_LETTER})")
_LEFT = re.compile(rf"{_LETTER}+\Z")
_RIGHT = re.compile(rf"{_LETTER}+")
_WORD = re.compile(rf"{_LETTER}+(?:[{_HYPHENS}]{_LETTER}+)*")
_LONGEST_PART = 60
# After these the hyphen stands for a part of the word left out: "pre- and post-war", "Vor- und Nachteile".
_CONJUNCTIONS = {"and", "or", "of", "und", "oder", "bzw", "sowie", "et", "ou", "y", "o", "e", "en", "och", "og"}
# Beside these, what looks like a word is a piece of an address, a path or a name in a program.
_TECHNICAL_BEFORE = re.compile(r"[\d_/\\@.:~#=]")
_TECHNICAL_AFTER = re.compile(r"[\d_/\\@~#=]|[.:]\w")


@dataclass(frozen=True, slots=True)
class _Break:
    """A line that ends within a word: where the hyphen and the line's end stand, and the letters on both sides."""

    hyphen: int
    end: int
    left: str
    right: str
    technical: bool


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """What a document writes unbroken: words without a hyphen, and neighbours joined by one ("well-known")."""

    words: frozenset[str]
    compounds: frozenset[str]


def join_broken_words(texts: Sequence[str]) -> list[list[Edit]]:
    """For each page's text the edits that put its broken words together: the line's end goes, and often the hyphen.

    Only a hyphen between two letters is looked at, the second in lower case and in the next line of the same page.
    """
    breaks = [_find_breaks(text) for text in texts]
    if not any(breaks):
        return [[] for _ in texts]
    vocabulary = _vocabulary(texts, breaks)
    verdicts = [[_verdict(entry, vocabulary) for entry in page] for page in breaks]
    flat = [verdict for page in verdicts for verdict in page]
    default = "one word" if flat.count("one word") >= flat.count("compound") else "compound"
    return [
        [_edit(entry, default if verdict == "unknown" else verdict) for entry, verdict in zip(*page, strict=True)]
        for page in zip(breaks, verdicts, strict=True)
    ]


def _find_breaks(text: str) -> list[_Break]:
    breaks = []
    for match in _BREAK.finditer(text):
        left = _LEFT.search(text[max(0, match.start() - _LONGEST_PART) : match.start()])
        right = _RIGHT.match(text, match.end(), match.end() + _LONGEST_PART)
        assert left is not None
        assert right is not None
        # Both tests look at this place alone, so that repairing a repaired text finds the same ones left over.
        is_conjunction = right[0] in _CONJUNCTIONS and text[right.end() : right.end() + 1] not in tuple(_HYPHENS)
        if is_conjunction or not right[0][0].islower():
            continue
        before = match.start() - len(left[0]) - 1
        technical = _TECHNICAL_AFTER.match(text, right.end()) or (before >= 0 and _TECHNICAL_BEFORE.match(text, before))
        breaks.append(_Break(match.start(), match.end(), left[0], right[0], bool(technical)))
    return breaks


def _vocabulary(texts: Sequence[str], breaks: Sequence[Sequence[_Break]]) -> _Vocabulary:
    words: set[str] = set()
    compounds: set[str] = set()
    for text, page in zip(texts, breaks, strict=True):
        for word in _WORD.findall(_without(text, page)):
            parts = re.split(f"[{_HYPHENS}]", word.lower())
            if len(parts) == 1:
                words.add(parts[0])
            compounds.update(f"{left}-{right}" for left, right in pairwise(parts))
    return _Vocabulary(frozenset(words), frozenset(compounds))


def _without(text: str, breaks: Sequence[_Break]) -> str:
    """The text without its broken words, whose halves are no words."""
    parts, done = [], 0
    for entry in breaks:
        parts.append(text[done : max(done, entry.hyphen - len(entry.left))])
        done = entry.end + len(entry.right)
    return " ".join([*parts, text[done:]])


def _verdict(entry: _Break, vocabulary: _Vocabulary) -> Verdict:
    left, right = entry.left.lower(), entry.right.lower()
    if f"{left}-{right}" in vocabulary.compounds:
        return "compound"
    if left + right in vocabulary.words:
        return "one word"
    # "CPU-bound", "x-axis": nobody breaks off a single letter, or after capitals.
    if entry.technical or min(len(left), len(right)) < 2 or not entry.left[1:].islower():
        return "never broken"
    if left in vocabulary.words and right in vocabulary.words:
        return "compound"
    return "unknown"


def _edit(entry: _Break, verdict: str) -> Edit:
    return (entry.hyphen if verdict == "one word" else entry.hyphen + 1, entry.end, "")
