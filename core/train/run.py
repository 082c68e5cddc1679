"""A training from its settings to weights that load_model takes: begun, gone on with, finished."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from transformers import PreTrainedModel

from ..attention import enable
from ..errors import InvalidParameterError, RefreshKVError
from ..loading import load_dense
from ..policies import Policy
from ..statement import Statement
from .attention import policies_of
from .loss import next_token_loss
from .progress import Progress, Report
from .result import finish
from .samples import Samples
from .settings import Settings, is_finished, make_folder, note
from .texts import digest_of, read_texts, tokenized
from .trainer import arguments, computing_dtype, latest_checkpoint, trainer_of


def train(settings: Settings, report: Report | None = None) -> Path:
    """Train, or go on with what a killed training left in the output folder, and return that folder: its weights are in
    the dtype of the model's own, with an adapter merged in, for load_model in any quantization.

    report: called with what is being done. Under torchrun or `accelerate launch` every process calls it.

    Raises InvalidParameterError for settings that do not go together or with the model or the texts, LoadingError and
    PolicyInactiveError as load_model and PolicyCache do, RefreshKVError if an adapter is wanted and peft is missing.
    """
    say = report or _silent
    if settings.lora and find_spec("peft") is None:
        raise RefreshKVError(
            "peft-missing",
            "lora={rank} needs peft, which is not installed. Install it (pip install peft, or refreshkv[train]), or "
            "train all weights with lora=0.",
            rank=settings.lora,
        )
    make_folder(settings.output)
    args = arguments(settings, int(os.environ.get("WORLD_SIZE", "1")))
    say(Statement("reading-texts", "reading the texts"))
    texts = read_texts(settings.texts)
    dtype = computing_dtype(settings.precision, args.device)
    # An adapter's base is never changed, and needs no more bits than it is computed in.
    base_dtype = dtype if settings.lora else torch.float32
    model, tokenizer, own_dtype = load_dense(settings.model, base_dtype, revision=settings.revision)
    _require_trainable(model, settings)
    settings.require_window(model.config)
    policies = {} if settings.policy is None else policies_of(model.config, settings.policy)
    _require_continuations(model, policies, settings)
    described = settings.described(digest_of(texts, tokenizer))
    if is_finished(settings.output, described):
        say(Statement("training-finished-before", "{folder} is finished", folder=str(settings.output)))
        return settings.output
    documents = tokenized(texts, tokenizer, settings.output)
    samples = Samples(documents, settings.cutting, settings.seed, settings.samples, alone=settings.policy is None)
    if args.should_save:
        note(settings.output, described)
    model = _prepared(model, settings)
    trainer = trainer_of(settings, model, policies, samples, args)
    trainer.add_callback(Progress(say, settings.output, settings.save_minutes))
    trainer.train(resume_from_checkpoint=latest_checkpoint(settings.output))
    if args.should_save:
        losses = [(int(row["step"]), float(row["loss"])) for row in trainer.state.log_history if "loss" in row]
        finish(trainer.accelerator.unwrap_model(trainer.model), tokenizer, own_dtype, settings, described, losses)
    PartialState().wait_for_everyone()
    say(Statement("training-finished", "finished: {folder}", folder=str(settings.output)))
    return settings.output


def _require_trainable(model: PreTrainedModel, settings: Settings) -> None:
    stored = getattr(model.config, "quantization_config", None)
    if stored is not None and not settings.lora:
        raise InvalidParameterError(
            "quantized-without-adapter",
            "The weights of {model} are quantized ({method}), and such weights cannot be trained. Train an adapter to "
            "them (lora=16), or the model that they were made of.",
            model=settings.model,
            method=str(getattr(stored, "quant_method", type(stored).__name__)),
        )


def _require_continuations(model: PreTrainedModel, policies: Mapping[int, Policy], settings: Settings) -> None:
    layers = model.config.get_text_config(decoder=True).num_hidden_layers
    if policies and settings.continuations > 1 and len(policies) < layers:
        raise InvalidParameterError(
            "continuations-with-other-layers",
            "{count} continuations of a sample stand side by side, which only layers with full attention tell apart, "
            "and {model} has {others} others of {layers}. Train it with continuations=1.",
            count=settings.continuations,
            model=settings.model,
            others=layers - len(policies),
            layers=layers,
        )


def _prepared(model: PreTrainedModel, settings: Settings) -> Any:
    """The model, attended to by `enable`'s function, with an adapter if it is to have one."""
    model = enable(model)
    model.loss_function = next_token_loss
    if not settings.lora:
        return model
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(settings.seed)  # every start makes the same adapter
    rank = settings.lora
    return get_peft_model(
        model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    )


def _silent(what: Statement) -> None:
    """The report when none was asked for."""
