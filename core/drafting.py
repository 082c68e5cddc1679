"""Drafts: what may follow, guessed cheaply, to be verified in one step (Leviathan et al. 2023, arXiv 2211.17192).

A draft changes no text: of what is verified only that is taken which would have been written anyway. So who drafts, and
how much, may follow the clock.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from time import perf_counter
from typing import Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel

from .cache import PolicyCache
from .layer import PolicyLayer, Step
from .policies import Policy
from .policies.base import MOST_DRAFTED
from .prompt import window_of
from .refresh import refresh_together
from .sampling import Sampler
from .steps import Verified, decode, verify

MATCHES = {1: 0.1, 2: 0.2, 4: 0.3, 8: 0.5, 16: 0.8}
"""How many last tokens may agree with earlier ones, and how likely what followed those is at first to be next."""

REMEMBERED, FEW = 15, 5
"""Durations of which the median is taken, and how few say nothing: a busy machine makes single ones long, and the first
prepares what others find."""

WORTH = 1.03
"""How much sooner the text must come by a draft, to be drafted."""

ROW = 1 / 8
"""Of a step's time, what a further token may add while it has not been measured."""


class Odds:
    """How likely a drafted token is the right one, of late: 1 is all."""

    FADING = 0.995  # with each token of the text: what did not pay is tried again

    def __init__(self, expected: float, weight: float = 4.0) -> None:
        """Begin with `expected`, as if seen `weight` times."""
        self._expected, self._weight = expected, weight
        self._right = self._tried = 0.0

    @property
    def value(self) -> float:
        """Between 0 and 1."""
        return (self._expected * self._weight + self._right) / (self._weight + self._tried)

    def pass_by(self, tokens: int = 1) -> None:
        """The text grew by so many."""
        self._right *= self.FADING**tokens
        self._tried *= self.FADING**tokens

    def learn(self, right: int, drafted: int) -> None:
        """So many of a draft were right, and the next, if there was one, was not."""
        self._right += right
        self._tried += min(right + 1, drafted)


