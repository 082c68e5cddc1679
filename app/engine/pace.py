"""How much of a prompt is read at once, so that Stop answers soon and reading stays fast. Pure."""

from __future__ import annotations

CHUNK_SECONDS, MOST_SECONDS = 0.6, 0.9
"""What a chunk is to take, and more than which it is not to: Stop has to answer within a second."""

LEAST_CHUNK, FIRST_CHUNK, MOST_CHUNK = 32, 256, 1024
"""Tokens of a chunk: at least, at first, and at most."""

WORTH = 0.7
"""Half a chunk has to take less than this share of a whole one. Some models unpack all their weights for each chunk,
however short: there small chunks are hardly faster, and the prompt takes many times as long."""


class Pace:
    """The size of each chunk of one prompt from the time that the one before took: what `prefill_chunk` may be."""

    def __init__(self) -> None:
        """For a prompt of which nothing was read yet."""
        self._size, self._least = FIRST_CHUNK, LEAST_CHUNK
        self._whole: float | None = None

    def __call__(self, tokens: int, seconds: float) -> int:
        """Tokens of the next chunk; the last had `tokens` and took `seconds`."""
        if tokens < self._size:  # nothing was read yet
            return self._size
        whole, self._whole = self._whole, None
        if whole is not None and seconds > WORTH * whole:
            self._size = self._least = 2 * self._size
        elif seconds <= MOST_SECONDS:
            meant = int(tokens * CHUNK_SECONDS / max(seconds, 1e-9))
            self._size = max(self._size, min(meant, MOST_CHUNK))
        elif self._size // 2 >= self._least:
            self._size, self._whole = self._size // 2, seconds
        return self._size
