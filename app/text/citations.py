"""References to pages in a text: "(p. 12)", "(pp. 3, 5)", "(R-intro.pdf, p. 12)"."""

from __future__ import annotations

import re
from collections.abc import Iterable

# A file is called "report (1).pdf" when it is fetched again.
_CITATION = re.compile(r" ?\((?:(?:[^()\n]|\([^()\n]*\)){1,255}, )?pp?\. \d+(?:, \d+)*\)")
_END = re.compile(r"[.!?。！？][\"'”’»」』)\]]*\s*\Z")


def cited(text: str, pages: Iterable[int], name: str = "") -> str:
    """`text` with a reference to `pages`, of the document `name`, before the mark at its end."""
    numbers = ", ".join(str(page) for page in sorted(set(pages)))
    if not numbers:
        return text
    where = f"{'pp.' if ', ' in numbers else 'p.'} {numbers}"
    end = _END.search(text)
    at = end.start() if end else len(text.rstrip())
    return f"{text[:at]} ({f'{name}, ' if name else ''}{where}){text[at:]}"


def has_sentence(text: str, sentence: str) -> bool:
    """Whether it stands there, with a reference before its last mark or without one."""
    end = _END.search(sentence)
    return (sentence[: end.start()] if end else sentence) in text


def without_citations(text: str) -> str:
    """`text` with blanks in the place of its references, so that all else stays where it is."""
    return _CITATION.sub(lambda found: " " * len(found[0]), text)
