"""One forward of a model over a cache: a piece of a prompt, a decode step, or tokens to be verified.

A decode step goes through the compiled graph where there is one for it (graph.py, cuda_graph.py), a prompt through the
operations for it where they apply (prompt_layers.py), all else through the model's own modules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from . import kernels
from .cache import PolicyCache
from .graph import decode_graph
from .prompt_layers import read_prompt


@torch.no_grad()
def forward(model: PreTrainedModel, ids: Tensor, cache: PolicyCache) -> Tensor:
    """Run the model over `ids` `(1, new)` and return the last logits `(1, vocabulary)`."""
    logits = _forward(model, ids, cache, 1)[:, -1]
    cache.token_ids.extend(ids[0].tolist())
    return logits


@torch.no_grad()
def decode(model: PreTrainedModel, token: Tensor, cache: PolicyCache) -> Tensor:
    """One decode step: by the compiled graph where there is one for it, else by the model's own modules."""
    graph, logits = decode_graph(model), None
    if graph is not None:
        with kernels.own_threads():
            logits = graph.step(token, cache)
    if logits is None:
        return forward(model, token, cache)
    cache.token_ids.append(int(token))
    return logits


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
    graph, found = decode_graph(model), None
    if graph is not None:
        with kernels.own_threads():
            found = graph.verify(torch.tensor(tokens).unsqueeze(1), cache, weights=weights)
    if found is None and cache.can_verify:
        found = _verify_by_modules(model, torch.tensor([list(tokens)], device=device_of(model)), cache, weights)
    return _alone(model, tokens[0], cache) if found is None else Verified(tokens, found[0], cache, *found[1:])


def device_of(model: PreTrainedModel) -> torch.device:
    """Where the ids of tokens are to be."""
    device: torch.device = model.get_input_embeddings().weight.device  # type: ignore[assignment]
    return device


def _alone(model: PreTrainedModel, token_id: int, cache: PolicyCache) -> Verified:
    logits = decode(model, torch.tensor([[token_id]], device=device_of(model)), cache)
    cache.token_ids.pop()  # until it is taken
    return Verified([token_id], logits, cache, lambda _: None)


def _verify_by_modules(
    model: PreTrainedModel, ids: Tensor, cache: PolicyCache, weights: bool
) -> tuple[Tensor, Callable[[int], None], list[Tensor]]:
    with cache.verifying(weights):
        logits = _forward(model, ids, cache, ids.shape[1])[0]
        of_layers = [layer.seen or [] for layer in cache.policy_layers.values()]
        seen = [torch.stack([weights[0] for weights in of_token]) for of_token in zip(*of_layers, strict=True)]
    cache.rewind(ids.shape[1])
    return logits, lambda _: cache.count_full_step(), seen


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
