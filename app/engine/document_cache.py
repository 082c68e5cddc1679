"""Documents that were read before, for the runs to come: a document's keys and values are computed once.

In memory as caches that the next run continues, on disk as `DocumentFiles`. A prompt begins with its documents, so a
new instruction, another policy or a continuation finds them at the start of a cache. Knows nothing of Gradio.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import psutil
import torch
from transformers import PreTrainedModel

from app.engine.document_files import DocumentFiles
from app.memory import Memory
from app.settings import Settings
from core import Policy, PolicyCache, RefreshKVError, Snapshot, SnapshotError, model_fingerprint
from core.default_model import cache_folder

MINIMUM_TOKENS = 512
"""A shorter beginning is read again sooner than it is worth a file, or a copy."""

MAX_DEFAULT_BYTES = 4 * 10**9


@dataclass(eq=False)
class _Entry:
    """A cache, of which the first `document_end` tokens belong to documents; `stored` once they are on disk. `used`:
    when a run last had it, in seconds of time.monotonic."""

    cache: PolicyCache
    document_end: int
    stored: bool = False
    used: float = 0.0

    @property
    def held(self) -> int:
        """Tokens of documents that are in the cache: fewer than wanted after a prefill that was stopped."""
        return min(self.document_end, len(self.cache.token_ids))


class DocumentCache:
    """The caches of the latest runs of one model, within a budget of memory; the least recently used go first.

    The budget is for what is kept: the run under way takes its own room, and the last one is kept whatever its size.
    A `Holder`, though, lets go of the last one too.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        memory_bytes: int | None = None,
        files: DocumentFiles | None = None,
        memory: Memory | None = None,
    ) -> None:
        """`memory_bytes` defaults to `default_memory`; without `files` nothing is kept on disk. `memory`: the budget of
        the process, of which these caches are a part if the model is in it."""
        self._model = model
        self._memory_bytes = default_memory(model.device) if memory_bytes is None else memory_bytes
        self._memory = memory if model.device.type == "cpu" else None
        self._in_use: _Entry | None = None
        # A file says nothing of devices, so that a model spread over several could not be given its keys and values.
        self._files = files if len({parameter.device for parameter in model.parameters()}) == 1 else None
        self._fingerprint = model_fingerprint(model) if self._files else ""
        self._entries: list[_Entry] = []  # the most recently used last
        self._token_bytes = 0
        self._lock = threading.Lock()
        """Held by who changes which are kept."""
        if self._memory is not None:  # which may be asked at once what is in it
            self._memory.add("caches", self)

    @contextmanager
    def use(self, prompt: Sequence[int], document_end: int, policy: Policy, room: int) -> Iterator[PolicyCache]:
        """A cache under `policy` to generate from `prompt` with, which holds as much of its beginning as is known.

        The first `document_end` tokens are documents and what stands before them. `room` is the number of tokens the
        run will need at most. Afterwards the cache is kept, unless the run failed in an unforeseen way.
        """
        with self._lock:
            self._in_use = entry = self._take(prompt, document_end, policy, room)
            if policy.evicts:  # and chooses by what the prompt's last tokens attend to
                read = len(entry.cache.token_ids)
                entry.cache.truncate(min(read, max(document_end, len(prompt) - policy.queries)))
        if self._memory is not None:
            self._memory.make_room(max(0, self._token_bytes * room - entry.cache.nbytes))
        try:
            yield entry.cache
        except Exception as error:
            if not isinstance(error, RefreshKVError):
                entry.cache.reset()
            raise
        finally:
            with self._lock:
                self._in_use = None
                self._keep(entry)

    def forget(self, holds: Callable[[Sequence[int]], bool]) -> None:
        """Let go of documents of which `holds` is true, given the ids of a prompt's beginning; on disk also of those
        that another model read, since what they are is not known. For any thread."""
        with self._lock:
            self._entries = [entry for entry in self._entries if not holds(entry.cache.token_ids)]
        if self._files:
            self._files.forget(lambda key, ids: key != self._key(ids) or holds(ids))

    def close(self) -> None:
        """Wait until everything is on disk."""
        if self._files:
            self._files.close()

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept in memory."""
        return sum(entry.cache.nbytes for entry in self._entries)

    @property
    def held(self) -> int:
        """With what the run under way has so far."""
        current = self._in_use
        return self.nbytes + (current.cache.nbytes if current else 0)

    @property
    def oldest(self) -> float | None:
        """When the cache was used that goes next."""
        entry = next(iter(self._entries), None)
        return entry.used if entry else None

    def let_go(self) -> None:
        """Let go of that; from the disk it is read again."""
        with self._lock:
            del self._entries[:1]

    def _take(self, prompt: Sequence[int], document_end: int, policy: Policy, room: int) -> _Entry:
        """The best start there is; an entry is taken out of those kept.

        An entry is continued only if it loses no part of a document: if the prompt begins with all of the documents it
        holds. Otherwise what it shares with the prompt is copied, and it stays as it is. So the first `held` tokens of
        an entry never change, and can be written to disk while it is in use.
        """
        if policy.sums_attention:  # of all tokens of the prompt, which it must therefore read itself
            self._make_room(self._token_bytes * room)
            return _Entry(PolicyCache(self._model.config, policy), document_end)
        entry, shared = self._best(prompt)
        if shared < document_end and (snapshot := self._from_disk(prompt, document_end)):
            return _Entry(self._restored(snapshot, policy, room), document_end, stored=True)
        if entry and shared >= entry.held:
            self._entries.remove(entry)
            # What a run evicted must not be missing in the next, so that a text depends on its request alone.
            same = entry.cache.policy == policy and not policy.evicts
            cache = entry.cache if same else entry.cache.with_policy(policy)
            return _Entry(cache, document_end, entry.stored and entry.document_end == document_end)
        if entry and (snapshot := self._copyable(entry.cache, shared)):
            return _Entry(self._restored(snapshot, policy, room), document_end)
        self._make_room(self._token_bytes * room)
        return _Entry(PolicyCache(self._model.config, policy), document_end)

    def _best(self, prompt: Sequence[int]) -> tuple[_Entry | None, int]:
        """The entry that shares most tokens with the prompt, and how many; of equal ones one that can be continued."""
        ranked = [(entry.cache.common_prefix(prompt), entry) for entry in self._entries]
        shared, entry = max(ranked, key=lambda item: (item[0], item[0] >= item[1].held), default=(0, None))
        return entry, shared

    def _copyable(self, cache: PolicyCache, shared: int) -> Snapshot | None:
        length = min(shared, cache.prefilled)
        if length < MINIMUM_TOKENS:
            return None
        try:
            return Snapshot.take(cache, length)
        except SnapshotError:  # sliding or recurrent layers
            return None

    def _restored(self, snapshot: Snapshot, policy: Policy, room: int) -> PolicyCache:
        self._make_room(snapshot.nbytes * room // len(snapshot.token_ids))
        return snapshot.restore(self._model.config, policy, room=room, device=self._model.device)

    def _keep(self, entry: _Entry) -> None:
        if not entry.cache.token_ids:
            return
        self._store(entry)
        self._make_room(entry.cache.nbytes)
        entry.used = time.monotonic()
        self._entries.append(entry)
        self._token_bytes = _token_bytes(entry.cache)

    def _make_room(self, needed: int) -> None:
        while self._entries and self.nbytes + needed > self._memory_bytes:
            self._entries.pop(0)

    # --- on disk ---

    def _from_disk(self, prompt: Sequence[int], document_end: int) -> Snapshot | None:
        if self._files is None or document_end < MINIMUM_TOKENS:
            return None
        snapshot = self._files.load(self._key(prompt[:document_end]))
        return snapshot if snapshot and snapshot.token_ids == tuple(prompt[:document_end]) else None

    def _store(self, entry: _Entry) -> None:
        """Write a document once it is read, or note that it was used."""
        cache, end = entry.cache, entry.document_end
        if self._files is None or end < MINIMUM_TOKENS or cache.prefilled < end:
            return
        key = self._key(cache.token_ids[:end])
        if entry.stored:
            self._files.touch(key)
            return
        try:
            self._files.save(key, Snapshot.take(cache, end))
        except SnapshotError:  # sliding or recurrent layers
            return
        entry.stored = True

    def _key(self, token_ids: Sequence[int]) -> str:
        """A document's name on disk. The fingerprint covers the model, its quantization and its dtype."""
        ids = np.asarray(token_ids, dtype="<i8").tobytes()
        return hashlib.sha256(self._fingerprint.encode() + ids).hexdigest()


