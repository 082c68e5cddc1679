"""Attention of a prompt's chunk against the plain masked softmax, in float64."""

import pytest
import torch
from torch import Tensor

from core import FullAttention, PolicyCache, RefreshKV, attention, generate, grouped
from core.grouped import Terms, attended, chunk_attention, grouped_attention, has_flash
from core.steps import forward
from tests.core.tiny import byte_tokenizer, tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(("new", "past"), [(1, 1), (5, 40), (33, 7), (64, 200)])
@pytest.mark.parametrize(("query_heads", "heads"), [(4, 4), (6, 2), (3, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_chunk_attends_to_the_past_and_causally_to_itself(
    new: int, past: int, query_heads: int, heads: int, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    query = (torch.randn(1, new, query_heads, 16) * 2).to(dtype).transpose(1, 2)
    key, value = (torch.randn(1, heads, past + new + 9, 16).to(dtype)[:, :, : past + new] for _ in range(2))
    out = chunk_attention(query, key, value, 0.3)
    keys, values = (states.double().repeat_interleave(query_heads // heads, dim=1) for states in (key, value))
    mask = torch.ones(new, past + new, dtype=torch.bool).tril(past)
    scores = (query.double() @ keys.transpose(-1, -2) * 0.3).masked_fill(~mask, -torch.inf)
    expected = (scores.softmax(-1) @ values).transpose(1, 2)
    assert (out.shape, out.dtype) == ((1, new, query_heads, 16), dtype)
    assert (out.double() - expected).abs().max() < (1e-5 if dtype == torch.float32 else 0.03)


def test_chunks_of_one_prompt_need_no_mask_over_the_past(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[tuple[int, int]] = []

    def noted(query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        lengths.append((query.shape[2], key.shape[2]))
        return chunk_attention(query, key, value, scaling)

    monkeypatch.setattr(attention, "chunk_attention", noted)
    model = tiny_model()
    cache = PolicyCache(model.config, RefreshKV(budget=6))
    for begin, end in ((0, 20), (20, 40), (40, 50)):
        with cache.prefill(last=end == 50):
            forward(model, torch.arange(begin, end).view(1, -1), cache)
    layers = model.config.num_hidden_layers
    behind = [sizes for sizes in lengths if sizes[0] < sizes[1]]  # the first is none, and needs a kernel to be one
    assert behind == [(20, 40)] * layers + [(10, 50)] * layers


@pytest.mark.parametrize(("query_heads", "heads"), [(4, 4), (6, 2), (3, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_token_of_which_nobody_asks_the_weights(
    query_heads: int, heads: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch's fused attention as GPUs take it, here by its operation for CPUs."""
    torch.manual_seed(0)
    query, key, value = (torch.randn(1, n, count, 16).to(dtype) for n, count in ((query_heads, 1), *2 * [(heads, 70)]))
    terms = Terms(0.3)
    expected, _ = grouped_attention(query, key, value, None, terms)
    assert not has_flash(query)
    assert torch.equal(attended(query, key, value, None, terms), expected)
    monkeypatch.setattr(grouped, "has_flash", lambda query: True)
    monkeypatch.setattr(grouped, "grouped_attention", None)  # which is not asked then
    fused = attended(query, key, value, None, terms)
    assert (fused.shape, fused.dtype) == (expected.shape, dtype)
    assert (fused - expected).abs().max() < (1e-5 if dtype == torch.float32 else 0.02)


def test_steps_over_everything_take_fused_attention_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    model, prompt = tiny_model(), torch.arange(40, 90)[None]
    alone = generate(model, byte_tokenizer(), prompt, policy=FullAttention(), max_new_tokens=12)
    calls: list[int] = []
    fused = grouped.scaled_dot_product_attention

    def counted(query: Tensor, key: Tensor, value: Tensor, **options: object) -> Tensor:
        calls.append(key.shape[2])
        return fused(query, key, value, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(grouped, "has_flash", lambda query: True)
    monkeypatch.setattr(grouped, "scaled_dot_product_attention", counted)
    assert generate(model, byte_tokenizer(), prompt, policy=FullAttention(), max_new_tokens=12) == alone
    assert calls == [length for length in range(51, 62) for _ in range(model.config.num_hidden_layers)]
