"""What the workers on transformers share: the NF4 model, its weights' bytes, and a clock for its tokens."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel
from transformers.generation.streamers import BaseStreamer

from ..protocol import Arrival, Setup


def load_plain(setup: Setup, **settings: Any) -> PreTrainedModel:
    """The model with its weights as they are, in the faster dtype, its configuration with `settings`; no end token."""
    torch.set_num_threads(setup.threads)
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        setup.folder, dtype=getattr(torch, setup.compute_dtype), **settings
    )
    model: PreTrainedModel = loaded.eval()
    model.generation_config.eos_token_id = None  # type: ignore[union-attr]
    return model


def load_nf4(setup: Setup) -> PreTrainedModel:
    """The model in NF4, computing in the faster dtype, and no end token."""
    torch.set_num_threads(setup.threads)
    model = nf4_model(setup.folder, getattr(torch, setup.compute_dtype))
    model.generation_config.eos_token_id = None  # type: ignore[union-attr]
    return model


def nf4_model(folder: str, dtype: torch.dtype) -> PreTrainedModel:
    """The model with its linears in bitsandbytes' NF4, computing in `dtype`.

    The settings are those of core.quantization, which the transformers that kvpress needs cannot import.
    """
    nf4 = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_use_double_quant=True,
    )
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, quantization_config=nf4, device_map={"": "cpu"}
    )
    model: PreTrainedModel = loaded.eval()
    return model


def weight_bytes(model: PreTrainedModel) -> int:
    """Bytes of weights a decode step reads: all parameters and buffers once, but of the input embedding one row.

    A head tied to the embedding is read whole and counts.
    """
    embedding = model.get_input_embeddings()
    storages: dict[int, int] = {}
    for module in model.modules():
        if module is not embedding:
            for tensor in _tensors(module):
                storages[tensor.data_ptr()] = tensor.nbytes
    return sum(storages.values())


def _tensors(module: nn.Module) -> list[Tensor]:
    tensors = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
    for parameter in module.parameters(recurse=False):
        state = getattr(parameter, "quant_state", None)  # bitsandbytes' scales, and the scales of the scales
        if state is not None:
            tensors += [state.absmax] if state.state2 is None else [state.absmax, state.state2.absmax]
    return tensors


class Clock(BaseStreamer):
    """A streamer that notes when tokens came; the prompt, which comes first, does not count."""

    def __init__(self) -> None:
        """Start now."""
        self.started = perf_counter()
        self.arrivals: list[Arrival] = []
        self._prompt_seen = False

    def put(self, value: Tensor) -> None:
        """Tokens, or at first the prompt."""
        if self._prompt_seen:
            self.arrivals.append(Arrival(perf_counter(), value.numel()))
        self._prompt_seen = True

    def end(self) -> None:
        """Nothing to do."""
