"""Oracle: with a small cache that holds everything, and with none, decoding is the stock model's, token for token."""

import pytest
import torch
from transformers import DynamicCache, PreTrainedModel

from core import FullAttention, Policy, PolicyCache, RefreshKV, enable
from tests.core.architectures import EACH, make_model

NEW_TOKENS = 12
POLICIES = [
    pytest.param(FullAttention(), id="full"),
    pytest.param(RefreshKV(budget=1000, stride=4), id="stride"),
    pytest.param(RefreshKV(budget=1000, stride=2, similarity_threshold=0.9), id="similarity"),
]


pytestmark = pytest.mark.usefixtures("one_thread", "built_kernels")


def prompts(rows: int, length: int = 24) -> torch.Tensor:
    return torch.randint(2, 96, (rows, length), generator=torch.Generator().manual_seed(1))


def run(model: PreTrainedModel, ids: torch.Tensor, **options: object) -> torch.Tensor:
    options.setdefault("attention_mask", torch.ones_like(ids))
    return model.generate(ids, do_sample=False, max_new_tokens=NEW_TOKENS, min_new_tokens=NEW_TOKENS, **options)


def decode_logits(model: PreTrainedModel, ids: torch.Tensor, cache: object, chunk: int) -> torch.Tensor:
    """Teacher-forced logits of the second half of `ids`, one token a step, after a chunked prefill of the first."""
    half = ids.shape[1] // 2
    with torch.no_grad():
        for start in range(0, half, chunk):
            model(ids[:, start : min(start + chunk, half)], cache=cache, use_cache=True)
        steps = [model(ids[:, i : i + 1], cache=cache, use_cache=True).logits[:, -1] for i in range(half, ids.shape[1])]
    return torch.stack(steps, dim=1)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", EACH)
def test_generation_equals_stock(name: str, policy: Policy) -> None:
    ids = prompts(1)
    expected = run(make_model(name), ids)
    model = enable(make_model(name))
    assert run(model, ids, cache=PolicyCache(model.config, policy)).tolist() == expected.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", EACH)
def test_chunked_prefill_and_decode_logits_equal_stock(name: str, policy: Policy) -> None:
    ids = prompts(2, 48)
    model = make_model(name)
    expected = decode_logits(model, ids, DynamicCache(config=model.config), chunk=10)
    model = enable(make_model(name))
    actual = decode_logits(model, ids, PolicyCache(model.config, policy), chunk=10)
    torch.testing.assert_close(actual, expected, atol=2e-4, rtol=1e-3)


class RoundingCache(DynamicCache):
    """A stock cache that rounds keys and values of full-attention layers to bfloat16."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__(config=model.config)
        latent = model.config.model_type == "deepseek_v3"  # multiplies what it cached with its own weights
        self.rounded = {} if latent else PolicyCache(model.config, FullAttention()).policy_layers

    def update(self, keys: torch.Tensor, values: torch.Tensor, layer: int, *args: object, **kwargs: object) -> object:
        if layer in self.rounded:
            keys, values = (states.bfloat16().to(states.dtype) for states in (keys, values))
        return super().update(keys, values, layer, *args, **kwargs)


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", EACH)
def test_storing_bfloat16_is_rounding_keys_and_values(name: str, policy: Policy) -> None:
    ids = prompts(2, 48)
    model = make_model(name)
    expected = decode_logits(model, ids, RoundingCache(model), chunk=10)
    model = enable(make_model(name))
    model.config.get_text_config(decoder=True).kv_cache_dtype = "bfloat16"
    cache = PolicyCache(model.config, policy)
    actual = decode_logits(model, ids, cache, chunk=10)
    expected_dtype = torch.float32 if name == "deepseek_v3" else torch.bfloat16
    assert {layer.keys.dtype for layer in cache.policy_layers.values()} == {expected_dtype}
    torch.testing.assert_close(actual, expected, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("name", EACH)
def test_left_padded_batch_equals_stock(name: str) -> None:
    ids, mask = prompts(3), torch.ones(3, 24, dtype=torch.long)
    ids[1, :9], mask[1, :9] = 0, 0
    ids[2, :17], mask[2, :17] = 0, 0
    expected = run(make_model(name), ids, attention_mask=mask)
    model = enable(make_model(name))
    cache = PolicyCache(model.config, RefreshKV(budget=1000, stride=4))
    assert run(model, ids, attention_mask=mask, cache=cache).tolist() == expected.tolist()


@pytest.mark.parametrize("name", [each for each in EACH if each.values[0] not in ("qwen3_5_text", "qwen3_next")])
def test_beams_equal_stock(name: str) -> None:
    ids = prompts(2)
    expected = run(make_model(name), ids, num_beams=3)
    model = enable(make_model(name))
    cache = PolicyCache(model.config, RefreshKV(budget=1000, stride=3))
    assert run(model, ids, num_beams=3, cache=cache).tolist() == expected.tolist()


@pytest.mark.parametrize("name", EACH)
def test_enabled_model_without_policy_cache_is_stock(name: str) -> None:
    ids = prompts(1)
    assert run(enable(make_model(name)), ids).tolist() == run(make_model(name), ids).tolist()
