"""Held-out texts, fed token by token behind their prompts under each method, as benchmarks.quality does."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import torch
from platformdirs import user_cache_path

from core import FullAttention, Policy, RefreshKV, load_model
from core.quantization import Quantization

from ..quality.metrics import likelihoods
from ..quality.record import Record
from ..quality.teacher import Prompts, feed
from ..writing.corpus import Library
from .corpus import held_out

KEYS = ("model", "quantization", "case", "method", "prompt")
METHODS: dict[str, Policy] = {
    "RefreshKV.paper, stride 10": RefreshKV.paper(1 / 8, stride=10),
    "RefreshKV.paper, stride 50": RefreshKV.paper(1 / 8, stride=50),
    "FullAttention": FullAttention(),
}


@torch.no_grad()
def evaluate(
    models: Mapping[str, str], record: Record, prompt: int, steps: int, places: int, quantization: Quantization
) -> None:
    """The negative log-likelihood (nats) of each of `steps` tokens behind prompts of `prompt` tokens, by each of
    `models` (name to what load_model takes)."""
    library = Library(user_cache_path("refreshkv") / "benchmarks" / "documents")
    for name, source in models.items():
        model, tokenizer = load_model(source, quantization=quantization, device="cpu")
        prompts = Prompts(model)
        for case in held_out(tokenizer, library, prompt + steps + 1, places):
            for method, policy in METHODS.items():
                if (name, quantization, case.name, method, prompt) in record:
                    continue
                cache, _ = prompts.cache(case.name, case.ids[:, :prompt], policy, case.ids.shape[1])
                fed = feed(model, cache, case.ids[:, prompt:-1])
                found = [float(f"{value:.5g}") for value in likelihoods(fed.predictions, case.ids[0, prompt + 1 :])]
                record.add(
                    {
                        "model": name,
                        "quantization": quantization,
                        "case": case.name,
                        "text": case.text.name,
                        "method": method,
                        "prompt": prompt,
                        "nll": found,
                    }
                )
                print(f"{name}  {case.name}  {method}", file=sys.stderr, flush=True)
            prompts.forget(case.name)
