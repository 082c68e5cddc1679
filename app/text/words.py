"""A text as the words, ideographs and signs it is made of, to compare texts by. Pure.

White space and invisible characters, soft hyphens among them, do not count, nor does the form of a character: quotation
marks and dashes of any shape are the same, and so are ligatures, full-width forms and what NFKC makes equal.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_IDEOGRAPHIC = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_PIECE = re.compile(rf"[{_IDEOGRAPHIC}]|[^\W{_IDEOGRAPHIC}]+|[^\w\s]")
_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff\u3099\u309a\ufe20-\ufe2f\uff9e\uff9f"
_CHARACTER = re.compile(rf"[\x00-\x7f]+(?![{_MARKS}])|.[{_MARKS}]*", re.DOTALL)
_FORMS = str.maketrans(
    {
        **dict.fromkeys("“”„‟«»", '"'),
        **dict.fromkeys("‘’‚‛‹›", "'"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff"),
    }
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A word, an ideograph or a sign: its text, its characters in the whole, and how many half words it is.

    A word is two, an ideograph or kana one, a sign none.
    """

    text: str
    start: int
    end: int
    halves: int


def pieces(text: str) -> list[Piece]:
    """What `text` is made of, in order."""
    folded, starts, ends = normal(text)
    return [
        Piece(match[0], starts[match.start()], ends[match.end() - 1], _halves(match[0]))
        for match in _PIECE.finditer(folded)
    ]


def _halves(piece: str) -> int:
    if not piece[0].isalnum() and piece[0] != "_":
        return 0
    return 1 if re.match(rf"[{_IDEOGRAPHIC}]", piece) else 2


def form(text: str) -> str:
    """The text in one form."""
    return unicodedata.normalize("NFKC", text).translate(_FORMS)


def normal(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """The text in one form, and for each character of that where what it stands for begins and ends in `text`."""
    if text.isascii():
        return text, range(len(text)), range(1, len(text) + 1)
    parts, starts, ends = list[str](), list[int](), list[int]()
    for match in _CHARACTER.finditer(text):
        part, (start, end) = match[0], match.span()
        if part.isascii():
            starts += range(start, end)
            ends += range(start + 1, end + 1)
        else:
            part = form(part)
            starts += [start] * len(part)
            ends += [end] * len(part)
        parts.append(part)
    return "".join(parts), starts, ends
