"""Running headers and footers: the first and last lines that repeat from page to page, and page numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Edge: TypeAlias = Literal["top", "bottom"]
Span: TypeAlias = tuple[int, int]

FEWEST_PAGES = 3
_LONGEST_NUMBERED_LINE = 120  # a page number at the end of a longer one may have come to stand beside a paragraph
# What repeats deeper than this is the document itself: a form, a set of labels.
_MOST_LINES = 5
_INTEGER = re.compile(r"(?<![\w.,:])[0-9]{1,5}(?!\w|[.,:][0-9])")
_BEFORE_NUMBER = re.compile(r"[\W_]*")
_AFTER_NUMBER = re.compile(r"\s|$")  # "3. Methods" and "3) Methods" begin with a number that is no page's


@dataclass(frozen=True, slots=True)
class _Line:
    """A page's outermost line, its blanks made single; the page without it; where its page number may stand in it."""

    text: str
    rest: Span
    numbers: tuple[Span, ...] = ()

    @property
    def keys(self) -> set[str]:
        """The line without its page number, which may vary. "Page 6 of 6" has two."""
        return {f"{self.text[:start]}\0{self.text[end:]}" for start, end in self.numbers} or {self.text}

    @property
    def numbered_at_its_edge(self) -> bool:
        """Whether it begins or ends with the page number."""
        return any(
            (_BEFORE_NUMBER.fullmatch(self.text, 0, start) and _AFTER_NUMBER.match(self.text, end))
            or _BEFORE_NUMBER.fullmatch(self.text, end)
            for start, end in self.numbers
        )


def body_spans(texts: Sequence[str], labels: Sequence[str | None]) -> list[Span]:
    """For each page's text what is left of it, from one character up to another, without running lines.

    A first or last line is running if it is the same, but for the page number, on most pages with text, or on most of
    the odd or of the even ones, and on at least 3; or if it begins or ends with the page's number, as most do there.
    What has no page number stays on the first page, where it may be the title. Nothing is left out if more than 5
    lines repeat, or if most pages would be empty.
    """
    whole = [(0, len(text)) for text in texts]
    spans = list(whole)
    for _ in range(_MOST_LINES + 1):
        before = list(spans)
        for edge in ("top", "bottom"):
            for page, line in _running(texts, labels, spans, edge).items():
                spans[page] = line.rest
        if spans == before:
            full = sum(bool(text.strip()) for text in texts)
            left = sum(bool(text[start:end].strip()) for text, (start, end) in zip(texts, spans, strict=True))
            return spans if 2 * left >= full else whole
    return whole


def _running(texts: Sequence[str], labels: Sequence[str | None], spans: Sequence[Span], edge: str) -> dict[int, _Line]:
    """The running lines at `edge`, by the page's index."""
    outermost = _first_line if edge == "top" else _last_line
    lines = {page: line for page, text in enumerate(texts) if (line := outermost(text, *spans[page]))}
    lines = _with_numbers(lines, labels)
    first = min(lines, default=0)
    repeated = _repeated(lines)
    numbered = {page for page, line in lines.items() if line.numbered_at_its_edge}
    if not _most(len(numbered), len(lines)):
        numbered = set()

    def runs(page: int, line: _Line) -> bool:
        if page == first and not line.numbers:
            return False
        return page in numbered or not line.keys.isdisjoint(repeated[page % 2])

    return {page: line for page, line in lines.items() if runs(page, line)}


def _most(count: int, total: int) -> bool:
    return count >= FEWEST_PAGES and 2 * count > total


def _first_line(text: str, start: int, end: int) -> _Line | None:
    """The first line between `start` and `end` that is not blank; the rest begins with the next such line."""
    body = text[start:end]
    line, _, rest = body.lstrip().partition("\n")
    if not line:
        return None
    inner = rest.lstrip()
    begin = end - len(inner)
    # Blanks at the beginning of that line are its own.
    return _Line(" ".join(line.split()), (text.rfind("\n", start, begin) + 1 if inner else end, end))


def _last_line(text: str, start: int, end: int) -> _Line | None:
    """The last line between `start` and `end` that is not blank; the rest ends with the line before that is not."""
    rest, _, line = text[start:end].rstrip().rpartition("\n")
    return _Line(" ".join(line.split()), (start, start + len(rest.rstrip()))) if line else None


def _with_numbers(lines: Mapping[int, _Line], labels: Sequence[str | None]) -> dict[int, _Line]:
    """The lines with their page numbers: the printed label, or a number that grows with the pages, on most of them."""
    places = {page: _numbers(line.text, page, labels[page]) for page, line in lines.items()}
    votes = Counter(how for found in places.values() for how in found)
    trusted = [how for how, count in votes.most_common() if _most(count, len(lines))]
    return {
        page: replace(line, numbers=next((tuple(places[page][how]) for how in trusted if how in places[page]), ()))
        for page, line in lines.items()
    }


def _numbers(text: str, page: int, label: str | None) -> dict[int | str, list[Span]]:
    """What in a line might be its page's number: by how much it differs from the page's index, or "label"."""
    numbers: dict[int | str, list[Span]] = {}
    if len(text) > _LONGEST_NUMBERED_LINE:
        return numbers
    for match in _INTEGER.finditer(text):
        numbers.setdefault(int(match[0]) - page, []).append(match.span())
    for match in re.finditer(rf"(?<!\w){re.escape(label)}(?!\w)", text, re.IGNORECASE) if label else ():
        numbers.setdefault("label", []).append(match.span())
    return numbers


def _repeated(lines: Mapping[int, _Line]) -> tuple[set[str], set[str]]:
    """The keys of lines that repeat on most pages, or on most even ones (by index), or odd ones: for even, for odd."""
    even, odd = (_frequent(line for page, line in lines.items() if page % 2 == parity) for parity in (0, 1))
    everywhere = _frequent(lines.values())
    return everywhere | even, everywhere | odd


def _frequent(lines: Iterable[_Line]) -> set[str]:
    every = list(lines)
    counts = Counter(key for line in every for key in line.keys)
    return {key for key, count in counts.items() if _most(count, len(every))}
