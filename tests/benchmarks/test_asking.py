"""Tokens that choose by rules of many settings beyond the window: what each setting does where it can be told."""

import pytest
import torch
from torch import Tensor

from benchmarks.prototypes.asking import Asking, Rule, places, spans
from core.extension import Extension
from core.grouped import Terms
from core.rotary import Rotary
from core.window import Window

WINDOW, TERMS = Window.of(256), Terms(0.25)
ROTARY = Rotary(torch.linspace(0.01, 1, 8), interleaved=False)


def states(new: int) -> tuple[Tensor, Tensor, Tensor]:
    """Query, keys and values, 2 KV heads, of whole blocks and `new` tokens."""
    torch.manual_seed(0)
    length = 400 + new
    return torch.randn(1, 4, new, 16), torch.randn(1, 2, length, 16), torch.randn(1, 2, length, 16)


def attended(extension: Extension, new: int) -> Tensor:
    query, keys, values = states(new)
    return extension.prompt_attention(query, keys, values, TERMS, ROTARY, lambda _: query)


def test_a_token_attends_by_default_as_a_block_of_one() -> None:
    asking = Asking(WINDOW, 0.0)
    asking.rule = Rule()
    torch.testing.assert_close(attended(asking, 1), attended(Extension(WINDOW), 1), rtol=1e-3, atol=1e-4)
    assert asking.numbers == [WINDOW.chosen]


@pytest.mark.parametrize(
    "rule", ["counts=8", "group=4", "divided=4", "span=8", "held=0.5", "held=0.5,flat=8", "share=0.1,stands=0"]
)
def test_a_setting_changes_what_a_token_attends_to(rule: str) -> None:
    asking = Asking(WINDOW, 0.5)
    asking.rule = Rule.of(rule)
    assert (attended(asking, 1) - attended(Extension(WINDOW), 1)).abs().max() > 1e-3


def test_where_what_is_chosen_stands() -> None:
    chosen = torch.tensor([[[0, 10, 50, 99]]])
    assert places(Rule(), chosen, 100, 200).tolist() == [[[196, 197, 198, 199]]]
    assert places(Rule(group=2), chosen, 100, 200).tolist() == [[[198, 198, 199, 199]]]
    assert places(Rule(divided=10), chosen, 100, 200).tolist() == [[[190, 191, 195, 199]]]


def test_spans_of_the_grid_with_the_highest_scores_are_chosen_whole() -> None:
    scores = torch.zeros(1, 1, 20)
    scores[..., 9] = 3
    assert spans(scores, 4, 2, summed=False).tolist() == [[[0, 1, 2, 3, 8, 9, 10, 11]]]
