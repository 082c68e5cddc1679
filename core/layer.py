"""One layer of the KV cache under a policy: the full cache, and what kind of step comes next.

Holds storage, schedule and counts; what a method keeps is in `kept.py`, how attention is computed in `attention.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import CacheLayerMixin

from .errors import InvalidParameterError, PolicyInactiveError
from .events import RefreshReason
from .extension import Extension
from .kept import Kept
from .key_codes import KeyCodes
from .on_disk import DiskStorage
from .parallel import Processes
from .places import Extended
from .policies import Observation, Policy
from .policies.base import mean_query
from .rotary import Rotary
from .storage import GrowingTensor, SmallCache
from .window import Window

ATTENTION_NAME = "refreshkv"
"""Name under which the attention function and its mask are registered with transformers."""

LAYER_KEY = "policy_layer"
"""Keyword under which `PolicyLayer.update` hands itself to the attention function."""


class Step(Enum):
    """What one forward does in one layer."""

    PREFILL_CHUNK = auto()  # full attention, and more of the prompt follows
    PREFILL = auto()  # full attention, then the small cache is chosen from the last token
    CHECK = auto()  # a decode step that becomes FULL or PARTIAL once the query is known
    FULL = auto()  # a decode step over the full cache, which refreshes the small one
    PARTIAL = auto()  # a decode step over the small cache
    RENEWED = auto()  # a decode step over the small cache, which its index chooses anew for this query
    CHOSEN = auto()  # a decode step over the positions that the index chooses for its query
    VERIFY = auto()  # several tokens, each a decode step of its own that may be taken back


PROMPT_STEPS = (Step.PREFILL_CHUNK, Step.PREFILL)


class PolicyLayer(CacheLayerMixin):
    """One layer's `C_f` and `C_p` (paper, section 3), and how its forwards were spent.

    The layer reports the full length to the model, so that position ids and masks are those of the full cache. In a
    partial step `update` returns the new token's keys and values alone, and the attention function adds the small
    cache: a model that expands its cached latents (DeepSeek) then expands one token, not the whole context.
    """

    is_compileable = False
    is_croppable = True
    is_sliding = False

    def __init__(
        self,
        policy: Policy,
        dtype: torch.dtype | None = None,
        window: Window | None = None,
        others: Processes | None = None,
        disk: DiskStorage | None = None,
    ) -> None:
        """An empty layer; storage is made at the first update, where what is cached is, or on `disk`.

        `dtype`: in which keys and values are stored; None is that of what is cached. `update` returns the stored ones,
        so that a forward sees the same past however it came there. `window`: how to go on beyond it, if at all.
        `others`: the processes that have the layer's other heads, if any.
        """
        self.policy = policy
        self.window = window
        self.others = others
        self.disk = disk
        self.dtype = dtype
        self.is_initialized = False
        self._full: tuple[GrowingTensor, GrowingTensor] | None = None
        self._reserved = 0
        self._clear()

    def _clear(self) -> None:
        """Forget everything that belongs to the tokens seen so far, counts included."""
        self.kept = Kept(self.policy, self.others)
        self.extension = None if self.window is None else Extension(self.window)
        self.reserve(self._reserved)
        self.anchor: Tensor | None = None
        self.decode_step = 0
        self.full_steps = 0
        self.partial_steps = 0
        self.step: Step | None = None
        self.forced_step: Step | None = None
        self.refreshed: RefreshReason | None = None
        self.record_past = False
        # What full steps attend to, `(batch, heads, group, length)` each, if it is kept.
        self.seen: list[Tensor] | None = None
        self._chunks: tuple[int, ...] = ()  # forwards of the prompt at hand, as far as nobody said that it is one
        self._undo: list[Callable[[], None]] = []
        self._awaits_attention = False

    @property
    def small(self) -> SmallCache | None:
        """The small cache, None if there is none."""
        return self.kept.small

    @property
    def keys(self) -> Tensor | None:  # type: ignore[override]
        """The full cache's keys `(batch, heads, length, key_dim)`, None before the first token."""
        return self._full[0].view if self._full is not None else None

    @property
    def values(self) -> Tensor | None:  # type: ignore[override]
        """The full cache's values `(batch, heads, length, value_dim)`, None before the first token."""
        return self._full[1].view if self._full is not None else None

    # --- the transformers side -------------------------------------------------------------------------------------

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Make the storage: keys and values may differ in heads and size (latent attention)."""
        keys, values = (states[:, :, :0].to(self.dtype or states.dtype) for states in (key_states, value_states))
        self._full = (GrowingTensor(keys, self.disk), GrowingTensor(values, self.disk))
        self.is_initialized = True
        self.reserve(self._reserved)

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append `(batch, heads, new, dim)` to the full cache and settle what kind of step this is.

        Returns what the attention function is to see: everything, or in a partial step the new token alone. Raises
        PolicyInactiveError if the attention function never asked for the previous step, or cannot be reached.
        """
        attention_kwargs = self._require_attention(kwargs.get("kwargs"))
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.step = self.upcoming_step(key_states.shape[2])
        self._undo = []
        if self.step in PROMPT_STEPS:
            self._chunks = (*self._chunks, key_states.shape[2]) if self.forced_step is None else ()
            self.decode_step = 0
            self.kept.settle(self.get_seq_length())
        else:
            self._chunks = ()
            self.decode_step += self.step is not Step.VERIFY
        full_keys, full_values = self.full
        full_keys.append(key_states)
        full_values.append(value_states)
        attention_kwargs[LAYER_KEY] = self
        self._awaits_attention = True
        if self.step is Step.PARTIAL:
            return key_states, value_states
        return full_keys.view, full_values.view

    def get_seq_length(self) -> int:
        """Tokens in the full cache."""
        return self._full[0].length if self._full is not None else 0

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Masks always span the full cache; the attention function picks the columns of the small one. Beyond the
        window it needs none, and several tokens get one of themselves alone."""
        if query_length > 1 and self.get_seq_length() > 0 and self.is_beyond(query_length):
            return query_length, self.get_seq_length()
        return self.get_seq_length() + query_length, 0

    def get_max_length(self) -> int:
        """No maximum."""
        return -1

    def reset(self) -> None:
        """Empty the layer and its counts; the storage is freed."""
        self._full = None
        self.is_initialized = False
        self._clear()

    def crop(self, tokens_to_remove: int) -> None:
        """Remove the last `-tokens_to_remove` tokens (a negative number, as in transformers).

        Tokens of the last forward that were verified are taken back, as if they had not come. Else the small cache goes
        too, since it may hold removed tokens; the next step is full and chooses a new one.
        """
        if tokens_to_remove > 0:
            raise InvalidParameterError(
                "crop-out-of-range",
                "crop takes minus the number of tokens to remove, and got {tokens}. Pass 0 or less.",
                tokens=tokens_to_remove,
            )
        if tokens_to_remove == 0 or self._full is None:
            return
        before = self.get_seq_length()
        for buffer in self._full:
            buffer.truncate(max(0, buffer.length + tokens_to_remove))
        if -tokens_to_remove <= len(self._undo):
            for _ in range(-tokens_to_remove):
                self._undo.pop()()
        else:
            self.kept.crop(before, self.get_seq_length())
        if self.extension is not None:
            self.extension.truncate(self.get_seq_length())
        self._awaits_attention = False

    def activate_past_recording(self) -> None:
        """From now on tokens of a forward may be taken back (transformers calls it for assisted decoding): several at
        once are no prompt then, but decode steps to be verified, until `generate` begins anew or `PolicyCache.prefill`
        says that they are one."""
        self.record_past = True

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Follow the beams that survive."""
        self._map_batch(lambda states: states.index_select(0, beam_idx.to(states.device)))

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat every row `repeats` times."""
        self._map_batch(lambda states: states.repeat_interleave(repeats, dim=0))

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep the given rows."""
        self._map_batch(lambda states: states[indices.to(states.device)])

    # --- the attention function's side ------------------------------------------------------------------------------

    def begin_attention(self, query: Tensor) -> Step:
        """Settle the step, now that its query `(batch, query_heads, new, dim)` is known, and count it.

        Raises PolicyInactiveError if the module attends twice for one update, unless every step is full.
        """
        assert self.step is not None
        if not self._awaits_attention:
            self._require_one_attention()
            return self.step
        self._awaits_attention = False
        if self.step is Step.VERIFY:
            return self.step
        return self._settle_check(query)

    def begin_verified(self, query: Tensor, position: int) -> None:
        """As `begin_attention`, of one of several tokens: the one at `position`, with its query
        `(batch, query_heads, 1, dim)`."""
        counts = (self.decode_step, self.full_steps, self.partial_steps, self.anchor, self.refreshed)
        new = position + 1 - self.get_seq_length()
        self.step = self._upcoming_decode_step(new)
        back = self.kept.undoing(position, self.step in (Step.FULL, Step.CHECK, Step.RENEWED))

        def undo() -> None:
            back()
            self.decode_step, self.full_steps, self.partial_steps, self.anchor, self.refreshed = counts

        self._undo.append(undo)
        self.decode_step += 1
        self._settle_check(query, new)

    def _settle_check(self, query: Tensor, new: int = 0) -> Step:
        compares = self.policy.compares_queries() and self.step is not Step.PARTIAL
        current = mean_query(query, self.others) if compares else None
        if self.step is Step.CHECK:
            stays = (
                current is not None and self.anchor is not None and self.policy.keeps_small_cache(current, self.anchor)
            )
            self.step = Step.PARTIAL if stays else self._refreshing_step(new)
        assert self.step is not None
        if self.step is not Step.PARTIAL:
            self.anchor = current
        self._settle(self.step)
        return self.step

    @property
    def wants_selection(self) -> bool:
        """Whether what is kept is to be chosen from this step."""
        return bool(self.kept.sizes) and self.step in (Step.PREFILL, Step.FULL)

    def count(self, length: int, valid: Tensor | None) -> None:
        """Take K of what is there after the last token of a prompt, see `Kept.count`."""
        if self.step is Step.PREFILL or not self.kept.sizes:
            self.kept.count(length, valid)

    def place_chosen(self, positions: Tensor) -> None:
        """What this step attended to, or chose from, was a working set of these `positions` `(1, heads, count)`."""
        if self.kept.index is not None:
            self.note_choice()
            self.kept.chosen = positions
        elif self.small is not None:
            self.small.positions.copy_(positions.gather(2, self.small.positions))

    def refresh(self, seen: Observation, keys: Tensor, values: Tensor) -> None:
        """Choose the small cache anew (paper, section 3): `keys`, `values` `(batch, heads, length, dim)`."""
        self.note_refresh()
        self.kept.choose(seen, keys, values)

    def look_up(self, query: Tensor, keys: Tensor, scaling: float, valid: Tensor | None) -> Tensor:
        """What the index chooses for the last of `query` `(batch, query_heads, new, dim)`, see `LayerIndex.choose`."""
        self.note_choice()
        return self.kept.look_up(query[:, :, -1:], keys, scaling, valid)

    def renew(self, query: Tensor, keys: Tensor, values: Tensor, scaling: float, valid: Tensor | None) -> SmallCache:
        """Choose the small cache anew for `query` `(batch, query_heads, 1, dim)` by the index, and return it."""
        self.note_refresh()
        return self.kept.renew(query, keys, values, scaling, valid)

    def note_choice(self) -> None:
        """Note whether what the index chooses in this step is to be reported, and why."""
        if self.step is Step.PREFILL:
            self.refreshed = "prefill"
        elif self.policy.is_check_step(self.decode_step):
            self.refreshed = "stride"

    def note_refresh(self) -> None:
        """Note why the small cache is about to be chosen."""
        if self.step is Step.PREFILL:
            self.refreshed = "prefill"
        elif self.small is None:
            self.refreshed = "rebuild"
        else:
            self.refreshed = "similarity" if self.policy.compares_queries() else "stride"

    def reports(self, ahead: int = 0) -> bool:
        """Whether what the index chooses in the next decode step, or so many later, is to be reported."""
        return self.policy.is_check_step(self.decode_step + 1 + ahead)

    def is_beyond(self, new_tokens: int = 0) -> bool:
        """Whether so many tokens more are, in part, beyond the window to be extended."""
        return self.window is not None and self.get_seq_length() + new_tokens > self.window.size

    # --- the compiled graph's side ------------------------------------------------------------------------------------

    def upcoming_step(self, new_tokens: int = 1) -> Step:
        """What a forward of so many tokens would be."""
        if self.forced_step is not None:
            return self.forced_step
        if self.get_seq_length() == 0:
            return Step.PREFILL
        if new_tokens > 1:
            return Step.VERIFY if self.record_past and self.kept.sizes else Step.PREFILL
        # A prompt that came in forwards of one size, and none that was smaller, may end with a single token.
        tail = len(self._chunks) > 1 and len(set(self._chunks)) == 1
        return Step.PREFILL if tail else self._upcoming_decode_step(1)

    def _upcoming_decode_step(self, new: int) -> Step:
        """Of the token that ends `new` behind what is there."""
        if self.kept.index is not None:
            return Step.CHOSEN if self.kept.sizes else Step.FULL
        if self.small is None:
            return Step.FULL
        if not self.policy.is_check_step(self.decode_step + 1):
            return Step.PARTIAL
        return Step.CHECK if self.policy.compares_queries() else self._refreshing_step(new)

    def _refreshing_step(self, new: int) -> Step:
        return Step.FULL if self.kept.scorer is None or self.is_beyond(new) else Step.RENEWED

    def prepare_beyond(self, rotary: Rotary) -> tuple[KeyCodes, int, Extended]:
        """For a compiled step beyond the window, see `Extension.prepare`."""
        assert self.extension is not None
        if not self.kept.sizes:
            self.kept.count(self.get_seq_length() + 1, None)
        keys, values = (buffer.view for buffer in self.full)
        return self.extension.prepare(keys, values, self.most_old, self.get_seq_length(), rotary)

    def claim(self, position: int) -> tuple[int, int]:
        """A slot of the small cache for the token at `position`, and the slots in use with it."""
        assert self.small is not None
        slot = self.small.claim(position)
        assert isinstance(slot, int)
        return slot, self.small.slots

    @property
    def small_storage(self) -> tuple[Tensor, Tensor]:
        """The small cache's keys and values `(batch, heads, slots and room, dim)`."""
        assert self.small is not None
        return self.small.keys_buffer.storage, self.small.values_buffer.storage

    def record(self, step: Step, chosen: Tensor) -> None:
        """Account for a decode step of one token that wrote its keys and values into the storage by itself; a step by
        an index that is reported has `chosen` these positions, int64 `(heads, count)`, beyond the window among what is
        old."""
        self.decode_step += 1
        for buffer in self.full:
            buffer.extend(1)
        self._settle(step)
        if self.is_beyond():
            if step is Step.CHOSEN:
                self.place_chosen(self.working_positions(chosen))
            return
        if step is Step.CHOSEN:
            self.note_choice()
            self.kept.chosen = chosen[None]
        if step is Step.RENEWED:
            self.note_refresh()
        if step in (Step.CHOSEN, Step.RENEWED):
            self.kept.count_coded(self.get_seq_length())

    @property
    def most_old(self) -> int:
        """How many old positions a step beyond the window chooses at most: K, as far as there is room, or what a block
        of a prompt does."""
        assert self.extension is not None
        window = self.extension.window
        return min(window.room, min(self.kept.sizes, default=window.chosen))

    def working_positions(self, chosen: Tensor) -> Tensor:
        """The positions `(1, heads, count)` of the last token's working set, of which `chosen` `(heads, count)` are
        old."""
        assert self.extension is not None
        return self.extension.with_local(chosen[None], self.get_seq_length())

    @property
    def attended(self) -> tuple[Tensor, Tensor]:
        """The keys and values `(batch, heads, length, dim)` that a step over everything attends to."""
        if self.is_beyond():
            assert self.extension is not None
            return self.extension.attended
        keys, values = self.full
        return keys.view, values.view

    # --- the rest ---------------------------------------------------------------------------------------------------

    @property
    def full(self) -> tuple[GrowingTensor, GrowingTensor]:
        """The buffers of the full cache's keys and values."""
        assert self._full is not None
        return self._full

    @property
    def nbytes(self) -> int:
        """Bytes of memory of the full cache, reserved room included, and of what is kept beside it."""
        extension = 0 if self.extension is None else self.extension.nbytes
        return sum(buffer.nbytes for buffer in self._full or ()) + self.kept.nbytes + extension

    def adopt(self, keys: GrowingTensor, values: GrowingTensor, extension: Extension | None = None) -> None:
        """Take over a full cache that was filled elsewhere, in place of what the layer holds, with what was made of it
        beyond the window; there is no small one."""
        self.reset()
        self._full = (keys, values)
        self.extension = extension or self.extension
        self.is_initialized = True

    def reserve(self, length: int) -> None:
        """Make room for `length` tokens, so that no buffer moves until they are there."""
        self._reserved = length
        for buffer in self._full or ():
            buffer.reserve(length)
        if self.extension is not None:
            self.extension.reserved = max(length - self.extension.window.local, 0)

    def _settle(self, step: Step) -> None:
        """Count a step whose tokens are in the full cache."""
        self.step = step
        self.kept.decoded = step not in PROMPT_STEPS
        self.full_steps += step in (Step.FULL, Step.RENEWED)
        self.partial_steps += step in (Step.PARTIAL, Step.CHOSEN)

    def _require_attention(self, attention_kwargs: dict[str, Any] | None) -> dict[str, Any]:
        if attention_kwargs is None:
            raise PolicyInactiveError(
                "attention-without-cache-arguments",
                "This architecture does not hand its attention arguments to the cache, so the policy could not act and "
                "every step would silently use full attention. Use a model whose attention calls cache.update(..., "
                "kwargs=kwargs) (llama, qwen, mistral, gemma, gpt2, …), or transformers' DynamicCache.",
            )
        if self._awaits_attention:
            raise PolicyInactiveError(
                "step-not-attended",
                "The previous step was cached but attended to without the {attention!r} attention function, so the "
                "policy did nothing. Call enable(model) and do not change its attention implementation afterwards.",
                attention=ATTENTION_NAME,
            )
        return attention_kwargs

    def _require_one_attention(self) -> None:
        if not self.policy.reads_all:
            raise PolicyInactiveError(
                "attention-entered-twice",
                "This architecture computes attention twice for one token of its cache (as DiffLlama does), with which "
                "{policy} would choose from half of it. Use FullAttention() or transformers' DynamicCache.",
                policy=type(self.policy).__name__,
            )

    def _map_batch(self, function: Callable[[Tensor], Tensor]) -> None:
        if self._full is None:
            return
        for buffer in self._full:
            buffer.map_batch(function)
        self.kept.map_batch(function)
        if self.anchor is not None:
            self.anchor = function(self.anchor)
