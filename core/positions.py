"""What a model does to its keys by their positions, found out by asking it.

The model's own rotary frequencies are taken, and a forward of single tokens at two positions shows how they are used: a
token that attends to itself alone comes out the same wherever it stands, so that the keys of every layer must differ by
the move and nothing else. Layers without positions, learned ones and scalings by length are found so, whatever the
architecture.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from .cache import PolicyCache
from .devices import device_of
from .errors import PolicyInactiveError
from .policies import FullAttention
from .rotary import Rotary, require_same_at_every_length

ATTRIBUTE = "refreshkv_positions"
"""Attribute of a model and its attention modules under which its `Positions` is found."""

PROBED, MOVED = 8, 37
"""Tokens that are tried, and the position they are tried at besides the first."""


class Positions:
    """What a model does to its keys by their positions; tried when it is first asked for."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Nothing tried yet."""
        self._model = model
        self._found: Rotary | None = None

    def rotary(self) -> Rotary:
        """The turning. Raises PolicyInactiveError if no single one, the same at every length, moves the keys of all
        attention layers."""
        if self._found is None:
            self._found = _found(self._model)
        return self._found


def attach(model: PreTrainedModel) -> None:
    """Let `model` and its attention modules have a `Positions`, by which `positions_of` finds it."""
    if hasattr(model, ATTRIBUTE):
        return
    positions = Positions(model)
    setattr(model, ATTRIBUTE, positions)
    for module in model.modules():
        if hasattr(module, "layer_idx"):
            setattr(module, ATTRIBUTE, positions)


def positions_of(module: nn.Module) -> Positions:
    """Of a model that has been through `enable`, or one of its attention modules."""
    positions: Positions | None = getattr(module, ATTRIBUTE, None)
    if positions is None:
        raise PolicyInactiveError(
            "positions-unknown",
            "{module} has not been through enable, so that its keys cannot be moved. Call enable(model) on the model "
            "as a whole, with all of its layers in it.",
            module=type(module).__name__,
        )
    return positions


def _found(model: PreTrainedModel) -> Rotary:
    require_same_at_every_length(model.config.get_text_config(decoder=True))
    resting, moved = (_keys(model, position) for position in (0, MOVED))
    for rotary in _candidates(model):
        if 2 * rotary.frequencies.shape[0] <= resting[0].shape[3] and all(
            _agree(rotary, *pair) for pair in zip(resting, moved, strict=True)
        ):
            return rotary
    raise PolicyInactiveError(
        "model-without-rotary-positions",
        "{model} does not turn the keys of all its attention layers by one rotary embedding (its positions are learned "
        "or none, or differ between layers), so that they cannot be moved to where it was trained. Leave "
        "window='extend' out, and give it what fits its window.",
        model=model.config.model_type,
    )


@torch.no_grad()
def _keys(model: PreTrainedModel, position: int) -> list[Tensor]:
    """Of each layer the keys of some tokens `(tokens, heads, 1, dim)`, each alone at `position`."""
    cache = PolicyCache(model.config, FullAttention())
    ids = torch.arange(1, 1 + PROBED, device=device_of(model)).unsqueeze(1)
    model(input_ids=ids, position_ids=torch.full_like(ids, position), cache=cache, use_cache=True, logits_to_keep=1)
    return [layer.full[0].view for layer in cache.policy_layers.values()]


def _candidates(model: PreTrainedModel) -> Iterator[Rotary]:
    for module in model.modules():
        for name in ("full_attention_inv_freq", "inv_freq"):
            frequencies = getattr(module, name, None)
            if isinstance(frequencies, Tensor) and frequencies.ndim == 1:
                yield from (Rotary(frequencies.float().cpu(), interleaved=interleaved) for interleaved in (False, True))


def _agree(rotary: Rotary, resting: Tensor, moved: Tensor) -> bool:
    by = torch.full((1,), MOVED, device=resting.device)
    apart = (rotary.moved(resting.float(), by) - moved.float()).norm()
    return bool(apart <= _tolerance(resting.dtype) * moved.float().norm()) and bool(resting.any())


def _tolerance(dtype: torch.dtype) -> float:
    """Rounding, of a model's own angles and products too; another rotary is off by about 1."""
    return 0.02 if torch.finfo(dtype).bits < 32 else 1e-3
