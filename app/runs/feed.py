"""What one run tells the cache map: its document once, then small deltas. Pure; knows nothing of Gradio.

A message is a dict of these parts, all of the run that it names. None depends on another, so two messages of a run may
be put into one. A page that was not sent the run's start asks for it.

    run        the run's id, and `refreshes`, how many of them there are by now
    start      the document, the sizes of the run, and the kind of its method (see app.methods)
    refresh    refreshes for all layers together, each with a byte a position
    steps      {"first": n, "full": [...], "texts": [...], "at": n}: how many layers attended to the whole context in
               each step from the n-th on, what each wrote, and how many characters of the draft stood before the first
    layer      {"index": i, "first": n, "kept": [...]}: the bytes of one layer, from the n-th refresh on
    held       pages and passages of that run's documents to mark: see app.runs.evidence
    series     {"place": [number, of, heading], "runs": [...], "at": i}: which section the run wrote, and the runs that
               wrote the text's sections, in their order, of which it is the i-th
    empty      true, alone: the page shows no run any more

A byte is 255 times the share of the (layer, KV head) pairs, or of the KV heads of the one layer, that hold a position.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.methods import kind_named
from app.runs.trace import PromptTokens, Recorder, Replay, Trace
from app.runs.trace.packing import is_keyframe, unpack
from app.text.valid import valid
from core.events import CacheRefreshed, Event

Json: TypeAlias = dict[str, Any]
"""Values that JSON can hold."""

TOKEN_BYTES = 200
"""Of a token in memory, of the prompt or of what was written, with its text."""

MOST_LAYERS = 4
"""Single layers whose history is held unpacked."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """What a page was sent: so many refreshes and steps, and of which single layer."""

    refreshes: int
    steps: int
    layer: int | None


class MapFeed:
    """All that one run has told the map, and the message for any state of a page; it keeps the run's trace as well. For
    several threads at once."""

    def __init__(self, run_id: str, recorder: Recorder, slots: int) -> None:
        """`recorder` has recorded nothing yet. slots: tokens that a small cache has room for."""
        start = recorder.trace
        self.run_id = run_id
        self._recorder, self._layers, self._heads = recorder, start.layers, start.heads
        kind = kind_named(start.settings.policy.get("method"))
        self._start = {**_start(start.prompt, start.layers, start.heads, slots), "kind": kind}
        self._totals: list[bytes] = []
        self._single: dict[int, list[bytes]] = {}
        self._lock = Lock()

    @property
    def layers(self) -> int:
        """How many layers it tells of."""
        return len(self._layers)

    @property
    def held(self) -> int:
        """Bytes that it takes in memory, about."""
        with self._lock:
            trace = self._recorder.trace
            histories = [self._totals, *self._single.values()]
            unpacked = sum(len(levels) for history in histories for levels in history)
        packed = sum(len(refresh.packed) for refresh in trace.refreshes)
        return unpacked + packed + TOKEN_BYTES * (len(trace.tokens) + len(trace.prompt.token_ids))

    @property
    def trace(self) -> Trace:
        """Of the run so far."""
        with self._lock:
            return self._recorder.trace

    @classmethod
    def replayed(cls, run_id: str, replay: Replay) -> MapFeed:
        """The feed of a run that is over. Raises ValueError if its trace is damaged."""
        trace = replay.trace
        feed = cls(run_id, Recorder.resumed(trace), len(trace.prompt.token_ids))
        for number in range(len(trace.refreshes)):
            counts = replay.counts(number)
            feed._tell(counts)
            # The last one's: before, a short text may have been kept whole with room to spare.
            feed._start["slots"] = int(counts.sum()) // trace.pairs
        return feed

    def begin_at(self, draft_start: int) -> None:
        """So many characters of the draft stand before what the run writes, after all."""
        with self._lock:
            self._recorder.draft_start = draft_start

    def add(self, event: Event) -> None:
        """Take in the run's next event."""
        with self._lock:
            recorded = self._recorder.add(event)
            if recorded and isinstance(event, CacheRefreshed):
                self._tell(event.kept_by_layer[list(self._layers)])

    def _tell(self, counts: NDArray[np.uint8]) -> None:
        self._totals.append(_levels(counts.sum(axis=0, dtype=np.int64), len(self._layers) * self._heads))
        for layer, history in self._single.items():
            history.append(_levels(counts[layer], self._heads))

    def since(self, cursor: Cursor | None, layer: int | None = None) -> tuple[Json | None, Cursor]:
        """What is new to a page that was sent what `cursor` says, and the cursor for the next time.

        With None as cursor everything there is; the message is None if nothing is new. `layer`, an index into the
        feed's layers, is what the page shows alone: its history comes when it is first asked for, and then what is
        new. Raises ValueError if there is no such layer.
        """
        if layer is not None and not 0 <= layer < len(self._layers):
            raise ValueError(f"layer {layer} of {len(self._layers)}: the map counts them from 0")
        with self._lock:
            now = Cursor(len(self._totals), len(self._recorder.tokens), layer)
            if cursor == now:
                return None, now
            sent = cursor or Cursor(0, 0, None)
            message: Json = {"run": self.run_id, "refreshes": now.refreshes}
            if cursor is None:
                message["start"] = self._start
            if now.refreshes > sent.refreshes:
                message["refresh"] = [self._row(number) for number in range(sent.refreshes, now.refreshes)]
            if now.steps > sent.steps:
                tokens = self._recorder.tokens[sent.steps : now.steps]
                message["steps"] = {
                    "first": sent.steps,
                    "full": [token.full_layers for token in tokens],
                    "texts": [valid(token.text) for token in tokens],
                    "at": self._recorder.draft_start,
                }
            if layer is not None and (layer != sent.layer or now.refreshes > sent.refreshes):
                first = sent.refreshes if layer == sent.layer else 0
                kept = [_base64(levels) for levels in self._history(layer)[first:]]
                message["layer"] = {"index": layer, "first": first, "kept": kept}
            return message, now

    def _row(self, number: int) -> Json:
        refresh = self._recorder.refreshes[number]
        return {
            "number": number,
            "step": refresh.step,
            "reason": refresh.reason,
            "layers": refresh.layers,
            "kept": _base64(self._totals[number]),
        }

    def _history(self, layer: int) -> list[bytes]:
        """The bytes of one layer; the layers asked for last stay at hand."""
        history = self._single.pop(layer, None) or self._unpacked(layer)
        self._single[layer] = history
        if len(self._single) > MOST_LAYERS:
            del self._single[next(iter(self._single))]
        return history

    def _unpacked(self, layer: int) -> list[bytes]:
        history, counts = list[bytes](), None
        for number, refresh in enumerate(self._recorder.refreshes):
            before = None if is_keyframe(number) else counts
            counts = unpack(refresh.packed, before, (len(self._layers), refresh.context), self._heads)
            history.append(_levels(counts[layer], self._heads))
        return history


def _start(prompt: PromptTokens, layers: tuple[int, ...], heads: int, slots: int) -> Json:
    """What the map needs once a run.

    `pieces[i]` is the text of the token at prompt position `documentStart + i`. A character that several tokens share
    stands whole in the first of them, and the others are empty.
    """
    return {
        "pieces": prompt.pieces,
        "documentStart": prompt.document_start,
        "pages": [[page.position, page.page, page.title, page.name] for page in prompt.pages],
        "layers": layers,
        "heads": heads,
        "slots": slots,
        "promptTokens": len(prompt.token_ids),
        "draftTokens": prompt.draft_tokens,
    }


def _levels(held: NDArray[np.integer], most: int) -> bytes:
    """A byte a position; what anything holds is at least 1."""
    levels: NDArray[np.uint8] = np.maximum(np.rint(held * (255 / most)), held > 0).clip(0, 255).astype(np.uint8)
    return levels.tobytes()


def _base64(levels: bytes) -> str:
    return base64.b64encode(levels).decode("ascii")
