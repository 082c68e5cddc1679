"""How rotary embedding turns keys by their positions, and how a key is moved.

Rotary embedding (Su et al. 2021, arXiv 2104.09864) turns pairs of channels by angles that grow with the position, so
that a key can be turned on by `delta` positions, as if it had stood there. Which channels are pairs, how many of them
are turned and how fast differs between models: partial rotary, llama3's and YaRN's scaling.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedConfig

from .errors import PolicyInactiveError

LENGTH_DEPENDENT = {"dynamic", "longrope"}
"""transformers' names of scalings whose angles depend on how long the text is."""


@dataclass(frozen=True, eq=False)
class Rotary:
    """The turning of a model's keys. frequencies: float32 `(pairs,)`, radians per position, of the first `2 * pairs`
    channels; interleaved: whether a pair is two neighbours, else it is a channel of either half."""

    frequencies: Tensor
    interleaved: bool

    def moved(self, states: Tensor, by: Tensor) -> Tensor:
        """`states` `(batch, heads, length, dim)`, keys or queries, moved by so many positions, int64 `(length,)` or
        `(batch, heads, length)`; in their dtype."""
        angles = by.to(torch.float32).unsqueeze(-1) * self.frequencies.to(states.device)
        cos, sin = angles.cos(), angles.sin()
        turned = 2 * self.frequencies.shape[0]
        pairs = states[..., :turned].float()
        first, second = (pairs[..., ::2], pairs[..., 1::2]) if self.interleaved else pairs.chunk(2, dim=-1)
        parts = first * cos - second * sin, second * cos + first * sin
        whole = torch.stack(parts, dim=-1).flatten(-2) if self.interleaved else torch.cat(parts, dim=-1)
        return torch.cat([whole.to(states.dtype), states[..., turned:]], dim=-1)


def require_same_at_every_length(config: PreTrainedConfig) -> None:
    """Raise PolicyInactiveError if a text model with this `config` turns keys by angles that depend on the length."""
    for settings in _settings(getattr(config, "rope_parameters", None) or {}):
        if (kind := settings.get("rope_type")) in LENGTH_DEPENDENT:
            raise PolicyInactiveError(
                "rotary-by-length",
                "{model} scales its rotary embedding by {kind!r}, whose angles depend on the length of the text, so "
                "that keys cannot be moved. Leave window='extend' out: such a model is made for its window as it is. "
                "Or load it with a scaling that does not (rope_type 'default', 'linear', 'yarn' or 'llama3').",
                model=config.model_type,
                kind=kind,
            )


def _settings(parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One, or one for each kind of layer."""
    nested = [value for value in parameters.values() if isinstance(value, dict)]
    yield from nested or [parameters]
