"""The main part of a saved web page: which lines of its text belong to the article that it is about.

Trafilatura (Apache-2.0, Barbaresi 2021) says which sentences do; they are found again among the lines that were written
here, which have headings, tables, equations and notes. Manuals and books, of which little is beside the text, are read
whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_WORD = re.compile(r"\w+")
_NOTE = re.compile(r"\[\^\w+\](?=:)")
_HEADING = re.compile(r"#{1,6} ")
_RUN = 3  # words in a row by which a line is found again
_FOUND = 0.75  # so many of its runs: superscripts and marks of notes part them
_GAP = 5  # words between two lines of the article that belong to it too
_SHORTEST = 120  # of fewer words nothing is beside the text
_MOSTLY, _MOSTLY_OF_MANUAL = 0.97, 0.8  # if so many words are of the article, the page is a text with little beside it
_MANY_HEADINGS = 20  # of a manual or an encyclopedia, which has nothing foreign within it
_LARGEST, _MOST_TAGS = 3_000_000, 60_000  # characters and tags of markup; larger pages are books
_SAMPLE = 60


@dataclass(frozen=True, slots=True)
class MainPart:
    """The text of the main part, how many words were left out, and the first of them."""

    text: str
    left_out: int
    sample: str


def main_part(markup: str, text: str) -> MainPart | None:
    """The main part of the page `markup`, of which `text` is all that a reader sees; None if that is all main part."""
    lines = text.split("\n")
    counts = [len(_WORD.findall(line)) for line in lines]
    if sum(counts) < _SHORTEST or len(markup) > _LARGEST or markup.count("<") > _MOST_TAGS:
        return None
    article = _article(markup)
    kept = _with_headings(lines, _filled(lines, counts, _units(lines, _found(lines, article))))
    kept_words = sum(count for count, keep in zip(counts, kept, strict=True) if keep)
    mostly = _MOSTLY_OF_MANUAL if _is_manual(lines, kept) else _MOSTLY
    if kept_words >= mostly * sum(counts) or kept_words < min(_SHORTEST, 0.05 * sum(counts)):
        return None
    main = re.sub(r"\n{3,}", "\n\n", "\n".join(line if keep else "" for line, keep in zip(lines, kept, strict=True)))
    dropped = " ".join(line for line, keep in zip(lines, kept, strict=True) if not keep and line)
    return MainPart(main.strip(), sum(counts) - kept_words, " ".join(dropped[: 2 * _SAMPLE].split())[:_SAMPLE].strip())


def _article(markup: str) -> str:
    import trafilatura  # takes most of a second to load, and only saved pages need it

    try:
        return trafilatura.extract(markup, include_comments=False, include_tables=True) or ""
    except Exception:  # it is a help, not a need
        return ""


def _found(lines: Sequence[str], article: str) -> list[bool]:
    """For each line whether it stands in the article."""
    words = _WORD.findall(article.lower())
    runs = {tuple(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1)}
    short = {tuple(_WORD.findall(line.lower())) for line in article.split("\n")}

    def is_found(line: str) -> bool:
        own = tuple(_WORD.findall(line.lower()))
        if len(own) < _RUN:
            return bool(own) and own in short
        count = len(own) - _RUN + 1
        return sum(own[at : at + _RUN] in runs for at in range(count)) >= _FOUND * count

    return [is_found(line) for line in lines]


def _units(lines: Sequence[str], kept: list[bool]) -> list[bool]:
    """The same with programs and tables as wholes, and with the notes to which a kept line refers."""
    start = fence = 0
    for index, line in enumerate([*lines, ""]):
        if line.startswith("```"):
            fence = not fence
        if not fence and not line.startswith(("```", "|")):
            unit = range(start, index)
            if unit and any(kept[one] for one in unit):
                kept[start:index] = [True] * len(unit)
            start = index + 1
    said = "\n".join(line for line, keep in zip(lines, kept, strict=True) if keep)
    return [
        keep or bool((note := _NOTE.match(line)) and note[0] in said)
        for line, keep in zip(lines, kept, strict=True)
    ]  # fmt: skip


def _filled(lines: Sequence[str], counts: Sequence[int], kept: list[bool]) -> list[bool]:
    """The same with what stands between two kept lines: little of it, or in a text with many headings all."""
    places = [index for index, keep in enumerate(kept) if keep]
    many = _is_manual(lines, kept)
    for one, other in pairwise(places):
        if many or sum(counts[one + 1 : other]) <= _GAP:
            kept[one:other] = [True] * (other - one)
    return kept


def _is_manual(lines: Sequence[str], kept: Sequence[bool]) -> bool:
    return sum(keep and bool(_HEADING.match(line)) for line, keep in zip(lines, kept, strict=True)) >= _MANY_HEADINGS


def _with_headings(lines: Sequence[str], kept: list[bool]) -> list[bool]:
    """The same with headings before a kept line, and the title of the page, which may stand over a picture."""
    below = False
    for index in range(len(lines) - 1, -1, -1):
        if _HEADING.match(lines[index]):
            kept[index] = kept[index] or below
        elif lines[index]:
            below = kept[index]
    first = kept.index(True) if True in kept else 0
    titles = [index for index in range(first) if lines[index].startswith("# ")]
    if len(titles) == 1 and not any(line.startswith("# ") and keep for line, keep in zip(lines, kept, strict=True)):
        kept[titles[0]] = True
    return kept
