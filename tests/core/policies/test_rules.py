"""Each method against its rule in plain Python: logits, kept positions by layer and KV head, and step counts."""

import random

import pytest
import torch
from transformers import PreTrainedModel

from core import PolicyCache, enable
from core.policies import H2O, TOVA, Policy, Quest, SnapKV, StreamingLLM, TokenSelect
from tests.core.architectures import make_model
from tests.core.policies import reference

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread", "built_kernels")]

STEPS = 32
PROMPT = 40
CASES: list[tuple[type[Policy], dict[str, object]]] = [
    *((method, {"budget": budget}) for method in (StreamingLLM, H2O, TOVA) for budget in (0.3, 11, 1, 60, 200)),
    (StreamingLLM, {"budget": 9, "sinks": 0}),
    (StreamingLLM, {"budget": 9, "sinks": 8}),
    *((SnapKV, {"budget": budget, "window": 6}) for budget in (0.3, 13, 1, 60)),
    (SnapKV, {"budget": 34, "pool_kernel_size": 7}),
    (SnapKV, {"budget": 10, "window": 1, "pool_kernel_size": 1}),
    *((Quest, {"budget": budget, "page": 4}) for budget in (0.3, 13, 1, 60, 200)),
    (Quest, {"budget": 12, "page": 1, "dense_layers": 0}),
    (Quest, {"budget": 20, "page": 6, "dense_layers": 9}),
    *((TokenSelect, {"budget": budget, "recent": 5}) for budget in (0.4, 13, 1, 60, 200)),
    (TokenSelect, {"budget": 14, "sinks": 0, "recent": 1, "similarity": 0.3}),
    (TokenSelect, {"budget": 14, "recent": 5, "similarity": 0.0}),
    (TokenSelect, {"budget": 14, "recent": 5, "similarity": -1.0}),
    (TokenSelect, {"budget": 14, "recent": 5, "similarity": 1.0}),
]


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return enable(make_model("llama"))


def tokens(count: int, seed: int) -> list[int]:
    chance = random.Random(seed)
    return [chance.randrange(2, 96) for _ in range(count)]


def logits(model: PreTrainedModel, cache: PolicyCache, ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return model(torch.tensor([ids]), cache=cache, use_cache=True).logits[0, -1]


def assert_same(cache: PolicyCache, plain: reference.PlainDecoder, decoding: bool) -> None:
    for layer, rule in zip(cache.policy_layers.values(), plain.layers, strict=True):
        assert (layer.full_steps, layer.partial_steps) == (rule.full_steps, rule.partial_steps)
        if rule.is_full():
            assert layer.kept.held() is None
        elif layer.kept.index is None or decoding:
            held = layer.small.positions if layer.small is not None else layer.kept.chosen
            assert [sorted(head) for head in held[0].tolist()] == [sorted(head) for head in rule.held]


def follow(model: PreTrainedModel, method: type[Policy], parameters: dict[str, object], prompt: int, seed: int) -> None:
    cache = PolicyCache(model.config, method(**parameters))
    plain = reference.PlainDecoder(model, getattr(reference, method.__name__), **parameters)
    ids = tokens(prompt, seed)
    torch.testing.assert_close(logits(model, cache, ids), plain.prefill(ids), atol=1e-3, rtol=1e-3)
    assert_same(cache, plain, decoding=False)
    for token in tokens(STEPS, seed + 1000):
        torch.testing.assert_close(logits(model, cache, [token]), plain.decode(token), atol=1e-3, rtol=1e-3)
        assert_same(cache, plain, decoding=True)


@pytest.mark.parametrize(("method", "parameters"), CASES, ids=lambda value: getattr(value, "__name__", str(value)))
def test_a_method_keeps_to_its_rule(
    model: PreTrainedModel, method: type[Policy], parameters: dict[str, object]
) -> None:
    follow(model, method, parameters, PROMPT, seed=CASES.index((method, parameters)))


@pytest.mark.parametrize("method", [StreamingLLM, SnapKV, H2O, TOVA, Quest, TokenSelect])
@pytest.mark.parametrize("prompt", [1, 2, 7])
def test_a_method_keeps_to_its_rule_after_a_prompt_of_a_few_tokens(
    model: PreTrainedModel, method: type[Policy], prompt: int
) -> None:
    small = {Quest: {"page": 3}, TokenSelect: {"recent": 3}, SnapKV: {"window": 3}}.get(method, {})
    follow(model, method, {"budget": 8, **small}, prompt, seed=prompt)


def test_a_choice_of_tokens_is_both_used_again_and_made_anew(model: PreTrainedModel) -> None:
    """Guards the tests above: at these thresholds the plain rule does both."""
    plain = reference.PlainDecoder(model, reference.TokenSelect, budget=14, recent=5, similarity=0.3)
    plain.prefill(tokens(PROMPT, 1))
    for token in tokens(STEPS, 2):
        plain.decode(token)
    assert all(1 < rule.choices < STEPS for rule in plain.layers)
