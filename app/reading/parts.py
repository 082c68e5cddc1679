"""Documents divided into parts: along their headings, and within a long section at the ends of pages, paragraphs and
sentences. Every character is in exactly one part."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import accumulate
from operator import itemgetter
from types import MappingProxyType

from app.documents import LEVELS, Document, Page
from app.reading.breaks import pieces
from app.reading.contents import LONGEST_FRONT, Matter, contents_spans, matter_of, title_key
from app.reading.paragraphs import Extract, Plain, plain_of
from app.reading.place import Place
from app.reading.sections import Section, pack
from app.text.spans import Span
from app.text.valid import is_visible

LIMIT = 6_000
"""Characters of a part, at most: some 1,500 tokens of English."""

MARKED = 3
"""A document with so many headings has them all: what stands before the first is a title page or a preface."""

SCRAP = 400
"""So few characters beside a list of contents belong to it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of one document, from `start` up to, not including, `end`.

    `number` counts from 0 over all documents and `document` is the index of its own. `path` has the titles of the
    headings above, outermost first. `matter` says whether it is running text.
    """

    number: int
    document: int
    title: str
    path: tuple[str, ...]
    start: Place
    end: Place
    characters: int
    matter: Matter = "text"

    @property
    def pages(self) -> range:
        """The numbers of the pages that it has characters of."""
        return range(self.start.page, self.end.page + 1)

    def extracts(self, documents: Sequence[Document]) -> list[Extract]:
        """Its text by pages."""
        found = []
        for page in _pages_between(documents[self.document].pages, self.start.page, self.end.page):
            first = self.start.offset if page.number == self.start.page else 0
            last = self.end.offset if page.number == self.end.page else len(page.text)
            if first < last:
                found.append(Extract(Place(page.number, first), page.text[first:last]))
        return found

    def text(self, documents: Sequence[Document]) -> str:
        """Its characters as they stand on the pages, with nothing between two pages."""
        return "".join(extract.text for extract in self.extracts(documents))

    def plain(self, documents: Sequence[Document], titles: Mapping[Place, str] = MappingProxyType({})) -> Plain:
        """What the model reads of it. titles: the document's headings, by where they begin."""
        return plain_of(self.extracts(documents), titles)


def digest(text: str) -> str:
    """SHA-256 of a part's text, in hexadecimal: the same for the same text, wherever it stands."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def divide(documents: Sequence[Document], limit: int = LIMIT) -> tuple[Part, ...]:
    """The parts of the documents, in order; none has more than `limit` characters. A document may hold only some of its
    pages. One in which nothing is seen is one part, or none if it is empty."""
    if limit < 1:
        raise ValueError(f"a part must have room for a character, not for {limit}")
    parts = [part for index, document in enumerate(documents) for part in _divided(document, index, limit)]
    return tuple(replace(part, number=number) for number, part in enumerate(parts))


def _divided(document: Document, index: int, limit: int) -> Iterator[Part]:
    text = "".join(page.text for page in document.pages)
    pages = [page for page in document.pages if page.text]
    starts = [0, *accumulate(len(page.text) for page in pages)][:-1]
    for group in pack(list(_sections(document, text, starts)), limit):
        for start, end in pieces(text, group.start, group.end, limit, starts):
            first, last = (bisect_right(starts, at) - 1 for at in (start, end - 1))
            yield Part(
                0, index, group.title, group.path,
                Place(pages[first].number, start - starts[first]), Place(pages[last].number, end - starts[last]),
                end - start, group.matter,
            )  # fmt: skip


def _sections(document: Document, text: str, page_starts: Sequence[int]) -> Iterator[Section]:
    """What stands below each heading up to the next, in order; lists of contents are apart, blanks belong to others."""
    headings = _headings(document)
    titles = frozenset(title_key(heading.title) for heading in document.headings) - {""}
    lists = deque(contents_spans(text, page_starts, titles, {begin for begin, *_ in headings}))
    above: list[tuple[int, str]] = []
    start = 0
    for number, (begin, level, title) in enumerate(headings):
        end = headings[number + 1][0] if number + 1 < len(headings) else len(text)
        while above and above[-1][0] >= level:
            above.pop()
        path = tuple(name for _, name in above)
        above += [(level, title)] if level <= LEVELS else []
        first = begin < LONGEST_FRONT and len(headings) > MARKED
        for last, is_list in _cuts(begin, end, lists):
            # What cannot be seen belongs to what comes after it, at the end to what comes before.
            if last == len(text) or is_visible(text[start:last]):
                matter = matter_of(text[start:last], title, listed=is_list, first=first)
                yield Section(start, last, level, title, path, matter)
                start = last


def _headings(document: Document) -> list[tuple[int, int, str]]:
    """Where in the document's text each heading stands, its level and title. What stands before the first is below the
    document's name, as if that were deeper than all others."""
    begins = accumulate((len(page.text) for page in document.pages), initial=0)
    pages = {page.number: begin for page, begin in zip(document.pages, begins, strict=False)}
    known = (heading for heading in document.headings if heading.page in pages)
    headings = [(pages[heading.page] + heading.offset, heading.level, heading.title) for heading in known]
    headings.sort(key=itemgetter(0))
    return headings if headings and headings[0][0] == 0 else [(0, LEVELS + 1, document.name), *headings]


def _cuts(begin: int, end: int, lists: deque[Span]) -> Iterator[tuple[int, bool]]:
    """Where the stretch from `begin` to `end` is to be cut, its end included, and whether a list of contents ends
    there. Lists that are done are taken away."""
    while lists and lists[0][0] < end:
        first, last = max(lists[0][0], begin), min(lists[0][1], end)
        if lists[0][1] <= end:
            lists.popleft()
        if first - begin > SCRAP:
            yield first, False
        begin = end if end - last <= SCRAP else last
        yield begin, True
        if begin == end:
            return
    if begin < end:
        yield end, False


def _pages_between(pages: Sequence[Page], first: int, last: int) -> Sequence[Page]:
    at = bisect_left(pages, first, key=lambda page: page.number)
    return pages[at : bisect_right(pages, last, key=lambda page: page.number)]
