"""The tokens of one text: a prompt is read in pieces, then each step gives one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from . import kernels
from .cache import PolicyCache
from .devices import device_of
from .documents import AGAIN, Document, resumed
from .drafting import speculation_of
from .errors import InvalidParameterError
from .events import CacheRefreshed, PrefillProgress
from .int4 import KERNEL_ROWS
from .policies.checks import is_integer
from .positions import positions_of
from .sampling import Sampler
from .steps import NextStep, Verified, decode, forward

ChunkSize: TypeAlias = int | Callable[[int, float], int]
"""Prompt tokens per forward: a number, or a function of the tokens and the seconds of the forward before (0, 0.0)."""

PREFILL_CHUNK = 1024
"""Prompt tokens per forward. Longer chunks are faster and shorter ones stop and report sooner: one takes 0.3 to 0.7 s
here (SmolLM2-135M, 5,000 tokens, on two AVX512 cores)."""

LEAST_TAIL = KERNEL_ROWS + 1
"""Tokens of the last forward of a prompt, at least. Fewer are multiplied with 4-bit weights by another arithmetic
(int4.py), and the text would depend on how much of the prompt was held, and on the pace at which it was read."""


@dataclass(frozen=True, slots=True)
class GeneratedStep:
    """One sampled token, and what it took. `refreshed` is the refresh this step made, if any."""

    token_id: int
    step: int
    full_layers: int
    seconds: float
    refreshed: CacheRefreshed | None


def generate_step(
    model: PreTrainedModel,
    token_ids: Tensor,
    cache: PolicyCache,
    sampler: Sampler,
    prefill_chunk: ChunkSize = PREFILL_CHUNK,
    claim: object | None = None,
) -> Iterator[PrefillProgress | NextStep | GeneratedStep]:
    """Prefill `token_ids` `(1, length)` behind what `cache` holds of them, then yield a token a step, without end, and
    each step before it is taken.

    `cache.token_ids` must be a proper prefix of `token_ids`. Between two yields the cache holds all tokens but the one
    just yielded. Raises CacheMismatchError once another generation has begun with the cache since it was claimed.
    """
    claim = cache.claim() if claim is None else claim
    ids = token_ids.to(device_of(model))
    logits: Tensor | None = yield from _prefill(model, ids, cache, prefill_chunk, claim)
    verified: Verified | None = None
    speculation = speculation_of(model, cache, sampler)
    step, started = 0, perf_counter()
    while True:
        assert logits is not None
        with kernels.own_threads():
            token_id = sampler(ids, logits)
        seconds = perf_counter() - started
        yield GeneratedStep(token_id, step, cache.full_layers(), seconds, _refresh_event(cache, step))
        started = perf_counter()
        step += 1
        cache.require_claim(claim)
        ids = torch.cat([ids, torch.tensor([[token_id]], device=ids.device)], dim=1)
        if speculation is None:
            following = NextStep(ids[:, -1:], cache)
            yield following
            cache.require_claim(claim)
            logits = decode(model, ids[:, -1:], cache) if following.logits is None else following.logits
        elif verified is None or (logits := verified.take(token_id)) is None:
            yield NextStep(None, cache)
            cache.require_claim(claim)
            verified = speculation.step(ids)
            logits = verified.take(token_id)


def _prefill(
    model: PreTrainedModel, ids: Tensor, cache: PolicyCache, chunk: ChunkSize, claim: object
) -> Generator[PrefillProgress, None, Tensor]:
    """Forward the prompt in chunks; returns the logits `(1, vocabulary)` of its last token."""
    total, done = ids.shape[1], len(cache.token_ids)
    logits, tokens, seconds = None, 0, 0.0
    while done < total:
        cache.require_claim(claim)
        following = next((document for document in cache.documents if document.start >= done), None)
        if following is not None and following.start == done:
            yield from _place(model, ids, cache, following, chunk)
            done = following.end
            continue
        end = total if following is None else following.start
        size = chunk(tokens, seconds) if callable(chunk) else int(chunk)
        if callable(chunk) and cache.processes is not None:  # each has a clock of its own
            size = cache.processes.agreed(size)
        if not is_positive(size):
            raise InvalidParameterError(
                "chunk-out-of-range",
                "The function given as prefill_chunk returned {size}; it must return a whole number of tokens, 1 or "
                "more.",
                size=repr(size),
            )
        if size >= LEAST_TAIL > end - done - size:
            size = end - done
        if cache.window is not None:
            size = cache.window.whole_blocks(done, size)
        piece = ids[:, done : min(end, done + size)]
        tokens, started = piece.shape[1], perf_counter()
        with cache.prefill(last=done + tokens == total):
            logits = forward(model, piece, cache)
        done, seconds = done + tokens, perf_counter() - started
        yield PrefillProgress(done, total, cache.placed)
    cache.require_claim(claim)
    assert logits is not None
    return logits


def _place(
    model: PreTrainedModel, ids: Tensor, cache: PolicyCache, document: Document, chunk: ChunkSize
) -> Iterator[PrefillProgress]:
    """Read a document apart, as far as it was not before, and place it behind what `cache` holds."""
    start, end, before = document.start, document.end, len(document.behind)
    with document.read() as own:
        own_ids = torch.cat([ids.new_tensor([document.behind]), ids[:, start:end]], dim=1)
        known = prepare(own, own_ids[0].tolist(), 0)
        cache.placed += max(0, known - before - AGAIN)
        if known < own_ids.shape[1]:
            for progress in _prefill(model, own_ids, own, chunk, own.claim()):
                yield PrefillProgress(start + max(0, progress.done - before), ids.shape[1], cache.placed)
        with cache.prefill(last=False):
            forward(model, ids[:, start : start + AGAIN], cache)
        document.place(cache, own, positions_of(model).rotary())
    yield PrefillProgress(end, ids.shape[1], cache.placed)


def prepare(cache: PolicyCache, prompt: Sequence[int], further: int) -> int:
    """Let `cache` hold a beginning of `prompt` that does not depend on what it held, as far as that is known, and have
    room for it and `further` tokens. Returns how many it holds: with some to come not the last, whose logits give the
    first of them."""
    shared = cache.common_prefix(prompt[:-1] if further else prompt)
    if shared <= cache.prefilled and len(cache.policy_layers) == len(cache.layers):  # others give up all or nothing
        aligned = (lambda held: held) if cache.window is None else cache.window.resume
        shared = resumed(shared, len(prompt), LEAST_TAIL, aligned, cache.documents)
    cache.truncate(shared)
    cache.reserve(len(prompt) + further)
    cache.placed = 0
    return shared


def _refresh_event(cache: PolicyCache, step: int) -> CacheRefreshed | None:
    refreshed = cache.take_refreshes()
    if not refreshed:
        return None
    reason = next(iter(refreshed.values()))
    by_layer = cache.kept_by_layer()
    if cache.processes is not None and cache.processes.split:
        by_layer = cache.processes.summed(torch.from_numpy(by_layer)).numpy()
    return CacheRefreshed(step, tuple(refreshed), by_layer.sum(axis=0, dtype=np.int64), reason, by_layer)


def is_positive(count: object) -> bool:
    """Whether it is a whole number, 1 or more."""
    return is_integer(count) and int(count) >= 1  # type: ignore[call-overload,no-any-return]
