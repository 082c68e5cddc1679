"""Texts to be searched: without case, diacritics and the form of a character. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from app.text.spans import Span
from app.text.words import form, normal

_MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
"""Those of Latin, Greek and Cyrillic letters. The marks of kana stay: they make another letter."""

_WIDE = re.compile("[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def folded(text: str) -> str:
    """`text` as it is compared: quotation marks and dashes of any shape are the same, and so are the forms that NFKC
    makes equal; white space stays as it is."""
    return text.lower() if text.isascii() else _letters(form(text))


def _letters(text: str) -> str:
    return unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", text))).casefold()


@lru_cache(maxsize=1 << 14)
def _letter(character: str) -> str:
    return _letters(character)


def finder(wanted: str) -> re.Pattern[str] | None:
    """What finds `wanted` in a folded text: its words in a row, however lines are broken between them, and where words
    have no blanks between them within too. None if there is nothing to look for."""
    words = folded(wanted).split()
    if not words:
        return None
    return re.compile(r"\s+".join(_broken(word) for word in words))


def _broken(word: str) -> str:
    parts = [re.escape(word[0])]
    for before, after in pairwise(word):
        parts.append((r"\s*" if _WIDE.match(before) and _WIDE.match(after) else "") + re.escape(after))
    return "".join(parts)


def found(text: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    """Where in `text` stands what the pattern of a `finder` finds in it folded. Slower than to fold it: character by
    character, so that each knows its place."""
    characters, starts, ends = normal(text)
    letters = list(map(_letter, characters))
    places = [at for at, letter in enumerate(letters) for _ in letter]
    for match in pattern.finditer("".join(letters)):
        yield starts[places[match.start()]], ends[places[match.end() - 1]]
