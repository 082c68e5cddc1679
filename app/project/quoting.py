"""A passage shortened to its own sentences, or expanded by sentences of the documents: for small models, whose own
words about a passage are either its words again or invented (docs/benchmarks.md)."""

from __future__ import annotations

import re

from rapidfuzz.fuzz import partial_ratio

from app.project.support import without
from app.project.whole import reference
from app.prompt.answers import ALIKE, words
from app.reading.candidates import most_relevant
from app.reading.extract import note
from app.reading.reading import Reading, Saying
from app.reading.relevance import Relevance
from app.reading.terms import asked
from app.text.citations import cited
from app.text.endings import is_ended
from app.text.sentences import sentences

KEPT = 0.6
"""Of a passage's words, about, when it is shortened."""

PARTS, PART_WORDS = 6, 120
"""Of the documents that are looked through for what has to do with a passage, and of each so many words."""

NEAR = 0.6
"""Of the relevance of the sentence that has most to do with it."""

LEAST_NEAR = 0.4
"""Cosine to the passage of a sentence that is to expand it, where it can be told: what has less was about something
else, in 20 passages of four manuals."""

LEAST_SHARED = 3
"""Terms that a sentence has in common with the passage that it is to expand."""

MOST = 2
"""Sentences that are added, and about so much of the passage's length: more is about other things."""

_COUNTS = re.compile(r"(?:first|second|third|fourth|last|finally)(?:ly)?,", re.IGNORECASE)
_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+")


def shortened(passage: str, focus: str = "") -> str:
    """Those of its sentences that say most about it, or about `focus`, where they stood; empty if it has only one,
    or no whole ones."""
    spans = [(start, end) for start, end, kind in sentences(passage) if kind in ("sentence", "item")]
    kept = note(passage, round(KEPT * len(words(passage))), focus=focus)
    left = {(sentence.start, sentence.end) for sentence in kept}
    if not kept or len(left) == len(spans) or any(kind in ("row", "head", "code") for _, _, kind in sentences(passage)):
        return ""
    return without(passage, [passage[start:end] for start, end in spans if (start, end) not in left])


def expanded(reading: Reading, passage: str, draft: str) -> str:
    """With the sentences of the documents behind it that have most to do with it and are not in the draft, each with
    its page, about as many words as the passage has; empty if there are none, or it ends within a sentence."""
    old = passage.rstrip()
    if not is_ended(old) or sentences(old)[-1].kind not in ("sentence", "item"):
        return ""
    found = _about(reading, old, draft)
    if not found:
        return ""
    item = _ITEM.match(old.rpartition("\n")[2])
    between = f"\n{item[0]}" if item and not item[0].strip()[0].isdigit() else " "
    quoted = (cited(saying.text, *reference(reading, saying.document, [saying.page])) for saying in found)
    return "".join([old, *(between + sentence for sentence in quoted), passage[len(old) :]])


def _about(reading: Reading, passage: str, draft: str) -> list[Saying]:
    """The sentences, in the order of the documents."""
    query, wanted, room = " ".join(passage.split()), set(asked(passage)), len(words(passage))

    def fits(sentence: str) -> bool:
        return (
            len(wanted.intersection(asked(sentence))) >= LEAST_SHARED
            and partial_ratio(sentence, draft) < ALIKE
            and not _COUNTS.match(sentence)
        )

    sayings = (
        saying
        for part in sorted(most_relevant(reading, query, PARTS))
        for saying in reading.sayings(part, PART_WORDS, passage, alone=True)
    )
    found = [saying for saying in sayings if fits(saying.text)]
    near = reading.nearness(query, [saying.text for saying in found])
    if near is not None:
        found = [saying for saying, cosine in zip(found, near, strict=True) if cosine >= LEAST_NEAR]
    scores = Relevance([saying.text for saying in found]).scores(query) if found else ()
    chosen: list[Saying] = []
    for saying in sorted(found, key=lambda saying: -scores[found.index(saying)])[:MOST]:
        size = len(words(saying.text))
        if scores[found.index(saying)] >= NEAR and (size <= room or not chosen):
            chosen.append(saying)
            room -= size
    return [saying for saying in found if saying in chosen]
