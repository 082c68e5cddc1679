"""A LoRA adapter (Hu et al. 2022, arXiv 2106.09685), as peft saves it, is merged into the weights of its model, so that
this is quantized and decoded like any other. peft itself is not needed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from .default_model import LoadProgress, prepared
from .errors import LoadingError
from .statement import Statement

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
"""What peft puts before the names of a model's modules."""

PLAIN: dict[str, tuple[Any, ...]] = {
    "peft_type": ("LORA",),
    "bias": ("none",),
    "use_dora": (False, None),
    "use_rslora": (False, None),
    "fan_in_fan_out": (False, None),
    "modules_to_save": (None, []),
    "alpha_pattern": ({}, None),
    "target_parameters": (None, []),
    "trainable_token_indices": (None, []),
}
"""What its configuration says of a LoRA that is nothing but two factors of an addition to linears, as we train them."""


def adapted(location: str, adapter: Path, cache: Path, progress: LoadProgress) -> str:
    """The folder of a model like that in the folder `location` with an adapter merged in, in the dtype of its files,
    made on the first call; one that changes is merged anew. Raises LoadingError if it is none, or another model's."""
    factors, alpha = _read(adapter)
    digest = hashlib.sha256(Path(location).resolve().as_posix().encode())
    for path in (Path(location) / "config.json", adapter / CONFIG, adapter / WEIGHTS):
        digest.update(path.read_bytes())

    def build(scratch: Path) -> None:
        progress(Statement("merging-adapter", "merging {adapter}", adapter=adapter.name), 0, 0)
        model = _dense(location)
        dtype = model.config.dtype or torch.float32
        model = model.float()
        merge(model, factors, alpha)
        model.to(dtype).save_pretrained(scratch / "model")
        AutoTokenizer.from_pretrained(location, trust_remote_code=False).save_pretrained(scratch / "model")

    return str(prepared(cache / f"{adapter.name}-{digest.hexdigest()[:12]}", build, progress))


@torch.no_grad()
def merge(model: PreTrainedModel, factors: dict[str, Tensor], alpha: float) -> None:
    """Add `alpha / rank * B @ A` to the weight of each linear of `model` that has factors: A `(rank, in)`, B
    `(out, rank)`. Raises LoadingError if the model has no such linear."""
    weights = dict(model.named_parameters(remove_duplicate=False))
    for name, first in factors.items():
        module, _, factor = name.removeprefix(PREFIX).rpartition(".lora_")
        if factor != "A.weight":
            continue
        second, weight = factors[name.replace(".lora_A.", ".lora_B.")], weights.get(f"{module}.weight")
        if weight is None or weight.shape != (second.shape[0], first.shape[1]):
            raise LoadingError(
                "adapter-of-another-model",
                "The adapter adds {shape} to {module}, and that of the model is {given}: it was trained on another "
                "model. Give the one it belongs to as name.",
                shape=f"{second.shape[0]} x {first.shape[1]}",
                module=module,
                given="missing" if weight is None else " x ".join(map(str, weight.shape)),
            )
        weight.add_(second.float() @ first.float(), alpha=alpha / first.shape[0])


def _read(adapter: Path) -> tuple[dict[str, Tensor], float]:
    """Its factors by name, and its alpha."""
    try:
        config: dict[str, Any] = json.loads((adapter / CONFIG).read_text())
        factors = load_file(adapter / WEIGHTS)
        unknown = {name: config.get(name) for name, plain in PLAIN.items() if config.get(name) not in plain}
    except (OSError, ValueError, AttributeError, SafetensorError) as error:
        raise LoadingError(
            "adapter-unreadable",
            "{adapter} is no adapter as peft saves it, with {config} and {weights}: {reason}. Give the folder adapter/ "
            "of what refreshkv-train has written.",
            adapter=str(adapter),
            config=CONFIG,
            weights=WEIGHTS,
            reason=str(error).rstrip("."),
        ) from error
    if unknown:
        raise LoadingError(
            "adapter-not-plain",
            "The adapter {adapter} is more than a LoRA on linears: {settings}. Merge it with peft "
            "(merge_and_unload, save_pretrained), and give the folder of the merged model as name.",
            adapter=str(adapter),
            settings=", ".join(f"{name}={value!r}" for name, value in unknown.items()),
        )
    return factors, float(config["lora_alpha"])


def _dense(location: str) -> PreTrainedModel:
    if hasattr(AutoConfig.from_pretrained(location, trust_remote_code=False), "quantization_config"):
        raise LoadingError(
            "adapter-on-quantized",
            "The weights in {folder} are stored quantized, into which no adapter can be merged. Give the model's "
            "folder in bfloat16 or float32.",
            folder=location,
        )
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(location, dtype="auto", trust_remote_code=False)
    return model
