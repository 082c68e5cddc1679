"""What reads a text: this decoder, or a peer in its process (the controls are in controls.py)."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core import PolicyCache
from core.devices import device_of
from core.sequence import LEAST_TAIL, PREFILL_CHUNK
from core.steps import decode, forward

from ..process import WorkerProcess
from .facts import Scores


class Ours:
    """This decoder with a cache, which may hold a beginning of the text already. What was scored is read again as a
    prompt when the text goes on, so that no method depends on another's decoded tokens."""

    def __init__(self, model: PreTrainedModel, cache: PolicyCache) -> None:
        """`cache` says the policy, and what is done beyond the window."""
        self._model, self.cache = model, cache
        self._ids: list[int] = []
        self._last = torch.empty(0)

    def read(self, ids: Tensor) -> None:
        """As `Reader` says; in whole blocks beyond the window."""
        self._ids += ids.tolist()
        cache, total = self.cache, len(self._ids)
        cache.reserve(total)
        held = max(0, min(cache.common_prefix(self._ids), cache.prefilled, total - LEAST_TAIL))
        cache.truncate(cache.window.resume(held) if cache.window else held)
        text = torch.tensor([self._ids], device=device_of(self._model))
        while (done := len(cache.token_ids)) < total:
            size = PREFILL_CHUNK if total - done >= PREFILL_CHUNK + LEAST_TAIL else total - done
            size = cache.window.whole_blocks(done, size) if cache.window else size
            with cache.prefill(last=done + size >= total):
                self._last = forward(self._model, text[:, done : done + size], cache)

    def score(self, ids: Tensor) -> Scores:
        """As `Reader` says; by decode steps."""
        rows = [self._last]
        for token in ids[:-1].split(1):
            rows.append(decode(self._model, token[None].to(device_of(self._model)), self.cache))
        self._ids += ids.tolist()
        return Scores.of(torch.cat(rows).cpu(), ids)


class Peer:
    """A peer, which is given what it is to read with the next that it is to score."""

    def __init__(self, worker: WorkerProcess) -> None:
        """`worker` has been given no text yet."""
        self._worker = worker
        self._unread: list[int] = []

    def read(self, ids: Tensor) -> None:
        """As `Reader` says."""
        self._unread += ids.tolist()

    def score(self, ids: Tensor) -> Scores:
        """As `Reader` says."""
        unread, self._unread = self._unread, []
        found = self._worker.score(unread, ids.tolist())
        return Scores(torch.tensor(found.likelihood), torch.tensor(found.best))
