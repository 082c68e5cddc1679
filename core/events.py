"""What a generation reports, as frozen values. Knows nothing of torch, of models or of how it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

RefreshReason: TypeAlias = Literal["prefill", "stride", "similarity", "rebuild"]
"""Why a small cache was chosen anew: after the prompt, by the fixed stride, because the query moved away from the one
of the last full step, or because the cache was cropped and there was none."""

FinishReason: TypeAlias = Literal["end_token", "stop_string", "length"]
"""Why a generation ended: the model's end token, one of the caller's stop strings, or max_new_tokens."""


@dataclass(frozen=True, slots=True)
class PrefillProgress:
    """`done` of `total` prompt tokens are in the cache; tokens found in a reused cache count as done. `placed` of them
    are of documents that had been read before, apart (documents.py)."""

    done: int
    total: int
    placed: int = 0


@dataclass(frozen=True, slots=True)
class TokenGenerated:
    """One token.

    `text` is what it adds to the output: empty while a character or a possible stop string is incomplete. `step` is 0
    for the token that comes from the prefill's logits; token n comes from decode step n. `full_layers` is the number of
    layers that went over the whole context in that step (for step 0 all of them): attended to it, or chose a small
    cache anew by an index of it. `seconds` is the time of the step.
    """

    token_id: int
    text: str
    step: int
    full_layers: int
    seconds: float


def _no_layers() -> NDArray[np.uint8]:
    return np.zeros((0, 0), np.uint8)


@dataclass(frozen=True, slots=True)
class CacheRefreshed:
    """The small cache of `layers` was chosen anew in decode step `step` (0: at the end of the prefill).

    `kept` is an int array `(context_length,)`: for each position, how many (layer, KV head) pairs hold it now, over all
    layers and not only the refreshed ones. `kept_by_layer` is the same layer by layer, uint8
    `(layers of the model, context_length)`: how many KV heads of each layer hold each position. A layer without a small
    cache (a sliding window) holds none.
    """

    step: int
    layers: tuple[int, ...]
    kept: NDArray[np.int64] = field(repr=False, compare=False)
    reason: RefreshReason
    kept_by_layer: NDArray[np.uint8] = field(repr=False, compare=False, default_factory=_no_layers)


@dataclass(frozen=True, slots=True)
class GenerationFinished:
    """The end of a generation.

    `text` is the whole output without the end token or stop string. A decode step is full if at least one layer
    went over the whole context in it, else partial; there is one step fewer than `generated_tokens`, since the
    first token comes from the prefill. `prefill_seconds` and `decode_seconds` are the time spent in
    the model, sampling included.
    """

    reason: FinishReason
    text: str
    prompt_tokens: int
    generated_tokens: int
    prefill_seconds: float
    decode_seconds: float
    full_steps: int
    partial_steps: int


Event: TypeAlias = PrefillProgress | TokenGenerated | CacheRefreshed | GenerationFinished
