"""From logits to the next token, through transformers' own logits processors.

Of 49,152 tokens a handful is likely enough to be drawn. Which they are is seen in one pass over the logits, and what is
done to scores is done to theirs alone (`Sampler`).
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from numbers import Real
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from transformers.generation import (
    LogitsProcessor,
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from . import kernels
from .errors import InvalidParameterError
from .lowering import Lowering
from .policies.checks import is_integer

SPARE = 2.0
"""Logits below those that min_p leaves, which are looked at too: what is likeliest often loses some."""

LOOKS = 4
"""How often the likeliest tokens are looked for, each time as far as it takes, before all are gone through."""

MOST_LIKELY = 512
"""Tokens, of which more are sooner gone through all together."""

LEAST_MIN_P = 1e-6
"""Of a smaller one probabilities are not far from the least of float32."""

DOUBT = 1e-4
"""Nats from min_p's limit within which rounding may decide: torch's exponential is out by up to 2e-6."""


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How tokens are drawn. Raises InvalidParameterError for values out of range.

    temperature: 0 is greedy, and then top_p, top_k and min_p do nothing. top_p (1), top_k (0), min_p (0) and
        repetition_penalty (1): as in transformers, and off at these values. seed: any whole number makes sampling
        repeatable; None stands for another one each time.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not isinstance(self.temperature, Real) or not 0 <= self.temperature < math.inf:
            raise InvalidParameterError(
                "temperature-out-of-range",
                "temperature is {temperature}; it must be 0 (greedy) or a larger finite number.",
                temperature=repr(self.temperature),
            )
        if self.seed is not None and not is_integer(self.seed):
            raise InvalidParameterError(
                "seed-not-whole",
                "seed is {seed}; it must be a whole number, or None for another one each time.",
                seed=repr(self.seed),
            )
        for name in ("top_p", "top_k", "min_p", "repetition_penalty"):
            value = getattr(self, name)
            if not isinstance(value, Real) or isinstance(value, bool):
                raise InvalidParameterError(
                    "sampling-not-a-number",
                    "{name} is {value}; it must be a number. Leave it out to have it off.",
                    name=name,
                    value=repr(value),
                )
        try:
            _penalties(self, 0)
            _warpers(self)
        except (TypeError, ValueError) as error:
            raise InvalidParameterError(
                "sampling-out-of-range",
                "{problem} Choose a value in that range, or leave the parameter out.",
                problem=str(error),
            ) from error

    def sampler(self, prompt_tokens: int, processors: Sequence[LogitsProcessor] = ()) -> Sampler:
        """A sampler for one generation behind a prompt of so many tokens. The parameters act on what `processors` make
        of the logits.

        The repetition penalty leaves the prompt out (transformers' `generate` counts it in): it would penalise every
        word of the very document that is being written about.
        """
        seed = secrets.randbits(64) if self.seed is None else int(self.seed)
        return Sampler(processors, self, prompt_tokens, seed)


def _penalties(params: SamplingParams, prompt_tokens: int) -> list[LogitsProcessor]:
    """What comes before the temperature. Raises ValueError for values out of range."""
    if params.repetition_penalty == 1:
        return []
    if params.repetition_penalty > 1:
        return [LoweringPenalty(float(params.repetition_penalty), prompt_tokens)]
    return [RepetitionPenaltyLogitsProcessor(float(params.repetition_penalty), prompt_tokens)]


def _warpers(params: SamplingParams) -> list[LogitsProcessor]:
    """Transformers' processors for what is not off, in their order. Raises ValueError for values out of range."""
    warpers: list[LogitsProcessor] = []
    if params.temperature == 0:
        return warpers
    if params.temperature != 1:
        warpers.append(TemperatureLogitsWarper(float(params.temperature)))
    if params.top_k:
        warpers.append(TopKLogitsWarper(int(params.top_k) if is_integer(params.top_k) else params.top_k))
    if params.top_p != 1:
        warpers.append(TopPLogitsWarper(params.top_p))
    if params.min_p:
        warpers.append(MinPLogitsWarper(params.min_p))
    return warpers


class LoweringPenalty(Lowering):
    """Transformers' repetition penalty, one above 1, for the tokens behind a prompt."""

    def __init__(self, penalty: float, prompt_tokens: int) -> None:
        """Of a prompt of so many tokens."""
        self._penalty, self._prompt_tokens = penalty, prompt_tokens

    def follow(self, input_ids: Tensor) -> None:
        """Those of `input_ids` `(1, length)` behind the prompt are penalised."""
        self._written = input_ids[0, self._prompt_tokens :]

    def lower(self, scores: Tensor, tokens: Sequence[int] | None = None) -> Tensor:
        """`scores` `(1, vocabulary)`, lower of what was written; or `(1, n)` of `tokens` alone."""
        if tokens is None:
            is_written = torch.zeros_like(scores, dtype=torch.bool).index_fill_(1, self._written, True)
        else:
            written = set(self._written.tolist())
            is_written = torch.tensor([[token in written for token in tokens]], device=scores.device)
        penalised = torch.where(scores < 0, scores * self._penalty, scores / self._penalty)
        return torch.where(is_written, penalised, scores)


class Sampler:
    """Takes the likeliest token if the temperature is 0, else draws one from the processed distribution.

    It draws by the Gumbel-max trick (Maddison et al. 2014, https://arxiv.org/abs/1411.0030), with noise that depends on
    the seed and the position alone: the same logits there give the same token, whatever was drawn before or beside it.
    So a draft's token and the verified one are drawn with the same luck.

    With min_p, or greedily, most tokens are out of the question by their logits, whatever lowers the others. They are
    left out where that gives the same token to the last bit; else, and without min_p or with top_p, none is.
    """

    def __init__(
        self, processors: Sequence[LogitsProcessor], params: SamplingParams, prompt_tokens: int, seed: int
    ) -> None:
        """`processors` follow one run; the parameters act on what they leave."""
        self.params, self.seed, self._prompt_tokens = params, seed, prompt_tokens
        self._noise = GumbelNoise(seed)
        before = [*processors, *_penalties(params, prompt_tokens)]
        lowering = list(takewhile(lambda each: isinstance(each, Lowering), reversed(before)))
        self._first, self._lowering = before[: len(before) - len(lowering)], cast(list[Lowering], lowering[::-1])
        self._warpers = _warpers(params)
        self._cut = math.log(params.min_p) if params.temperature and params.min_p else 0.0

    @property
    def processors(self) -> LogitsProcessorList:
        """All that the logits go through, in order."""
        return LogitsProcessorList([*self._first, *self._lowering, *self._warpers])

    def alone(self) -> Sampler:
        """One that draws with the same luck, without the processors that follow a run."""
        return Sampler((), self.params, self._prompt_tokens, self.seed)

    def __call__(self, token_ids: Tensor, logits: Tensor) -> int:
        """The next token for `token_ids` `(1, length)` and `logits` `(1, vocabulary)`."""
        token_ids = token_ids.to(logits.device)
        for processor in self._first:
            logits = processor(token_ids, logits.float())  # type: ignore[arg-type]
        for lowering in self._lowering:
            lowering.follow(token_ids)
        token = self._of_likely(token_ids.shape[1], logits)
        return self._of_all(token_ids, logits.float()) if token is None else token

    def _of_all(self, token_ids: Tensor, scores: Tensor) -> int:
        for lowering in self._lowering:
            scores = lowering.lower(scores)
        for warper in self._warpers:
            scores = warper(token_ids, scores)  # type: ignore[arg-type]
        if self.params.temperature:
            scores = scores + self._noise(token_ids.shape[1], scores.shape[-1]).to(scores.device)
        return int(scores.argmax(dim=-1))

    def _of_likely(self, position: int, logits: Tensor) -> int | None:
        """What `_of_all` gives, or None if it takes all to know."""
        if self.params.temperature and (self.params.min_p < LEAST_MIN_P or self.params.top_p != 1):
            return None
        if not (self.params.temperature or self._lowering):
            return next(iter(likely_tokens(logits, 0.0).tolist()), None)
        heat = float(self.params.temperature) or 1.0
        reach = SPARE - heat * self._cut
        for _ in range(LOOKS):
            found = likely_tokens(logits, reach)
            if not 0 < len(found) <= MOST_LIKELY:
                return None
            scores, tokens = logits[:, found].float(), found.tolist()
            highest = float(scores.max())
            for lowering in self._lowering:
                scores = lowering.lower(scores, tokens)
            for warper in self._warpers:
                if not isinstance(warper, MinPLogitsWarper):
                    scores = warper(found, scores)  # type: ignore[arg-type]
            values: list[float] = scores[0].tolist()
            least = max(values) + self._cut - DOUBT
            others = highest - reach  # have no more; float32 is out by 1e-6 of it at most
            if (others + 1e-6 * abs(others)) / heat < least:
                return self._drawn(position, tokens, values)
            reach = 1.001 * (highest - heat * least) if math.isfinite(least) else 2 * reach
        return None

    def _drawn(self, position: int, tokens: Sequence[int], scores: Sequence[float]) -> int | None:
        """One of `tokens` by their `scores`, which wait for min_p's limit and the noise; None if in doubt."""
        limit = max(scores) + self._cut
        if not self.params.temperature:
            return tokens[scores.index(limit)]
        if any(abs(score - limit) <= DOUBT for score in scores):
            return None
        kept = [place for place, score in enumerate(scores) if score > limit]
        if len(kept) == 1:
            return tokens[kept[0]]
        noise = self._noise(position, tokens[kept[-1]] + 1, [tokens[place] for place in kept])
        return tokens[kept[int((torch.tensor([scores[place] for place in kept]) + noise).argmax())]]


def likely_tokens(logits: Tensor, reach: float) -> Tensor:
    """The tokens whose logits are at or above the highest less `reach`, in order: int64 `(n,)`, for float32 or bfloat16
    `(1, vocabulary)`. None where one is NaN or the highest is infinite."""
    if kernels.available() and logits.device.type == "cpu" and logits.dtype in (torch.float32, torch.bfloat16):
        found: Tensor = torch.ops.refreshkv.likely_tokens(logits.contiguous(), reach)
        return found
    highest = logits.max().double()  # NaN if one is
    floor = (highest - reach).clamp(min=torch.finfo(torch.float32).min).float()
    return ((logits[0].float() >= floor) & highest.isfinite()).nonzero()[:, 0]


class GumbelNoise:
    """Standard Gumbel noise for the token ids at a position.

    Philox, a counter-based generator (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), takes seed
    and position as its key, so that each position has a stream of its own.
    """

    def __init__(self, seed: int) -> None:
        """Of any whole number."""
        self._philox = np.random.Philox(key=np.array([seed % 2**64, 0], dtype=np.uint64))
        self._generator = np.random.Generator(self._philox)
        self._start: Any = self._philox.state

    def __call__(self, position: int, size: int, tokens: Sequence[int] | None = None) -> Tensor:
        """`(size,)` float32 on the CPU; or `(n,)` of `tokens` below `size` alone."""
        self._start["state"]["key"][1] = position
        self._philox.state = self._start
        exponential = self._generator.standard_exponential(size)
        if tokens is not None:
            exponential = exponential[tokens]
        # 0 would be an infinite noise, which chooses its token whatever its score. In float32 one of 2**24 is 0.
        return torch.from_numpy(-np.log(np.maximum(exponential, np.finfo(np.float64).tiny)).astype(np.float32))
