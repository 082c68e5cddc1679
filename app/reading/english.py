"""Whether texts are English, the one language that MiniLM knows."""

from __future__ import annotations

import re
from collections.abc import Sequence

_COMMON = frozenset(["the", "of", "and", "to", "a", "in", "is", "that", "for", "with", "this", "it", "be", "are"])
_LEAST = 0.1
"""Of the words of an English text that are among these, at least; a manual full of programs has 0.2, German 0.03."""

_EACH, _SAMPLED = 600, 60
_WORD = re.compile(r"[^\W\d_]+")


def is_english(texts: Sequence[str]) -> bool:
    """By the letters and the commonest words in the beginnings of some of them, from all over."""
    every = max(1, len(texts) // _SAMPLED)
    sample = "\n".join(text[:_EACH] for text in texts[::every])
    words = _WORD.findall(sample.casefold())
    return in_latin_letters(sample) and sum(word in _COMMON for word in words) > _LEAST * len(words)


def in_latin_letters(query: str) -> bool:
    """Whether a request, too short to say its language, may be English: all but a few of its letters are ASCII's."""
    letters = [letter for letter in query if letter.isalpha()]
    return sum(letter.isascii() for letter in letters) > 0.8 * len(letters)
