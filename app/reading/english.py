"""In which language texts are, as far as that is asked: English, which MiniLM knows, or Japanese."""

from __future__ import annotations

import re
from collections.abc import Sequence

_COMMON = frozenset(["the", "of", "and", "to", "a", "in", "is", "that", "for", "with", "this", "it", "be", "are"])
_LEAST = 0.1
"""Of the words of an English text that are among these, at least; a manual full of programs has 0.2, German 0.03."""

_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fe]")
_LEAST_KANA = 0.15
"""Of the letters of a Japanese text that are kana, at least; manuals hold much Latin text too."""

_NAMES = {"english": "en", "en": "en", "英語": "en", "japanese": "ja", "ja": "ja", "日本語": "ja"}

_EACH, _SAMPLED = 600, 60
_WORD = re.compile(r"[^\W\d_]+")


def is_english(texts: Sequence[str]) -> bool:
    """By the letters and the commonest words in the beginnings of some of them, from all over."""
    sample = _sample(texts)
    words = _WORD.findall(sample.casefold())
    return in_latin_letters(sample) and sum(word in _COMMON for word in words) > _LEAST * len(words)


def is_japanese(texts: Sequence[str]) -> bool:
    """By the kana in them."""
    letters = [letter for letter in _sample(texts) if letter.isalpha()]
    return bool(letters) and sum(bool(_KANA.match(letter)) for letter in letters) >= _LEAST_KANA * len(letters)


def is_written_in(language: str, texts: Sequence[str]) -> bool:
    """Whether texts are in the language of that name; not, where that cannot be told."""
    known = {"en": is_english, "ja": is_japanese}
    name = _NAMES.get(language.strip().casefold())
    return name is not None and known[name](texts)


def _sample(texts: Sequence[str]) -> str:
    every = max(1, len(texts) // _SAMPLED)
    return "\n".join(text[:_EACH] for text in texts[::every])


def in_latin_letters(query: str) -> bool:
    """Whether a request, too short to say its language, may be English: all but a few of its letters are ASCII's."""
    letters = [letter for letter in query if letter.isalpha()]
    return sum(letter.isascii() for letter in letters) > 0.8 * len(letters)
