"""Cascading KV cache: Willette, Lee, Lee, Jeon, Hwang 2024, "Training-Free Exponential Context Extension via Cascading
KV Cache", arXiv 2406.17808.

The first tokens and several caches one behind the other, the newest tokens in the first. What a cache has no room for
goes on to the next; where that is full, only one of two neighbours: the one with the higher mean of the attention that
it received, in which older queries count less. So the last cache reaches back much farther than it holds tokens.
Positions are numbered anew, without gaps.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from core.rotary import Rotary

from .controls import CHUNK, SINKS

FADE = 0.9999**CHUNK
"""What a mean keeps of itself in a chunk."""


class Held(NamedTuple):
    """Tokens, the oldest first: keys (unturned) and values `(1, heads, tokens, dim)`, and the attention that each
    received, float32 `(1, heads, tokens)`."""

    keys: Tensor
    values: Tensor
    received: Tensor

    @property
    def tokens(self) -> int:
        """How many."""
        return self.keys.shape[2]

    def part(self, start: int, end: int) -> Held:
        """Some of them."""
        return Held(self.keys[:, :, start:end], self.values[:, :, start:end], self.received[:, :, start:end])

    def and_then(self, other: Held) -> Held:
        """Followed by others."""
        return Held(*(torch.cat(both, dim=2) for both in zip(self, other, strict=True)))


class Cascading:
    """The rule, for all layers. A cache of each layer is `size` tokens long, of `caches`."""

    def __init__(self, rotary: Rotary, size: int, caches: int = 4) -> None:
        """Nothing is held yet."""
        self.rotary, self.size, self.caches = rotary, size, caches
        self._layers: dict[int, list[Held]] = {}

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attention `(1, query_heads, new, dim)` of the newest tokens to all that is held, and to themselves."""
        new, heads = key.shape[2], key.shape[1]
        own = Held(key, value, torch.zeros(1, heads, new))
        held = self._layers.get(layer) or [own.part(0, 0)] * (
            1 + self.caches
        )  # the first tokens, the newest cache, ...
        order = [held[0], *reversed(held[1:]), own]
        seen = order[0]
        for one in order[1:]:
            seen = seen.and_then(one)
        output, received = self._attention(query, seen)
        fading = FADE ** (new / CHUNK)
        means = fading * seen.received + (1 - fading) * received
        means[:, :, -new:] = received[:, :, -new:]
        ends = torch.tensor([one.tokens for one in order]).cumsum(0).tolist()
        renewed = [
            Held(seen.keys, seen.values, means).part(end - one.tokens, end)
            for one, end in zip(order, ends, strict=True)
        ]
        self._layers[layer] = self._taken_in([renewed[0], *reversed(renewed[1:-1])], renewed[-1])
        return output

    def _attention(self, query: Tensor, seen: Held) -> tuple[Tensor, Tensor]:
        """Exact attention, and what each received in the mean over the queries that could attend to it."""
        new, heads, length = query.shape[2], seen.keys.shape[1], seen.tokens
        at = torch.arange(length)
        placed = self.rotary.moved(query, at[-new:]).unflatten(1, (heads, -1)).flatten(2, 3)
        keys = self.rotary.moved(seen.keys, at)
        scores = (placed @ keys.transpose(2, 3)).float() * query.shape[-1] ** -0.5
        allowed = at[-new:, None] >= at
        scores = scores.unflatten(2, (-1, new)).masked_fill(~allowed, -torch.inf)
        weights = scores.softmax(-1)
        received = weights.sum((2, 3)) / (allowed.sum(0) * weights.shape[2])
        output = weights.flatten(2, 3).to(query.dtype) @ seen.values
        return output.unflatten(2, (-1, new)).flatten(1, 2), received

    def _taken_in(self, held: list[Held], new: Held) -> list[Held]:
        """The caches once `new` tokens have come."""
        held = list(held)
        missing = min(SINKS - held[0].tokens, new.tokens)
        held[0], coming = held[0].and_then(new.part(0, missing)), new.part(missing, new.tokens)
        for index in range(1, len(held)):
            both, room = held[index].and_then(coming), self._room(held, index + 1)
            over = both.tokens - self.size
            if over > room:  # two by two: an odd one waits
                over -= (over - room) % 2
            over = max(0, over)
            leaving, held[index] = both.part(0, over), both.part(over, both.tokens)
            coming = leaving.part(0, room).and_then(_better(leaving.part(room, over))) if over > room else leaving
        return held

    def _room(self, held: list[Held], index: int) -> int:
        return max(0, self.size - held[index].tokens) if index < len(held) else 0


def _better(held: Held) -> Held:
    """Of each two neighbours the one that received more, in each head."""
    pairs = held.received.unflatten(2, (-1, 2))
    place = (2 * torch.arange(pairs.shape[2]) + pairs.argmax(-1))[..., None].expand(-1, -1, -1, held.keys.shape[3])
    return Held(held.keys.gather(2, place), held.values.gather(2, place), pairs.amax(-1))
