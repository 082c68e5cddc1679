"""Documents that are no running text: slides, lists, notes. What they say stands in lines, which are quoted as such."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.text.spans import Span

FEWEST_WORDS, MOST_WORDS = 2, 50

RUNNING, LISTED = 0.15, 0.5
"""Shares of a text: with less than RUNNING in whole sentences and LISTED of it in lines of words, it is of lines."""

_MARK = re.compile(r"\s*(?:(?:[-*+•◦▪–—·]|#{1,6}|\(?(?:\d{1,3}|[a-zA-Z])[.)]|\[[ xX]\])\s+)*")
_WORDS = re.compile(r"[^\W\d_]{2,}|[\u3040-\u30ff\u3400-\u9fff]{2}")
_PROGRAM = re.compile(r"[{}\\<>=;|]|\w\(\S*\)|\w_\w|\[\w*\]|^\s*(?:[$%#>@/]|from \w+ import|import \w+$)")
_LEADERS = re.compile(r"…|\.{3,}|(?:\s\.){2,}")


def line_spans(text: str, title: str = "") -> Iterator[Span]:
    """The lines of words in `text`, without the marks of items; not the `title` it stands below."""
    for match in re.finditer(r"[^\n]+", text):
        line = match[0].rstrip()
        begin = len(_MARK.match(line)[0])  # type: ignore[index]  # it matches the empty text too
        said = line[begin:]
        if is_line(said) and said.casefold() != title.casefold():
            yield match.start() + begin, match.start() + len(line)


def is_line(said: str) -> bool:
    """Whether a line is of words: not a program, a picture of signs, or an entry of contents."""
    if not FEWEST_WORDS <= len(_WORDS.findall(said)) <= MOST_WORDS or _PROGRAM.search(said) or _LEADERS.search(said):
        return False
    letters = sum(map(str.isalpha, said))
    return 2 * letters >= len(said.replace(" ", ""))


def is_of_lines(text: str, sentences: Sequence[Span]) -> bool:
    """Whether a text of which these are the whole sentences is to be quoted by its lines."""
    signs = max(len(text.strip()), 1)
    running = sum(end - start for start, end in sentences)
    listed = sum(end - start for start, end in line_spans(text))
    return running < RUNNING * signs and listed >= LISTED * signs
