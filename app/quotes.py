"""Passages of a draft that stand word for word in its sources. Pure; knows nothing of models.

White space and the shape of quotation marks do not count; everything else does, capitals and punctuation included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from app.prompts import Source

LEAST_WORDS = 5
"""Shorter agreements are idiom more often than quotation. An ideograph or kana counts as half a word."""

MOST_PLACES = 50
"""Places tried for one beginning, so that a source that repeats itself does not take for ever."""

_IDEOGRAPHIC = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_PIECE = re.compile(rf"[{_IDEOGRAPHIC}]|[^\W{_IDEOGRAPHIC}]+|[^\w\s]")
_QUOTATION_MARKS = str.maketrans({**dict.fromkeys("“”„‟«»＂", '"'), **dict.fromkeys("‘’‚‛‹›＇", "'")})


@dataclass(frozen=True, slots=True)
class Quote:
    """Characters `start` up to, not including, `end` of the draft, and where they stand in a source.

    `document` is the index of the source, `page` the number of its page, `page_start` and `page_end` the characters in
    the page's text.
    """

    start: int
    end: int
    document: int
    page: int
    page_start: int
    page_end: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word, an ideograph or a sign: its text, its characters in the whole, and how many half words it is."""

    text: str
    start: int
    end: int
    halves: int


_Place: TypeAlias = tuple[int, int]  # a page, counted over all sources, and a piece in it


def find_quotes(draft: str, sources: Sequence[Source], least_words: int = LEAST_WORDS) -> list[Quote]:
    """The passages of `draft` with at least `least_words` words that stand word for word on a page of `sources`.

    They are in the order of the draft and do not overlap; where one could begin or end in several ways the leftmost
    and then longest is taken, and of several places in the sources that are equally long the first. Marks of Markdown
    inside of a passage end it. A passage that runs over the end of a page is two.
    """
    pages = [(document, page) for document, source in enumerate(sources) for page in source.pages]
    texts = [_pieces(page.text) for _, page in pages]
    written = _pieces(draft)
    seed = min(least_words, LEAST_WORDS)
    places = _index(texts, seed, {_key(written, at, seed) for at in range(len(written))})
    quotes, at = [], 0
    while at < len(written):
        page, piece, length = _longest(written, at, texts, places.get(_key(written, at, seed), ()))
        found = written[at : at + length]
        if sum(part.halves for part in found) < 2 * least_words:
            at += 1
            continue
        first, last = texts[page][piece], texts[page][piece + length - 1]
        document, where = pages[page]
        quotes.append(Quote(found[0].start, found[-1].end, document, where.number, first.start, last.end))
        at += length
    return quotes


def _pieces(text: str) -> list[_Piece]:
    return [
        _Piece(match[0], match.start(), match.end(), _halves(match[0]))
        for match in _PIECE.finditer(text.translate(_QUOTATION_MARKS))
    ]


def _halves(piece: str) -> int:
    if not piece[0].isalnum() and piece[0] != "_":
        return 0
    return 1 if re.match(rf"[{_IDEOGRAPHIC}]", piece) else 2


def _key(pieces: Sequence[_Piece], at: int, seed: int) -> tuple[str, ...]:
    """The `seed` pieces from `at` on; none if that is a sign, with which no quotation begins."""
    return tuple(piece.text for piece in pieces[at : at + seed]) if pieces[at].halves else ()


def _index(
    texts: Sequence[Sequence[_Piece]], seed: int, wanted: set[tuple[str, ...]]
) -> dict[tuple[str, ...], list[_Place]]:
    """Where the beginnings in `wanted` stand."""
    places: dict[tuple[str, ...], list[_Place]] = {}
    for page, pieces in enumerate(texts):
        for at in range(len(pieces) - seed + 1):
            key = _key(pieces, at, seed)
            if key and key in wanted and len(places.setdefault(key, [])) < MOST_PLACES:
                places[key].append((page, at))
    return places


def _longest(
    written: Sequence[_Piece], at: int, texts: Sequence[Sequence[_Piece]], places: Sequence[_Place]
) -> tuple[int, int, int]:
    """Of `places` the one that agrees longest with the draft from `at` on: (page, piece, number of pieces)."""
    best = (0, 0, 0)
    for page, piece in places:
        length = sum(1 for _ in _agreeing(written, at, texts[page], piece))
        while length and not written[at + length - 1].halves:
            length -= 1  # a sign at the end may belong to the sentence around it
        if length > best[2]:
            best = (page, piece, length)
    return best


def _agreeing(written: Sequence[_Piece], at: int, text: Sequence[_Piece], piece: int) -> Iterator[str]:
    for ours, theirs in zip(range(at, len(written)), range(piece, len(text)), strict=False):
        if written[ours].text != text[theirs].text:
            return
        yield written[ours].text
