"""Memory: what is free, what a text beyond the window takes, and the refusal before anything is computed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import torch
from transformers import PreTrainedModel

from .cache import PolicyCache, kv_dtype
from .devices import layers_on
from .errors import ContextOverflowError
from .key_codes import SPAN
from .old_keys import SCORED, directions
from .on_disk import DiskStorage
from .parallel import processes_of

CGROUPS = Path("/sys/fs/cgroup")
_LIMITS = (
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)
"""Files of a container's limit, of what is taken of it, and of what of that is a cache of files, in both versions."""


def free_memory(device: torch.device) -> int:
    """Bytes that are free where `device` computes; of the processor's no more than its container may still take."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(min([psutil.virtual_memory().available, *_left_in_container(CGROUPS)]))


def free_for(model: PreTrainedModel) -> int:
    """Bytes that are free for what the layers of `model` keep, each as much as the others: of several devices the one
    with the least for each of its layers tells. Of processes that share a model the one with the least tells, and on
    CPUs each has its part, since they have one memory."""
    on = layers_on(model)
    free = min((free_memory(device) * on.total() // layers for device, layers in on.items()), default=0)
    if (processes := processes_of(model.config)) is None:
        return free
    return processes.least(free // processes.size if any(device.type == "cpu" for device in on) else free)


def _left_in_container(folder: Path) -> Iterator[int]:
    for limit, taken, details in _LIMITS:
        try:
            most, held = (folder / limit).read_text().strip(), int((folder / taken).read_text())
            parts = dict(line.split() for line in (folder / details).read_text().splitlines())
        except (OSError, ValueError):
            continue
        if most.isdecimal():
            yield max(0, int(most) - held + int(parts.get("inactive_file", 0)))


def require_memory(model: PreTrainedModel, cache: PolicyCache, prompt_tokens: int, max_new_tokens: int) -> None:
    """Raise ContextOverflowError if `cache`, whose window is extended, would take more than there is with what it
    holds already, in memory or on disk."""
    if cache.disk is not None:
        _require_disk(model, cache, cache.disk, prompt_tokens + max_new_tokens)
    free = free_for(model) + cache.nbytes
    per_token, fixed = bytes_of(model, cache)
    # The longest of the documents that are read apart is there twice for a while.
    twice = max((len(document.behind) + document.length for document in cache.documents), default=0)
    needed = fixed + per_token * (prompt_tokens + max_new_tokens + twice)
    if needed <= free:
        return
    raise ContextOverflowError(
        "memory-exceeded",
        "The prompt has {prompt_tokens} tokens and {max_new_tokens} are to be generated, for which keys and values "
        "take {needed} GB, and {free} GB are free. Shorten the prompt to {fitting} tokens, or free memory.",
        prompt_tokens=prompt_tokens,
        max_new_tokens=max_new_tokens,
        needed=f"{needed / 1e9:.1f}",
        free=f"{free / 1e9:.1f}",
        fitting=max(0, fitting_tokens(model, cache, free) - max_new_tokens - twice),
    )


def _require_disk(model: PreTrainedModel, cache: PolicyCache, disk: DiskStorage, tokens: int) -> None:
    layers = cache.policy_layers.values()
    held = sum(buffer.storage.nbytes for layer in layers if layer.is_initialized for buffer in layer.full)
    needed, free = len(layers) * _states(model, cache) * tokens, disk.free() + held
    if needed <= free:
        return
    raise ContextOverflowError(
        "disk-exceeded",
        "Keys and values of {tokens} tokens take {needed} GB, and {free} GB are free in {folder}. Shorten the prompt, "
        "free some, or give another folder.",
        tokens=tokens,
        needed=f"{needed / 1e9:.2f}",
        free=f"{free / 1e9:.2f}",
        folder=str(disk.folder),
    )


def fitting_tokens(model: PreTrainedModel, cache: PolicyCache, free: int) -> int:
    """How many tokens, written ones among them, so many bytes hold in `cache`, whose window is extended."""
    per_token, fixed = bytes_of(model, cache)
    return max(0, (free - fixed) // per_token)


def bytes_of(model: PreTrainedModel, cache: PolicyCache) -> tuple[int, int]:
    """Bytes of memory that a token takes in `cache`, and those that do not grow: keys and values unless they lie on
    disk, and beyond the window that is extended their index, the working sets and the scores under way."""
    states, layers, window = _states(model, cache), len(cache.policy_layers), cache.window
    kept = 0 if cache.disk is not None else states
    if window is None:
        return layers * kept, 0
    heads, dim = _heads(model, cache)
    codes = heads * -(-directions(dim) // SPAN) * SPAN * window.bits // 8
    return layers * (kept + codes), layers * states * window.size + 2 * SCORED


def _states(model: PreTrainedModel, cache: PolicyCache) -> int:
    """Bytes of a token's keys and values in a layer."""
    config = model.config.get_text_config(decoder=True)
    heads, dim = _heads(model, cache)
    values = 2 * heads * dim
    if latent := getattr(config, "kv_lora_rank", None):  # with the rotary part of the keys, for all heads
        values = latent + config.qk_rope_head_dim
    return values * (kv_dtype(config) or model.dtype).itemsize


def _heads(model: PreTrainedModel, cache: PolicyCache) -> tuple[int, int]:
    """KV heads of a layer in this process, and their size."""
    config = model.config.get_text_config(decoder=True)
    dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    return heads // cache.processes.size if cache.processes is not None and cache.processes.split else heads, dim
