"""Texts to be searched: without case, diacritics and the form of a character. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from app.text.spans import Span
from app.text.words import normal

_MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
"""Those of Latin, Greek and Cyrillic letters. The marks of kana stay: they make another letter."""

_WIDE = re.compile("[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def folded(text: str) -> str:
    """`text` as it is compared: quotation marks and dashes of any shape are the same, and so are the forms that NFKC
    makes equal; white space stays as it is."""
    return _folded(normal(text)[0])


def _folded(text: str) -> str:
    """Character by character what `_letter` gives."""
    if text.isascii():
        return text.lower()
    return "".join(map(_letter, text))


@lru_cache(maxsize=1 << 14)
def _letter(character: str) -> str:
    letter = _MARKS.sub("", unicodedata.normalize("NFD", character))
    return unicodedata.normalize("NFC", letter).casefold()


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
    """Where in `text` the pattern of a `finder` is found."""
    form, starts, ends = normal(text)
    letters = _folded(form)
    if len(letters) == len(form):
        yield from ((starts[match.start()], ends[match.end() - 1]) for match in pattern.finditer(letters))
        return
    places = [at for at, character in enumerate(form) for _ in _letter(character)]
    for match in pattern.finditer(letters):
        yield starts[places[match.start()]], ends[places[match.end() - 1]]
