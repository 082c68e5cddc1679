"""The terms of a text by which it is found: words without endings, pairs of characters of scripts without blanks."""

from __future__ import annotations

import re
from itertools import pairwise

import Stemmer

_WIDE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\u0e00-\u0e7f"
_ASKING = re.compile(
    r"\b(?:how|what|when|where|why|which|who|whom|whose|do|does|did|done|is|are|was|were|be|been|can|could|should|would|"
    r"will|may|might|must|have|has|had|to|a|an|the|of|in|on|at|from|for|with|by|about|and|or|as|it|its|this|that|these|"
    r"those|there|their|they|we|you|i|me|my|our|your|one|somebody|someone|anybody|people|tell|explain|describe|write|"
    r"give|say|please|document|text|briefly|detail|"
    r"made?|makes?|making|used?|uses|using|belongs?|needs?|works?|happens?)\b",
    re.IGNORECASE,
)
_TERM = re.compile(rf"[{_WIDE}]+|[^\W_{_WIDE}]+")
_IS_WIDE = re.compile(f"[{_WIDE}]")


def terms(text: str) -> list[str]:
    """The terms in order, with repeats."""
    stem = Stemmer.Stemmer("english").stemWord  # of this call: no two threads may share one
    found: list[str] = []
    for match in _TERM.finditer(text.casefold()):
        word = match[0]
        if not _IS_WIDE.match(word):
            found.append(stem(word))
        elif len(word) == 1:
            found.append(word)
        else:
            found += map("".join, pairwise(word))
    return found


def asked(query: str) -> list[str]:
    """The terms of a request without those that only ask: of "How are data frames made?" data, frame, made."""
    return terms(_ASKING.sub(" ", query)) or terms(query)
