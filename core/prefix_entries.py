"""What a cache of prefixes keeps in memory: the caches of earlier runs, and what they take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from transformers import PreTrainedModel

from .cache import PolicyCache
from .documents import agreed
from .memory import free_for

MAX_DEFAULT_BYTES = 4 * 10**9


@dataclass(eq=False)
class Entry:
    """A cache, of which the first `prefix_end` tokens are the prefix. `used`: when a run last had it, in seconds of
    time.monotonic. `forgotten`: it must not be kept after the run that has it."""

    cache: PolicyCache
    prefix_end: int
    used: float = 0.0
    forgotten: bool = False

    @property
    def held(self) -> int:
        """Tokens of the prefix that are in the cache: fewer than wanted after a prefill that was stopped."""
        return min(self.prefix_end, len(self.cache.token_ids))

    def shared(self, token_ids: Sequence[int], other: PolicyCache) -> int:
        """How many tokens at the prompt's start it holds as `other` would: of another kind, those within the window,
        and those before a document that only one of them reads apart."""
        cache = self.cache
        alike = agreed(cache.common_prefix(token_ids), cache.documents, other.documents)
        rule = cache.window or other.window
        return alike if rule is None or cache.beyond == other.beyond else min(alike, rule.size)


def bytes_in(entries: Iterable[Entry]) -> int:
    """Of all their caches."""
    return sum(entry.cache.nbytes for entry in entries)


def token_bytes(cache: PolicyCache) -> int:
    """Bytes that one token takes in the full caches."""
    return sum(buffer.view[:, :, :1].nbytes for layer in cache.policy_layers.values() for buffer in layer.full)


def default_memory(model: PreTrainedModel) -> int:
    """Bytes to keep prefixes in: a quarter of what is free with the model loaded, at most 4 GB.

    The run under way needs as much again, and the machine has other work; 4 GB hold a dozen prefixes of the embedded
    model's 8,000 tokens, or one of 32,000 of a model with 8 billion parameters.
    """
    return min(free_for(model) // 4, MAX_DEFAULT_BYTES)
