"""RefreshKV's size: fractions with and without a floor, tokens as given, and what a floor is for."""

from dataclasses import asdict, replace

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from core import FullAttention, InvalidParameterError, Policy, PolicyCache, RefreshKV
from core.steps import forward
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


def test_the_paper_has_neither_lookahead_nor_recent_tokens_nor_an_index() -> None:
    own = {"stride": 10, "lookahead": 0, "recent": 0, "floor": 0, "pool_kernel_size": 7, "bits": 0}
    assert asdict(RefreshKV.paper()) == asdict(RefreshKV()) | own
    assert RefreshKV.paper(512, 5, 0.9, 3) == RefreshKV(512, 5, 0.9, 3, floor=0, lookahead=0, recent=0, bits=0)


def attention(*peaks: int) -> Tensor:
    """Weights `(1, 1, 2, 40)` of two query heads, the later of `peaks` the higher, by turns."""
    weights = torch.full((1, 1, 2, 40), 1e-6)
    for rank, peak in enumerate(peaks):
        weights[0, 0, rank % 2, peak] = 0.1 + rank / 100
    return weights


def test_what_follows_a_peak_is_kept_with_it_and_the_newest_always() -> None:
    policy = RefreshKV(budget=12, pool_kernel_size=1, lookahead=3, recent=4)
    # The newest last; before them the higher peak and the three behind it, then the lower one's, the later the higher.
    expected = [5, 6, 7, 8, 20, 21, 22, 23, 36, 37, 38, 39]
    assert policy.select(attention(5, 20), 12, None).tolist() == [[expected]]
    # With a window of three one before each peak as well, and four behind.
    wider = replace(policy, pool_kernel_size=3, recent=0)
    assert wider.select(attention(5, 20), 12, None).tolist() == [[[*range(4, 10), *range(19, 25)]]]


def test_half_of_the_small_cache_is_for_the_newest_at_most() -> None:
    policy = RefreshKV(budget=6, pool_kernel_size=1, lookahead=0, recent=32)
    assert policy.select(attention(20, 9, 5), 6, None).tolist() == [[[20, 9, 5, 37, 38, 39]]]
    assert policy.select(attention(20, 9, 5), 1, None).tolist() == [[[5]]]


def test_an_index_chooses_by_the_same_rule() -> None:
    policy = RefreshKV(budget=12, pool_kernel_size=3, lookahead=2, recent=4)
    for weights in (attention(5, 20), attention(20, 9, 5), attention(39, 0)):
        scores = weights.log().amax(dim=2)
        assert policy.scoring is not None
        assert torch.equal(policy.scoring.choose(scores, 12, None), policy.select(weights, 12, None))


def test_what_an_index_chooses_holds_the_newest_token_at_least() -> None:
    scoring = RefreshKV(budget=3, lookahead=0, recent=0).scoring
    assert scoring is not None
    for count, expected in ((1, [39]), (2, [5, 39]), (3, [9, 5, 39])):
        assert scoring.choose(attention(20, 9, 5).log().amax(dim=2), count, None).tolist() == [[expected]]


@pytest.mark.parametrize("bits", [1, 5, "3", 2.5, None])
def test_bits_out_of_range_are_refused(bits: object) -> None:
    with pytest.raises(InvalidParameterError, match=r"2, 3 or 4 bits"):
        RefreshKV(bits=bits)  # type: ignore[arg-type]


def test_padding_is_no_peak_and_not_among_the_newest() -> None:
    policy = RefreshKV(budget=6, pool_kernel_size=1, lookahead=2, recent=2)
    valid = torch.ones(1, 1, 40, dtype=torch.bool)
    valid[..., :7] = False
    valid[..., -1] = False
    assert policy.select(attention(5), 4, valid).tolist() == [[[36, 37, 7, 38]]]


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
