"""References to pages in a text: "(p. 12)", "(pp. 3, 5)", "(R-intro.pdf, p. 12)"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# A file is called "report (1).pdf" when it is fetched again.
_CITATION = re.compile(r" ?\((?:(?P<name>(?:[^()\n]|\([^()\n]*\)){1,255}), )?pp?\. (?P<pages>\d+(?:, \d+)*)\)")
_NUMBER = re.compile(r"\d+")
_END = re.compile(r"[.!?。！？][\"'”’»」』)\]]*\s*\Z")


@dataclass(frozen=True, slots=True)
class PageReference:
    """A page that a text refers to: the document's name, empty for none, the page, and where its number stands."""

    name: str
    page: int
    start: int
    end: int


def page_references(text: str) -> Iterator[PageReference]:
    """The pages that `text` refers to, in order."""
    for citation in _CITATION.finditer(text):
        for number in _NUMBER.finditer(text, *citation.span("pages")):
            if len(number[0]) < 10:  # of no document, and int() refuses very long ones
                yield PageReference(citation["name"] or "", int(number[0]), *number.span())


def cited(text: str, pages: Iterable[int], name: str = "") -> str:
    """`text` with a reference to `pages`, of the document `name`, before the mark at its end; behind a bracket."""
    numbers = ", ".join(str(page) for page in sorted(set(pages)))
    if not numbers:
        return text
    where = f"{'pp.' if ', ' in numbers else 'p.'} {numbers}"
    end = _END.search(text)
    at = end.start() if end and ")" not in end[0] else len(text.rstrip())
    return f"{text[:at]} ({f'{name}, ' if name else ''}{where}){text[at:]}"


def has_sentence(text: str, sentence: str) -> bool:
    """Whether it stands there, with a reference before its last mark or without one."""
    end = _END.search(sentence)
    return (sentence[: end.start()] if end else sentence) in text


def without_citations(text: str) -> str:
    """`text` with blanks in the place of its references, so that all else stays where it is."""
    return _CITATION.sub(lambda found: " " * len(found[0]), text)
