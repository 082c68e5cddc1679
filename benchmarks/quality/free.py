"""Free generation with sampling: how long a text becomes, how often it repeats itself, and what full attention holds of
it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core import FullAttention, GenerationFinished, PolicyCache, TokenGenerated, stream_generate

from .configurations import Configuration
from .metrics import likelihoods, repeated
from .record import Record
from .teacher import Prompts
from .texts import Case

KEYS = ("ask", "case", "seed", "name")
ASKS = {
    "several paragraphs": "\n\nSummarize this text in several paragraphs.",
    "one paragraph": "\n\nWrite one paragraph about what this text says.",
}
TEMPERATURE, MIN_P = 0.7, 0.1
"""The app's. Its penalty for repetition is left out, which would hide what is measured."""


class FreeText:
    """The measurement, text by text, seed by seed and configuration by configuration."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, record: Record, most: int) -> None:
        """Texts of at most `most` tokens; what `record` holds is not measured again."""
        self._model, self._tokenizer, self._record, self._most = model, tokenizer, record, most
        self._prompts = Prompts(model)

    def run(self, asks: Sequence[str], cases: Sequence[Case], seeds: int, given: Sequence[Configuration]) -> None:
        """All that is asked for about one text before the next."""
        for case, seed, ask, configuration in product(cases, range(seeds), asks, given):
            if (ask, case.name, seed, configuration.name) not in self._record:
                self._measure(ask, case, seed, configuration)

    def _measure(self, ask: str, case: Case, seed: int, configuration: Configuration) -> None:
        ids = prompt(self._tokenizer, case.ids, ASKS[ask])
        room = ids.shape[1] + self._most
        cache = self._prompts.beginning(case.name, ids, configuration.policy, room)
        events = stream_generate(
            self._model,
            self._tokenizer,
            ids,
            cache=cache,
            max_new_tokens=self._most,
            temperature=TEMPERATURE,
            min_p=MIN_P,
            seed=seed,
        )
        *during, finished = events
        assert isinstance(finished, GenerationFinished)
        written = [event.token_id for event in during if isinstance(event, TokenGenerated)]
        self._record.add(
            {
                "ask": ask,
                "case": case.name,
                "text": case.text.name,
                "seed": seed,
                "name": configuration.name,
                "policy": repr(configuration.policy),
                "prompt": ids.shape[1],
                "most": self._most,
                "length": len(written),
                "ended": finished.reason == "end_token",
                "repeated": [repeated(written, size) for size in (1, 2, 4)],
                "nll": [float(f"{value:.4g}") for value in self._likelihoods(case, ids, written)],
                "ids": written,
                "written": finished.text,
            }
        )
        print(
            f"{case.name} {seed}  {configuration.name}: {len(written)} tokens, {finished.reason}",
            file=sys.stderr,
            flush=True,
        )

    def _likelihoods(self, case: Case, ids: Tensor, written: list[int]) -> list[float]:
        """Of what was written, token by token, under full attention."""
        cache = self._prompts.beginning(case.name, ids, FullAttention(), ids.shape[1] + len(written))
        following = torch.tensor(written)
        rest = torch.cat([ids[:, cache.get_seq_length() :], following[None, :-1]], dim=1)
        logits = after_each(self._model, rest, cache, len(written))
        return likelihoods(logits.float().log_softmax(-1), following)


@torch.no_grad()
def after_each(model: PreTrainedModel, ids: Tensor, cache: PolicyCache, last: int) -> Tensor:
    """The logits `(last, vocabulary)` after each of the last tokens of `ids` `(1, new)`, read as more of a prompt."""
    with cache.prefill(last=True):
        logits: Tensor = model(input_ids=ids, cache=cache, use_cache=True, logits_to_keep=last).logits
    return logits[0]


def prompt(tokenizer: PreTrainedTokenizerBase, text: Tensor, ask: str) -> Tensor:
    """A message that holds the tokens `text` `(1, length)` and asks for a text on it, int64 `(1, length)`."""
    message = {"role": "user", "content": f"{tokenizer.decode(text[0])}{ask}"}
    ids = tokenizer.apply_chat_template([message], add_generation_prompt=True, return_tensors="pt", return_dict=True)
    found: Tensor = ids["input_ids"]  # type: ignore[index,assignment,call-overload]
    return found
