"""How long runs take, from the latest ones. Pure."""

from __future__ import annotations

from collections import deque

from app.engine.run import GenerationRequest
from core import GenerationFinished

LATEST = 8
"""Runs that are looked at: documents, texts and methods change with who comes."""


class RunTimes:
    """The rates of the latest runs, in tokens and seconds. Not for several threads at once."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._latest: deque[tuple[GenerationFinished, int]] = deque(maxlen=LATEST)

    def add(self, ended: GenerationFinished, asked: int) -> None:
        """A run is over that was to have at most `asked` tokens."""
        self._latest.append((ended, asked))

    def seconds(self, request: GenerationRequest) -> tuple[float, float] | None:
        """What reading and writing will take, from its tokens: of those asked for as large a share is written as was
        lately. What is in the cache is not known beforehand. None while no run has ended."""
        generated = sum(ended.generated_tokens for ended, _ in self._latest)
        asked = sum(asked for _, asked in self._latest)
        if not generated or not asked:
            return None
        read = sum(ended.prompt_tokens for ended, _ in self._latest)
        reading = sum(ended.prefill_seconds for ended, _ in self._latest)
        writing = sum(ended.decode_seconds for ended, _ in self._latest)
        prompt, new = request.token_ids.shape[1], request.max_new_tokens * generated / asked
        return prompt * reading / max(read, 1), new * writing / generated
