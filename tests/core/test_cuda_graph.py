"""The step that a CUDA graph records, run without one: it must equal the model's own modules."""

import pytest
import torch
from torch import Tensor
from transformers import AttentionInterface

from core import Policy, PolicyCache, RefreshKV
from core.attention import ATTENTION_NAME
from core.cuda_graph import RECORDED_ATTENTION, RecordedStep, _is_recorded, partial_step, recorded_attention
from core.layer import Step
from core.steps import forward
from core.window import Beyond
from tests.core.tiny import WINDOW, tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "steps", "window"),
    [
        (RefreshKV(budget=9, stride=4), 15, None),
        (RefreshKV(budget=9, stride=4, similarity_threshold=0.5), 15, None),
        (RefreshKV(budget=1 / 8, stride=4, floor=75), 11, None),  # once the new tokens have filled its free slots
        (RefreshKV(budget=9, stride=4), 15, "extend"),
    ],
    ids=str,
)
def test_a_recorded_step_equals_the_modules(policy: Policy, steps: int, window: Beyond | None) -> None:
    torch.manual_seed(0)
    AttentionInterface.register(RECORDED_ATTENTION, recorded_attention)
    model, prompt = tiny_model(max_position_embeddings=64 if window else WINDOW), torch.randint(0, 256, (1, 70))
    ours, theirs = PolicyCache(model.config, policy, window), PolicyCache(model.config, policy, window)
    for cache in (ours, theirs):
        with cache.prefill(last=True):
            forward(model, prompt, cache)
        cache.reserve(128)
    recorded = 0
    for token in torch.randint(0, 256, (20, 1, 1)):
        layers = list(ours.policy_layers.values())
        if all(map(_is_recorded, layers)):
            logits = as_recorded(model, token, ours)
            recorded += 1
        else:
            logits = forward(model, token, ours)
        assert torch.allclose(logits, forward(model, token, theirs), atol=1e-4)
        for mine, other in zip(layers, theirs.policy_layers.values(), strict=True):
            assert (mine.full_steps, mine.partial_steps) == (other.full_steps, other.partial_steps)
            assert torch.allclose(mine.keys, other.keys, atol=1e-5)
            assert torch.equal(mine.small.positions, other.small.positions)
            assert torch.allclose(mine.small.values, other.small.values, atol=1e-5)
    assert recorded == steps
    assert model.config._attn_implementation == ATTENTION_NAME


def as_recorded(model: object, token: Tensor, cache: PolicyCache) -> Tensor:
    """What RecordedStep.step does, with the step run instead of replayed."""
    layers = list(cache.policy_layers.values())
    position = layers[0].get_seq_length()
    place = torch.tensor([(position, layer.claim(position)[0]) for layer in layers])
    logits = partial_step(model, token, place, layers)  # type: ignore[arg-type]
    for layer in layers:
        layer.record(Step.PARTIAL, torch.empty(0))
    return logits


def test_steps_that_are_not_recorded_leave_the_cache_alone() -> None:
    model = tiny_model()
    cache = PolicyCache(model.config, RefreshKV(budget=400, stride=4))  # slots stay free
    with cache.prefill(last=True):
        forward(model, torch.arange(30).view(1, 30), cache)
    assert RecordedStep(model).step(torch.tensor([[1]]), cache) is None
    assert cache.get_seq_length() == 30


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_replayed_on_a_gpu() -> None:
    model = tiny_model().to("cuda")
    policy, prompt = RefreshKV(budget=9, stride=4), torch.randint(0, 256, (1, 70), device="cuda")
    ours, theirs = PolicyCache(model.config, policy), PolicyCache(model.config, policy)
    for cache in (ours, theirs):
        with cache.prefill(last=True):
            forward(model, prompt, cache)
        cache.reserve(128)
    recorded = RecordedStep(model)
    replayed = 0
    for token in torch.randint(0, 256, (20, 1, 1), device="cuda"):
        logits = recorded.step(token, ours)
        replayed += logits is not None
        logits = forward(model, token, ours) if logits is None else logits
        assert torch.allclose(logits, forward(model, token, theirs), atol=1e-3)
    assert replayed == 15
