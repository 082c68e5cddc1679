"""Sampling from the likeliest tokens alone: always the token that it is of all; and how the likeliest are found."""

import math
import random
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList
from transformers.generation import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from core import RepetitionGuard, SamplingParams, SourceGuard, Vocabulary, kernels
from core.lowering import Lowering
from core.sampling import DOUBT, GumbelNoise, Sampler, likely_tokens
from tests.core.processors.tokenizers import TEXT, byte_level

PROMPT = 5
dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


class Ban(Lowering):
    """Leaves no token of some."""

    def __init__(self, banned: Sequence[int]) -> None:
        self._banned = set(banned)

    def follow(self, input_ids: Tensor) -> None:
        pass

    def lower(self, scores: Tensor, tokens: Sequence[int] | None = None) -> Tensor:
        mask = [token in self._banned for token in (tokens or range(scores.shape[-1]))]
        return scores.masked_fill(torch.tensor(mask), -torch.inf)


class Other(LogitsProcessor):
    """Of someone else: raises scores."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return scores.roll(1, -1) + scores.shape[-1] % 3


def reference(params: SamplingParams, processors: Sequence[LogitsProcessor], ids: Tensor, logits: Tensor) -> int:
    """The token by transformers' processors over the whole vocabulary."""
    warpers = LogitsProcessorList(processors)
    if params.repetition_penalty != 1:
        warpers.append(RepetitionPenaltyLogitsProcessor(params.repetition_penalty, PROMPT))
    if params.temperature:
        warpers.append(TemperatureLogitsWarper(params.temperature))
        warpers += [TopKLogitsWarper(params.top_k)] if params.top_k else []
        warpers += [TopPLogitsWarper(params.top_p)] if params.top_p != 1 else []
        warpers += [MinPLogitsWarper(params.min_p)] if params.min_p else []
    scores = warpers(ids, logits.float())  # type: ignore[arg-type]
    if params.temperature:
        assert params.seed is not None
        scores = scores + GumbelNoise(params.seed)(ids.shape[1], scores.shape[1])
    return int(scores.argmax())


