"""From logits to the next token, through transformers' own logits processors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import GenerationConfig
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


@dataclass
class Sampler:
    """Draws tokens: greedy at temperature 0, else from the processed distribution with its own random generator."""

    processors: LogitsProcessorList
    greedy: bool
    seed: int | None
    _generator: torch.Generator | None = None

    def __call__(self, token_ids: Tensor, logits: Tensor) -> int:
        """The next token for `token_ids` `(1, length)` and `logits` `(1, vocabulary)`."""
        scores = self.processors(token_ids.to(logits.device), logits.float())  # type: ignore[arg-type]
        if self.greedy:
            return int(scores.argmax(dim=-1))
        if self._generator is None:
            self._generator = torch.Generator(device=scores.device)
            if self.seed is None:
                self._generator.seed()
            else:
                self._generator.manual_seed(self.seed)
        return int(torch.multinomial(scores.softmax(dim=-1), 1, generator=self._generator))


def make_sampler(
    config: GenerationConfig, prompt_tokens: int, seed: int | None, first: Sequence[LogitsProcessor] = ()
) -> Sampler:
    """A sampler for one generation, from `config`'s temperature, top_k, top_p, min_p and repetition_penalty, which act
    on what the processors in `first` make of the logits.

    The repetition penalty leaves the prompt out (transformers' `generate` counts it in): it would penalise every word
    of the very document that is being written about. Raises InvalidParameterError for values out of range.
    """
    processors = LogitsProcessorList(first)
    greedy = not config.do_sample
    try:
        if config.repetition_penalty not in (None, 1.0):
            penalty = RepetitionPenaltyLogitsProcessor(config.repetition_penalty, prompt_ignore_length=prompt_tokens)
            processors.append(penalty)
        if not greedy:
            if config.temperature != 1.0:
                processors.append(TemperatureLogitsWarper(config.temperature))
            if config.top_k:
                processors.append(TopKLogitsWarper(config.top_k))
            if config.top_p is not None and config.top_p < 1.0:
                processors.append(TopPLogitsWarper(config.top_p))
            if config.min_p:
                processors.append(MinPLogitsWarper(config.min_p))
    except ValueError as error:
        raise InvalidParameterError(
            "sampling-out-of-range",
            "{problem} Choose a value in that range, or leave the parameter out.",
            problem=str(error),
        ) from error
    return Sampler(processors, greedy, seed)
