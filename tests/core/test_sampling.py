"""`SamplingParams` and its samplers: what they draw, how often, and what their noise depends on."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core import InvalidParameterError, SamplingParams, TokenGenerated, stream_generate
from core.sampling import GumbelNoise, Sampler

SCORES = torch.tensor([[0.5, -1.0, 2.0, -torch.inf, 1.0, 0.0]])
DRAWS = 20_000
CHI_SQUARE = {4: 23.5, 16: 45.9}
"""The values that chi-square of so many degrees of freedom exceeds once in 10,000 times."""


def draw(sampler: Sampler, position: int, scores: Tensor = SCORES) -> int:
    return sampler(torch.zeros(1, position, dtype=torch.long), scores)


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("along", ["positions", "seeds"])
def test_tokens_come_as_often_as_their_probabilities_say(along: str) -> None:
    if along == "positions":
        sampler = SamplingParams(temperature=1.0, seed=7).sampler(0)
        drawn = [draw(sampler, position) for position in range(DRAWS)]
    else:
        drawn = [draw(SamplingParams(temperature=1.0, seed=seed).sampler(0), 40) for seed in range(DRAWS)]
    counts = np.bincount(drawn, minlength=6)
    assert counts[3] == 0
    kept = [0, 1, 2, 4, 5]
    expected = SCORES.softmax(-1)[0, kept].double().numpy() * DRAWS
    assert chi_square(counts[kept], expected) < CHI_SQUARE[4]
    reference = np.bincount(
        torch.multinomial(SCORES[0].softmax(-1), DRAWS, replacement=True, generator=torch.Generator().manual_seed(7)),
        minlength=6,
    )
    assert chi_square(reference[kept], expected) < CHI_SQUARE[4]


def test_positions_next_to_each_other_are_independent() -> None:
    sampler = SamplingParams(temperature=1.0, seed=3).sampler(0)
    drawn = np.array([draw(sampler, position) for position in range(DRAWS)])
    kept = [0, 1, 2, 4, 5]
    probabilities = SCORES.softmax(-1)[0].double().numpy()
    pairs = np.zeros((6, 6))
    np.add.at(pairs, (drawn[::2], drawn[1::2]), 1)
    expected = np.outer(probabilities, probabilities) * (DRAWS // 2)
    # 24 degrees of freedom for the pairs, of which 4 and 4 are the margins.
    margins = [chi_square(pairs.sum(axis)[kept], expected.sum(axis)[kept]) for axis in (0, 1)]
    assert max(margins) < CHI_SQUARE[4]
    assert chi_square(pairs[np.ix_(kept, kept)], expected[np.ix_(kept, kept)]) - sum(margins) < CHI_SQUARE[16]


def test_the_noise_is_that_of_seed_and_position_alone() -> None:
    sampler = SamplingParams(temperature=1.0, seed=5).sampler(0)
    forwards = [draw(sampler, position) for position in range(200)]
    backwards = [draw(sampler, position) for position in reversed(range(200))]
    anew = [draw(SamplingParams(temperature=1.0, seed=5).sampler(0), position) for position in range(200)]
    assert forwards == backwards[::-1] == anew
    assert forwards != [draw(sampler, position) for position in range(1, 201)]
    noises = [GumbelNoise(seed)(position, 8) for seed in (-1, 0, 1, 2**63, 2**64 - 2) for position in range(50)]
    assert len({tuple(noise.tolist()) for noise in noises}) == len(noises)
    assert torch.equal(GumbelNoise(9)(30, 8), GumbelNoise(9)(30, 8))
    # A part of the vocabulary has the noise that it has in all of it.
    assert torch.equal(GumbelNoise(9)(30, 8), GumbelNoise(9)(30, 4096)[:8])


def test_what_a_cutoff_removes_changes_no_other_token() -> None:
    scores = torch.randn(1, 500, generator=torch.Generator().manual_seed(1)) * 3
    free = SamplingParams(temperature=1.0, seed=2).sampler(0)
    unchanged = 0
    for cutoff in ({"top_k": 20}, {"top_p": 0.8}, {"min_p": 0.1}):
        cut = SamplingParams(temperature=1.0, seed=2, **cutoff).sampler(0)  # type: ignore[arg-type]
        kept = cut.processors(torch.zeros(1, 1, dtype=torch.long), scores)[0].isfinite()  # type: ignore[arg-type]
        assert 0 < int(kept.sum()) < 100
        for position in range(200):
            taken, allowed = draw(free, position, scores), draw(cut, position, scores)
            assert kept[allowed]
            assert not kept[taken] or taken == allowed
            unchanged += taken == allowed
    assert 300 < unchanged < 600


def test_noise_is_finite_and_standard_gumbel() -> None:
    noise = torch.cat([GumbelNoise(0)(position, 50_000) for position in range(20)]).double()
    assert noise.isfinite().all()
    # Mean Euler's constant, variance pi**2 / 6; their standard errors over a million draws are 0.0013 and 0.0035.
    assert noise.mean().item() == pytest.approx(np.euler_gamma, abs=0.005)
    assert noise.var().item() == pytest.approx(math.pi**2 / 6, abs=0.014)
    # The largest of a million is near log(1,000,000) = 13.8, by standard Gumbel noise of its own.
    assert 11 < noise.max() < 24


def test_a_seed_is_drawn_where_none_is_given() -> None:
    samplers = [SamplingParams(temperature=1.0).sampler(0) for _ in range(4)]
    assert len({sampler.seed for sampler in samplers}) == 4
    texts = [[draw(sampler, position) for position in range(100)] for sampler in samplers]
    assert len({tuple(text) for text in texts}) == 4
    assert texts[0] == [draw(samplers[0], position) for position in range(100)]


def test_greedy_takes_the_likeliest() -> None:
    sampler = SamplingParams(seed=5, top_k=1).sampler(0)
    assert [draw(sampler, position) for position in range(5)] == [2] * 5
    assert not sampler.processors


def test_runs_beside_each_other_write_what_they_write_alone(
    tiny: tuple[PreTrainedModel, PreTrainedTokenizerFast],
) -> None:
    def run(prompt: str, seed: int) -> Iterator[int]:
        events = stream_generate(*tiny, prompt, temperature=1.0, seed=seed, max_new_tokens=12)
        return (event.token_id for event in events if isinstance(event, TokenGenerated))

    asked = [("The tide turns. ", 1), ("The keeper rests. ", 1), ("The tide turns. ", 2)]
    alone = [list(run(*one)) for one in asked]
    beside = zip(*(run(*one) for one in reversed(asked)), strict=True)
    assert [list(tokens) for tokens in zip(*beside, strict=True)] == alone[::-1]
    assert alone[0] != alone[2]


@pytest.mark.parametrize(
    ("values", "code", "message"),
    [
        ({"temperature": -0.5}, "temperature-out-of-range", r"temperature is -0.5; it must be 0 \(greedy\) or"),
        ({"temperature": math.nan}, "temperature-out-of-range", "temperature is nan"),
        ({"temperature": math.inf}, "temperature-out-of-range", "temperature is inf"),
        ({"temperature": "1"}, "temperature-out-of-range", "temperature is '1'"),
        ({"temperature": None}, "temperature-out-of-range", "temperature is None"),
        ({"seed": 1.5}, "seed-not-whole", "seed is 1.5; it must be a whole number, or None"),
        ({"seed": "a"}, "seed-not-whole", "seed is 'a'"),
        ({"temperature": 1.0, "top_p": None}, "sampling-not-a-number", "top_p is None"),
        ({"temperature": 1.0, "top_p": -1.0}, "sampling-out-of-range", "`top_p` .* but is -1.0 Choose a value in that"),
        ({"temperature": 1.0, "top_p": 1.5}, "sampling-out-of-range", "`top_p` .* but is 1.5"),
        ({"temperature": 1.0, "top_k": -1}, "sampling-out-of-range", "`top_k` .* but is -1"),
        ({"temperature": 1.0, "top_k": 1.5}, "sampling-out-of-range", "`top_k` .* but is 1.5"),
        ({"temperature": 1.0, "min_p": -0.1}, "sampling-out-of-range", "`min_p` .* but is -0.1"),
        ({"temperature": 1.0, "min_p": 1.5}, "sampling-out-of-range", "`min_p` .* but is 1.5"),
        ({"repetition_penalty": 0.0}, "sampling-out-of-range", "`penalty` .* but is 0.0"),
        ({"temperature": 1.0, "repetition_penalty": -1.0}, "sampling-out-of-range", "`penalty` .* but is -1.0"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, float], code: str, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message) as refused:
        SamplingParams(**values)  # type: ignore[arg-type]
    assert refused.value.code == code


def test_whole_numbers_are_numbers() -> None:
    params = SamplingParams(temperature=2, top_p=1, repetition_penalty=2, seed=1)
    assert draw(params.sampler(0), 3) == draw(SamplingParams(2.0, repetition_penalty=2.0, seed=1).sampler(0), 3)


@pytest.mark.parametrize("seed", [-3, 7])
def test_numbers_of_numpy_are_numbers(seed: int) -> None:
    params = SamplingParams(temperature=np.float32(2), top_k=np.int64(3), seed=np.int64(seed))  # type: ignore[arg-type]
    assert draw(params.sampler(0), 3) == draw(SamplingParams(2.0, top_k=3, seed=seed).sampler(0), 3)
