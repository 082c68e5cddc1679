"""Passages of a draft that stand in its documents: word for word, or nearly. Pure; knows nothing of models.

What counts for "word for word" is what app.text.words makes of a text: every word, capital and punctuation mark.
"Nearly" is rapidfuzz's similarity of a sentence without regard to capitals, and always said with its number.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rapidfuzz.fuzz import partial_ratio_alignment

from app.text.spans import Span
from app.text.words import Piece, pieces

LEAST_WORDS = 5
"""Shorter agreements are idiom more often than quotation. An ideograph or kana counts as half a word."""

LEAST_SIMILARITY = 90

MOST_PLACES = 50
"""Places tried for one beginning, so that a document that repeats itself does not take for ever."""

_SEED = 3
_MOST_PAGES = 3
"""A sentence is compared with these pages: those that share most rows of _SEED words with it."""

_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s|\n")

_Place: TypeAlias = tuple[int, int]  # a page and a piece in it


@dataclass(frozen=True, slots=True)
class Quote:
    """Characters `start` up to, not including, `end` of the draft, and where they stand in a document.

    `page` is the index of the page, `page_start` and `page_end` the characters in its text. similarity: None if it is
    word for word, else a percentage below 100.
    """

    start: int
    end: int
    page: int
    page_start: int
    page_end: int
    similarity: int | None = None


class Quotations:
    """Finds what of a text stands on some pages. Made once for them."""

    def __init__(self, pages: Sequence[str], least_words: int = LEAST_WORDS) -> None:
        """`pages`: their texts."""
        self._least = least_words
        self._seed = min(least_words, LEAST_WORDS)
        self._pages = [pieces(page) for page in pages]
        self._places: dict[tuple[str, ...], list[_Place]] = {}
        for page, text in enumerate(self._pages):
            for at in range(len(text) - self._seed + 1):
                places = self._places.setdefault(_key(text, at, self._seed), [])
                if len(places) < MOST_PLACES:
                    places.append((page, at))
        self._folded = [_Folded(page) for page in self._pages]

    def exact(self, written: str) -> list[Quote]:
        """The passages with at least the least number of words that stand word for word on a page.

        They are in order and do not overlap; where one could begin or end in several ways the leftmost and then longest
        is taken, and of several places that are equally long the first. Marks of Markdown inside of a passage end it. A
        passage that runs over the end of a page is two.
        """
        text, quotes, at = pieces(written), list[Quote](), 0
        while at < len(text):
            page, piece, length = self._longest(text, at)
            found = text[at : at + length]
            if sum(part.halves for part in found) < 2 * self._least:
                at += 1
                continue
            first, last = self._pages[page][piece], self._pages[page][piece + length - 1]
            quotes.append(Quote(found[0].start, found[-1].end, page, first.start, last.end))
            at += length
        return quotes

    def near(self, written: str, exact: Sequence[Quote]) -> list[Quote]:
        """The sentences that stand on a page with a similarity of at least LEAST_SIMILARITY, if `exact`, what was found
        word for word, does not have all of their words."""
        found = []
        for start, end in sentences(written):
            words = pieces(written[start:end])
            whole = all(
                any(quote.start <= start + word.start and start + word.end <= quote.end for quote in exact)
                for word in words
                if word.halves
            )
            if not whole and sum(word.halves for word in words) >= 2 * self._least:
                quote = self._nearest(words, start)
                found += [quote] if quote else []
        return found

    def _longest(self, written: Sequence[Piece], at: int) -> tuple[int, int, int]:
        """The place that agrees longest with the draft from `at` on: (page, piece, number of pieces)."""
        best = (0, 0, 0)
        if not written[at].halves:  # with a sign no quotation begins
            return best
        for page, piece in self._places.get(_key(written, at, self._seed), ()):
            text, length = self._pages[page], 0
            most = min(len(written) - at, len(text) - piece)
            while length < most and written[at + length].text == text[piece + length].text:
                length += 1
            while length and not written[at + length - 1].halves:
                length -= 1  # a sign at the end may belong to the sentence around it
            if length > best[2]:
                best = (page, piece, length)
        return best

    def _nearest(self, words: Sequence[Piece], shift: int) -> Quote | None:
        sentence = _Folded(words)
        shared = {page: len(sentence.seeds & text.seeds) for page, text in enumerate(self._folded)}
        best: Quote | None = None
        for page in sorted(shared, key=lambda page: -shared[page])[:_MOST_PAGES]:
            if 3 * shared[page] < len(sentence.seeds):  # nine letters of ten leave more than that
                break
            least = LEAST_SIMILARITY if best is None else float(best.similarity or 0) + 1
            found = partial_ratio_alignment(sentence.text, self._folded[page].text, score_cutoff=least)
            if found is None:
                continue
            ours = sentence.inside(found.src_start, found.src_end)
            theirs = self._folded[page].inside(found.dest_start, found.dest_end)
            begin, end = words[ours[0]].start + shift, words[ours[-1]].end + shift
            text = self._pages[page]
            best = Quote(begin, end, page, text[theirs[0]].start, text[theirs[-1]].end, min(99, int(found.score)))
        return best


class _Folded:
    """Pieces as one text without capitals, a blank between two, and the rows of _SEED of them."""

    def __init__(self, parts: Sequence[Piece]) -> None:
        folded = [part.text.casefold() for part in parts]
        self.text = " ".join(folded)
        self.seeds = {tuple(folded[at : at + _SEED]) for at in range(len(folded) - _SEED + 1)}
        self._starts, at = list[int](), 0
        for part in folded:
            self._starts.append(at)
            at += len(part) + 1

    def inside(self, start: int, end: int) -> range:
        """The pieces of which at least half is between these characters; one at least."""
        first = max(0, bisect_right(self._starts, start) - 1)
        last = max(first, bisect_left(self._starts, end) - 1)
        if first < last and 2 * (start - self._starts[first]) > self._starts[first + 1] - self._starts[first]:
            first += 1
        if first < last and 2 * (end - self._starts[last]) < len(self.text[self._starts[last] :].split(" ", 1)[0]):
            last -= 1
        return range(first, last + 1)


def sentences(text: str) -> Iterator[Span]:
    """Where the sentences and lines of a text are."""
    start = 0
    for match in _SENTENCE_END.finditer(text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def _key(text: Sequence[Piece], at: int, seed: int) -> tuple[str, ...]:
    return tuple(piece.text for piece in text[at : at + seed])
