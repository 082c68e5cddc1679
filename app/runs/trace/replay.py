"""A trace played again: what was kept at each refresh, what came and went, by position, page and layer.

`layer` is everywhere an index into `trace.layers`, or None for all of them together; refreshes are counted from 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.runs.trace.packing import KEYFRAME, is_keyframe, unpack
from app.runs.trace.trace import Trace


@dataclass(frozen=True, slots=True)
class Changes:
    """Positions, ascending, that at a refresh came into a small cache, left all of them, or stayed in one."""

    entered: NDArray[np.int64]
    left: NDArray[np.int64]
    stayed: NDArray[np.int64]


class Replay:
    """Answers from one trace. Made once a trace: it remembers what it has unpacked."""

    def __init__(self, trace: Trace) -> None:
        """`trace` may be of a run that goes on; what it adds later is in another trace."""
        self.trace = trace
        self._number = -1
        self._counts: NDArray[np.uint8] | None = None

    def counts(self, refresh: int) -> NDArray[np.uint8]:
        """How many KV heads held each position after the refresh, uint8 `(layers, context)`; not to be written to.

        Raises IndexError if there is no such refresh, ValueError if the trace is damaged.
        """
        if not 0 <= refresh < len(self.trace.refreshes):
            raise IndexError(f"refresh {refresh} of {len(self.trace.refreshes)}")
        behind = self._number <= refresh
        first = max(refresh - refresh % KEYFRAME, self._number + 1 if behind else 0)
        for number in range(first, refresh + 1):
            stored = self.trace.refreshes[number]
            before = None if is_keyframe(number) else self._counts
            shape = (len(self.trace.layers), stored.context)
            self._counts = unpack(stored.packed, before, shape, self.trace.heads)
            self._number = number
        assert self._counts is not None
        return self._counts

    def shares(self, refresh: int, layer: int | None = None) -> NDArray[np.float32]:
        """For each position the share of the (layer, KV head) pairs that held it, float32 `(context,)`, 0 to 1."""
        if layer is None:
            held, most = self._totals[refresh, : self.trace.refreshes[refresh].context], self.trace.pairs
        else:
            held, most = self.counts(refresh)[layer], self.trace.heads
        return (held / np.float32(most)).astype(np.float32)

    def changes(self, refresh: int, layer: int | None = None) -> Changes:
        """What came, went and stayed at the refresh; at the first everything came."""
        now = self.shares(refresh, layer) > 0
        before = np.zeros_like(now)
        if refresh > 0:
            earlier = self.shares(refresh - 1, layer) > 0
            before[: len(earlier)] = earlier
        return Changes(np.flatnonzero(now & ~before), np.flatnonzero(before & ~now), np.flatnonzero(now & before))

    def heatmap(self, columns: int, positions: int, layer: int | None = None) -> NDArray[np.float32]:
        """Refreshes by columns, float32: the mean share of the positions in each of `columns` equal parts of
        0 to `positions`; 0 where a part lies beyond the context of the refresh."""
        edges = np.arange(columns + 1) * positions // columns
        first, last = edges[:-1], np.maximum(edges[1:], edges[:-1] + 1)
        rows = np.zeros((len(self.trace.refreshes), columns), np.float32)
        for number, stored in enumerate(self.trace.refreshes):
            sums = np.concatenate(([0.0], np.cumsum(self.shares(number, layer), dtype=np.float64)))
            low, high = np.minimum(first, stored.context), np.minimum(last, stored.context)
            rows[number] = (sums[high] - sums[low]) / np.maximum(high - low, 1)
        return rows

    def pages(self, layer: int | None = None) -> NDArray[np.float32]:
        """Refreshes by pages, float32: the mean share of the tokens of each page; 0 for a page without tokens."""
        prompt = self.trace.prompt
        tokens = np.flatnonzero(prompt.places.page >= 0)
        page, positions = prompt.places.page[tokens], tokens + prompt.document_start
        sizes = np.maximum(np.bincount(page, minlength=len(prompt.pages)), 1)
        rows = np.zeros((len(self.trace.refreshes), len(prompt.pages)), np.float32)
        for number in range(len(rows)):
            held = self.shares(number, layer)[positions]
            rows[number] = np.bincount(page, held, minlength=len(prompt.pages)) / sizes
        return rows

    def full_steps(self) -> NDArray[np.bool_]:
        """Layers by tokens: whether the layer attended to the whole context in the token's step.

        A layer that does is refreshed; one without a small cache is known by all of them doing so.
        """
        trace = self.trace
        full = np.zeros((len(trace.layers), len(trace.tokens)), bool)
        columns = {token.step: column for column, token in enumerate(trace.tokens)}
        rows = {layer: row for row, layer in enumerate(trace.layers)}
        for column, token in enumerate(trace.tokens):
            full[:, column] = token.full_layers >= len(trace.layers)
        for refresh in trace.refreshes:
            column = columns.get(refresh.step, -1)
            if column >= 0:  # a stopped run may end between a refresh and its token
                full[[rows[layer] for layer in refresh.layers], column] = True
        return full

    @cached_property
    def _totals(self) -> NDArray[np.uint32]:
        """Pairs that held each position, `(refreshes, the longest context)`."""
        refreshes = self.trace.refreshes
        totals = np.zeros((len(refreshes), max((r.context for r in refreshes), default=0)), np.uint32)
        for number, stored in enumerate(refreshes):
            self.counts(number).sum(axis=0, dtype=np.uint32, out=totals[number, : stored.context])
        return totals
