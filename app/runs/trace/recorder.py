"""A trace from a run's events, one by one as they come."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.runs.trace.packing import is_keyframe, pack
from app.runs.trace.trace import Ending, PromptTokens, Refresh, RunSettings, Token, Trace
from core.events import CacheRefreshed, Event, GenerationFinished, TokenGenerated

MOST_PACKED, MOST_POSITIONS = 80 * 10**6, 10**8
"""Bytes of all refreshes, and positions in all of them, that a trace has at most: as many as a file holds
(`file.MOST_BYTES`) and a page is sent. A run of 30,000 tokens comes to a third of that with 4,000 written."""


class Recorder:
    """Takes the events of one run. Not for several threads at once.

    Of a long text in which much is chosen not all refreshes are kept: once half of what a trace may have is taken,
    every other one is, once half of the rest is, every fourth, and so on.
    """

    def __init__(
        self, settings: RunSettings, prompt: PromptTokens, layers: tuple[int, ...], heads: int, draft_start: int
    ) -> None:
        """The parameters are the fields of Trace. `draft_start` may be set later, when the draft was edited."""
        self._start = (settings, prompt, layers, heads)
        self.draft_start = draft_start
        self._layers, self._heads = layers, heads
        self._tokens: list[Token] = []
        self._refreshes: list[Refresh] = []
        self._ending: Ending | None = None
        self._last: NDArray[np.uint8] | None = None
        self._seen = self._packed = self._positions = 0

    @classmethod
    def resumed(cls, trace: Trace) -> Recorder:
        """A recorder that has recorded `trace`, of a run that is over."""
        made = cls(trace.settings, trace.prompt, trace.layers, trace.heads, trace.draft_start)
        made._tokens, made._refreshes, made._ending = list(trace.tokens), list(trace.refreshes), trace.ending
        return made

    def add(self, event: Event) -> bool:
        """Record an event; progress of the prefill is not kept. Returns whether it was."""
        match event:
            case TokenGenerated():
                self._tokens.append(Token(event.token_id, event.text, event.step, event.seconds, event.full_layers))
            case CacheRefreshed():
                self._seen += 1
                if (self._seen - 1) % self._every:
                    return False
                self._refresh(event)
            case GenerationFinished():
                self._ending = Ending(event.reason, event.prefill_seconds, event.decode_seconds)
            case _:
                return False
        return True

    @property
    def _every(self) -> int:
        """Of so many refreshes one is kept now."""
        taken = max(self._packed / MOST_PACKED, self._positions / MOST_POSITIONS)
        return 1 << int(-math.log2(max(2**-20, 1 - taken)))

    def _refresh(self, event: CacheRefreshed) -> None:
        counts = event.kept_by_layer[list(self._layers)]
        before = None if is_keyframe(len(self._refreshes)) else self._last
        packed = pack(counts, before, self._heads)
        self._refreshes.append(Refresh(event.step, event.layers, event.reason, counts.shape[1], packed))
        self._last = counts
        self._packed, self._positions = self._packed + len(packed), self._positions + counts.shape[1]

    @property
    def tokens(self) -> Sequence[Token]:
        """The tokens so far."""
        return self._tokens

    @property
    def refreshes(self) -> Sequence[Refresh]:
        """The refreshes so far."""
        return self._refreshes

    @property
    def trace(self) -> Trace:
        """What has been recorded so far."""
        return Trace(*self._start, self.draft_start, tuple(self._tokens), tuple(self._refreshes), self._ending)
