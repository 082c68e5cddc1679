"""From logits to the next token, through transformers' own logits processors."""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

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

from .errors import InvalidParameterError
from .policies.checks import is_integer


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
        try:
            self._warpers(0)
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
        warped = LogitsProcessorList([*processors, *self._warpers(prompt_tokens)])
        return Sampler(warped, greedy=self.temperature == 0, seed=seed, own=len(processors))

    def _warpers(self, prompt_tokens: int) -> list[LogitsProcessor]:
        """Transformers' processors for what is not off, in their order. Raises ValueError for values out of range."""
        warpers: list[LogitsProcessor] = []
        if self.repetition_penalty != 1:
            warpers.append(RepetitionPenaltyLogitsProcessor(float(self.repetition_penalty), prompt_tokens))
        if self.temperature == 0:
            return warpers
        if self.temperature != 1:
            warpers.append(TemperatureLogitsWarper(float(self.temperature)))
        if self.top_k:
            warpers.append(TopKLogitsWarper(int(self.top_k) if is_integer(self.top_k) else self.top_k))
        if self.top_p != 1:
            warpers.append(TopPLogitsWarper(self.top_p))
        if self.min_p:
            warpers.append(MinPLogitsWarper(self.min_p))
        return warpers


@dataclass(frozen=True, slots=True)
class Sampler:
    """Takes the likeliest token where `greedy`, else draws one from the processed distribution.

    It draws by the Gumbel-max trick (Maddison et al. 2014, https://arxiv.org/abs/1411.0030), with noise that depends on
    the seed and the position alone: the same logits there give the same token, whatever was drawn before or beside it.
    So a draft's token and the verified one are drawn with the same luck.
    """

    processors: LogitsProcessorList
    greedy: bool
    seed: int
    own: int = 0
    """Where among the processors those of the parameters begin: the others follow one run."""

    def alone(self) -> Sampler:
        """One that draws with the same luck, without the processors that follow a run."""
        return Sampler(LogitsProcessorList(self.processors[self.own :]), self.greedy, self.seed)

    def __call__(self, token_ids: Tensor, logits: Tensor) -> int:
        """The next token for `token_ids` `(1, length)` and `logits` `(1, vocabulary)`."""
        scores = self.processors(token_ids.to(logits.device), logits.float())  # type: ignore[arg-type]
        if not self.greedy:
            noise = gumbel_noise(self.seed, position=token_ids.shape[1], size=scores.shape[-1])
            scores = scores + noise.to(scores.device)
        return int(scores.argmax(dim=-1))


def gumbel_noise(seed: int, position: int, size: int) -> Tensor:
    """`(size,)` float32 on the CPU: standard Gumbel noise for the token ids at a position.

    Philox, a counter-based generator (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), takes seed
    and position as its key, so that each position has a stream of its own.
    """
    key = np.array([seed % 2**64, position], dtype=np.uint64)
    exponential = np.random.Generator(np.random.Philox(key=key)).standard_exponential(size)
    # 0 would be an infinite noise, which chooses its token whatever its score. In float32 one of 2**24 is 0.
    return torch.from_numpy(-np.log(np.maximum(exponential, np.finfo(np.float64).tiny)).astype(np.float32))
