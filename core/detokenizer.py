"""Token ids -> text as it streams. Knows nothing of models."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

_INCOMPLETE = "\ufffd"


class Detokenizer:
    """Turns a growing list of token ids into text, a piece at a time, that joins to the text of the whole.

    Text is held back while it could still change: an incomplete UTF-8 character, or the beginning of a stop string.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, stop_strings: Sequence[str] = ()) -> None:
        """`stop_strings`: the text ends before the first occurrence of any of them; empty strings are ignored."""
        self._tokenizer = tokenizer
        self._stop_strings = tuple(stop for stop in stop_strings if stop)
        self._token_ids: list[int] = []
        self._prefix = 0  # tokens before this index are settled context, kept since spacing may depend on them
        self._read = 0  # tokens before this index are in `_decoded`
        self._decoded = ""
        self._emitted = 0
        self.stopped = False

    @property
    def text(self) -> str:
        """What has been given out so far."""
        return self._decoded[: self._emitted]

    def add(self, token_id: int) -> str:
        """Take one token and return the text that became certain; sets `stopped` when a stop string is complete."""
        self._token_ids.append(token_id)
        settled = self._decode(self._prefix, self._read)
        latest = self._decode(self._prefix, len(self._token_ids))
        if len(latest) <= len(settled) or latest.endswith(_INCOMPLETE):
            return ""
        self._decoded += latest[len(settled) :]
        self._prefix, self._read = self._read, len(self._token_ids)
        return self._emit(final=False)

    def finish(self) -> str:
        """Return what was held back, at the end of a generation that no stop string ended."""
        if self.stopped:
            return ""
        settled = self._decode(self._prefix, self._read)
        self._decoded += self._decode(self._prefix, len(self._token_ids))[len(settled) :]
        self._prefix = self._read = len(self._token_ids)
        return self._emit(final=True)

    def _decode(self, start: int, end: int) -> str:
        ids = self._token_ids[start:end]
        return str(self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _emit(self, final: bool) -> str:
        end = len(self._decoded)
        found = [at for stop in self._stop_strings if (at := self._decoded.find(stop, self._emitted)) >= 0]
        if found:
            end, self.stopped = min(found), True
        elif not final:
            end -= self._possible_stop()
        piece = self._decoded[self._emitted : end]
        self._emitted = max(end, self._emitted)
        return piece

    def _possible_stop(self) -> int:
        """Length of the longest end of the text that is the beginning of a stop string."""
        longest = 0
        for stop in self._stop_strings:
            for size in range(min(len(stop) - 1, len(self._decoded) - self._emitted), longest, -1):
                if self._decoded.endswith(stop[:size]):
                    longest = size
                    break
        return longest
