"""What the small cache held while a part of the draft was written: pages, and passages in them."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.runs.trace.replay import Replay
from app.runs.trace.trace import Token
from app.text.spans import Span

LEAST_SHARE = 0.25
LARGEST_GAP = 3
"""Tokens below the least share that do not end a passage."""


@dataclass(frozen=True, slots=True)
class KeptPassage:
    """Characters `start` up to, not including, `end` of a page's text, and the mean share of its tokens."""

    start: int
    end: int
    share: float


@dataclass(frozen=True, slots=True)
class KeptPage:
    """A page of the prompt: `page` is its index there, `document` that of its document.

    share: of the pairs and steps, those that held a token of the page, on the mean over its tokens. part: how much of
    all that was held of the documents was of this page; the parts of all pages add up to 1. passages: the most held
    first.
    """

    document: int
    page: int
    part: float
    share: float
    passages: tuple[KeptPassage, ...]


def kept_while(replay: Replay, spans: Sequence[Span], least_share: float = LEAST_SHARE) -> tuple[KeptPage, ...]:
    """What was held while these characters of what the run wrote were written, the page with the largest part first.
    Pages of which nothing was held are left out.

    A token's share is the number of (pair, step) combinations that held it out of all there were. The steps are those
    of the tokens that have a character in a span, and what a step held is what the refresh in or before it kept: the
    few entries that newer tokens replace until the next refresh count as held. A passage is a run of tokens that have
    at least `least_share`, with gaps of LARGEST_GAP at most. Empty if the policy keeps no small cache.
    """
    prompt = replay.trace.prompt
    shares = _shares(replay, spans)[prompt.document_start :][: len(prompt.pieces)]
    of_pages = prompt.places.page >= 0
    total = float(shares[of_pages].sum())
    pages = []
    for page, document in enumerate(prompt.places.documents):
        tokens = np.flatnonzero(prompt.places.page == page)
        held = float(shares[tokens].sum())
        if held > 0:
            passages = _passages(replay, tokens, shares[tokens], least_share)
            ranked = tuple(sorted(passages, key=lambda passage: (-passage.share, passage.start)))
            pages.append(KeptPage(document, page, held / total, held / len(tokens), ranked))
    return tuple(sorted(pages, key=lambda kept: (-kept.part, kept.page)))


def _shares(replay: Replay, spans: Sequence[Span]) -> NDArray[np.float32]:
    """The share of each position of the prompt over the steps that wrote the spans."""
    trace = replay.trace
    shares = np.zeros(len(trace.prompt.token_ids), np.float32)
    at = [refresh.step for refresh in trace.refreshes]
    steps = Counter(bisect_right(at, step) - 1 for step in _steps(trace.tokens, spans))
    for refresh, count in steps.items():
        if refresh >= 0:
            shares += count * replay.shares(refresh)[: len(shares)]
    return (shares / max(1, steps.total())).astype(np.float32)


def _steps(tokens: Sequence[Token], spans: Sequence[Span]) -> Iterator[int]:
    """The steps whose tokens have a character in a span, or are the beginning of one."""
    at = 0
    for token in tokens:
        if any(max(start, at) < min(end, at + max(1, len(token.text))) for start, end in spans):
            yield token.step
        at += len(token.text)


def _passages(
    replay: Replay, tokens: NDArray[np.int64], shares: NDArray[np.float32], least_share: float
) -> Iterator[KeptPassage]:
    places = replay.trace.prompt.places
    strong = np.flatnonzero(shares >= least_share)
    if not len(strong):
        return
    for run in np.split(strong, np.flatnonzero(np.diff(strong) > LARGEST_GAP + 1) + 1):
        first, last = run[0], run[-1]
        share = float(shares[first : last + 1].mean())
        yield KeptPassage(int(places.start[tokens[first]]), int(places.end[tokens[last]]), share)
