"""Prefixes of prompts, for the runs to come: the keys and values of a document are computed once.

In memory as caches that the next run continues, on disk as `PrefixParts`. A prompt begins with its documents, so a new
question, another policy or a continuation finds them at the start of a cache.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import torch
from transformers import PreTrainedModel

from .cache import PolicyCache, keeps_every_token
from .devices import layers_on
from .documents import Document, require_movable, spans_to_place
from .errors import InvalidParameterError, PolicyInactiveError, RefreshKVError, SnapshotError
from .memory import bytes_of, free_for
from .parallel import processes_of
from .policies import FullAttention, Policy
from .prefix_entries import Entry, bytes_in, default_memory, token_bytes
from .prefix_files import PrefixFiles
from .prefix_parts import MINIMUM_TOKENS, PrefixParts
from .prompt import require_known
from .sequence import LEAST_TAIL
from .snapshot import Snapshot
from .statement import Statement
from .window import Beyond


class PrefixCache:
    """The caches of the latest runs of one model, within a budget of memory; the least recently used go first.

    The budget is for what is kept: runs under way take their own room, and the last one is kept whatever its size.
    For several threads, of which each has a cache of its own while it runs.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        memory_bytes: int | None = None,
        files: PrefixFiles | None = None,
        *,
        make_room: Callable[[int], object] | None = None,
        window: Beyond | None = None,
    ) -> None:
        """`memory_bytes` defaults to `default_memory`, 0 keeps the last run's cache alone; without `files` nothing is
        kept on disk. `make_room` is told before a run how many bytes it will take, so that others can let go of theirs:
        with `held`, `oldest` and `let_go` these caches can be a part of a larger budget. window: as in
        `PolicyCache`, of the runs that do not say themselves."""
        self._model = model
        self._window = window
        self._memory_bytes = default_memory(model) if memory_bytes is None else memory_bytes
        self._make_room_elsewhere = make_room
        self._devices = list(layers_on(model))
        # A file says nothing of devices or heads, so that a model spread over several devices, or shared by several
        # processes, could not be given its keys and values; and sliding or recurrent layers do not keep them.
        fits = len(self._devices) == 1 and processes_of(model.config) is None and keeps_every_token(model.config)
        self._files = files
        self._disk = PrefixParts(model, files) if files is not None and fits else None
        self._entries: list[Entry] = []  # the most recently used last
        self._in_use: dict[Entry, Sequence[int]] = {}  # with the prompts that they are for
        self._token_bytes = 0
        self._lock = threading.Lock()
        """Held by who changes which are kept."""

    @contextmanager
    def use(
        self,
        token_ids: Sequence[int],
        prefix_end: int,
        policy: Policy,
        room: int = 0,
        *,
        window: Beyond | None = None,
        documents: Sequence[tuple[int, int]] = (),
        behind: Sequence[int] | None = None,
    ) -> Iterator[PolicyCache]:
        """A cache under `policy` to generate from the prompt `token_ids` with, which holds as much of its beginning as
        is known: `with prefixes.use(...) as cache: generate(..., cache=cache)`.

        The first `prefix_end` tokens are what other prompts may begin with too, such as a document. `room` is the
        number of tokens that the run will need at most, with those it writes. window: "extend" for a run that goes on
        beyond the trained window; what it shares with runs that do not ends there. Afterwards the cache is kept, unless
        the run failed in an unforeseen way.

        documents: spans (start, end) of that prefix which are read apart (documents.py): each is kept by itself, so
        that adding, removing and reordering them takes no new reading. behind: ids of what each is read behind, by
        default what stands before the first; given, such as the tokens of a sentence, the prompt may begin otherwise
        the next time. A method that adds up the attention of the whole prompt (H2O) reads it in one go all the same.

        Raises InvalidParameterError if the prompt is shorter than `prefix_end`, the documents are not spans of it in
        order or `behind` has an id that the model does not know, PolicyInactiveError as PolicyCache does or if the
        model's keys cannot be moved.
        """
        if not 0 <= prefix_end <= len(token_ids):
            raise InvalidParameterError(
                "prefix-end-out-of-range",
                "prefix_end is {prefix_end} and the prompt has {tokens} tokens; it must be 0 (nothing is shared) to "
                "that many.",
                prefix_end=prefix_end,
                tokens=len(token_ids),
            )
        room = max(room, len(token_ids))
        window = window or self._window
        entry = Entry(PolicyCache(self._model.config, policy, window), prefix_end)
        entry.cache.documents = placed = self._documents(token_ids, prefix_end, policy, documents, behind, window)
        in_one_go = placed[0].start if placed else prefix_end
        with self._lock:
            self._in_use[entry] = token_ids  # as whoever forgets must know
        try:
            if not self._load(entry, token_ids, in_one_go, room):
                with self._lock:
                    self._take(entry, token_ids, room)
            entry.cache.documents = placed
            if policy.evicts:  # and chooses by what the prompt's last tokens attend to
                read = len(entry.cache.token_ids)
                entry.cache.truncate(min(read, prefix_end, max(0, len(token_ids) - policy.queries)))
            self._free(entry.cache, room)
            with self._storing(entry, token_ids[:in_one_go]):
                yield entry.cache
        except Exception as error:
            if not isinstance(error, RefreshKVError):
                entry.cache.reset()
            raise
        finally:
            with self._lock:
                del self._in_use[entry]
                self._keep(entry)

    def forget(self, holds: Callable[[Sequence[int]], bool]) -> None:
        """Let go of the prefixes of which `holds` is true, given their ids, and of those of runs under way once they
        end; on disk also of those that another model read, since what they are is not known. What is true of some ids
        must be true of those with more behind them."""
        with self._lock:
            self._entries = [entry for entry in self._entries if not holds(entry.cache.token_ids)]
            for entry, prompt in self._in_use.items():
                entry.forgotten |= holds(prompt)
        if self._disk:
            self._disk.forget(holds)

    def close(self) -> None:
        """At the end: wait until everything is on disk."""
        if self._files:
            self._files.close()

    def too_large(self, tokens: int) -> Statement | None:
        """What is said of a prefix of so many tokens of which the files may not hold all, with the tokens that are kept
        and the megabytes; None if they may, or if there are none."""
        return self._disk.too_large(tokens) if self._disk else None

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept in memory."""
        return bytes_in(self._entries)

    @property
    def held(self) -> int:
        """With what the runs under way have so far."""
        return self.nbytes + bytes_in(list(self._in_use))

    @property
    def oldest(self) -> float | None:
        """When the cache was used that goes next, in seconds of time.monotonic; None if there is none."""
        entry = next(iter(self._entries), None)
        return entry.used if entry else None

    def let_go(self) -> None:
        """Let go of that, be it the last one; from the disk it is read again."""
        with self._lock:
            del self._entries[:1]

    def _documents(
        self,
        token_ids: Sequence[int],
        prefix_end: int,
        policy: Policy,
        spans: Sequence[tuple[int, int]],
        behind: Sequence[int] | None,
        window: Beyond | None,
    ) -> tuple[Document, ...]:
        """Those of `spans` that are read apart, see `use`."""
        if not spans:
            return ()
        require_movable(self._model)
        if behind:
            require_known(self._model, torch.tensor([behind]))
        before = tuple(token_ids[: spans[0][0]] if behind is None else behind)
        in_place = len(before) if tuple(token_ids[: len(before)]) == before else None
        most = len(token_ids) - max(LEAST_TAIL, policy.queries)
        found = spans_to_place(spans, prefix_end, most, in_place)

        def read(start: int, end: int) -> AbstractContextManager[PolicyCache]:
            ids = [*before, *token_ids[start:end]]
            return self.use(ids, len(ids), FullAttention(), window=window)

        if policy.sums_attention:
            return ()
        return tuple(Document(start, end, before, partial(read, start, end)) for start, end in found)

    @property
    def can_move(self) -> bool:
        """Whether the model's keys can be moved, so that documents can be read apart."""
        try:
            require_movable(self._model)
        except PolicyInactiveError:
            return False
        return True

    def _load(self, entry: Entry, token_ids: Sequence[int], end: int, room: int) -> bool:
        """Give an empty entry what is on disk of its prefix up to `end`, if that is more than is in memory, and if
        there is memory for the run."""
        cache = entry.cache
        if self._disk is None or cache.policy.sums_attention:
            return False
        with self._lock:
            _, known = self._best(token_ids, cache)
        parts = self._disk.load(token_ids[:end], cache.window, known)
        if not parts:
            return False
        needed = self._free(cache, room)
        if cache.window is not None and free_for(self._model) < needed:  # it will be refused
            return False
        with self._lock:
            self._restore(entry, parts, room)
        return True

    def _take(self, entry: Entry, token_ids: Sequence[int], room: int) -> None:
        """Give an empty entry the best start there is in memory; the one that has it is taken out of those kept.

        Another's cache is continued only if it loses no part of its prefix: if the prompt begins with all that it holds
        of it. Otherwise what it shares with the prompt is copied, and it stays as it is; of a run under way, too. So
        the first `held` tokens of an entry never change, and can be copied and written to disk while it is in use.
        """
        cache = entry.cache
        if not cache.policy.sums_attention:  # of all tokens of the prompt, which it must therefore read itself
            other, shared = self._best(token_ids, cache)
            if other and self._continues(other, shared, cache.beyond):
                other.cache.truncate(shared)  # the same tokens that follow may have been read otherwise
                # What a run evicted must not be missing in the next, so that a text depends on its request alone.
                same = other.cache.policy == cache.policy and not cache.policy.evicts
                entry.cache = other.cache if same else other.cache.with_policy(cache.policy)
                self._entries.remove(other)
                return
            if other and (snapshot := self._copyable(other.cache, shared)):
                self._restore(entry, [snapshot], room)
                return
        self._make_room(self._needed(cache, room))

    def _best(self, token_ids: Sequence[int], empty: PolicyCache) -> tuple[Entry | None, int]:
        """The entry that shares most tokens with the prompt, for which an `empty` cache would else be taken, and how
        many; of equal ones one that can be continued, as those of runs under way cannot be."""
        ranked = [(entry.shared(token_ids, empty), entry) for entry in [*self._in_use, *self._entries]]

        def rank(found: tuple[int, Entry]) -> tuple[int, bool]:
            return found[0], self._continues(found[1], found[0], empty.beyond)

        shared, entry = max(ranked, key=rank, default=(0, None))
        return entry, shared

    def _continues(self, entry: Entry, shared: int, window: Beyond | None) -> bool:
        """Whether a prompt that shares so many tokens with `entry` can go on in its cache."""
        return entry not in self._in_use and shared >= entry.held and entry.cache.beyond == window

    def _copyable(self, cache: PolicyCache, shared: int) -> Snapshot | None:
        length = min(shared, cache.prefilled)
        if length < MINIMUM_TOKENS:
            return None
        try:
            return Snapshot.take(cache, length)
        except SnapshotError:  # sliding or recurrent layers
            return None

    def _restore(self, entry: Entry, parts: Sequence[Snapshot], room: int) -> None:
        """Give an empty entry what is in `parts`, which follow each other, with room for so many tokens."""
        self._make_room(sum(part.nbytes for part in parts) * room // len(parts[-1].token_ids))
        device = self._devices[0] if len(self._devices) == 1 else None
        (first, *others), empty = parts, entry.cache
        entry.cache = first.restore(
            self._model.config, empty.policy, following=others, room=room, device=device, window=empty.beyond
        )

    def _storing(self, entry: Entry, prefix: Sequence[int]) -> AbstractContextManager[None]:
        """In it, in which a run has the entry, what is computed of its prefix goes to disk."""
        if self._disk is None:
            return nullcontext()
        return self._disk.storing(entry.cache, prefix, lambda: not entry.forgotten)

    def _keep(self, entry: Entry) -> None:
        if entry.forgotten or not entry.cache.token_ids:
            return
        self._make_room(entry.cache.nbytes)
        entry.used = time.monotonic()
        self._entries.append(entry)
        self._token_bytes = token_bytes(entry.cache)

    def _needed(self, cache: PolicyCache, room: int) -> int:
        """Bytes that so many tokens take in `cache`; within the window reckoned from the last run's."""
        if cache.window is None:
            return self._token_bytes * room
        per_token, fixed = bytes_of(self._model, cache)
        return per_token * room + fixed

    def _make_room(self, needed: int) -> None:
        while self._entries and self.nbytes + needed > self._memory_bytes:
            self._entries.pop(0)

    def _free(self, cache: PolicyCache, room: int) -> int:
        """Have others let go of theirs for a run, and these caches too until the machine has the memory that a run
        beyond the window is refused without. Returns the bytes that it needs more than it has."""
        needed = max(0, self._needed(cache, room) - cache.nbytes)
        if self._make_room_elsewhere is not None:
            self._make_room_elsewhere(needed)
        if cache.window is not None:
            with self._lock:
                while self._entries and free_for(self._model) < needed:
                    del self._entries[0]
        return needed
