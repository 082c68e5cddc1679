"""How rotary embedding turns keys by their positions, and how a key is moved.

Rotary embedding (Su et al. 2021, arXiv 2104.09864) turns pairs of channels by angles that grow with the position, so
that a key can be turned on by `delta` positions, as if it had stood there. Which channels are pairs, how many of them
are turned and how fast differs between models: partial rotary, llama3's and YaRN's scaling.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedConfig

from .errors import PolicyInactiveError

LENGTH_DEPENDENT = {"dynamic", "longrope"}
"""transformers' names of scalings whose angles depend on how long the text is."""


class Rotary:
    """The turning of a model's keys. frequencies: float32 `(pairs,)`, radians per position, of the first `2 * pairs`
    channels; interleaved: whether a pair is two neighbours, else it is a channel of either half."""

    def __init__(self, frequencies: Tensor, *, interleaved: bool) -> None:
        """Cosines and sines are computed as they are needed, and kept for all layers."""
        self.frequencies, self.interleaved = frequencies, interleaved
        self._tables: dict[torch.device, Tensor] = {}  # of each number of positions, where layers are

    def moved(self, states: Tensor, by: Tensor) -> Tensor:
        """`states` `(batch, heads, length, dim)`, keys or queries, moved by so many positions, int64 `(length,)` or
        `(batch, heads, length)`; in their dtype."""
        return self._turned(states, *self._turns(by))

    def shifted(self, states: Tensor, by: int) -> Tensor:
        """All of `states` moved by so many positions, without a table of all moves up to it."""
        angles = (self.frequencies.double() * by).to(states.device)
        return self._turned(states, angles.cos().float(), angles.sin().float())

    def _turned(self, states: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        turned = 2 * self.frequencies.shape[0]
        pairs = states[..., :turned].float()
        first, second = (pairs[..., ::2], pairs[..., 1::2]) if self.interleaved else pairs.chunk(2, dim=-1)
        parts = first * cos - second * sin, second * cos + first * sin
        whole = torch.stack(parts, dim=-1).flatten(-2) if self.interleaved else torch.cat(parts, dim=-1)
        whole = whole.to(states.dtype)
        return whole if turned == states.shape[-1] else torch.cat([whole, states[..., turned:]], dim=-1)

    def turns(self, most: int, device: torch.device) -> Tensor:
        """Cosines and sines of moves by 0 to `most` positions and more, float32 `(moves, 2 * pairs)`."""
        table = self._tables.get(device)
        if table is None or most >= len(table):
            room = torch.arange(1 << (most + 1).bit_length(), device=device, dtype=torch.float32)
            angles = room.unsqueeze(1) * self.frequencies.to(device)
            self._tables[device] = table = torch.cat([angles.cos(), angles.sin()], dim=1)
        return table

    def _turns(self, by: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines of moves, float32 `(*by, pairs)`."""
        cos, sin = self.turns(int(by.abs().max()), by.device)[by.abs()].chunk(2, dim=-1)
        return cos, sin * by.sign().unsqueeze(-1)


def require_same_at_every_length(config: PreTrainedConfig) -> None:
    """Raise PolicyInactiveError if a text model with this `config` turns keys by angles that depend on the length."""
    if (kind := length_dependent_scaling(config)) is not None:
        raise PolicyInactiveError(
            "rotary-by-length",
            "{model} scales its rotary embedding by {kind!r}, whose angles depend on the length of the text, so "
            "that keys cannot be moved. Leave window='extend' out: such a model is made for its window as it is. "
            "Or load it with a scaling that does not (rope_type 'default', 'linear', 'yarn' or 'llama3').",
            model=config.model_type,
            kind=kind,
        )


def length_dependent_scaling(config: PreTrainedConfig) -> str | None:
    """The scaling of a text model with this `config` by which its angles depend on the length; None if none does."""
    kinds = (settings.get("rope_type") for settings in _settings(getattr(config, "rope_parameters", None) or {}))
    return next((kind for kind in kinds if kind in LENGTH_DEPENDENT), None)


def _settings(parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One, or one for each kind of layer."""
    nested = [value for value in parameters.values() if isinstance(value, dict)]
    yield from nested or [parameters]
