"""The words of two texts of one document, compared."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import LCSseq

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|\d+|[^\W\d_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_ACCENT = re.compile(r"[\u0300-\u036f´`¨ˆ˜ˇ˝˚˘¯¸˛˙]")
_HYPHEN = re.compile(r"(?<=[^\W\d_])[-\u2010\u00ad][ \t]*\n[ \t]*(?=[^\W\d_])")


@dataclass(frozen=True)
class Score:
    """Of the words that are wanted, those that are found, and are found in order; seconds for so many pages."""

    name: str
    wanted: int
    found: int
    common: int
    ordered: int
    pages: int = 1
    seconds: float = 0.0

    @property
    def recall(self) -> float:
        """0 to 1."""
        return self.common / max(1, self.wanted)

    @property
    def precision(self) -> float:
        """0 to 1."""
        return self.common / max(1, self.found)

    @property
    def order(self) -> float:
        """0 to 1."""
        return self.ordered / max(1, self.common)


def words(text: str) -> list[str]:
    """The words of a text as they are compared: letters without case and accents, and digits, as words of their own, so
    that "x^2" has those of "x2"; each sign of Chinese and Japanese is one; hyphenated line ends are joined."""
    plain = _ACCENT.sub("", unicodedata.normalize("NFKD", _HYPHEN.sub("", text)))
    return _WORD.findall(unicodedata.normalize("NFKC", plain).casefold().replace("ı", "i"))


def compared(name: str, ours: Sequence[str], theirs: Sequence[str], pages: int = 1, seconds: float = 0.0) -> Score:
    """How the words that were read, `ours`, compare with those wanted."""
    common = sum((Counter(ours) & Counter(theirs)).values())
    return Score(name, len(theirs), len(ours), common, LCSseq.similarity(ours, theirs), pages, seconds)


def mean(name: str, scores: Sequence[Score]) -> str:
    """A row of Markdown: the means over files of recall, precision and order, and milliseconds a page."""
    number, pages = max(1, len(scores)), sum(score.pages for score in scores)
    means = [sum(getattr(one, value) for one in scores) / number for value in ("recall", "precision", "order")]
    speed = 1000 * sum(one.seconds for one in scores) / max(1, pages)
    return f"| {name} | {len(scores)} | {pages} | {means[0]:.3f} | {means[1]:.3f} | {means[2]:.3f} | {speed:.0f} |"


def table(scores: Sequence[Score], below: float) -> Iterator[str]:
    """Rows of Markdown: the files whose recall or precision is below, the worst first."""
    for one in sorted(scores, key=lambda one: min(one.recall, one.precision)):
        if min(one.recall, one.precision) < below:
            speed = 1000 * one.seconds / max(1, one.pages)
            shares = f"{one.recall:.3f} | {one.precision:.3f} | {one.order:.3f}"
            yield f"| {one.name} | | {one.pages} | {shares} | {speed:.0f} |"
