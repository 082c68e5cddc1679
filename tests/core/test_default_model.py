"""The embedded model on a real long text: what RefreshKV keeps of full attention, and that it generates."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase
from transformers.cache_utils import Cache

from core import (
    CacheRefreshed,
    FullAttention,
    GenerationFinished,
    PolicyCache,
    RefreshKV,
    TokenGenerated,
    stream_generate,
)

TEXT = Path(__file__).parents[2] / "assets" / "samples" / "lighthouses.md"
CONTEXT, SCORED = 2000, 60
Embedded = tuple[PreTrainedModel, PreTrainedTokenizerBase]


def document(tokenizer: PreTrainedTokenizerBase) -> Tensor:
    return tokenizer(TEXT.read_text("utf-8"), return_tensors="pt")["input_ids"]


@torch.no_grad()
def log_probabilities(model: PreTrainedModel, ids: Tensor, cache: Cache) -> Tensor:
    """Teacher-forced `(SCORED, vocabulary)`: each next token of the document after CONTEXT of it."""
    model(ids[:, :CONTEXT], cache=cache, use_cache=True, logits_to_keep=1)
    steps = range(CONTEXT, CONTEXT + SCORED)
    logits = [model(ids[:, i : i + 1], cache=cache, use_cache=True).logits[0, -1] for i in steps]
    return torch.stack(logits).float().log_softmax(-1)


def divergence(reference: Tensor, other: Tensor) -> float:
    """Mean KL divergence from `reference`, in nats a token."""
    return float((reference.exp() * (reference - other)).sum(-1).mean())


def stock_attention(embedded: Embedded, implementation: str) -> Tensor:
    """What transformers' own attention predicts."""
    model, tokenizer = embedded
    model.set_attn_implementation(implementation)
    try:
        return log_probabilities(model, document(tokenizer), DynamicCache(config=model.config))
    finally:
        model.set_attn_implementation("refreshkv")


@pytest.fixture(scope="module")
def stock(smollm2: Embedded) -> Tensor:
    return stock_attention(smollm2, "sdpa")


def test_full_attention_is_the_stock_model(smollm2: Embedded, stock: Tensor) -> None:
    model, tokenizer = smollm2
    full = log_probabilities(model, document(tokenizer), PolicyCache(model.config, FullAttention()))
    # Not to the bit: sums in another order round differently, in bfloat16 more so. The measure is how far two
    # implementations of transformers are from each other.
    spread = divergence(stock, stock_attention(smollm2, "eager"))
    assert divergence(stock, full) < max(1e-4, 2 * spread)
    # Another token is the likeliest only where two of them are as likely, up to rounding.
    best, second = stock.topk(2).values.unbind(-1)
    assert (best - second)[full.argmax(-1) != stock.argmax(-1)].lt(0.25).all()


def test_refreshing_stays_closer_to_full_attention_than_never_refreshing(smollm2: Embedded, stock: Tensor) -> None:
    model, tokenizer = smollm2
    scores = {}
    for stride in (5, 1000):
        cache = PolicyCache(model.config, RefreshKV.paper(stride=stride))
        scores[stride] = divergence(stock, log_probabilities(model, document(tokenizer), cache))
        layers = list(cache.policy_layers.values())
        assert [layer.full_steps for layer in layers] == [SCORED // stride] * 30
        assert {layer.small.positions.shape for layer in layers if layer.small} == {(1, 3, CONTEXT // 8)}
    assert scores[5] < scores[1000]
    assert scores[5] < 0.3


def test_it_writes_about_a_document(smollm2: Embedded) -> None:
    model, tokenizer = smollm2
    content = tokenizer.decode(document(tokenizer)[0, :1500]) + "\n\nSummarise the text above in two sentences."
    events = list(
        stream_generate(
            model,
            tokenizer,
            [{"role": "user", "content": content}],
            policy=RefreshKV.paper(),
            max_new_tokens=32,
        )
    )
    finished = events[-1]
    assert isinstance(finished, GenerationFinished)
    assert len(finished.text.split()) > 5
    assert "<|im_" not in finished.text
    steps = sum(isinstance(event, TokenGenerated) for event in events) - 1
    assert (finished.full_steps, finished.partial_steps) == (steps // 10, steps - steps // 10)
    refreshes = [event for event in events if isinstance(event, CacheRefreshed)]
    assert [event.step for event in refreshes] == [0, *range(10, steps + 1, 10)]
    assert all(event.kept.sum() == 90 * (finished.prompt_tokens // 8) for event in refreshes)
