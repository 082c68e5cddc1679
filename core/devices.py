"""Where a model computes: its layers may be on several devices, and its weights may wait elsewhere until they are
needed (accelerate's hooks, which `device_map` sets)."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import torch
from torch import nn
from transformers import PreTrainedModel


def device_of(model: PreTrainedModel) -> torch.device:
    """Where the ids of tokens are to be."""
    return _computes_on(model.get_input_embeddings())


def layers_on(model: PreTrainedModel) -> Counter[torch.device]:
    """How many attention layers of `model` compute on each device."""
    layers: dict[object, nn.Module] = {}
    for module in model.modules():
        if (index := getattr(module, "layer_idx", None)) is not None:
            layers.setdefault(index, module)
    return Counter(map(_computes_on, layers.values())) or Counter({device_of(model): 1})


def _computes_on(module: nn.Module) -> torch.device:
    hook = getattr(module, "_hf_hook", None)
    if (device := getattr(hook, "execution_device", None)) is not None:
        return torch.device(device)
    return next(chain(module.parameters(), module.buffers())).device
