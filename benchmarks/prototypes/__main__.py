"""How far one layer's attention is from full attention's under SubGen and HiP, beside rules that policies follow.

    python -m benchmarks.prototypes [--prompt 5500] [--steps 40] [--layers 12]

Relative error of a layer's output before its projection: every layer is given exact queries, keys and values. The
sample document, the embedded model, K = 1/8. Reads are positions' worth of keys and values, for a query head and step.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from statistics import fmean
from unittest.mock import patch

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core import FullAttention, PolicyCache, attention, load_model
from core.steps import forward

from ..inputs import DOCUMENT
from ..quality.teacher import prefill
from .hip import HiP
from .rules import Coded, ExactTop, Refreshed, Rule, Window
from .rules import attention as exactly
from .subgen import Centres, SubGen

RULES: dict[str, type[Rule]] = {
    "the exact top K at every step": ExactTop,
    "KeyIndex, 3 bits": Coded,
    "RefreshKV, stride 10": Refreshed,
    "StreamingLLM": Window,
    "HiP": HiP,
    "SubGen": SubGen,
    "SubGen's clusters, as centres with weights": Centres,
}


def captured(model: PreTrainedModel, ids: Tensor, prompt: int) -> tuple[list[list[Tensor]], PolicyCache]:
    """The queries `(query_heads, dim)` of each decode step, layer by layer, and the cache after the last."""
    queries: dict[int, list[Tensor]] = {}
    cache = PolicyCache(model.config, FullAttention())
    layers = {id(layer): index for index, layer in cache.policy_layers.items()}
    full_step = attention._full_step

    def noted(layer: attention.PolicyLayer, query: Tensor, *rest: object) -> Tensor:
        queries.setdefault(layers[id(layer)], []).append(query[0, :, 0].float())
        return full_step(layer, query, *rest)  # type: ignore[arg-type]

    prefill(model, ids[:, :prompt], cache)
    with patch.object(attention, "_full_step", noted):
        for token in ids[:, prompt:].split(1, dim=1):
            forward(model, token, cache)
    return [queries[index] for index in sorted(queries)], cache


def errors(rule: Rule, queries: list[Tensor], keys: Tensor, values: Tensor) -> Iterator[float]:
    """Of one layer, step by step; the first query counts as the prompt's last."""
    prompt = keys.shape[1] - len(queries) + 1
    grouped = [query.view(len(keys), -1, query.shape[-1]) for query in queries]
    rule.begin(grouped[0], keys[:, :prompt], values[:, :prompt])
    for step, query in enumerate(grouped[1:], 1):
        seen = keys[:, : prompt + step], values[:, : prompt + step]
        full = exactly(query, *seen)
        yield float((rule.attend(query, *seen) - full).norm() / full.norm())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompt", type=int, default=5500)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rules", nargs="+", choices=RULES, default=list(RULES), metavar="RULE")
    parser.add_argument("--layers", type=int, default=12, help="so many, evenly spread")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    model, tokenizer = load_model(quantization="none")
    text: list[int] = tokenizer(DOCUMENT.read_text("utf-8"), verbose=False)["input_ids"]
    ids = text[: chosen.prompt + chosen.steps + 1]
    with torch.no_grad():
        queries, cache = captured(model, torch.tensor([ids]), chosen.prompt)
        picked = [round(index * (len(queries) - 1) / (chosen.layers - 1)) for index in range(chosen.layers)]
        print("| rule | error | reads |\n| --- | ---: | ---: |")
        for name in chosen.rules:
            found, read = [], 0.0
            for index in picked:
                rule = RULES[name](chosen.prompt // 8)
                keys, values = (buffer.view[0].float() for buffer in cache.policy_layers[index].full)
                found.append(fmean(errors(rule, queries[index], keys, values)))
                read = rule.read
            print(f"| {name} | {fmean(found):.3f} | {read:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
