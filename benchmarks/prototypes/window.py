"""Beyond the trained window: how well does a long document get read under a rule (core/window.py)?

    python -m benchmarks.prototypes.window FOLDER [--text policy] [--length 30208] [--read 4096/1024/1024]

A manual of Debian's with 24 facts in it is read under a rule, "local/chosen/distance", after them block, bits and
asking (so many queries of a block score), after a colon peak; "alone" is its last 7,500 tokens by themselves. Then its
end is read again and the facts are asked for, under that rule or those of `--ends`. Printed: negative log-likelihood of
the last 256 tokens, in blocks (whose choice sees all of their queries) and with `--by-token` one by one; and the share
of the facts' digits that are right, token by token, by thirds of the depth. FOLDER keeps what was read, for other ends.
"""

from __future__ import annotations

import argparse
import random
import re
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from time import perf_counter

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core import FullAttention, PolicyCache, Snapshot, load_model
from core.default_model import cache_folder
from core.extension import Extension
from core.sequence import PREFILL_CHUNK
from core.steps import forward
from core.window import Beyond, Window

from ..quality.texts import TEXTS, token_ids
from ..writing.corpus import Library

TAIL, SCORED, ALONE = 512, 256, 7500
WORDS = re.findall(
    r"\w+",
    """amber birch cobalt delta ember falcon garnet harbor indigo jasper kelp lotus maple nectar onyx pearl quartz raven
    sable tulip umber velvet willow zephyr""",
)


def document(name: str, tokenizer: PreTrainedTokenizerBase, length: int) -> tuple[Tensor, list[tuple[str, int]]]:
    """`length` tokens of a text, with facts evenly over all but the last `TAIL`; and the facts in their order."""
    text = next(text for text in TEXTS if text.name == name)
    filler = token_ids(text, tokenizer, Library(cache_folder() / "benchmarks" / "documents"))
    drawn = random.Random(length)
    facts = [(word, drawn.randint(1000, 9999)) for word in drawn.sample(WORDS, len(WORDS))]
    said = [encoded(tokenizer, f"\n\nThe code of {word} is {code}.\n\n") for word, code in facts]
    stretch = (length - TAIL - sum(map(len, said))) // len(said)
    parts, begin = [], len(filler) // 20
    for sentence in said:
        parts += [filler[begin : begin + stretch], sentence]
        begin += stretch
    parts.append(filler[begin : begin + length - sum(map(len, parts))])
    return torch.cat(parts), facts


def encoded(tokenizer: PreTrainedTokenizerBase, text: str) -> Tensor:
    """`(tokens,)`."""
    return torch.tensor(tokenizer(text)["input_ids"])


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


def read(model: PreTrainedModel, cache: PolicyCache, ids: Tensor) -> None:
    """`ids` `(tokens,)`, in whole blocks."""
    done = 0
    while done < len(ids):
        size = cache.window.whole_blocks(len(cache.token_ids), PREFILL_CHUNK) if cache.window else PREFILL_CHUNK
        with cache.prefill(last=False):
            forward(model, ids[None, done : done + size], cache)
        done += size


def likelihood(model: PreTrainedModel, cache: PolicyCache, ids: Tensor, *, by_token: bool) -> float:
    """Of the last tokens of `ids`, which `cache` holds."""
    kept = len(cache.token_ids)
    cache.truncate(kept - TAIL)
    if by_token:
        read(model, cache, ids[-TAIL : -SCORED - 1])
        rows = torch.cat([forward(model, token[None], cache) for token in ids[-SCORED - 1 : -1].split(1)])
        cache.truncate(kept - TAIL)
        read(model, cache, ids[-TAIL:])
    else:
        with cache.prefill(last=False), torch.no_grad():
            rows = model(input_ids=ids[None, -TAIL:], cache=cache, logits_to_keep=SCORED + 1).logits[0, :-1]
        cache.token_ids += ids[-TAIL:].tolist()
        cache.prefilled = len(cache.token_ids)
    return float(-rows.float().log_softmax(-1).gather(1, ids[-SCORED:, None]).mean())


def found(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, cache: PolicyCache, facts: list[tuple[str, int]]
) -> list[float]:
    """Of each fact the share of its digits that are right; asked for in another order, one after the other, so that
    all but the first have examples before them."""
    kept, shares = len(cache.token_ids), {}
    for word, code in random.Random(0).sample(facts, len(facts)):
        answer = encoded(tokenizer, f" {code}")
        with cache.prefill(last=True):
            rows = [forward(model, encoded(tokenizer, f"\n\nThe code of {word} is")[None], cache)]
        rows += [forward(model, token[None], cache) for token in answer.split(1)][:-1]
        shares[word] = float((torch.cat(rows).argmax(-1) == answer)[-4:].float().mean())
    cache.truncate(kept)
    return [shares[word] for word, _ in facts]


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
    asked = parser.parse_args()
    model, tokenizer = load_model(quantization=asked.quantization)
    ids, facts = document(asked.text, tokenizer, asked.length)
    alone = asked.read == "alone"
    ids = ids[-ALONE:] if alone else ids
    file = asked.folder / f"{asked.text}-{asked.length}-{asked.read.replace('/', '-')}.safetensors"
    window: Beyond | None = None if alone else "extend"
    started = perf_counter()
    if file.exists():
        cache = Snapshot.read(file).restore(model.config, FullAttention(), room=len(ids) + TAIL, window=window)
    else:
        cache = PolicyCache(model.config, FullAttention(), window)
        cache.reserve(len(ids) + TAIL)
        if not alone:
            under(cache, asked.read)
        read(model, cache, ids)
        print(f"{asked.text} {asked.length} {asked.read}: read in {perf_counter() - started:.0f} s", flush=True)
        Snapshot.take(cache, len(ids)).save(file)
    for name in asked.ends or [asked.read]:
        if not alone:
            under(cache, name)
        nll = likelihood(model, cache, ids, by_token=False)
        by_token = likelihood(model, cache, ids, by_token=True) if asked.by_token else float("nan")
        shares = found(model, tokenizer, cache, facts)
        thirds = " / ".join(f"{fmean(shares[part : part + 8]):.2f}" for part in range(0, len(shares), 8))
        row = f"{asked.text} {asked.length} read {asked.read}, end {name}"
        print(f"{row}: {nll:.3f}  {by_token:.3f}  {thirds}  {perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
