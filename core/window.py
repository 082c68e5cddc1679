"""Beyond the trained window: how a text of any length is attended to within the positions a model was trained for.

While all tokens fit into the window attention is the model's own. Beyond, by blocks at fixed positions, in each layer
and KV head:

1. what is older than the block and the `local` positions before it is scored: keys as if none had a position, the
   block's queries as if they stood at one distance from all of them (ReAttention, Liu et al. 2024, arXiv 2407.15176,
   and InfLLM, Xiao et al. 2024, arXiv 2402.04617, score so);
2. the first tokens and those with the highest scores are chosen, and moved to stand side by side at some `distance`, in
   the order of the text, as if the local part began there: far away they would be found less surely;
3. attention is exact over the chosen, the local part and the block; but a query gets less of the chosen ones that are
   not the first where none of them stands out, by up to the number of times that what they were chosen from is longer
   than within the window. The best of many score higher than the best of few, and would draw attention from what is
   near.

Keys stay in the cache as the model turned them: what is chosen is turned on by the difference of positions, the rest
stands where it is right. Scores come from a low-bit index of keys turned back to none (old_keys.py), which is the only
thing kept beside. What a block chooses depends on its own queries and on what lies before it alone, so that neither the
size of a forward nor where a cache was continued matters, as long as both end with blocks.

A decode step is a block of one query, with the local part of the block it lies in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from transformers import PreTrainedConfig

from .errors import InvalidParameterError, PolicyInactiveError
from .grouped import Damping
from .policies import Policy
from .rotary import require_same_at_every_length

Beyond: TypeAlias = Literal["extend"]
"""What is done where a text is longer than the window."""


@dataclass(frozen=True)
class Window:
    """The rule for a model trained to `size` positions. local: positions before a block that it attends to in any case;
    block: positions of a block; chosen: how many a block chooses of those before; distance: how far from the block's
    first position the last of them is moved; bits: of the index; asking: so many queries of a block score at most,
    evenly spread, the last among them; peak: see `Damping`."""

    size: int
    local: int
    block: int
    chosen: int
    distance: int
    bits: int = 4
    asking: int = 16
    peak: float = 0.5

    @classmethod
    def of(cls, size: int) -> Window:
        """The rule as shares of the window, measured on SmolLM2-135M (docs/window.md)."""
        return cls(size, local=size // 2, block=max(1, size // 16), chosen=max(1, size // 8), distance=size // 8)

    @property
    def room(self) -> int:
        """The most that can be chosen."""
        return self.size - self.local - self.block

    @property
    def closer(self) -> int:
        """By how much the chosen stand closer than without gaps before the local part."""
        return self.local - self.distance

    def damping(self, old: int) -> Damping:
        """Of tokens chosen from the first `old`; nothing at the window's end."""
        return Damping(math.log(old / (self.size - self.local)), self.peak)

    def start_of_block(self, position: int) -> int:
        """Where the block of a `position` beyond the window begins."""
        return position - (position - self.size) % self.block

    def whole_blocks(self, done: int, tokens: int) -> int:
        """How many of `tokens` to forward behind the first `done`, or more, so that no block is divided."""
        if done + tokens <= self.size:
            return tokens
        if done < self.size:
            return self.size - done
        end = self.start_of_block(done + tokens)
        return max(end, self.start_of_block(done) + self.block) - done

    def resume(self, held: int) -> int:
        """How many of the first `held` tokens to keep where others are to follow, so that no block is divided."""
        return held if held <= self.size else self.start_of_block(held)


def window_rule(
    config: PreTrainedConfig, policy: Policy, asked: Beyond | None, layer_types: list[str]
) -> Window | None:
    """The rule for a text model with this `config` under `policy`; None if nothing was `asked`.

    Raises InvalidParameterError for anything else than "extend", PolicyInactiveError if the model's keys cannot be
    moved, as far as its configuration says, or the policy cannot act beyond the window.
    """
    if asked is None:
        return None
    if asked != "extend":
        raise InvalidParameterError(
            "window-unknown",
            "window is {window}; it is 'extend', to go on beyond the trained window, or None.",
            window=repr(asked),
        )
    if not policy.extends:
        raise PolicyInactiveError(
            "policy-within-the-window",
            "{policy} cannot go on beyond the trained window yet. Use KeyIndex, RefreshKV, FullAttention or Exact with "
            "window='extend', or leave it out.",
            policy=type(policy).__name__,
        )
    require_same_at_every_length(config)
    size = getattr(config, "max_position_embeddings", None)
    rotary = getattr(config, "rope_parameters", None)
    if not size or not rotary or "full_attention" not in layer_types or getattr(config, "kv_lora_rank", None):
        raise PolicyInactiveError(
            "model-not-extendable",
            "{model} has no window to extend: that takes layers of full attention whose keys are turned by a rotary "
            "embedding (not learned positions, latent keys or sliding windows alone), and a max_position_embeddings in "
            "its configuration. Leave window='extend' out.",
            model=config.model_type,
        )
    return Window.of(int(size))
