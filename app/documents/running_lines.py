"""Running headers and footers: the first and last lines that repeat from page to page, and page numbers.

Where it is known how lines are set (`LineForms`), only those that are set as running lines count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from app.documents.line_forms import Edge

Span: TypeAlias = tuple[int, int]

FEWEST_PAGES = 3
_LONGEST_NUMBERED_LINE = 120  # a page number at the end of a longer one may have come to stand beside a paragraph
# What repeats deeper than this is the document itself: a form, a set of labels.
_MOST_LINES = 5
_INTEGER = re.compile(r"(?<![\w.,:])[0-9]{1,5}(?!\w|[.,:][0-9])")
_BEFORE_NUMBER = re.compile(r"[\W_]*")
_DATE = re.compile(r"\d+([-/.])\d+\1\d+")
_YEARS = range(1500, 2101)
_AFTER_NUMBER = re.compile(r"\s|$")  # "3. Methods" and "3) Methods" begin with a number that is no page's


class LineForms(Protocol):
    """How the lines of pages are set. `page` is an index, and `position` where a line begins in that page's text."""

    def place(self, page: int, position: int, edge: Edge) -> int | None:
        """Where in the margin the line stands, equal for lines at one height; None if it stands in none."""

    def may_be_title(self, page: int, position: int, edge: Edge) -> bool:
        """Whether the line is set off from the text, and not larger."""

    def counts_pages(self, page: int, position: int, edge: Edge) -> bool:
        """Whether the line, which has a counter, is set as the number of a page."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A page's outermost line, its blanks made single; where it begins; the page without it; where its page number may
    stand in it, and whether that is the label printed on the page."""

    text: str
    begin: int
    rest: Span
    numbers: tuple[Span, ...] = ()
    labelled: bool = False

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


def body_spans(texts: Sequence[str], labels: Sequence[str | None], forms: LineForms | None = None) -> list[Span]:
    """For each page's text what is left of it, from one character up to another, without running lines.

    A first or last line is running if it is the same, but for the page number, on most pages with text, or on most of
    the odd or of the even ones, and on at least 3; or if it begins or ends with the page's number, as most do there.
    What has no page number stays on the first page, where it may be the title. Nothing is left out if more than 5
    lines repeat, or if most pages would be empty. With `forms`, a line that is not set as a running line stays, unless
    it ends or begins with the label of its page; and titles that stand at the same place on most pages run too, if
    they stand there twice.
    """
    whole = [(0, len(text)) for text in texts]
    spans = list(whole)
    edges: tuple[Edge, ...] = ("top", "bottom")
    for _ in range(_MOST_LINES + 1):
        before = list(spans)
        for edge in edges:
            for page, line in _running(texts, labels, spans, edge, forms).items():
                spans[page] = line.rest
        if spans == before:
            full = sum(bool(text.strip()) for text in texts)
            left = sum(bool(text[start:end].strip()) for text, (start, end) in zip(texts, spans, strict=True))
            return spans if 2 * left >= full else whole
    return whole


def _running(
    texts: Sequence[str],
    labels: Sequence[str | None],
    spans: Sequence[Span],
    edge: Edge,
    forms: LineForms | None,
) -> dict[int, _Line]:
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
        if page not in numbered and line.keys.isdisjoint(repeated[page % 2]):
            return False
        if forms is None or (line.labelled and line.numbered_at_its_edge):
            return True
        if line.numbers:
            return forms.place(page, line.begin, edge) is not None and forms.counts_pages(page, line.begin, edge)
        return page in placed

    placed = _in_place(lines, edge, forms) if forms else set()
    running = {page: line for page, line in lines.items() if runs(page, line)}
    titles = _changing_titles(lines, edge, forms) if forms else ()
    return {**running, **{page: lines[page] for page in titles if page != first}}


def _in_place(lines: Mapping[int, _Line], edge: Edge, forms: LineForms) -> set[int]:
    """The pages whose line stands in the margin, where most lines of the same text stand."""
    places = {page: forms.place(page, line.begin, edge) for page, line in lines.items()}
    usual: dict[str, Counter[int]] = {}
    for page, line in lines.items():
        if (place := places[page]) is not None:
            usual.setdefault(line.text, Counter())[place] += 1
    return {
        page
        for page, line in lines.items()
        if places[page] is not None and usual[line.text].most_common(1)[0][0] == places[page]
    }


def _changing_titles(lines: Mapping[int, _Line], edge: Edge, forms: LineForms) -> list[int]:
    """The pages whose line is a title that changes from chapter to chapter and stands where those of most pages do."""
    places = {
        page: forms.place(page, line.begin, edge)
        for page, line in lines.items()
        if not line.numbers and forms.may_be_title(page, line.begin, edge)
    }
    placed: list[int] = []
    for parity in (0, 1):
        own = [page for page in lines if page % 2 == parity]
        usual = Counter(place for page in own if (place := places.get(page)) is not None).most_common(1)
        if usual and _most(usual[0][1], len(own)):
            placed += [page for page in own if places.get(page) == usual[0][0]]
    texts = Counter(lines[page].text for page in placed)
    return [page for page in placed if texts[lines[page].text] > 1]


def _most(count: int, total: int) -> bool:
    return count >= FEWEST_PAGES and 2 * count > total


def _first_line(text: str, start: int, end: int) -> _Line | None:
    """The first line between `start` and `end` that is not blank; the rest begins with the next such line."""
    body = text[start:end].lstrip()
    line, _, rest = body.partition("\n")
    if not line:
        return None
    inner = rest.lstrip()
    begin = end - len(inner)
    # Blanks at the beginning of that line are its own.
    kept = (text.rfind("\n", start, begin) + 1 if inner else end, end)
    return _Line(" ".join(line.split()), end - len(body), kept)


def _last_line(text: str, start: int, end: int) -> _Line | None:
    """The last line between `start` and `end` that is not blank; the rest ends with the line before that is not."""
    body = text[start:end].rstrip()
    rest, _, line = body.rpartition("\n")
    begin = start + len(body) - len(line.lstrip())
    return _Line(" ".join(line.split()), begin, (start, start + len(rest.rstrip()))) if line else None


def _with_numbers(lines: Mapping[int, _Line], labels: Sequence[str | None]) -> dict[int, _Line]:
    """The lines with their page numbers: the printed label, or a number that grows with the pages, on most of them."""
    places = {page: _numbers(line.text, page, labels[page]) for page, line in lines.items()}
    votes = Counter(how for found in places.values() for how in found)
    trusted = [how for how, count in votes.most_common() if _most(count, len(lines))]
    numbered = {}
    for page, line in lines.items():
        how = next((how for how in trusted if how in places[page]), None)
        spans = () if how is None else tuple(places[page][how])
        numbered[page] = replace(line, numbers=spans, labelled="label" in places[page] and "label" in trusted)
    return numbered


def _numbers(text: str, page: int, label: str | None) -> dict[int | str, list[Span]]:
    """What in a line might be its page's number, and no year or part of a date: by how much it differs from the
    page's index, or "label"."""
    numbers: dict[int | str, list[Span]] = {}
    if len(text) > _LONGEST_NUMBERED_LINE:
        return numbers
    dates = [match.span() for match in _DATE.finditer(text)]
    for match in _INTEGER.finditer(text):
        is_year = int(match[0]) in _YEARS and int(match[0]) - page >= 1000
        if is_year or any(start <= match.start() < end for start, end in dates):
            continue
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
