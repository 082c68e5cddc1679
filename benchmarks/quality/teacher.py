"""Teacher-forced: after a prompt the tokens that follow in the text are fed one by one, under each method."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import product
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core import FullAttention, Policy, PolicyCache, Snapshot
from core.decode_step import FASTER_ATTRIBUTE
from core.sequence import PREFILL_CHUNK
from core.steps import decode, forward

from .configurations import REFERENCE, Configuration
from .metrics import agreements, divergences, likelihoods
from .record import Record
from .texts import Case
from .traffic import Traffic

TAIL = 64
"""Tokens at the end of a prompt that every method reads itself, so that it sees what attends to what; those before are
read once for all."""
KEYS = ("case", "name", "prompt")


class Prompts:
    """The prompts' beginnings, each read once and kept in memory."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Of this model."""
        self._model = model
        self._read: dict[str, Snapshot] = {}

    def cache(self, name: str, ids: Tensor, policy: Policy, room: int) -> tuple[PolicyCache, Tensor]:
        """A cache under `policy` that holds `ids` `(1, length)`, known by `name`, and the logits after it."""
        cache = self.beginning(name, ids, policy, room)
        logits = prefill(self._model, ids[:, cache.get_seq_length() :], cache)
        cache.reserve(room)
        return cache, logits

    def beginning(self, name: str, ids: Tensor, policy: Policy, room: int) -> PolicyCache:
        """A cache under `policy` that holds all but the last `TAIL` of `ids`; nothing, if the method sums the attention
        of the whole prompt and has to read all of it itself."""
        assert policy.queries <= TAIL
        if policy.sums_attention:
            return PolicyCache(self._model.config, policy)
        if name not in self._read:
            self._read[name] = self._read_once(ids)
        return self._read[name].restore(self._model.config, policy, room=room)

    def forget(self, name: str) -> None:
        """It will not be asked for again."""
        self._read.pop(name, None)

    def clear(self) -> None:
        """None will be asked for again."""
        self._read.clear()

    def _read_once(self, ids: Tensor) -> Snapshot:
        cache, length = PolicyCache(self._model.config, FullAttention()), ids.shape[1] - TAIL
        prefill(self._model, ids[:, :length], cache)
        return Snapshot.take(cache, length)


def prefill(model: PreTrainedModel, ids: Tensor, cache: PolicyCache) -> Tensor:
    """The logits `(1, vocabulary)` after more of a prompt, `(1, new)`."""
    pieces = ids.split(PREFILL_CHUNK, dim=1)
    for index, piece in enumerate(pieces):
        with cache.prefill(last=index == len(pieces) - 1):
            logits = forward(model, piece, cache)
    return logits


@dataclass(frozen=True)
class Fed:
    """What came of feeding tokens: log-probabilities `(tokens, vocabulary)` after each, and of each step the bytes that
    a layer read in the mean and the seconds; and the bytes that a layer must hold."""

    predictions: Tensor
    read: list[float]
    seconds: list[float]
    held: float


def feed(model: PreTrainedModel, cache: PolicyCache, tokens: Tensor) -> Fed:
    """Feed `tokens` int64 `(1, new)`, one a step."""
    traffic, rows, read, seconds = Traffic(cache), [], [], []
    for token in tokens.split(1, dim=1):
        started = perf_counter()
        logits = decode(model, token, cache)
        seconds.append(perf_counter() - started)
        rows.append(logits)
        read.append(traffic.step())
    return Fed(torch.cat(rows).float().log_softmax(-1), read, seconds, traffic.held())


class TeacherForced:
    """The measurement, case by case and configuration by configuration."""

    def __init__(self, model: PreTrainedModel, record: Record, prompt: int) -> None:
        """With prompts of `prompt` tokens; what `record` holds is not measured again."""
        self._model, self._record, self._prompt = model, record, prompt
        self._prompts = Prompts(model)
        self._references: dict[str, Tensor] = {}

    def run(self, cases: Sequence[Case], configurations: Sequence[Configuration]) -> None:
        """The first place of every text before the second, and there all of a tier before the next, so that what is
        there early speaks for all texts. Within a case the methods take turns."""
        places = sorted({case.place for case in cases})
        tiers = sorted({configuration.tier for configuration in configurations})
        for place, tier, case in product(places, tiers, cases):
            for configuration in configurations:
                if (case.place, configuration.tier) == (place, tier):
                    self._measure(case, configuration)

    def _measure(self, case: Case, configuration: Configuration) -> None:
        if (case.name, configuration.name, self._prompt) in self._record:
            return
        found, following = self._fed(case, configuration), case.ids[0, self._prompt + 1 :]
        reference = self._reference(case, found if configuration.name == REFERENCE else None)
        self._record.add(
            {
                "case": case.name,
                "text": case.text.name,
                "name": configuration.name,
                "prompt": self._prompt,
                "policy": repr(configuration.policy),
                "kl": _rounded(divergences(reference, found.predictions)),
                "agrees": agreements(reference, found.predictions),
                "nll": _rounded(likelihoods(found.predictions, following)),
                "read": [round(value) for value in found.read],
                "held": round(found.held),
                "ms": _rounded(1000 * value for value in found.seconds),
            }
        )
        print(f"{case.name}  {configuration.name}", file=sys.stderr, flush=True)

    def _reference(self, case: Case, found: Fed | None) -> Tensor:
        if case.name not in self._references:
            fed = found or self._fed(case, Configuration(REFERENCE, FullAttention()))
            self._references[case.name] = fed.predictions
        return self._references[case.name]

    def _fed(self, case: Case, configuration: Configuration) -> Fed:
        ids = case.ids
        cache, _ = self._prompts.cache(case.name, ids[:, : self._prompt], configuration.policy, ids.shape[1])
        with nullcontext() if configuration.compiled else uncompiled(self._model):
            return feed(self._model, cache, ids[:, self._prompt : -1])


@contextmanager
def uncompiled(model: PreTrainedModel) -> Iterator[None]:
    """Steps inside are taken by the model's own modules."""
    graph: Any = getattr(model, FASTER_ATTRIBUTE, None)
    setattr(model, FASTER_ATTRIBUTE, None)
    try:
        yield
    finally:
        setattr(model, FASTER_ATTRIBUTE, graph)


def _rounded(values: Any) -> list[float]:
    return [float(f"{value:.5g}") for value in values]