@pytest.fixture
def of_all(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The positions at which it took all tokens."""
    found: list[int] = []
    whole = Sampler._of_all

    def counted(self: Sampler, ids: Tensor, scores: Tensor) -> int:
        found.append(ids.shape[1])
        return whole(self, ids, scores)

    monkeypatch.setattr(Sampler, "_of_all", counted)
    return found


@pytest.mark.usefixtures("built_kernels", "one_thread")
@dtypes
@pytest.mark.parametrize("temperature", [0.0, 0.3, 0.7, 1.0, 5.0])
def test_the_token_is_that_of_the_whole_vocabulary(
    temperature: float, dtype: torch.dtype, of_all: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    random_, generator = random.Random(0), torch.Generator().manual_seed(0)
    taken = 0
    for case in range(150):
        if case == 100:  # and by torch's operations
            monkeypatch.setattr(kernels, "available", lambda: False)
        params = SamplingParams(
            temperature,
            random_.choice([1.0, 1.0, 1.0, 0.9]),
            random_.choice([0, 0, 1, 3, 40]),
            random_.choice([0.02, 0.1, 0.1, 0.5, 1.0, 1e-9]),
            random_.choice([1.0, 1.1, 1.5, 0.8]),
            seed=case,
        )
        logits = torch.randn(1, 3000, generator=generator) * random_.choice([0.1, 2.0, 4.0, 30.0]) + 5
        if case % 3 == 0:
            logits[:, torch.randint(3000, (2500,), generator=generator)] = -torch.inf
        if case % 7 == 0:
            logits = logits.round()  # ties
        logits = logits.to(dtype)
        likeliest = logits.topk(60).indices[0].tolist()
        ids = torch.tensor([[*range(PROMPT), *random_.sample(likeliest, random_.choice([0, 5, 30])), 9, 9]])
        processors: list[LogitsProcessor] = random_.choice(
            [[], [Ban(likeliest[: random_.choice([1, 7, 60])])], [Other()], [Ban(likeliest[:1]), Other(), Ban([3])]]
        )
        expected = reference(params, processors, ids, logits)
        assert params.sampler(PROMPT, processors)(ids, logits) == expected, (case, params, processors)
        taken += 1
    assert len(of_all) < 0.9 * taken


@pytest.mark.usefixtures("built_kernels", "one_thread")
def test_what_is_not_finite_is_left_to_all(of_all: list[int]) -> None:
    ids = torch.zeros(1, PROMPT, dtype=torch.long)
    for value in (torch.nan, -torch.nan, torch.inf):
        logits = torch.randn(1, 300)
        logits[0, 77] = value
        assert SamplingParams().sampler(PROMPT)(ids, logits) == 77
    nothing = torch.full((1, 300), -torch.inf)
    assert SamplingParams().sampler(PROMPT)(ids, nothing) == 0
    assert SamplingParams().sampler(PROMPT, [Ban(range(300))])(ids, torch.randn(1, 300)) == 0
    assert len(of_all) == 5


@pytest.mark.usefixtures("built_kernels", "one_thread")
def test_where_rounding_decides_about_min_p_all_are_gone_through(of_all: list[int]) -> None:
    ids, removed = torch.zeros(1, PROMPT, dtype=torch.long), set()
    for step in range(-40, 41):
        logits = torch.full((1, 400), -20.0)
        logits[0, 3], logits[0, 9] = 4.0, 4.0 + math.log(0.5) + step * 2.4e-7
        for seed in range(4):
            params = SamplingParams(1.0, min_p=0.5, seed=seed)
            assert params.sampler(PROMPT)(ids, logits) == reference(params, [], ids, logits)
        kept = MinPLogitsWarper(0.5)(ids, logits)[0, 9].isfinite()  # type: ignore[arg-type]
        removed.add(bool(kept))
    assert removed == {True, False}
    assert len(of_all) == 4 * 81
    logits[0, 9] = 4.0 + math.log(0.5) + 2 * DOUBT
    SamplingParams(1.0, min_p=0.5, seed=1).sampler(PROMPT)(ids, logits)
    assert len(of_all) == 4 * 81


@pytest.mark.usefixtures("built_kernels", "one_thread")
def test_a_run_that_is_held_to_sources_is_that_of_the_whole_vocabulary(of_all: list[int]) -> None:
    vocabulary = Vocabulary(byte_level())
    params = SamplingParams(0.7, min_p=0.1, repetition_penalty=1.1, seed=4)
    generator = torch.Generator().manual_seed(1)

    def guards() -> list[LogitsProcessor]:
        return [SourceGuard(vocabulary, [TEXT]), RepetitionGuard(vocabulary, allowed_length=1)]

    sampler, plain = params.sampler(PROMPT, guards()), guards()
    ids = torch.full((1, PROMPT), 40)
    for _ in range(150):
        logits = torch.randn(1, len(vocabulary) + 3, generator=generator) * 5
        token = sampler(ids, logits)
        assert token == reference(params, plain, ids, logits)
        ids = torch.cat([ids, torch.tensor([[token]])], dim=1)
    assert len(of_all) < 15


@pytest.mark.usefixtures("one_thread")
def test_noise_of_some_tokens_is_what_it_is_of_all() -> None:
    noise = GumbelNoise(3)
    for position in (0, 7, 2**40):
        every = noise(position, 4096)
        for tokens in ([5], [0, 1, 2, 4095], list(range(0, 4096, 3))):
            assert torch.equal(noise(position, tokens[-1] + 1, tokens), every[tokens])
    assert not torch.equal(noise(1, 8), noise(2, 8))


@pytest.mark.usefixtures("built_kernels", "one_thread")
@dtypes
@pytest.mark.parametrize("size", [1, 255, 256, 257, 1000])
@pytest.mark.parametrize("reach", [0.0, 0.5, 3.0, 1e300])
def test_the_likeliest_are_found_as_torch_finds_them(
    size: int, reach: float, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(size)
    plain = torch.randn(1, size)
    cases = [plain, plain - 9, plain.round(), plain * 0.0, plain.masked_fill(plain < 0.5, -torch.inf), plain * 1e30]
    for place, value in ((0, torch.nan), (-1, -torch.nan), (size // 2, torch.inf), (size // 2, -torch.inf)):
        odd = plain.clone()
        odd[0, place] = value
        cases.append(odd)
    cases = [case.to(dtype) for case in (*cases, plain.fill_(-torch.inf))]
    found = [likely_tokens(case, reach) for case in cases]
    monkeypatch.setattr(kernels, "available", lambda: False)
    for case, tokens in zip(cases, found, strict=True):
        assert torch.equal(tokens, likely_tokens(case, reach))
