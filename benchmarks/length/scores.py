"""Likelihood and look-up at a length: no clock, so that it may run beside anything."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from time import perf_counter
from typing import Any

import torch
from transformers import PreTrainedModel

import core
from core import FullAttention, PolicyCache, compile_decoding, load_model

from ..process import WorkerError
from ..quality.record import Record
from .case import Case
from .facts import Reader, found, likelihood
from .readers import Ours, Peer
from .rows import Row

KEYS = ("method", "length")


def take_scores(rows: Sequence[Row], case: Case, record: Record) -> None:
    """Score what `record` does not hold. Where a row fails this is recorded."""
    done = {line["method"] for line in record if line["length"] == case.length and "error" not in line}
    readers = Readers(case)
    for row in rows:
        if row.name in done:
            continue
        begun = perf_counter()
        try:
            with torch.no_grad(), ExitStack() as stack:
                reader = readers.of(row, stack)
                nll = likelihood(reader, case.document)
                figures: dict[str, Any] = {"nll": nll, "found": found(reader, case.tokenizer, case.facts)}
            said = f"{nll:.3f}, {sum(figures['found']) / len(figures['found']):.2f} in {perf_counter() - begun:.0f} s"
        except WorkerError as error:
            said = str(error)
            figures = {"error": said}
        record.add({"method": row.name, "length": case.length} | figures)
        print(f"{case.length:>7,}  {row.name}: {said}", file=sys.stderr, flush=True)


class Readers:
    """Makes what reads, and keeps what serves the next."""

    def __init__(self, case: Case) -> None:
        """Loads nothing yet."""
        self._case = case
        self._plain: PreTrainedModel | None = None
        self._ours: PreTrainedModel | None = None
        self._cache: PolicyCache | None = None

    def of(self, row: Row, stack: ExitStack) -> Reader:
        """A row's. Raises WorkerError if it cannot be loaded."""
        if row.control is not None:
            self._plain = self._plain or load_model(quantization="none")[0]
            return row.control(self._plain, self._case.length)
        assert row.timed is not None
        method = row.timed(self._case.length, self._case.config)
        if method.worker != "ours":
            worker = self._case.started(row)
            stack.callback(worker.close)
            return Peer(worker)
        if self._ours is None:
            self._ours = load_model()[0]
            compile_decoding(self._ours).wait()
        policy = getattr(core, method.options["policy"])(**method.options["parameters"])
        # A prompt is the same under every policy: the next goes on with what the one before has read.
        before = self._cache or PolicyCache(self._ours.config, FullAttention(), "extend")
        self._cache = before.with_policy(policy)
        return Ours(self._ours, self._cache)
