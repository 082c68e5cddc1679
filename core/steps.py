"""One forward of a model over a cache: a piece of a prompt, a decode step, or tokens to be verified; or over several
caches, a decode step of each.

A decode step is taken by the first that serves it: the compiled or recorded step of the model (decode_step.py), else
its own modules. A prompt goes through the operations for it where they apply (prompt_layers.py), else through the
modules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from .cache import PolicyCache
from .decode_step import Checked, DecodeStep, SharedStep, faster_step
from .devices import device_of
from .prompt_layers import read_prompt


@torch.no_grad()
def forward(model: PreTrainedModel, ids: Tensor, cache: PolicyCache) -> Tensor:
    """Run the model over `ids` `(1, new)` and return the last logits `(1, vocabulary)`."""
    logits = _forward(model, ids, cache, 1)[:, -1]
    cache.token_ids.extend(ids[0].tolist())
    return logits


class Modules:
    """The decode steps of a model by its own modules: a `DecodeStep` that takes every one."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Computes nothing yet."""
        self._model = model

    def step(self, token: Tensor, cache: PolicyCache) -> Tensor:
        """Logits `(1, vocabulary)` of `token`, int64 `(1, 1)`."""
        return _forward(self._model, token, cache, 1)[:, -1]

    def verify(self, tokens: Tensor, cache: PolicyCache, *, weights: bool = False) -> Checked | None:
        """Of `tokens`, int64 `(rows, 1)`; None for a cache that cannot be rewound."""
        if not cache.can_verify:
            return None
        with cache.verifying(weights):
            logits = _forward(self._model, tokens.transpose(0, 1), cache, len(tokens))[0]
            of_layers = [layer.seen or [] for layer in cache.policy_layers.values()]
            seen = [_stacked(of_token) for of_token in zip(*of_layers, strict=True)]
        cache.rewind(len(tokens))
        return logits, lambda _: cache.count_full_step(), seen


def _takers(model: PreTrainedModel) -> list[DecodeStep]:
    """Who takes a step, the first that serves it."""
    faster = faster_step(model)
    return [Modules(model)] if faster is None else [faster, Modules(model)]


@torch.no_grad()
def decode(model: PreTrainedModel, token: Tensor, cache: PolicyCache) -> Tensor:
    """One decode step: the logits `(1, vocabulary)` of `token`, int64 `(1, 1)`."""
    logits = next(logits for taker in _takers(model) if (logits := taker.step(token, cache)) is not None)
    cache.token_ids.append(int(token))
    return logits


@dataclass(eq=False, slots=True)
class NextStep:
    """What a generation decodes next, by itself when it goes on, unless `decode_together` did it before.

    token: int64 `(1, 1)`, which follows in `cache`; None where several tokens are verified at once, which no other can
    be a part of. logits: `(1, vocabulary)`, once it is done.
    """

    token: Tensor | None
    cache: PolicyCache
    logits: Tensor | None = None

    @property
    def is_torn(self) -> bool:
        """Whether `decode_together` failed in it after the cache had changed: its generation cannot go on."""
        return self.logits is None and self.cache.get_seq_length() != len(self.cache.token_ids)


@torch.no_grad()
def decode_together(model: PreTrainedModel, steps: Sequence[NextStep]) -> int:
    """Do those of these steps that the compiled step takes as its rows, each with the result that it has alone. Returns
    how many; those that are done, and others, are left to their generations. Each has a cache of its own."""
    shared = faster_step(model)
    if not isinstance(shared, SharedStep):
        return 0
    due = [step for step in steps if step.logits is None]
    served = [(step, token) for step in due if (token := step.token) is not None and shared.serves(step.cache)]
    for start in range(0, len(served), shared.most_rows):
        rows = served[start : start + shared.most_rows]
        logits = shared.step_together(torch.cat([token for _, token in rows]), [step.cache for step, _ in rows])
        for index, (step, token) in enumerate(rows):
            step.logits = logits[index : index + 1]
            step.cache.token_ids.append(int(token))
    return len(served)


def steps_together(model: PreTrainedModel) -> bool:
    """Whether `decode_together` does anything for this model: whether its decode step is compiled for the CPU."""
    return isinstance(faster_step(model), SharedStep)


class Verified:
    """Tokens that were forwarded together behind a cache, each as the decode step that it would be alone.

    They belong to the cache as they are taken, one by one; what is not taken was never there. weights: of each token,
    what it attended to in every layer, float32 `(layers, heads, group, length)`, if it was asked for.
    """

    def __init__(
        self,
        tokens: Sequence[int],
        logits: Tensor,
        cache: PolicyCache,
        count: Callable[[int], None],
        weights: Sequence[Tensor] = (),
    ) -> None:
        """`logits` `(tokens, vocabulary)`; `count(index)` lets the token at that place belong to the cache."""
        self._tokens, self._logits, self._cache, self._count = tuple(tokens), logits, cache, count
        self._weights = weights
        self.taken = 0

    def take(self, token_id: int) -> Tensor | None:
        """The logits `(1, vocabulary)` behind `token_id` if that is the next one, which then belongs to the cache."""
        index = self.taken
        if index == len(self._tokens) or self._tokens[index] != token_id:
            return None
        self._count(index)
        self._cache.token_ids.append(token_id)
        self.taken += 1
        return self._logits[index : index + 1]

    @property
    def attended(self) -> Tensor | None:
        """The weights of the token that was taken last."""
        return self._weights[self.taken - 1] if self._weights and self.taken else None


@torch.no_grad()
def verify(model: PreTrainedModel, tokens: Sequence[int], cache: PolicyCache, *, weights: bool = False) -> Verified:
    """Forward `tokens`, of which only the first is sure to follow in `cache`, each by the arithmetic of its own decode
    step. With `weights` it is kept what they attend to. Of a cache that cannot be rewound the first alone.
    """
    if len(tokens) == 1 and not weights:
        return _alone(model, tokens[0], cache)
    ids = torch.tensor(tokens, device=device_of(model)).unsqueeze(1)
    for taker in _takers(model):
        if (found := taker.verify(ids, cache, weights=weights)) is not None:
            return Verified(tokens, found[0], cache, *found[1:])
    return _alone(model, tokens[0], cache)


def _stacked(of_layers: Sequence[Tensor]) -> Tensor:
    """Weights `(1, heads, group, length)` of each layer in one tensor, where the first are."""
    return torch.stack([weights[0].to(of_layers[0].device) for weights in of_layers])


def _alone(model: PreTrainedModel, token_id: int, cache: PolicyCache) -> Verified:
    logits = decode(model, torch.tensor([[token_id]], device=device_of(model)), cache)
    cache.token_ids.pop()  # until it is taken
    return Verified([token_id], logits, cache, lambda _: None)


def _forward(model: PreTrainedModel, ids: Tensor, cache: PolicyCache, keep: int) -> Tensor:
    """The logits `(batch, keep, vocabulary)` of the last tokens of `ids` `(batch, new)`."""
    try:
        logits = read_prompt(model, ids, cache) if keep == 1 else None
        if logits is None:
            logits = model(input_ids=ids, cache=cache, use_cache=True, logits_to_keep=keep).logits[:, -keep:]
    except BaseException:
        cache.recover()
        raise
    return logits
