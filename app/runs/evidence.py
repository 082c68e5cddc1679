"""What is known of a passage of the draft, as a message for the map: the run that wrote it, what its small cache held
then, and what of the passage stands in the documents that were read. Knows nothing of Gradio."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from app.runs.feed import Json
from app.runs.library import RunLibrary
from app.runs.trace import KeptPage, PageText, PromptTokens, kept_while
from app.text.quotations import Quote, sentences

Note: TypeAlias = Literal["", "typed", "full"]
"""Why nothing was held: the passage was typed, or its run is not kept; or its run had no small cache."""


def passage_message(runs: RunLibrary, shown: str | None, draft: str, start: int, end: int) -> Json | None:
    """What is known of these characters of the draft, or if there are no words among them of the sentence nearest.

    The documents are those of the run that wrote it; for what no kept run wrote, those of the run `shown`, else of the
    newest. None if there is no such run, or nothing is written.
    """
    if not _has_words(draft[start:end]):
        start, end = _sentence(draft, start)
    passage = draft[start:end]
    if not passage:
        return None
    found = runs.wrote(draft, start, end)
    key = found[0] if found else shown or runs.newest
    run = runs.open(key)
    if run is None:
        return None
    note: Note = "typed" if not found else "" if run.feed.trace.refreshes else "full"
    pages = kept_while(run.replay, found[1]) if found else ()
    exact = run.quotations.exact(passage)
    quotes = [*exact, *run.quotations.near(passage, exact)]
    return {"run": run.feed.run_id, "held": held(pages, quotes, run.feed.trace.prompt, run.pages, note)}


def held(
    pages: Sequence[KeptPage], quotes: Sequence[Quote], prompt: PromptTokens, texts: Sequence[PageText], note: Note = ""
) -> Json:
    """What was held while a part of the draft was written, and what of it stands in the documents.

    `pages` are `[index, part]`, the largest part first; `passages` `[first position, position after the last, share]`,
    in the order of their pages and then the most held first; `quotes` `[first position, position after the last]`, word
    for word; `near` `[first position, position after the last, similarity in per cent]`, nearly so. The map scrolls to
    the first of them. `note` is a Note.
    """
    places = prompt.places

    def positions(page: int, start: int, end: int) -> list[int]:
        inside = (places.page == page) & (places.start < end) & (places.end > start)
        tokens = np.flatnonzero(inside) + prompt.document_start
        return [int(tokens[0]), int(tokens[-1]) + 1] if len(tokens) else []

    passages = [(page.page, passage) for page in pages for passage in page.passages]
    spans = [(positions(page, passage.start, passage.end), passage.share) for page, passage in passages]
    found = [(texts[quote.page].range_of(quote.page_start, quote.page_end), quote.similarity) for quote in quotes]
    return {
        "pages": [[page.page, round(page.part, 4)] for page in pages],
        "passages": [[*span, round(share, 4)] for span, share in spans if span],
        "quotes": [[*span] for span, similarity in found if similarity is None],
        "near": [[*span, similarity] for span, similarity in found if similarity is not None],
        "note": note,
    }


def _sentence(text: str, at: int) -> tuple[int, int]:
    """The sentence with words that is nearest to a position, of two the one before it; nothing if there is none."""
    worded = [span for span in sentences(text) if _has_words(text[slice(*span)])]
    return min(worded, key=lambda span: max(span[0] - at, at - span[1], 0), default=(0, 0))


def _has_words(text: str) -> bool:
    return re.search(r"\w", text) is not None
