"""What a training leaves: weights that load_model takes, and an adapter by itself."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..loading import load_dense
from .settings import Settings, note

ADAPTER = "adapter"
"""In the output folder: the adapter by itself, as peft saves it."""


def finish(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    dtype: torch.dtype,
    settings: Settings,
    described: dict[str, Any],
    losses: list[tuple[int, float]],
) -> None:
    """Write the weights in `dtype`, an adapter merged in and by itself too, and that it is finished with these
    `losses`; what was needed to go on is removed."""
    output = settings.output
    if settings.lora:
        model.save_pretrained(output / ADAPTER)
        model = _merged(output / ADAPTER, settings)
    model.config.use_cache = True  # Trainer turns it off
    model.to(dtype).save_pretrained(output)
    tokenizer.save_pretrained(output)
    note(
        output,
        described,
        finished=True,
        files=[str(one) for one in settings.texts],
        losses=[[step, round(loss, 5)] for step, loss in losses],
        versions={name: version(name) for name in ("torch", "transformers")},
    )
    for checkpoint in output.glob("checkpoint-*"):
        shutil.rmtree(checkpoint, ignore_errors=True)


def _merged(adapter: Path, settings: Settings) -> PreTrainedModel:
    """In float32, whatever was trained on: one that is stored in 4 bits would be rounded to them again."""
    from peft import PeftModel

    model, _, _ = load_dense(settings.model, torch.float32, revision=settings.revision)
    if hasattr(model.config, "quantization_config"):
        model = model.dequantize()
    merged: PreTrainedModel = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    return merged