class Costs:
    """Seconds of a step by how many tokens it takes."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._seconds: dict[int, deque[float]] = {}

    def learn(self, tokens: int, seconds: float) -> None:
        """A step of so many tokens took so long."""
        self._seconds.setdefault(tokens, deque(maxlen=REMEMBERED)).append(seconds)

    @property
    def step(self) -> float:
        """Of one token; 0 while it is not known."""
        return self.of(1)

    def of(self, tokens: int) -> float:
        """Of so many; where that is not known yet, a token adds what the most that is known took in the mean, and an
        eighth of a step at least."""
        if 1 not in self._seconds:
            return 0.0
        times = {count: median(times) for count, times in self._seconds.items() if count == 1 or len(times) >= FEW}
        known = max(count for count in times if count <= tokens)
        one, seconds = times[1], times[known]
        row = max(ROW * one, (seconds - one) / max(1, known - 1))
        return max(one, seconds) + row * (tokens - known)

    def best(self, odds: float, most: int, draft: float = 0.0) -> int:
        """How many tokens to draft at most, so that the text comes soonest; a drafted one takes `draft` seconds."""

        def pace(count: int) -> float:  # tokens a second: those that are right, and one more
            return sum(odds**place for place in range(count + 1)) / (self.of(1 + count) + count * draft)

        if not self.step:
            return 0
        count = max(range(most + 1), key=pace)
        return count if pace(count) >= WORTH * pace(0) else 0


class Drafter(Protocol):
    """Who guesses."""

    def draft(self, ids: Tensor, costs: Costs) -> list[int]:
        """What may follow `ids` `(1, length)`, whose last token the cache does not hold yet; nothing if it does not
        pay."""

    def learn(self, right: int, drafted: int) -> None:
        """Of its last draft so many tokens were right."""


class Foretelling(Protocol):
    """A logits processor that knows what comes, as `Dictation` does."""

    def upcoming(self, count: int) -> list[int]:
        """The next tokens, so many at most."""


class Foretold:
    """Drafts what a logits processor will let through anyway."""

    def __init__(self, processor: Foretelling) -> None:
        """Of the generation at hand."""
        self._processor = processor

    def draft(self, ids: Tensor, costs: Costs) -> list[int]:
        """As much as a step takes."""
        return self._processor.upcoming(MOST_DRAFTED)

    def learn(self, right: int, drafted: int) -> None:
        """It is always right."""


class LookUp:
    """Drafts what followed the same tokens before, in the prompt or in the text (prompt lookup, Saxena 2023)."""

    def __init__(self) -> None:
        """Nothing is read."""
        self._ends = {length: dict[tuple[int, ...], int]() for length in MATCHES}  # where the latest like these end
        self._tokens: list[int] = []
        self._odds = {length: Odds(odds) for length, odds in MATCHES.items()}
        self._used = min(MATCHES)
        self._guess: int | None = None  # what was found to be next and not drafted

    def draft(self, ids: Tensor, costs: Costs) -> list[int]:
        """The longer the match, the more. What would have been drafted is compared too, so that it is known what pays
        without trying."""
        new = ids[0, len(self._tokens) :].tolist()
        if self._guess is not None:
            self.learn(int(self._guess == new[0]), 1)
        found = self._read(new)
        for odds in self._odds.values():
            odds.pass_by()
        self._guess = None
        if not found:
            return []
        self._used = max(found)
        begin = found[self._used]
        if not (count := costs.best(self._odds[self._used].value, MOST_DRAFTED)):
            self._guess = self._tokens[begin]
        drafted, period = list[int](), len(self._tokens) - begin
        for place in range(count):  # which may go on with what is drafted, where the text turns in a circle
            drafted.append(
                self._tokens[begin + place] if begin + place < len(self._tokens) else drafted[place - period]
            )
        return drafted

    def learn(self, right: int, drafted: int) -> None:
        """Matches of such a length are as good as that."""
        self._odds[self._used].learn(right, drafted)

    def _read(self, new: Sequence[int]) -> dict[int, int]:
        """Take in what is new; returns for each length of MATCHES where as many last tokens ended before, if they
        did."""
        begin = len(self._tokens)
        self._tokens += new
        found = dict[int, int]()
        for length, ends in self._ends.items():
            for end in range(max(begin + 1, length), len(self._tokens) + 1):
                last = tuple(self._tokens[end - length : end])
                if end == len(self._tokens) and last in ends:
                    found[length] = ends[last]
                ends[last] = end
        return found


class SmallCacheDraft:
    """Drafts by decode steps of another policy on the keys and values of `cache`, with a small cache or an index of its
    own beside them."""

    PAUSE = 512  # tokens until it is tried, again too, what a draft takes
    EXPECTED = 3 / 4  # of a step of the text, while it has not been tried; an index has to be made first

    def __init__(self, model: PreTrainedModel, cache: PolicyCache, policy: Policy, most: int, sampler: Sampler) -> None:
        """`cache` holds the prompt. most: tokens at once. sampler: draws as the text is drawn."""
        self._model, self._cache, self._sampler, self._most = model, cache, sampler, most
        self._own = PolicyCache(model.config, policy)
        self._odds, self._seconds = Odds(0.9), deque[float](maxlen=REMEMBERED)
        self._tried = cache.get_seq_length()
        for layer, main in self._layers():
            layer.adopt(*main.full)
            layer.count(main.get_seq_length(), None)
            chosen = Step.PARTIAL if layer.kept.index is None else Step.CHOSEN
            layer.forced_step = Step.FULL if layer.policy.reads_all else chosen
        self._is_fresh = False
        layers = [layer for layer, _ in self._layers()]
        self._refreshed = {row: layer for row, layer in enumerate(layers) if layer.forced_step is Step.PARTIAL}

    def _layers(self) -> Iterator[tuple[PolicyLayer, PolicyLayer]]:
        mains = self._cache.policy_layers
        return ((layer, mains[index]) for index, layer in self._own.policy_layers.items())

    def refreshes(self, length: int, costs: Costs) -> bool:
        """Whether it is to be told what the step of the token behind `length` others attends to, to draft the next."""
        return bool(self._refreshed) and self._count(length + 1, costs) > 0

    def refresh(self, weights: Tensor | None) -> None:
        """Choose its small cache from `weights`, float32 `(layers, heads, group, length)`, of the last token in the
        cache; None leaves it out of date."""
        if weights is not None:
            rows = list(self._refreshed)
            refresh_together(list(self._refreshed.values()), weights if len(rows) == len(weights) else weights[rows])
        self._is_fresh = weights is not None

    def draft(self, ids: Tensor, costs: Costs) -> list[int]:
        """Token by token; what they leave in the caches is taken back."""
        self._odds.pass_by()
        length = ids.shape[1]
        count = self._count(length, costs)
        if not count or not self._follows():
            return []
        self._tried, started = length, perf_counter()
        drafted = list[int]()
        undo = list[Callable[[], None]]()
        self._own.token_ids = list(self._cache.token_ids)  # what is there still, if a step is interrupted
        try:
            for place in range(count):
                undo += [layer.kept.undoing(length - 1 + place, full=False) for layer, _ in self._layers()]
                drafted.append(self._sampler(ids, decode(self._model, ids[:, -1:], self._own)))
                ids = torch.cat([ids, torch.tensor([drafted[-1:]], device=ids.device)], dim=1)
        finally:
            for back in reversed(undo):
                back()
            for layer, _ in self._layers():
                for buffer in layer.full:
                    buffer.truncate(length - 1)
            self._own.token_ids.clear()
        self._seconds.append(_seconds_since(started, self._cache) / count)
        return drafted

    def learn(self, right: int, drafted: int) -> None:
        """One rate for all."""
        self._odds.learn(right, drafted)

    def _count(self, length: int, costs: Costs) -> int:
        """How many to draft behind so many tokens; now and then one, to see what it takes."""
        seconds = median(self._seconds) if len(self._seconds) >= FEW else self.EXPECTED * costs.step
        due = costs.step > 0 and length - self._tried >= self.PAUSE
        return costs.best(self._odds.value, self._most, seconds) or min(due, self._most)

    def _follows(self) -> bool:
        """Take in what came since; whether there is anything to draft by."""
        for layer, main in self._layers():
            if layer.kept.index is not None:
                layer.kept.index.update(main.full[0].view)
        return self._is_fresh or not self._refreshed


def _seconds_since(started: float, cache: PolicyCache) -> float:
    """Since `started`; of a model that several processes share the same for all of them, who draft by it."""
    seconds = perf_counter() - started
    return seconds if cache.processes is None else cache.processes.agreed(seconds)


def foretelling(sampler: Sampler) -> list[Foretelling]:
    """The processors of a sampler that know what comes."""
    return [each for each in getattr(sampler, "processors", ()) if hasattr(each, "upcoming")]


def speculation_of(model: PreTrainedModel, cache: PolicyCache, sampler: Sampler) -> Speculation | None:
    """How the steps behind the prompt in `cache` are drafted, whose tokens `sampler` draws; None if they are not."""
    if not cache.steps_are_independent:
        return None
    small: SmallCacheDraft | None = None
    drafters: list[Drafter] = [Foretold(each) for each in foretelling(sampler)]
    if drafting := cache.policy.drafting:
        drafters.append(LookUp())
        if drafting.most and not cache.is_latent:
            small = SmallCacheDraft(model, cache, drafting.policy, drafting.most, sampler.alone())
            drafters.append(small)
    return Speculation(model, cache, drafters, small) if drafters else None


class Speculation:
    """The steps of one generation whose tokens are drafted, and verified by the steps of its policy."""

    def __init__(
        self, model: PreTrainedModel, cache: PolicyCache, drafters: Sequence[Drafter], small: SmallCacheDraft | None
    ) -> None:
        """`cache` holds the prompt. drafters: who is asked first comes first; small: which of them is to be told what
        steps over everything attend to."""
        self._model, self._cache, self._drafters, self._small = model, cache, drafters, small
        self._window = window_of(model.config) or sys.maxsize
        self._costs = Costs()
        self._drafter: Drafter | None = None
        self._drafted = 0
        self._verified: Verified | None = None

    def step(self, ids: Tensor) -> Verified:
        """The last token of `ids` `(1, length)`, which the cache does not hold yet, and drafts behind it."""
        self._learn()
        drafted = self._draft(ids)
        started = perf_counter()
        weights = self._has_room(ids) and self._small is not None and self._small.refreshes(ids.shape[1], self._costs)
        self._verified = verify(self._model, [int(ids[0, -1]), *drafted], self._cache, weights=weights)
        self._costs.learn(1 + self._drafted, _seconds_since(started, self._cache))
        return self._verified

    def _draft(self, ids: Tensor) -> list[int]:
        self._drafter, self._drafted = None, 0
        if not self._has_room(ids):
            return []
        for drafter in self._drafters:
            if drafted := drafter.draft(ids, self._costs):
                self._drafter, self._drafted = drafter, len(drafted)
                return drafted
        return []

    def _has_room(self, ids: Tensor) -> bool:
        """Whether the window has positions for a draft; beyond it tokens are decoded one by one, if at all."""
        return ids.shape[1] + MOST_DRAFTED <= self._window

    def _learn(self) -> None:
        if self._verified is None:
            return
        if self._drafter is not None:
            self._drafter.learn(self._verified.taken - 1, self._drafted)
        if self._small is not None:
            self._small.refresh(self._verified.attended)
