"""Beyond the trained window: how well does a long document get read under a rule (core/window.py)?

    python -m benchmarks.prototypes.window FOLDER [--text policy] [--length 30208] [--read 4096/1024/1024]

A manual of Debian's with 24 facts in it is read under a rule, "local/chosen/distance", after them block, bits and
asking (so many queries of a block score), after a colon peak; "alone" is its last 7,500 tokens by themselves. Then its
end is read again and the facts are asked for, under that rule or those of `--ends`. Printed: negative log-likelihood of
the last 256 tokens, in blocks (whose choice sees all of their queries) and with `--by-token` one by one; and the share
of the facts' digits that are right, token by token, by thirds of the depth. FOLDER keeps what was read, for other ends.
With `--instruction` what the blocks choose is chosen by an instruction as well (citrus.py).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from zlib import crc32

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core import FullAttention, PolicyCache, Snapshot, load_model
from core.extension import Extension
from core.window import Beyond, Window

from ..length.facts import SCORED, TAIL, Scores, beginning, encoded, found, likelihood, text, thirds
from ..length.readers import Ours
from .citrus import instruct

ALONE = 7500


def rule(name: str, size: int) -> Window:
    """As written on the command line."""
    usual = Window.of(size)
    numbers, peak = name.split(":") if ":" in name else (name, usual.peak)
    local, chosen, distance, *rest = map(int, numbers.split("/"))
    block, bits, asking = rest + [usual.block, usual.bits, usual.asking][len(rest) :]
    rule = replace(usual, local=local, chosen=chosen, distance=distance, block=block, bits=bits, asking=asking)
    return replace(rule, peak=float(peak))


def under(cache: PolicyCache, name: str) -> None:
    """Let `cache` go on by a rule."""
    assert cache.window is not None
    window = cache.window = rule(name, cache.window.size)
    for layer in cache.policy_layers.values():
        layer.window, layer.extension = window, Extension(window)


def in_blocks(model: PreTrainedModel, cache: PolicyCache, ids: Tensor) -> float:
    """Negative log-likelihood of the last tokens of `ids`, which `cache` holds, read in one forward."""
    cache.truncate(len(ids) - TAIL)
    with cache.prefill(last=False), torch.no_grad():
        rows = model(input_ids=ids[None, -TAIL:], cache=cache, logits_to_keep=SCORED + 1).logits[0, :-1]
    cache.token_ids += ids[-TAIL:].tolist()
    cache.prefilled = len(cache.token_ids)
    return -float(Scores.of(rows, ids[-SCORED:]).likelihood.mean())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--text", default="policy")
    parser.add_argument("--length", type=int, default=30208)
    parser.add_argument("--read", default="4096/1024/1024")
    parser.add_argument("--ends", nargs="*", default=[])
    parser.add_argument("--by-token", action="store_true")
    parser.add_argument("--quantization", default="none")
    parser.add_argument("--instruction", metavar="TEXT", help="chooses too, as in CItruS; 'questions' are all")
    asked = parser.parse_args()
    model, tokenizer = load_model(quantization=asked.quantization)
    ids, facts = beginning(text(tokenizer, asked.text), tokenizer, asked.length)
    alone = asked.read == "alone"
    ids = ids[-ALONE:] if alone else ids
    words = asked.instruction
    if words == "questions":
        words = "".join(f"\n\nThe code of {word} is" for word, _ in facts)
    task = encoded(tokenizer, words) if words else None
    read = f"{asked.read.replace('/', '-')}{f'-{crc32(words.encode()):x}' if words else ''}"
    file = asked.folder / f"{asked.text}-{asked.length}-{read}.safetensors"
    window: Beyond | None = None if alone else "extend"
    started = perf_counter()
    if file.exists():
        cache = Snapshot.read(file).restore(model.config, FullAttention(), room=len(ids) + TAIL, window=window)
    else:
        cache = PolicyCache(model.config, FullAttention(), window)
        cache.reserve(len(ids) + TAIL)
        if not alone:
            under(cache, asked.read)
        if task is not None:
            instruct(model, cache, task)
        Ours(model, cache).read(ids)
        print(f"{asked.text} {asked.length} {asked.read}: read in {perf_counter() - started:.0f} s", flush=True)
        Snapshot.take(cache, len(ids)).save(file)
    for name in asked.ends or [asked.read]:
        if not alone:
            under(cache, name)
        if task is not None:
            instruct(model, cache, task)
        nll, reader = in_blocks(model, cache, ids), Ours(model, cache)
        by_token = likelihood(reader, ids) if asked.by_token else float("nan")
        if not asked.by_token:
            reader.read(ids)
        shares = " / ".join(f"{share:.2f}" for share in thirds(found(reader, tokenizer, facts)))
        row = f"{asked.text} {asked.length} read {asked.read}, end {name}"
        print(f"{row}: {nll:.3f}  {by_token:.3f}  {shares}  {perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
