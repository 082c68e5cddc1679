"""How long runs take, from the latest ones. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.run import GenerationRequest
from core import GenerationFinished

LATEST = 8
"""Runs that are looked at: documents, texts and methods change with who comes."""

WITHIN_RATE, BEYOND_RATE, FAR_RATE, FAR = 1_000.0, 600.0, 350.0, 120_000
"""Tokens of a prompt read in a second within the window, just beyond it, and so many tokens behind its end: some two
thirds of what the embedded model reads on two cores. What is reckoned with while nothing is measured."""

WRITING_RATE, BEYOND_WRITING_RATE, FAR_WRITING_RATE = 100.0, 50.0, 25.0
"""Tokens written in a second, likewise."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """What a run takes for its prompt and for its text."""

    reading: float
    writing: float

    @property
    def total(self) -> float:
        """Of both."""
        return self.reading + self.writing


@dataclass(frozen=True, slots=True)
class _Ended:
    """A run that is over: what it took, the most tokens that it was to write, those of the prompt that were read
    before, and the window beyond which it went on, if it did."""

    what: GenerationFinished
    asked: int
    reused: int
    window: int | None

    @property
    def usual(self) -> Seconds:
        """What the embedded model would have taken."""
        before, all_of_it = (
            usual(tokens, self.what.generated_tokens, self.window) for tokens in (self.reused, self.what.prompt_tokens)
        )
        return Seconds(all_of_it.reading - before.reading, all_of_it.writing)


class RunTimes:
    """The rates of the latest runs, in tokens and seconds. Not for several threads at once."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._latest: deque[_Ended] = deque(maxlen=LATEST)

    def add(self, ended: GenerationFinished, asked: int, reused: int = 0, window: int | None = None) -> None:
        """A run is over that was to have at most `asked` tokens, and found the first `reused` of its prompt read.
        `window`: beyond which it went on."""
        self._latest.append(_Ended(ended, asked, reused, window))

    def seconds(self, request: GenerationRequest) -> Seconds | None:
        """What it will take, as `expected` says from its tokens: what is in the cache is not known beforehand. None
        while no run has ended."""
        if not any(each.what.generated_tokens for each in self._latest):
            return None
        return self.expected(request.token_ids.shape[1], request.max_new_tokens, request.window)

    def expected(self, prompt: int, new: int, window: int | None = None, heavier: float = 1.0) -> Seconds:
        """What so many tokens will take, read and then written, at most `new`; beyond `window` if one is given. As the
        embedded model takes it, by how much more or less the latest runs took: those of the same kind, if there are. A
        model of which nothing is known takes as much longer as it is `heavier`."""
        same = [each for each in self._latest if (each.window is None) is (window is None)]
        latest = [(each.what, each.usual) for each in same or self._latest]
        reading = _ratio([(what.prefill_seconds, would.reading) for what, would in latest], heavier)
        writing = _ratio([(what.decode_seconds, would.writing) for what, would in latest], heavier)
        found = usual(prompt, round(new * self._share), window)
        return Seconds(found.reading * reading, found.writing * writing)

    @property
    def _share(self) -> float:
        """Of the tokens asked for, those that were written lately."""
        asked = sum(each.asked for each in self._latest)
        return sum(each.what.generated_tokens for each in self._latest) / asked if asked else 1.0


def usual(prompt: int, new: int, window: int | None = None) -> Seconds:
    """What the embedded model takes to read so many tokens, and to write `new` behind them."""
    within = prompt if window is None else min(prompt, window)
    beyond = prompt - within
    # What a token takes grows with the tokens before it.
    reading = within / WITHIN_RATE + beyond / BEYOND_RATE + (1 / FAR_RATE - 1 / BEYOND_RATE) * beyond**2 / FAR / 2
    if window is None:
        return Seconds(reading, new / WRITING_RATE)
    slower = (1 / FAR_WRITING_RATE - 1 / BEYOND_WRITING_RATE) * beyond / FAR
    return Seconds(reading, new * (1 / BEYOND_WRITING_RATE + slower))


def _ratio(pairs: Sequence[tuple[float, float]], otherwise: float) -> float:
    """What was measured against what is usual."""
    measured, usually = sum(took for took, _ in pairs), sum(would for _, would in pairs)
    return measured / usually if measured > 0 and usually > 0 else otherwise
