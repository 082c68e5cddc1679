"""Keys and values in fewer bits: a filled cache is rounded, and what follows compared with the one in bfloat16.

    python -m benchmarks.prototypes.rounding [--texts git Opticks] [--length 7000]
    python -m benchmarks.prototypes.rounding --beyond FILE

int8 has one scale for each token and head; 4 and 2 bits have a lowest value and a step, in float16, for groups of 32:
of 32 tokens' keys channel by channel, and of 32 channels of a value (KIVI, Liu et al. 2024, arXiv 2402.02750). `as
read`: rounded after each 1,024 tokens, so that those that follow are computed with what was rounded. FILE is a cache
that `python -m benchmarks.prototypes.window` kept, which ends beyond the window.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core import FullAttention, PolicyCache, Snapshot, load_model
from core.sequence import PREFILL_CHUNK

from ..length.facts import SCORED, TAIL, text
from .forced import FOLLOWING, Apart, predictions, read, row, stretch

GROUP = 32
TOKENS, CHANNELS = 2, 3
"""Axes of keys and values `(batch, heads, length, dim)`."""

Rounding = Callable[[Tensor], Tensor]


class Scheme(NamedTuple):
    """What is done to keys and to values, and the bits that both take of a channel, scales included."""

    keys: Rounding
    values: Rounding
    bits: tuple[float, float]


def by_token(states: Tensor) -> Tensor:
    """Of `(batch, heads, length, dim)` what int8 with a scale for each token and head, in bfloat16, leaves."""
    scale = (states.float().abs().amax(dim=3, keepdim=True) / 127).bfloat16().float()
    levels = (states.float() / scale.clamp(min=torch.finfo(torch.float32).tiny)).round().clamp(-127, 127)
    return (levels * scale).to(states.dtype)


def in_groups(states: Tensor, bits: int, axis: int) -> Tensor:
    """What so many bits leave with a lowest value and a step for each 32 along `axis`; tokens that fill no group stay
    as they are."""
    whole = states.shape[axis] // GROUP * GROUP
    grouped = states.narrow(axis, 0, whole).float().unflatten(axis, (-1, GROUP))
    low, high = grouped.amin(axis + 1, keepdim=True).half().float(), grouped.amax(axis + 1, keepdim=True)
    step = ((high - low) / (2**bits - 1)).half().float()
    levels = ((grouped - low) / step.clamp(min=1e-7)).round().clamp(0, 2**bits - 1)
    rounded = (low + levels * step).flatten(axis, axis + 1).to(states.dtype)
    return torch.cat([rounded, states.narrow(axis, whole, states.shape[axis] - whole)], dim=axis)


def unchanged(states: Tensor) -> Tensor:
    """As they are."""
    return states


def _groups(bits: int, axis: int) -> Rounding:
    return partial(in_groups, bits=bits, axis=axis)


EIGHT, FOUR, TWO = 8 + 16 / 64, 4 + 32 / GROUP, 2 + 32 / GROUP
SCHEMES = {
    "int8": Scheme(by_token, by_token, (EIGHT, EIGHT)),
    "keys int8, values 4 bits": Scheme(by_token, _groups(4, CHANNELS), (EIGHT, FOUR)),
    "keys 4 bits by channel, values int8": Scheme(_groups(4, TOKENS), by_token, (FOUR, EIGHT)),
    "4 bits (KIVI)": Scheme(_groups(4, TOKENS), _groups(4, CHANNELS), (FOUR, FOUR)),
    "4 bits, keys by token as well": Scheme(_groups(4, CHANNELS), _groups(4, CHANNELS), (FOUR, FOUR)),
    "2 bits (KIVI)": Scheme(_groups(2, TOKENS), _groups(2, CHANNELS), (TWO, TWO)),
}


def bytes_a_token(model: PreTrainedModel, bits: tuple[float, float]) -> int:
    """Of all layers."""
    config = model.config
    channels: int = config.num_hidden_layers * config.num_key_value_heads * config.head_dim
    return round(channels * sum(bits) / 8)


def round_from(cache: PolicyCache, scheme: Scheme, start: int, end: int) -> None:
    """Round what `cache` holds at positions `start` to `end`."""
    for layer in cache.policy_layers.values():
        for buffer, rounding in zip(layer.full, scheme[:2], strict=True):
            buffer.view[:, :, start:end] = rounding(buffer.view[:, :, start:end])


def within(model: PreTrainedModel, ids: Tensor, found: dict[str, Apart]) -> None:
    """Add what comes of all but the last `FOLLOWING` of `ids` `(tokens,)`, which fit into the window."""
    prompt, following = ids[: -FOLLOWING - 1], ids[-FOLLOWING - 1 :]
    cache = PolicyCache(model.config, FullAttention())
    read(model, cache, prompt)
    snapshot, reference = Snapshot.take(cache, len(prompt)), predictions(model, cache, following)
    for name, scheme in SCHEMES.items():
        copy = snapshot.restore(model.config, FullAttention(), room=len(ids))
        round_from(copy, scheme, 0, len(prompt))
        found.setdefault(name, Apart()).add(reference, predictions(model, copy, following))
    for name in ("int8", "4 bits (KIVI)"):
        other = PolicyCache(model.config, FullAttention())
        for start in range(0, len(prompt), PREFILL_CHUNK):
            read(model, other, prompt[start : start + PREFILL_CHUNK])
            round_from(other, SCHEMES[name], start, len(other.token_ids))
        found.setdefault(f"{name}, as read", Apart()).add(reference, predictions(model, other, following))


def beyond(model: PreTrainedModel, file: Path, found: dict[str, Apart]) -> None:
    """Add what comes of the last tokens of a cache in a file, read again in whole blocks behind what was rounded."""
    snapshot = Snapshot.read(file)
    ids = torch.tensor(snapshot.token_ids)
    reference = None
    for name, scheme in {"bfloat16": Scheme(unchanged, unchanged, (16, 16)), **SCHEMES}.items():
        cache = snapshot.restore(model.config, FullAttention(), room=len(ids), window="extend")
        cache.truncate(len(ids) - TAIL)
        round_from(cache, scheme, 0, len(ids) - TAIL)
        rows = predictions(model, cache, ids[-TAIL:], SCORED)
        reference = rows if reference is None else reference
        found.setdefault(name, Apart()).add(reference, rows)
        likelihood = -float(rows.gather(1, ids[-SCORED:, None]).mean())
        print(f"{name}: {likelihood:.3f} nats a token over the last {SCORED} of {len(ids):,}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", nargs="+", default=["git", "Opticks", "faq"])
    parser.add_argument("--length", type=int, default=7000)
    parser.add_argument("--beyond", type=Path, metavar="FILE")
    parser.add_argument("--quantization", default="int4")
    asked = parser.parse_args()
    model, tokenizer = load_model(quantization=asked.quantization)
    found: dict[str, Apart] = {}
    if asked.beyond:
        beyond(model, asked.beyond, found)
    else:
        for name in asked.texts:
            within(model, stretch(text(tokenizer, name), asked.length + FOLLOWING + 1), found)
            print(f"{name}: {'; '.join(f'{way} {apart}' for way, apart in found.items())}", flush=True)
    for name, apart in found.items():
        scheme = SCHEMES.get(name.removesuffix(", as read"))
        print(row(name, [bytes_a_token(model, scheme.bits if scheme else (16, 16)), apart]))


if __name__ == "__main__":
    main()
