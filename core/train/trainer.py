"""transformers' Trainer for samples whose last tokens attend to a small cache."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PrinterCallback, Trainer, TrainingArguments
from transformers.trainer_callback import ProgressCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from ..policies import Policy
from ..quantization import has_native_bf16
from .attention import CONTINUATION_KEY, Continuation
from .samples import Samples, collate
from .settings import Settings

STATE = "trainer_state.json"
"""The last file of a checkpoint that is written."""


class ContinuationTrainer(Trainer):
    """Hands each forward its `Continuation`. Without `policies` attention is ordinary."""

    def __init__(self, policies: Mapping[int, Policy], steps: int, precision: torch.dtype, **options: Any) -> None:
        """options: as of Trainer."""
        super().__init__(**options)
        self._policies, self._steps, self._precision = policies, steps, precision
        # What Trainer prints of each step is said by progress.py.
        self.remove_callback(PrinterCallback)
        self.remove_callback(ProgressCallback)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The loss of a batch (samples.Batch)."""
        prompts = inputs.pop("prompts").tolist()
        continuation = Continuation(self._policies, prompts, self._steps)
        if len(prompts[0]) == 1:  # they are what the model takes for itself, and needs no mask for
            del inputs["position_ids"]
        if self._policies:
            inputs[CONTINUATION_KEY] = continuation
        # Not by Trainer's own bf16=True, which would have all logits copied to float32.
        narrow = self._precision != torch.float32
        with torch.autocast(self.args.device.type, self._precision, enabled=narrow):
            found = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        continuation.require_reached()
        return found


def arguments(settings: Settings, processes: int) -> TrainingArguments:
    """Trainer's, for one epoch of `Samples`, in order."""
    cpu = settings.cpu or not torch.accelerator.is_available()
    return TrainingArguments(
        output_dir=str(settings.output),
        num_train_epochs=1,
        per_device_train_batch_size=settings.device_batch,
        gradient_accumulation_steps=settings.accumulated(processes),
        train_sampling_strategy="sequential",
        learning_rate=settings.rate,
        lr_scheduler_type="cosine",
        warmup_steps=settings.warmup,
        optim="adamw_torch",
        seed=settings.seed,
        use_cpu=cpu,
        ddp_backend="gloo" if cpu and processes > 1 else None,
        ddp_find_unused_parameters=False,
        dataloader_pin_memory=not cpu,
        activation_checkpointing=settings.checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False} if settings.checkpointing else None,
        remove_unused_columns=False,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",  # by the clock, see progress.py
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
    )


def trainer_of(
    settings: Settings, model: Any, policies: Mapping[int, Policy], samples: Samples, arguments: TrainingArguments
) -> ContinuationTrainer:
    """The trainer of `model`."""
    return ContinuationTrainer(
        policies,
        settings.steps,
        computing_dtype(settings.precision, arguments.device),
        model=model,
        args=arguments,
        train_dataset=samples,
        data_collator=collate,
    )


def computing_dtype(precision: str, device: torch.device) -> torch.dtype:
    """In which activations are computed on `device`."""
    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if device.type == "cpu" and has_native_bf16() else torch.float32


def latest_checkpoint(output: Path) -> str | None:
    """The folder of the latest checkpoint that is whole. Others, which a kill left behind, are removed."""
    whole: dict[int, Path] = {}
    for folder in output.glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
        try:
            whole[int(json.loads((folder / STATE).read_text("utf-8"))["global_step"])] = folder
        except (OSError, ValueError, KeyError):
            shutil.rmtree(folder, ignore_errors=True)
    return str(whole[max(whole)]) if whole else None
