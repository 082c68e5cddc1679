"""The prefilled tokens of a cache, apart from its policy: copied into other caches, and kept in safetensors files.

Prefill attends fully under every policy, so a document that was read once serves them all. A long one is kept in parts
that go behind each other. Knows nothing of what is kept where, or for how long.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel

from .cache import PolicyCache
from .errors import SnapshotError
from .layer import PolicyLayer
from .policies import Policy
from .storage import BLOCK, GrowingTensor
from .window import Beyond

FORMAT = "refreshkv-snapshot-2"
"""What a file says it is. The number changes with the names or the meaning of what is in it."""

WHOLE_FORMAT = "refreshkv-snapshot-1"
"""The format before, which knew no parts: every file holds all of its tokens."""

SAMPLED_VALUES = 64
"""Values of each weight that go into a model's fingerprint."""

_PARTS = ("keys", "values")
_OWN = ("format", "checksum", "start")
"""What a file says of itself beside the notes."""
_IRRELEVANT_SETTINGS = ("_name_or_path", "transformers_version", "use_cache")

Heads: TypeAlias = tuple[Tensor, ...]
"""The keys, or the values, of one layer: `(length, dim)` for each KV head."""


@dataclass(frozen=True)
class Snapshot:
    """The first tokens of a cache: their ids, and for every layer their keys and values; or a part of them, with all
    ids, and the keys and values from token `start` on. notes: what its file says beside.

    The tensors are views of the cache or of the file they come from, not copies. They stay valid as long as the cache
    keeps these tokens, whatever it appends to them.
    """

    token_ids: tuple[int, ...]
    layers: tuple[tuple[Heads, Heads], ...]
    start: int = 0
    notes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def take(cls, cache: PolicyCache, length: int, start: int = 0) -> Snapshot:
        """The first `length` tokens of `cache`, of batch row 0, or the part of them from `start` on.

        Raises SnapshotError if fewer are prefilled, or a layer is not a `PolicyLayer`: a sliding window or a recurrent
        state does not hold the past of an earlier token.
        """
        if not start < length <= cache.prefilled:
            raise SnapshotError(
                "snapshot-out-of-range",
                "A snapshot of {length} tokens was asked for, but {prefilled} tokens of the cache come from a prefill. "
                "Take at least 1 and at most so many; what is decoded depends on the policy.",
                length=length,
                prefilled=cache.prefilled,
            )
        return cls(
            tuple(cache.token_ids[:length]),
            tuple((_heads(keys, start, length), _heads(values, start, length)) for keys, values in _buffers(cache)),
            start,
        )

    @classmethod
    def read(cls, path: Path) -> Snapshot:
        """The snapshot in a file, mapped into memory. Raises SnapshotError if there is none that is whole."""
        with _opened(path) as file:
            metadata = _metadata(path, file)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        start, notes = _said(metadata)
        # A damaged file would otherwise show as text that makes no sense.
        if metadata.get("checksum") != _checksum(tensors, start, notes):
            raise SnapshotError(
                "snapshot-damaged",
                "{file} is damaged: its checksum is not the one it was written with.",
                file=str(path),
            )
        token_ids = tuple(tensors.pop("token_ids").tolist())
        layers: dict[int, tuple[list[Tensor], list[Tensor]]] = {}
        for name, tensor in sorted(tensors.items(), key=lambda item: _place(item[0])):
            part, layer, _ = _place(name)
            layers.setdefault(layer, ([], []))[part].append(tensor)
        states = tuple((tuple(keys), tuple(values)) for _, (keys, values) in sorted(layers.items()))
        return cls(token_ids, states, start, notes)

    @classmethod
    def read_head(cls, path: Path) -> Snapshot:
        """The ids in a file and what it says, without its keys and values. Raises SnapshotError if they cannot be
        read."""
        with _opened(path) as file:
            start, notes = _said(_metadata(path, file))
            return cls(tuple(file.get_tensor("token_ids").tolist()), (), start, notes)

    def save(self, path: Path) -> None:
        """Write it to a file, without a copy if it is in the CPU's memory. Raises SnapshotError, and OSError."""
        tensors = {
            f"{part}.{layer}.{head}": states.contiguous().cpu()
            for layer, parts in enumerate(self.layers)
            for part, heads in zip(_PARTS, parts, strict=True)
            for head, states in enumerate(heads)
        }
        tensors["token_ids"] = torch.tensor(self.token_ids)
        checksum = _checksum(tensors, self.start, self.notes)
        try:
            save_file(tensors, path, {**self.notes, "format": FORMAT, "checksum": checksum, "start": str(self.start)})
        except SafetensorError as error:
            raise SnapshotError(
                "snapshot-unwritable", "{file} cannot be written: {reason}.", file=str(path), reason=str(error)
            ) from error

    def restore(
        self,
        config: PreTrainedConfig,
        policy: Policy,
        *,
        following: Sequence[Snapshot] = (),
        room: int = 0,
        device: torch.device | None = None,
        window: Beyond | None = None,
    ) -> PolicyCache:
        """A cache of a model with this `config` that holds the snapshot's tokens, copied, under any policy.

        following: the parts behind it, each with the tokens of the one before. window: as of the cache that it was
        taken from; up to the window's length it is the same. `room` is the number of tokens to make room for in all.
        `device` defaults to where each tensor is. Raises SnapshotError if the model has other layers than the snapshot,
        or a part is missing, PolicyInactiveError as PolicyCache does.
        """
        parts = (self, *following)
        for length, part in zip((0, *(len(part.token_ids) for part in parts)), parts, strict=False):
            if part.start != length:
                raise SnapshotError(
                    "snapshot-of-a-part",
                    "The snapshot begins with token {start} of its text and {held} tokens are there. Restore the first "
                    "part of the text, with following=[...] for the others in their order.",
                    start=part.start,
                    held=length,
                )
        cache = PolicyCache(config, policy, window)
        if len(cache.policy_layers) != len(cache.layers) or len(cache.layers) != len(self.layers):
            raise SnapshotError(
                "snapshot-of-another-model",
                "The snapshot has {held} layers of full attention and the model {full} in {layers} layers: it was "
                "taken from another model.",
                held=len(self.layers),
                full=len(cache.policy_layers),
                layers=len(cache.layers),
            )
        layers = zip(*(part.layers for part in parts), strict=True)
        for layer, states in zip(cache.policy_layers.values(), layers, strict=True):
            keys, values = zip(*states, strict=True)
            layer.adopt(_filled(keys, room, device), _filled(values, room, device))
        cache.token_ids, cache.prefilled = list(parts[-1].token_ids), len(parts[-1].token_ids)
        return cache

    @property
    def nbytes(self) -> int:
        """Bytes of all keys and values."""
        return sum(states.nbytes for states in chain.from_iterable(chain.from_iterable(self.layers)))


