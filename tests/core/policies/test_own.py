"""A policy of a user's own, with the three methods that are enough, as they were before there were more."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from core import Policy, PolicyCache, enable
from tests.core.architectures import make_model

pytestmark = pytest.mark.usefixtures("one_thread", "built_kernels")


@dataclass(frozen=True)
class Window(Policy):
    """Four first tokens and eight of the newest; the former last, so that they are overwritten last."""

    def capacity(self, prompt_length: int) -> int:
        return 12

    def select(self, weights: Tensor, count: int, valid: Tensor | None) -> Tensor:
        batch, heads, _, length = weights.shape
        order = torch.cat([torch.arange(length - count + 4, length), torch.arange(4)])
        return order.expand(batch, heads, -1)

    def is_check_step(self, decode_step: int) -> bool:
        return decode_step == 20


@pytest.mark.parametrize(("steps", "kept"), [(8, [0, 1, 2, 3]), (12, []), (20, [0, 1, 2, 3])])
def test_three_methods_make_a_policy(steps: int, kept: list[int]) -> None:
    model = enable(make_model("llama"))
    cache = PolicyCache(model.config, Window())
    ids = torch.arange(2, 42)[None]
    options = {"attention_mask": torch.ones_like(ids), "max_new_tokens": steps + 1, "do_sample": False}
    model.generate(ids, cache=cache, **options)
    for layer in cache.policy_layers.values():
        assert layer.small is not None
        newest = list(range(40 + steps - 12 + len(kept), 40 + steps))
        assert sorted(layer.small.positions[0, 0].tolist()) == kept + newest
        assert (layer.full_steps, layer.partial_steps) == (steps // 20, steps - steps // 20)


def test_it_is_shown_the_weights_of_one_query() -> None:
    shapes = []

    class Watching(Window):
        def select(self, weights: Tensor, count: int, valid: Tensor | None) -> Tensor:
            shapes.append((tuple(weights.shape), float(weights.sum(-1).mean()), valid))
            return super().select(weights, count, valid)

    model = enable(make_model("llama"))
    with torch.no_grad():
        model(torch.arange(2, 42)[None], cache=PolicyCache(model.config, Watching()), use_cache=True)
    assert shapes == [((1, 2, 2, 40), pytest.approx(1.0), None)] * 3
