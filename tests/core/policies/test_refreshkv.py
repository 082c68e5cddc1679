"""RefreshKV's size: fractions with and without a floor, tokens as given, and what a floor is for."""

from dataclasses import asdict

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from core import FullAttention, Policy, PolicyCache, RefreshKV
from core.decoder import forward
from tests.core.tiny import tiny_model


@pytest.mark.parametrize(
    ("prompt", "slots"), [(1, 100), (37, 100), (799, 100), (800, 100), (807, 100), (808, 101), (6000, 750)]
)
def test_a_fraction_comes_to_the_floor_at_least(prompt: int, slots: int) -> None:
    assert RefreshKV(budget=1 / 8, floor=100).capacity(prompt) == slots


@pytest.mark.parametrize("prompt", [1, 37, 6000])
@pytest.mark.parametrize("budget", [1, 4, 64, 512])
@pytest.mark.parametrize("floor", [0, 100, 1000])
def test_a_number_of_tokens_is_taken_as_given(budget: int, floor: int, prompt: int) -> None:
    assert RefreshKV(budget, floor=floor).capacity(prompt) == budget


@pytest.mark.parametrize(("budget", "prompt", "slots"), [(1 / 8, 37, 4), (1 / 8, 1, 1), (0.1, 64, 6), (1e-9, 64, 1)])
def test_the_paper_has_no_floor(budget: float, prompt: int, slots: int) -> None:
    assert RefreshKV.paper(budget).capacity(prompt) == slots


def test_the_paper_differs_in_the_floor_alone() -> None:
    assert asdict(RefreshKV.paper()) == asdict(RefreshKV()) | {"floor": 0}
    assert RefreshKV.paper(512, 5, 0.9, 3) == RefreshKV(512, 5, 0.9, 3, floor=0)


def test_by_default_a_short_prompt_is_kept_whole_and_a_long_one_by_its_fraction() -> None:
    assert RefreshKV().capacity(37) == RefreshKV().floor > 37
    assert RefreshKV().capacity(6000) == 750


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_while_all_is_kept_a_short_prompt_is_decoded_as_under_full_attention() -> None:
    model, prompt = tiny_model(), torch.arange(37).view(1, 37)
    tokens = torch.randint(0, 256, (40, 1, 1), generator=torch.Generator().manual_seed(0))
    full = decoded(model, FullAttention(), prompt, tokens)
    torch.testing.assert_close(decoded(model, RefreshKV(floor=77), prompt, tokens), full, atol=1e-4, rtol=1e-4)
    for policy in (RefreshKV(floor=50), RefreshKV.paper()):
        assert (decoded(model, policy, prompt, tokens) - full).abs().max() > 0.1


def decoded(model: PreTrainedModel, policy: Policy, prompt: Tensor, tokens: Tensor) -> Tensor:
    """Logits `(tokens, vocabulary)` after each of `tokens`, which are fed one by one."""
    cache = PolicyCache(model.config, policy)
    with cache.prefill(last=True):
        forward(model, prompt, cache)
    return torch.cat([forward(model, token, cache) for token in tokens])
