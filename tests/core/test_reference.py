"""The fast path against the plain-Python reference: logits, small caches and step kinds, step by step."""

from dataclasses import replace

import pytest
import torch
from transformers import PreTrainedModel

from core import PolicyCache, RefreshKV, enable
from tests.core.architectures import make_model
from tests.core.reference import ReferenceDecoder

PROMPT = 40
STEPS = 36


@pytest.fixture
def model(one_thread: None) -> PreTrainedModel:
    return enable(make_model("llama"))


def tokens(count: int, seed: int) -> list[int]:
    return torch.randint(2, 96, (count,), generator=torch.Generator().manual_seed(seed)).tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("budget", "stride", "threshold", "kernel"),
    [
        pytest.param(10, 5, None, 7, id="stride"),
        pytest.param(10, 5, None, 1, id="stride-no-pooling"),
        pytest.param(10, 1, None, 7, id="every-step-full"),
        pytest.param(10, 3, 0.5, 7, id="similarity"),
        pytest.param(10, 3, -1.0, 7, id="similarity-never-refreshes"),
        pytest.param(3, 8, None, 3, id="more-new-tokens-than-slots"),
        pytest.param(50, 30, None, 7, id="free-slots-then-full"),
    ],
)
def test_logits_and_small_caches_equal_the_reference(
    model: PreTrainedModel, budget: int, stride: int, threshold: float | None, kernel: int
) -> None:
    cache = follow(
        model,
        RefreshKV.paper(budget, stride, threshold, kernel),
        ReferenceDecoder(model, budget, stride, threshold, kernel),
    )
    layers = cache.policy_layers.values()
    if threshold == 0.5:
        # The comparison means something only if the layers decided both ways, and not all alike.
        assert any(layer.full_steps for layer in layers)
        assert any(layer.full_steps < STEPS // stride for layer in layers)
        assert len({layer.full_steps for layer in layers}) > 1
    else:
        expected = 0 if threshold == -1.0 else STEPS // stride
        assert [layer.full_steps for layer in layers] == [expected] * len(layers)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("budget", "floor", "slots"),
    [
        pytest.param(1 / 8, 0, 5, id="none"),
        pytest.param(1 / 8, 12, 12, id="above-the-fraction"),
        pytest.param(1 / 2, 12, 20, id="below-the-fraction"),
        pytest.param(1 / 8, 50, 50, id="above-the-prompt-then-full"),
        pytest.param(1 / 8, 100, 100, id="above-everything"),
    ],
)
def test_a_fraction_with_a_floor_equals_the_reference_of_so_many_slots(
    model: PreTrainedModel, budget: float, floor: int, slots: int
) -> None:
    policy = replace(RefreshKV.paper(budget, 5), floor=floor)
    cache = follow(model, policy, ReferenceDecoder(model, slots, 5))
    held = min(slots, PROMPT + STEPS)
    assert [layer.small.slots for layer in cache.policy_layers.values() if layer.small] == [held] * 3


@pytest.mark.slow
@pytest.mark.parametrize("bits", [0, 3])
@pytest.mark.parametrize(
    ("budget", "stride", "kernel", "lookahead", "recent"),
    [
        pytest.param(10, 5, 3, 4, 3, id="both"),
        pytest.param(12, 5, 3, 5, 0, id="lookahead"),
        pytest.param(12, 5, 7, 0, 4, id="recent"),
        pytest.param(12, 4, 1, 1, 0, id="one-ahead"),
        pytest.param(12, 4, 1, 200, 1, id="ahead-of-everything"),
        pytest.param(7, 5, 1, 2, 32, id="half-recent"),
        pytest.param(1, 3, 3, 2, 32, id="one-slot"),
        pytest.param(3, 8, 3, 2, 1, id="more-new-tokens-than-slots"),
        pytest.param(50, 30, 7, 8, 16, id="free-slots-then-full"),
    ],
)
def test_what_goes_beyond_the_paper_equals_the_reference(
    model: PreTrainedModel, budget: int, stride: int, kernel: int, lookahead: int, recent: int, bits: int
) -> None:
    policy = RefreshKV(budget, stride, pool_kernel_size=kernel, lookahead=lookahead, recent=recent, bits=bits)
    follow(model, policy, ReferenceDecoder(model, budget, stride, None, kernel, lookahead, recent, bits))


@pytest.mark.slow
@pytest.mark.parametrize("bits", [2, 4])
def test_a_choice_by_an_index_comes_when_the_query_has_moved_away(model: PreTrainedModel, bits: int) -> None:
    policy = RefreshKV(10, 3, similarity_threshold=0.5, lookahead=2, recent=3, bits=bits)
    cache = follow(model, policy, ReferenceDecoder(model, 10, 3, 0.5, 1, 2, 3, bits))
    layers = cache.policy_layers.values()
    assert any(0 < layer.full_steps < STEPS // 3 for layer in layers)


def test_without_a_word_it_is_the_reference_with_its_defaults(model: PreTrainedModel) -> None:
    usual = RefreshKV()
    parameters = (usual.pool_kernel_size, usual.lookahead, usual.recent, usual.bits)
    follow(model, RefreshKV(10), ReferenceDecoder(model, 10, usual.stride, None, *parameters))


def follow(model: PreTrainedModel, policy: RefreshKV, reference: ReferenceDecoder) -> PolicyCache:
    """Prefill and decode under both, compare them after every step, and return the cache."""
    cache = PolicyCache(model.config, policy)
    prompt = tokens(PROMPT, seed=1)
    with torch.no_grad():
        logits = model(torch.tensor([prompt]), cache=cache, use_cache=True).logits[0, -1]
    torch.testing.assert_close(logits, reference.prefill(prompt), atol=1e-3, rtol=1e-3)
    assert_same_state(cache, reference)
    for token_id in tokens(STEPS, seed=2):
        with torch.no_grad():
            logits = model(torch.tensor([[token_id]]), cache=cache, use_cache=True).logits[0, -1]
        torch.testing.assert_close(logits, reference.decode(token_id), atol=1e-3, rtol=1e-3)
        assert_same_state(cache, reference)
    return cache


def assert_same_state(cache: PolicyCache, reference: ReferenceDecoder) -> None:
    for layer, state in zip(cache.policy_layers.values(), reference.layers, strict=True):
        assert (layer.full_steps, layer.partial_steps) == (state.full_steps, state.partial_steps)
        assert layer.small is not None
        slots = [sorted(head) for head in layer.small.positions[0].tolist()]
        assert slots == [sorted(head) for head in state.small]
        full_keys = layer.keys[0].tolist()
        assert torch.allclose(torch.tensor(full_keys), torch.tensor(state.keys), atol=1e-4)


def test_partial_steps_differ_from_full_attention(model: PreTrainedModel) -> None:
    """Guards the tests above: at these budgets the small cache does change the logits."""
    prompt = torch.tensor([tokens(PROMPT, seed=1)])
    outputs = []
    for budget in (10, 1000):
        cache = PolicyCache(model.config, RefreshKV(budget, stride=100))
        with torch.no_grad():
            model(prompt, cache=cache, use_cache=True)
            outputs.append(model(torch.tensor([[5]]), cache=cache, use_cache=True).logits)
    assert (outputs[0] - outputs[1]).abs().max() > 0.01