def _token_bytes(cache: PolicyCache) -> int:
    """Bytes that one token takes in the full caches."""
    return sum(buffer.view[:, :, :1].nbytes for layer in cache.policy_layers.values() for buffer in layer.full)


def default_memory(device: torch.device) -> int:
    """Bytes to keep documents in: a quarter of what is free with the model loaded, at most 4 GB.

    The run under way needs as much again, and the machine has other work; 4 GB hold a dozen documents of the embedded
    model's 8,000 tokens, or one of 32,000 of a model with 8 billion parameters.
    """
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    return min(int(free) // 4, MAX_DEFAULT_BYTES)


def document_cache(settings: Settings, memory: Memory | None = None) -> Callable[[PreTrainedModel], DocumentCache]:
    """What makes the cache that `settings` ask for, once there is a model. Without a limit of its own it has that of
    `memory`, see `DocumentCache`."""
    own, disk = settings.document_memory_gigabytes, settings.document_disk_gigabytes
    folder = settings.document_folder or cache_folder() / "documents"
    files = DocumentFiles(folder, int(disk * 10**9)) if disk else None

    def made(model: PreTrainedModel) -> DocumentCache:
        shared = memory.limit if memory is not None and model.device.type == "cpu" else None
        return DocumentCache(model, shared if own is None else int(own * 10**9), files, memory)

    return made
