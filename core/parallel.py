"""Models whose heads are shared out over processes, as transformers' tensor parallelism does it.

Each process has KV heads of its own, with their keys and values, small caches and choices, and sees the same logits as
the others. What depends on all heads of a layer, on the clock or on chance is settled between the processes here; all
of them take the same steps in the same order, each in one thread.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from transformers import PreTrainedConfig

from .errors import InvalidParameterError, LoadingError, PolicyInactiveError

Number = TypeVar("Number", int, float)

KEY_PROJECTIONS = ("k_proj", "qkv_proj", "query_key_value")
"""Linears that make keys. Where a model's plan splits none of them, each process has all heads."""


@dataclass(frozen=True)
class Processes:
    """Those that share a model; all that torch.distributed knows. split: whether each has KV heads of its own, else
    each has all of them."""

    size: int
    split: bool

    def summed(self, states: Tensor) -> Tensor:
        """The sum of what each process gives, of one shape and dtype."""
        total = states.to(_transport(states.device), copy=True).contiguous()
        dist.all_reduce(total)
        return total.to(states.device)

    def agreed(self, number: Number) -> Number:
        """What the first of them gives."""
        numbers = [number]
        dist.broadcast_object_list(numbers, src=0)
        return numbers[0]

    def least(self, number: int) -> int:
        """The lowest of what each of them gives."""
        numbers = [number] * self.size
        dist.all_gather_object(numbers, number)
        return min(numbers)


def processes_of(config: PreTrainedConfig) -> Processes | None:
    """Those that share the model with this `config`; None if this one has it alone."""
    distributed = getattr(config, "distributed_config", None)
    size = getattr(distributed, "tp_size", None) or 1
    if size == 1 or not (dist.is_available() and dist.is_initialized()):
        return None
    return Processes(size, _splits_heads(config))


def _splits_heads(config: PreTrainedConfig) -> bool:
    plan = getattr(config.get_text_config(decoder=True), "base_model_tp_plan", None) or {}
    given = getattr(getattr(config, "distributed_config", None), "tp_plan", None)
    if isinstance(given, dict):
        plan = plan | given if given else {}
    return any(name.endswith(KEY_PROJECTIONS) and style == "colwise" for name, style in plan.items())


def common_seed(config: PreTrainedConfig) -> int | None:
    """A seed by chance, the same for all processes that share the model; None for a model of one."""
    processes = processes_of(config)
    return None if processes is None else processes.agreed(secrets.randbits(64))


def require_whole_heads(config: PreTrainedConfig, size: int) -> None:
    """Raise PolicyInactiveError if so many processes cannot share the KV heads of a model with this `config` evenly."""
    heads = getattr(config.get_text_config(decoder=True), "num_key_value_heads", None) or size
    if heads % size and _splits_heads(config):
        raise PolicyInactiveError(
            "heads-not-divisible",
            "The model has {heads} KV heads a layer, which {size} processes cannot share evenly. Start a number of "
            "processes that divides {heads}, or load it in one process without tp_plan.",
            heads=heads,
            size=size,
        )


def require_heads_alone(config: PreTrainedConfig) -> None:
    """Raise PolicyInactiveError if the model with this `config` is shared out otherwise than by whole KV heads."""
    if (processes := processes_of(config)) is None:
        return
    if processes.size != dist.get_world_size():
        raise PolicyInactiveError(
            "processes-of-several-kinds",
            "The model's tensor parallel size is {size} and there are {world} processes: it is shared out in another "
            "way too. The policies act in models that are split by their heads alone: start {size} processes, or "
            "leave the other kinds of parallelism out.",
            size=processes.size,
            world=dist.get_world_size(),
        )
    require_whole_heads(config, processes.size)


def started_processes(tp_plan: str, quantization: str, device: str | None) -> int:
    """How many processes are to share a model that is loaded with these options of `load_model`.

    Raises InvalidParameterError for another plan, LoadingError if nobody started the processes, or for what cannot be
    shared.
    """
    if tp_plan != "auto":
        raise InvalidParameterError(
            "tp-plan-unknown",
            "tp_plan={tp_plan} is not known. Use 'auto', the plan that the model's architecture has, or leave it out.",
            tp_plan=repr(tp_plan),
        )
    if "WORLD_SIZE" not in os.environ:
        raise LoadingError(
            "processes-missing",
            "tp_plan='auto' shares a model out over the processes that torchrun starts, and this one was started "
            "alone. Start it with torchrun --nproc-per-node=<processes>, or leave tp_plan out.",
        )
    if quantization not in ("auto", "none"):
        raise LoadingError(
            "quantization-of-a-shared-model",
            "quantization={quantization!r} cannot be had with tp_plan='auto': its weights are made from whole linears, "
            "and each process has a part. Use quantization='none', or leave tp_plan out; device=None spreads a large "
            "model over all GPUs layer by layer, with nf4.",
            quantization=quantization,
        )
    found = torch.accelerator.current_accelerator() or torch.device("cpu")
    if device not in (None, found.type):
        raise LoadingError(
            "device-of-a-shared-model",
            "device={device!r} was asked for, and with tp_plan='auto' each process takes the {found} device of its own "
            "rank. Leave device out; CUDA_VISIBLE_DEVICES says which GPUs there are, and '' that there are none.",
            device=device,
            found=found.type,
        )
    return int(os.environ["WORLD_SIZE"])


def _transport(device: torch.device) -> torch.device:
    """Where the processes exchange what is on `device`: NCCL knows GPUs alone."""
    if device.type == "cpu" and "nccl" in dist.get_backend():
        return torch.device("cuda", torch.cuda.current_device())
    return device
