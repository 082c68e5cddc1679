"""Whether a check step should read the values: the paper's full step beside a refresh that reads the keys alone.

    python -m benchmarks.refresh [--context 5500] [--tokens 300] [--budget 0.125] [--stride 10]

A full step reads all keys and values; its attention weights choose the small cache and its output becomes the token. A
keys-only pass would read half of that: the weights choose the small cache, the token comes from the small cache. Two
tables: the time that would save, and what it would cost, as mean KL divergence (nats) to full attention and as
perplexity of the sample document's next tokens, fed one by one.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from statistics import median
from unittest.mock import patch

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core import FullAttention, Policy, PolicyCache, RefreshKV, attention, kernels, load_model
from core.default_model import cache_folder
from core.grouped import Terms, grouped_attention
from core.layer import PolicyLayer
from core.policies import Observation
from core.steps import decode, forward

from .inputs import DOCUMENT
from .timing import milliseconds

REPEATS = 21


def keys_only_step(
    layer: PolicyLayer, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, terms: Terms
) -> Tensor:
    """In place of `attention._full_step`: refresh from the weights over all keys, attend to the small cache."""
    _, weights = grouped_attention(query, key, value, mask, terms)
    small = layer.kept.push(key[:, :, -1:], value[:, :, -1:], layer.get_seq_length() - 1)
    output, _ = grouped_attention(query, small.keys, small.values, None, terms)
    if layer.wants_selection:
        layer.refresh(Observation(weights[:, :, :, 0]), key, value)
    return output


def predictions(model: PreTrainedModel, policy: Policy, ids: Tensor, context: int) -> Tensor:
    """Log-probabilities `(tokens, vocabulary)` after `context` and each token that follows."""
    cache, logits = PolicyCache(model.config, policy), []
    with cache.prefill(last=True):
        forward(model, ids[:, :context], cache)
    cache.reserve(ids.shape[1])
    for token in ids[:, context:].split(1, dim=1):
        logits.append(decode(model, token, cache))
    return torch.cat(logits).float().log_softmax(-1)


def attention_times(model: PreTrainedModel, length: int, small: int) -> Sequence[float]:
    """ms of one step's attention in all layers: over keys and values, over keys and an eighth of each value, small."""
    config = model.config.get_text_config(decoder=True)
    heads, dim = config.num_key_value_heads, config.hidden_size // config.num_attention_heads
    query = torch.randn(1, config.num_attention_heads, 1, dim)
    attend = torch.ops.refreshkv.decode_attention

    def states(positions: int, width: int) -> list[Tensor]:
        return [torch.randn(1, heads, positions, width).bfloat16() for _ in range(config.num_hidden_layers)]

    kinds = [(length, dim), (length, dim // 8), (small, dim)]
    pairs = [list(zip(states(positions, dim), states(positions, width), strict=True)) for positions, width in kinds]
    return [
        median(milliseconds(lambda pair=pair: [attend(query, k, v, 0.125) for k, v in pair], REPEATS))  # type: ignore[misc]
        for pair in pairs
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--context", type=int, default=5500)
    parser.add_argument("--tokens", type=int, default=300)
    parser.add_argument("--budget", type=float, default=1 / 8)
    parser.add_argument("--stride", type=int, default=10)
    arguments = parser.parse_args()

    model, tokenizer = load_model()
    if kernels.load(cache_folder()):
        whole, keys, small = attention_times(model, arguments.context, int(arguments.budget * arguments.context))
        print(f"attention of a full step {whole:.1f} ms; of a keys-only one about {keys:.1f} + {small:.1f} ms\n")
    text: list[int] = tokenizer(DOCUMENT.read_text("utf-8"), verbose=False)["input_ids"]
    ids = torch.tensor([text[: arguments.context + arguments.tokens]])
    following = ids[0, arguments.context + 1 :, None]
    reference = predictions(model, FullAttention(), ids, arguments.context)
    policy = RefreshKV(arguments.budget, arguments.stride, bits=0)
    found = {"full attention": reference, "RefreshKV": predictions(model, policy, ids, arguments.context)}
    with patch.object(attention, "_full_step", keys_only_step):
        found["RefreshKV, keys-only refresh"] = predictions(model, policy, ids, arguments.context)
    print("| method | KL divergence | perplexity |\n| --- | ---: | ---: |")
    for name, logs in found.items():
        divergence = (reference.exp() * (reference - logs)).sum(-1).mean()
        perplexity = (-logs[: len(following)].gather(1, following)).mean().exp()
        print(f"| {name} | {divergence:.4f} | {perplexity:.2f} |", flush=True)


if __name__ == "__main__":
    main()
