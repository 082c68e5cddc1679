"""Gradients through what was cached, as far as a method attends to it."""

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from core import PolicyCache, enable
from core.policies import METHODS, Policy
from tests.core.architectures import make_model
from tests.core.policies.test_matrix import EVERYTHING, IDS, of_budget

pytestmark = pytest.mark.usefixtures("one_thread", "built_kernels")


@pytest.fixture
def model() -> PreTrainedModel:
    return make_model("llama").train()


def gradients(model: PreTrainedModel, cache: PolicyCache | DynamicCache, *pieces: Tensor) -> list[Tensor]:
    """Of the last logits, after forwards of these pieces, through all of them."""
    model.zero_grad()
    for piece in pieces:
        logits = model(piece, cache=cache, use_cache=True).logits
    logits[:, -1].logsumexp(-1).sum().backward()
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


PIECES = (IDS[:1, :30], *IDS[:1, 30:36].split(1, dim=1))


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_with_room_for_everything_gradients_are_the_stock_models(model: PreTrainedModel, method: type[Policy]) -> None:
    expected = gradients(model, DynamicCache(config=model.config), *PIECES)
    actual = gradients(enable(model), PolicyCache(model.config, of_budget(method, EVERYTHING)), *PIECES)
    torch.testing.assert_close(actual, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_small_cache_hands_gradients_to_what_it_holds(model: PreTrainedModel, method: type[Policy]) -> None:
    """Those of a position that is held or read have one, and no others."""
    policy = of_budget(method, 8)
    if policy.capacity(1) is None:
        pytest.skip("no small cache")
    cache = PolicyCache(enable(model).config, policy)
    projected: list[Tensor] = []

    def keep(module: torch.nn.Module, args: object, output: Tensor) -> None:
        output.retain_grad()
        projected.append(output)

    model.model.layers[-1].self_attn.v_proj.register_forward_hook(keep)
    gradients(model, cache, *PIECES[:3])
    # The logits are of the last token alone, which attends once in the last layer.
    reached = torch.cat([torch.zeros_like(v) if v.grad is None else v.grad for v in projected], dim=1)
    layer = list(cache.policy_layers.values())[-1]
    held = layer.small.positions if layer.small is not None else layer.kept.chosen
    assert [sorted(head[head >= 0].tolist()) for head in held[0]] == [
        head.abs().sum(-1).nonzero().flatten().tolist() for head in reached[0].unflatten(1, (2, -1)).transpose(0, 1)
    ]
