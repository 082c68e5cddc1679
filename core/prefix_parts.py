"""The prefixes of one model on disk: chains of parts at fixed places, each written as soon as it is computed.

So a prefill that was killed goes on behind the last part that was written, and prefixes that begin alike share theirs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import pairwise, takewhile
from typing import NamedTuple

import numpy as np
from transformers import PreTrainedModel

from .cache import PolicyCache
from .errors import PolicyInactiveError
from .memory import bytes_of
from .policies import FullAttention
from .prefix_files import PrefixFiles, too_large
from .snapshot import Snapshot, model_fingerprint
from .statement import Statement
from .window import Window

MINIMUM_TOKENS = 512
"""A shorter prefix is computed again sooner than it is worth a file, or a copy."""

PART_TOKENS = 4_096
"""So many are computed again at most after a kill. The embedded model's take 94 MB, and four seconds to compute."""


class Part(NamedTuple):
    """A prefix's tokens from `start` to `end`, under a key that says what they and those before are."""

    start: int
    end: int
    key: str


def _is(part: Part, snapshot: Snapshot, token_ids: Sequence[int]) -> bool:
    """Whether it is that part of a prefix. A file of the format before does not say its key."""
    return snapshot.start == part.start and snapshot.token_ids == tuple(token_ids[: part.end])


class PrefixParts:
    """For several threads and processes."""

    def __init__(self, model: PreTrainedModel, files: PrefixFiles) -> None:
        """The model's layers must all keep every token, on one device."""
        self._model, self._files = model, files
        self._fingerprint = model_fingerprint(model)
        self._told: set[str] = set()

    def load(self, token_ids: Sequence[int], rule: Window | None, known: int) -> list[Snapshot]:
        """The parts of a prefix that are there, up to the first that is not, if they hold more than the `known` tokens.
        rule: of what is beyond the window."""
        if known >= len(token_ids) or len(token_ids) < MINIMUM_TOKENS:
            return []
        parts = list(takewhile(lambda part: self._files.has(part.key), self._parts(token_ids, rule)))
        if not parts or parts[-1].end <= known:
            return []
        read = zip(parts, self._files.load(*(part.key for part in parts)), strict=False)
        found = [snapshot for part, snapshot in takewhile(lambda both: _is(*both, token_ids), read)]
        return found if found and len(found[-1].token_ids) > known else []

    @contextmanager
    def storing(self, cache: PolicyCache, token_ids: Sequence[int], wanted: Callable[[], bool]) -> Iterator[None]:
        """In the block, in which a run has `cache`, the parts of its prefix `token_ids` are written as they are
        computed, if they are still `wanted` then."""
        parts = self._parts(token_ids, cache.window) if len(token_ids) >= MINIMUM_TOKENS else []
        if problem := self.too_large(len(token_ids)):
            self._tell(parts, problem)
        keys, ids = [part.key for part in parts], list(token_ids)
        done = 0

        def store() -> None:
            nonlocal done
            while done < len(parts) and (part := parts[done]).end <= cache.prefilled:
                if cache.token_ids[: part.end] != ids[: part.end]:  # it was emptied, and reads something else
                    return
                if not self._files.has(part.key):
                    self._files.save(part.key, Snapshot.take(cache, part.end, part.start), keys[:done], wanted)
                done += 1

        with self._files.using(keys):
            store()
            cache.on_prefilled = store
            try:
                yield
            finally:
                cache.on_prefilled = None
                self._files.touch(*keys)

    def forget(self, holds: Callable[[Sequence[int]], bool]) -> None:
        """Delete the prefixes of which `holds` is true, and those of other models, of which nobody knows what they
        are."""

        def own(key: str, ids: Sequence[int]) -> bool:
            return any(key == self._parts(ids, rule)[-1].key for rule in (None, self._extended))

        self._files.forget(lambda key, ids: not own(key, ids) or holds(ids))

    def too_large(self, tokens: int) -> Statement | None:
        """What is said of a prefix of so many tokens of which the files may not hold all; None if they may."""
        limit, size = self._files.max_bytes, self._token_bytes * tokens
        if size <= limit or tokens < MINIMUM_TOKENS:
            return None
        whole_parts = limit // (self._token_bytes * PART_TOKENS)
        return too_large(tokens, size, limit, whole_parts * PART_TOKENS)

    def _tell(self, parts: Sequence[Part], problem: Statement) -> None:
        """Say once of a prefix that it is too large; the files take what fits."""
        if parts[-1].key not in self._told:
            self._told.add(parts[-1].key)
            self._files.refuse(parts[0].key, problem)

    def _parts(self, token_ids: Sequence[int], rule: Window | None) -> list[Part]:
        """At multiples of PART_TOKENS, and the rest.

        A key is a digest of the model's fingerprint, which covers its quantization and dtype, and of all tokens up to
        the part's end; what goes beyond the window was read by its `rule`.
        """
        ids = np.asarray(token_ids, dtype="<i8")
        within, beyond = (hashlib.sha256((self._fingerprint + said).encode()) for said in ("", repr(rule)))
        parts = []
        for start, end in pairwise([*range(0, len(ids), PART_TOKENS), len(ids)]):
            for digest in (within, beyond):
                digest.update(ids[start:end].tobytes())
            key = (within if rule is None or end <= rule.size else beyond).copy()
            key.update(f"from {start}".encode() if start else b"")
            parts.append(Part(start, end, key.hexdigest()))
        return parts

    @cached_property
    def _token_bytes(self) -> int:
        return bytes_of(self._model, PolicyCache(self._model.config, FullAttention()))[0]

    @cached_property
    def _extended(self) -> Window | None:
        """The rule of what goes beyond the window, if anything can."""
        try:
            return PolicyCache(self._model.config, FullAttention(), "extend").window
        except PolicyInactiveError:
            return None
