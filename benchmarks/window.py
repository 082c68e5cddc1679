"""How fast a model reads and writes at a length, beyond its window too, without reading all that comes before.

    python -m benchmarks.window [--lengths 7168 15360 31744 130048 188416] [--repetitions 3]

The cache is filled with keys and values of a stretch of the sample document over and over, which takes no time and
as much memory as a real text; then two blocks of a prompt are read, and tokens are decoded under each policy. What is
chosen does not change how long it takes. Prints a table of medians.
"""

from __future__ import annotations

import argparse
from statistics import median
from time import perf_counter

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core import FullAttention, KeyIndex, Policy, PolicyCache, RefreshKV, compile_decoding, load_model
from core.sequence import PREFILL_CHUNK
from core.steps import decode, forward
from core.storage import GrowingTensor

from .inputs import DOCUMENT
from .machine import machine_name

POLICIES: tuple[Policy, ...] = (FullAttention(), KeyIndex(budget=1024), RefreshKV(budget=1024))
STRETCH, STEPS = 2048, 20


def filled(model: PreTrainedModel, stretch: PolicyCache, ids: Tensor, length: int, policy: Policy) -> PolicyCache:
    """A cache of `length` tokens, of which a stretch is repeated."""
    cache = PolicyCache(model.config, policy, window="extend")
    for source, layer in zip(stretch.policy_layers.values(), cache.policy_layers.values(), strict=True):
        repeated = (buffer.view.repeat(1, 1, -(-length // STRETCH), 1)[:, :, :length] for buffer in source.full)
        keys, values = map(GrowingTensor, repeated)
        layer.adopt(keys, values)
        layer.reserve(length + 4 * PREFILL_CHUNK)
    cache.token_ids = ids[0].repeat(-(-length // STRETCH))[:length].tolist()
    cache.prefilled = length
    return cache


def read(model: PreTrainedModel, cache: PolicyCache, ids: Tensor, last: bool) -> float:
    """Seconds of a forward."""
    started = perf_counter()
    with cache.prefill(last=last):
        forward(model, ids, cache)
    return perf_counter() - started


def written(model: PreTrainedModel, cache: PolicyCache, ids: Tensor) -> float:
    """Seconds of a decode step, in the mean over some."""
    started = perf_counter()
    for token in ids.split(1, dim=1):
        decode(model, token, cache)
    return (perf_counter() - started) / ids.shape[1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", nargs="+", type=int, default=[7168, 15360, 31744, 130048, 188416])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quantization", default="int4")
    asked = parser.parse_args()
    model, tokenizer = load_model(quantization=asked.quantization)
    compile_decoding(model).wait()
    ids = torch.tensor([tokenizer(DOCUMENT.read_text("utf-8"), verbose=False)["input_ids"][:STRETCH]])
    stretch = PolicyCache(model.config, FullAttention())
    read(model, stretch, ids, last=False)
    print(machine_name())
    print(f"| length | prefill tokens/s | {' | '.join(f'{type(policy).__name__}, tokens/s' for policy in POLICIES)} |")
    print("| ---: " * (2 + len(POLICIES)) + "|")
    for length in asked.lengths:
        cache = filled(model, stretch, ids, length, POLICIES[0])
        read(model, cache, ids[:, :PREFILL_CHUNK], last=False)  # makes the index
        prefill = [read(model, cache, ids[:, :PREFILL_CHUNK], last=False) for _ in range(asked.repetitions)]
        cells = [f"{PREFILL_CHUNK / median(prefill):.0f}"]
        for policy in POLICIES:
            cache.truncate(length)
            cache = cache.with_policy(policy)
            read(model, cache, ids[:, :8], last=True)
            times = [written(model, cache, ids[:, :STEPS]) for _ in range(asked.repetitions)]
            cells.append(f"{1 / median(times):.1f}")
        print(f"| {length:,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