def model_fingerprint(model: PreTrainedModel) -> str:
    """A hexadecimal digest of what a model's keys and values depend on.

    That is its configuration, the kinds of its modules (quantized linears among them), and of every weight the name,
    shape, dtype and some values spread over it. Read from the model in memory and not from its files: so it is the same
    thing for a folder, a hub id and a GGUF file, survives a copy of the folder, and changes when other weights come
    under the same name. It takes some milliseconds, whatever the model's size.
    """
    digest = hashlib.sha256()
    settings = {key: value for key, value in model.config.to_dict().items() if key not in _IRRELEVANT_SETTINGS}
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    for name, module in model.named_modules():
        digest.update(f"{name} {type(module).__name__}\n".encode())
    for name, tensor in chain(model.named_parameters(), model.named_buffers()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        if not tensor.is_meta:  # as weights are that wait on disk
            values = tensor.detach().reshape(-1)
            sample = values[:: max(1, len(values) // SAMPLED_VALUES)][:SAMPLED_VALUES]
            digest.update(_bytes(sample.contiguous().cpu()))
    return digest.hexdigest()


def _place(name: str) -> tuple[int, int, int]:
    """A tensor's name in a file as its part, layer and head."""
    part, layer, head = name.split(".")
    return _PARTS.index(part), int(layer), int(head)


def _buffers(cache: PolicyCache) -> Iterable[Sequence[GrowingTensor]]:
    for index, layer in enumerate(cache.layers):
        if not isinstance(layer, PolicyLayer):
            raise SnapshotError(
                "snapshot-of-a-passing-layer",
                "Layer {index} is a {kind}, which does not keep every token's keys and values, so that no snapshot can "
                "be taken of this model's cache.",
                index=index,
                kind=type(layer).__name__,
            )
        yield layer.full


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file's tensors."""
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise SnapshotError(
            "snapshot-unreadable", "{file} cannot be read: {reason}.", file=str(path), reason=str(error)
        ) from error


def _metadata(path: Path, file: Any) -> dict[str, str]:
    """What the file says of itself. Raises SnapshotError if that is of a format which nobody here knows."""
    metadata: dict[str, str] = file.metadata() or {}
    if metadata.get("format") not in (FORMAT, WHOLE_FORMAT):
        raise SnapshotError(
            "snapshot-of-another-format",
            "{file} is of format {format}, not {known!r}.",
            file=str(path),
            format=repr(metadata.get("format")),
            known=FORMAT,
        )
    return metadata


def _said(metadata: Mapping[str, str]) -> tuple[int, dict[str, str]]:
    """Where a file's keys and values begin, and its notes."""
    start = metadata.get("start", "0")
    return int(start) if start.isdecimal() else 0, {k: v for k, v in metadata.items() if k not in _OWN}


def _heads(buffer: GrowingTensor, start: int, length: int) -> Heads:
    return tuple(buffer.view[0, :, start:length].unbind())


def _filled(parts: Sequence[Heads], room: int, device: torch.device | None) -> GrowingTensor:
    """A buffer `(1, heads, room, dim)` whose first positions are those of the heads, part after part."""
    first, length = parts[0][0], sum(len(heads[0]) for heads in parts)
    capacity = -(-max(room, length) // BLOCK) * BLOCK
    shape = 1, len(parts[0]), capacity, first.shape[1]
    storage = torch.empty(*shape, dtype=first.dtype, device=device or first.device)
    end = 0
    for heads in parts:
        start, end = end, end + len(heads[0])
        for place, states in zip(storage[0], heads, strict=True):
            place[start:end] = states
    buffer = GrowingTensor(storage)
    buffer.truncate(length)
    return buffer


def _checksum(tensors: dict[str, Tensor], start: int, notes: Mapping[str, str]) -> str:
    """Of all that a file holds; of a whole without notes that of the format before."""
    value = zlib.crc32(json.dumps([start, sorted(notes.items())]).encode()) if start or notes else 0
    for name in sorted(tensors):
        value = zlib.crc32(_bytes(tensors[name]), zlib.crc32(name.encode(), value))
    return f"{value:08x}"


def _bytes(tensor: Tensor) -> memoryview:
    """The bytes of a contiguous tensor in the CPU's memory, not a copy."""
    return tensor.reshape(-1).view(torch.uint8).numpy().data
