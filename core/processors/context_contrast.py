"""What the documents bring: a logits processor that compares the model with itself without them."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor
from transformers import LogitsProcessor, PreTrainedModel, PreTrainedTokenizerBase

from ..cache import PolicyCache
from ..devices import device_of
from ..errors import InvalidParameterError
from ..policies import FullAttention
from ..prompt import Prompt, encode_prompt
from ..steps import decode, forward
from .continuation import Continuation


class ContextContrast(LogitsProcessor):
    """Context-aware decoding: `(1 + weight) * log p(with) - weight * log p(without)` the documents.

    Shi et al. 2023, Trusting Your Evidence (https://arxiv.org/abs/2305.14739). A token that is less than `plausible`
    times as likely as the likeliest with the documents is never taken: without this, tokens are raised of which nothing
    is known but that they are even less likely without them (Li et al. 2022, Contrastive Decoding,
    https://arxiv.org/abs/2210.15097).

    Each token is one more decode step, in a cache of its own over the short prompt and what was generated. One row at a
    time. Where the ids it sees do not continue those of the step before, it begins anew with the first new token.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        prompt: Prompt,
        weight: float = 0.5,
        plausible: float = 0.05,
    ) -> None:
        """`model`: the one that generates, enabled. `prompt`: the prompt without the documents; where a draft is
        continued, with the draft. Raises InvalidParameterError."""
        if weight < 0 or not 0 < plausible <= 1:
            raise InvalidParameterError(
                "contrast-out-of-range",
                "weight is {weight} and plausible {plausible}; weight must be 0 (no contrast) or more, plausible "
                "above 0 and at most 1.",
                weight=weight,
                plausible=plausible,
            )
        self._model, self._prompt = model, encode_prompt(tokenizer, prompt).to(device_of(model))
        self._weight, self._least = weight, log(plausible)
        self._continuation = Continuation()
        self._cache = PolicyCache(model.config, FullAttention())

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Contrasted log-probabilities for `scores` `(1, vocabulary)` after `input_ids` `(1, length)`."""
        log_with = scores.float().log_softmax(-1)
        log_without = self._logits_without(input_ids).to(scores.device).float().log_softmax(-1)
        contrasted = log_with + self._weight * (log_with - log_without)
        return contrasted.masked_fill(log_with < log_with.max() + self._least, -torch.inf)

    @torch.no_grad()
    def _logits_without(self, input_ids: Tensor) -> Tensor:
        token = self._continuation.new_token(input_ids)
        if token is not None:
            return decode(self._model, torch.tensor([[token]], device=self._prompt.device), self._cache)
        # The prompt's own keys and values stay; its last token is forwarded for its logits.
        self._cache.truncate(min(self._prompt.shape[1] - 1, self._cache.get_seq_length()))
        with self._cache.prefill(last=True):
            return forward(self._model, self._prompt[:, self._cache.get_seq_length() :], self._cache)
