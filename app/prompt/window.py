"""Whether a request fits the model's window, and if not, what a person can do. What is cut is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from app.documents import name_pages
from app.prompt.reading_plan import ReadingPlan
from app.say.errors import AppError
from app.say.wording import ENGLISH, Message, Wording

# Where something is left out, what stands before and after it is divided into tokens in another way.
_SEAM = 4
_SHORTEST_OUTPUT = 16  # fewer are no answer
_SHORTEST_DRAFT = 64  # fewer are no text to go on from
TOO_MANY_FOR_MEMORY = "Too long by {:,} tokens: {} = {:,}; read as one, memory holds {:,}."
TOO_MANY_HERE = "Too long by {:,} tokens: {} = {:,}; as one, {:,} are read here at most (REFRESHKV_AS_ONE_TOKENS)."
_LONGEST_NAME = 48  # characters; what is longer crowds the others out of a sentence


@dataclass(frozen=True, slots=True)
class SourceTokens:
    """A source in a request: its name, the numbers of the chosen pages, and the tokens each takes with its mark."""

    name: str
    pages: tuple[int, ...]
    tokens: tuple[int, ...]

    @property
    def total(self) -> int:
        """Tokens of all chosen pages."""
        return sum(self.tokens)


@dataclass(frozen=True, slots=True)
class FewerPages:
    """Read only the first pages: for each source, in order, which of the chosen ones; "" for none."""

    pages: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class ShorterOutput:
    """Ask for at most `tokens`."""

    tokens: int
    sentence: str


@dataclass(frozen=True, slots=True)
class FewerSources:
    """Leave out the sources at these indices."""

    left_out: tuple[int, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class ShorterDraft:
    """Let the model see only the last `tokens` of the draft."""

    tokens: int
    sentence: str


@dataclass(frozen=True, slots=True)
class ByParts:
    """Have the documents read by parts, not as one."""

    sentence: str


Choice: TypeAlias = FewerPages | ShorterOutput | FewerSources | ShorterDraft | ByParts
"""Something that would make a request fit; `sentence` says it to the person."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How many `tokens` a prompt can have with its answer: those of the model's `window`; read as one those that memory
    holds, or, if it is `limited`, that the settings allow."""

    window: int
    tokens: int
    as_one: bool = False
    limited: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens asked for against tokens there are: `window` is the model's context, or, of documents that are
    read as one, the tokens of `reach`.

    `instruction` counts everything in the prompt but the sources and the `draft`: the chat template's own tokens too.
    `unseen`: tokens of the draft that the person has chosen to keep from the model. `in_sections`: the answer is that
    of several requests, whose length the task decides. `plan`: how documents are read that are not sent as a whole; the
    tokens are then those of the longest request. `in_all`: tokens that all requests read and write, if they are
    several. `warning`: what is to be known before it is written. `kept`: that the documents cannot be kept as a whole.
    `say` words the message and the choices.
    """

    sources: tuple[SourceTokens, ...]
    instruction: int
    draft: int
    output: int
    window: int
    unseen: int = 0
    in_sections: bool = False
    plan: ReadingPlan | None = None
    in_all: tuple[int, int] | None = None
    reach: Reach | None = None
    warning: Message | None = None
    kept: Message | None = None
    say: Wording = ENGLISH

    @property
    def source_tokens(self) -> int:
        """Tokens of all sources."""
        return sum(source.total for source in self.sources)

    @property
    def total(self) -> int:
        """All tokens the request needs."""
        return self.source_tokens + self.instruction + self.draft + self.output

    @property
    def read_and_written(self) -> tuple[int, int]:
        """Tokens of all prompts, and of all answers at most."""
        return self.in_all or (self.total - self.output, self.output)

    def within(self, reach: Reach) -> Budget:
        """The same against another number of tokens."""
        return replace(self, window=reach.tokens, reach=reach if reach.as_one else None)

    @property
    def excess(self) -> int:
        """Tokens too many; 0 or less: it fits, with that many to spare."""
        return self.total - self.window

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Each of these alone would make it fit; none if it fits, or if nothing of the kind is enough."""
        if self.excess <= 0:
            return ()
        # Of a planned reading the sources are parts: their places and pages are not those that the person chose.
        of_sources = () if self.plan else (self._fewer_pages(), self._fewer_sources())
        by_parts = ByParts(self.say("Have the documents read by parts.")) if self.reach else None
        found = (by_parts, *of_sources, self._shorter_draft(), self._shorter_output())
        return tuple(choice for choice in found if choice)

    @property
    def message(self) -> str:
        """For the person: does it fit, else by how much not, and what would."""
        say = self.say
        if self.excess <= 0:
            fits = say("It fits: {:,} of {:,} tokens, {:,} to spare.", self.total, self.window, -self.excess)
            fits = self.plan.message(say) if self.plan else fits
            if self.reach:
                times = self.total / self.reach.window
                fits = say("Read as one: {:,} tokens, {:.1f} times the window.", self.total, times)
            unseen = say("The model does not see the first {:,} tokens of the draft.", self.unseen)
            known = [said.worded(say) for said in (self.warning, self.kept) if said]
            return say.together(fits, unseen if self.unseen else "", *known)
        parts = (
            ("documents", self.source_tokens),
            ("instruction", self.instruction),
            ("draft", self.draft),
            ("answer", self.output),
        )
        sum_of_parts = " + ".join(f"{say(name)} {tokens:,}" for name, tokens in parts if tokens)
        pattern = "Too long by {:,} tokens: {} = {:,}; the model's window is {:,}."
        if self.reach:
            pattern = TOO_MANY_HERE if self.reach.limited else TOO_MANY_FOR_MEMORY
        problem = say(pattern, self.excess, sum_of_parts, self.total, self.window)
        ways_out = [choice.sentence for choice in self.choices]
        if self.in_sections:
            ways_out.append(say("Choose a shorter length."))
        if len(ways_out) > 1:
            ways_out.insert(0, say("Any of these would do."))
        return say.together(problem, *(ways_out or [self._last_resort]))

    @property
    def _last_resort(self) -> str:
        if self.instruction + self.draft + _SHORTEST_OUTPUT >= self.window:
            return self.say("Shorten the instruction or the draft.")
        return self.say("Not even the first page fits: split the file, or paste the part that matters as text.")

    def _fewer_pages(self) -> FewerPages | None:
        room = self.window - self.instruction - self.draft - self.output - _SEAM
        pages: list[str] = []
        names: list[str] = []
        left_out: list[str] = []
        for source in self.sources:
            count = _fitting(source.tokens, room)
            room = room - source.total if count == len(source.tokens) else 0
            chosen = name_pages(source.pages[:count])
            pages.append(chosen)
            if count == len(source.tokens):
                names.append(_short(source.name))
            elif count:
                pattern = "page {} of {}" if count == 1 else "pages {} of {}"
                names.append(self.say(pattern, chosen, _short(source.name)))
            else:
                left_out.append(_short(source.name))
        if not any(pages):
            return None
        pattern = "Read only {}; leave out {}." if left_out else "Read only {}."
        return FewerPages(tuple(pages), self.say(pattern, *map(self.say.listed, (names, left_out))))

    def _fewer_sources(self) -> FewerSources | None:
        if len(self.sources) < 2:
            return None
        needed = self.excess + _SEAM
        sizes = [source.total for source in self.sources]
        # The smallest that is enough by itself, else the largest ones.
        enough = [index for index, size in enumerate(sizes) if size >= needed]
        left_out = [min(enough, key=lambda index: sizes[index])] if enough else []
        for index in () if enough else sorted(range(len(sizes)), key=lambda index: -sizes[index]):
            if needed > 0:
                left_out.append(index)
                needed -= sizes[index]
        if len(left_out) == len(sizes):
            return None
        left_out.sort()
        names = [self.say("{} ({:,} tokens)", _short(self.sources[index].name), sizes[index]) for index in left_out]
        return FewerSources(tuple(left_out), self.say("Leave out {}.", self.say.listed(names)))

    def _shorter_draft(self) -> ShorterDraft | None:
        left = self.draft - self.excess - _SEAM
        if left < _SHORTEST_DRAFT:
            return None
        return ShorterDraft(left, self.say("Let the model see only the last {:,} tokens of the draft.", left))

    def _shorter_output(self) -> ShorterOutput | None:
        left = self.output - self.excess
        if left < _SHORTEST_OUTPUT or self.in_sections:
            return None
        return ShorterOutput(left, self.say("Ask for an answer of at most {:,} tokens.", left))


class WindowMessage(Message):
    """A budget's message, with the ways out."""

    def __init__(self, budget: Budget) -> None:
        """Of that budget."""
        super().__init__("", budget)
        self._budget = budget

    def worded(self, say: Wording) -> str:
        """In a language."""
        return replace(self._budget, say=say).message


class WindowFull(AppError):
    """A request needs more tokens than the model's window has; the message names the ways out."""

    def __init__(self, budget: Budget) -> None:
        """`budget` does not fit."""
        super().__init__("{}", WindowMessage(budget))


def _short(name: str) -> str:
    """With its beginning and its end, by which files are told apart."""
    if len(name) <= _LONGEST_NAME:
        return name
    half = _LONGEST_NAME // 2
    return f"{name[:half]}…{name[1 - half :]}"


def _fitting(tokens: Sequence[int], room: int) -> int:
    for pages, needed in enumerate(tokens):
        room -= needed
        if room < 0:
            return pages
    return len(tokens)
