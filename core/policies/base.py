"""What a policy decides. It holds parameters, never state: one value serves every layer and every run."""

from abc import ABC, abstractmethod

from torch import Tensor


class Policy(ABC):
    """Decides how large the small cache is, what it keeps, and which decode steps attend to the full cache.

    The defaults are those of a policy whose every step is full.
    """

    @abstractmethod
    def capacity(self, prompt_length: int) -> int | None:
        """Slots of the small cache per layer and KV head after a prompt of `prompt_length` tokens; None for no small
        cache, so that every step attends to the full cache."""

    def select(self, weights: Tensor, count: int, valid: Tensor | None) -> Tensor:
        """Choose `count` positions from the attention weights of one query token.

        `weights`: `(batch, heads, group, length)`; `valid`: bool `(batch, 1 or heads, length)` or None where all are.
        Returns int64 `(batch, heads, count)`, ascending by rank: the first is the first to be overwritten.
        """
        raise NotImplementedError(f"{type(self).__name__} has a small cache and must say what it keeps.")

    def is_check_step(self, decode_step: int) -> bool:
        """Whether decode step `decode_step` (1 is the first after the prompt) may attend to the full cache."""
        return True

    def compares_queries(self) -> bool:
        """Whether a check step asks `keeps_small_cache`, layer by layer; if not, every check step is full."""
        return False

    def keeps_small_cache(self, query: Tensor, anchor: Tensor) -> bool:
        """Whether a layer stays with its small cache at a check step.

        `query`, `anchor`: the current query vector and the one of the layer's last full step, `(batch, dim)`.
        """
        return False
