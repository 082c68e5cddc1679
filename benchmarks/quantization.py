"""What each way to store the weights costs: loss against the unquantized model, memory, and speed.

    python -m benchmarks.quantization [--context 1024] [--tokens 200]

The embedded model reads a text; the next tokens are fed one by one, as in decoding, and its predictions are compared
with those of plain float32 weights: mean KL divergence (nats), how often the most likely token is the same, and the
median time of a step under full attention. bitsandbytes' row is its own linear, which `load_model` takes on GPUs and on
CPUs with bfloat16 instructions.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from statistics import median
from time import perf_counter
from typing import get_args

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel

from core import FullAttention, PolicyCache, compile_decoding, enable, kernels, load_model
from core.quantization import Quantization
from core.steps import decode, forward

from .inputs import DOCUMENT
from .workers.transformers_model import nf4_model, weight_bytes


def predictions(model: PreTrainedModel, ids: Tensor, context: int) -> tuple[Tensor, float]:
    """Log-probabilities `(tokens, vocabulary)` of each token after `context`, and the median step in ms."""
    cache, logits, seconds = PolicyCache(model.config, FullAttention()), [], []
    with cache.prefill(last=True):
        forward(model, ids[:, :context], cache)
    cache.reserve(ids.shape[1])
    for token in ids[:, context:].split(1, dim=1):
        started = perf_counter()
        logits.append(decode(model, token, cache))
        seconds.append(perf_counter() - started)
    return torch.cat(logits).float().log_softmax(-1), 1000 * median(seconds)


def models(name: str) -> Iterator[tuple[str, PreTrainedModel]]:
    """The unquantized float32 model first, then every quantization."""
    plain: PreTrainedModel = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32)
    yield "float32", enable(plain.eval())
    for quantization in get_args(Quantization):
        model, _ = load_model(quantization=quantization)
        compiled = "compiled" if compile_decoding(model).wait() else "not compiled"
        yield f"{quantization}, {compiled}", model
    yield "nf4, bitsandbytes' linear", enable(nf4_model(name, torch.float32))


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--context", type=int, default=1024)
    parser.add_argument("--tokens", type=int, default=200)
    arguments = parser.parse_args()
    model, tokenizer = load_model(quantization="none")
    text = tokenizer(DOCUMENT.read_text("utf-8"), return_tensors="pt")["input_ids"]
    ids: Tensor = text[:, : arguments.context + arguments.tokens]  # type: ignore[index]
    expected = None
    print("| weights | KL divergence | same token | weights, MB | ms per step |\n| --- | ---: | ---: | ---: | ---: |")
    for name, other in models(model.config._name_or_path):
        found, step_ms = predictions(other, ids, arguments.context)
        expected = found if expected is None else expected
        divergence = float((expected.exp() * (expected - found)).sum(-1).mean())
        agreement = float((expected.argmax(-1) == found.argmax(-1)).float().mean())
        megabytes = weight_bytes(other) / 1e6
        print(f"| {name} | {divergence:.4f} | {agreement:.0%} | {megabytes:.0f} | {step_ms:.1f} |", flush=True)
    print(f"\n{arguments.tokens} tokens after {arguments.context:,}; kernels: {kernels.available()}")


if __name__ == "__main__":
    main()
