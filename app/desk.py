"""What a person asks for becomes runs of the engine: fields to prompts, prompts to requests, requests to writing."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, TypeAlias

from app.composer import Composed, compose, count_tokens
from app.engine import Engine, Request
from app.errors import AppError
from app.map_feed import MapFeed
from app.passages import clean_passage, passage_instruction, passage_max_new_tokens
from app.prompts import Source, trim_draft
from app.sections import next_step
from app.session import Session
from app.settings import Settings, parse_budget
from app.tasks import TASKS, Shape, parse_length
from app.trace import RunSettings, describe_policy
from app.writing import Part, Place, Writing
from core import FullAttention, Policy, RefreshKV

REFRESHKV, FULL_ATTENTION = "RefreshKV", "FullAttention"
Where: TypeAlias = Literal["anew", "end", "caret", "again"]
"""Where is written: a new draft, at the end, at the caret, or the last passage once more."""


@dataclass(frozen=True)
class Ask:
    """The page's fields, in its order, as they come; None where a number field is empty."""

    task: str
    detail: str
    length: str
    tone: str
    language: str
    audience: str
    method: str
    budget: str
    stride: float | None
    threshold: float | None
    max_new_tokens: float | None
    temperature: float | None
    seed: float | None

    @property
    def shape(self) -> Shape:
        """How the text is to be. Raises PromptError for a length that means nothing."""
        return Shape(parse_length(self.length), self.tone, self.language, self.audience)

    def policy(self) -> Policy:
        """The policy chosen. Raises AppError or InvalidParameterError for a value that means nothing."""
        if self.method == FULL_ATTENTION:
            return FullAttention()
        try:
            budget = parse_budget(self.budget)
        except ValueError as error:
            raise AppError(f"The size of the small cache is “{self.budget}”: {error}.") from None
        return RefreshKV(budget, int(self.stride or 0), self.threshold)

    @property
    def values(self) -> dict[str, Any]:
        """What JSON can hold, for the store."""
        return asdict(self)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The fields in order."""
        return tuple(field.name for field in fields(cls))


@dataclass(frozen=True)
class Caret:
    """What the editor holds when a button is pressed: the text, its revision, and the selection in characters."""

    text: str
    start: int
    end: int
    revision: int


class Desk:
    """Begins what people ask for. One per app."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        """`engine` may still be loading its model."""
        self.settings, self.engine = settings, engine

    def compose(self, session: Session, instruction: str, draft: str = "") -> Composed:
        """The prompt. Raises AppError while the model is loading, and PromptError."""
        _, tokenizer = self.engine.require_model(timeout=0)
        return compose(tokenizer, session.sources.selected, instruction, draft)

    def compose_task(self, session: Session, ask: Ask, draft: str) -> Composed:
        """The prompt of the page's task, for the budget: an instruction that is not written yet counts as a word."""
        task = TASKS[ask.task]
        detail = ask.detail if ask.detail.strip() or task.default is not None else "…"
        return self.compose(session, task.instruction(detail, ask.shape), draft)

    def write(self, session: Session, ask: Ask, caret: Caret, where: Where) -> Writing:
        """Begin to write. Raises AppError, InvalidParameterError."""
        self._accept(session, caret)
        text = session.draft.text
        place = Place("", text, "") if where == "anew" else self._place(session, caret, where)
        asked = replace(ask, seed=None) if where == "again" else ask  # the same seed would write the same text
        writing = self._writing(
            session.sources.selected, asked, place, where, session.wrote, session.ended, session.over
        )
        self._begin(session, writing, ask)
        return writing

    def write_apart(self, sources: Sequence[Source], ask: Ask) -> Writing:
        """Begin a new text that belongs to no project. Raises AppError, InvalidParameterError."""
        writing = self._writing(
            sources, ask, Place("", "", ""), "anew", lambda made: None, lambda made: None, lambda made, feed: None
        )
        writing.start()
        return writing

    def _writing(
        self, sources: Sequence[Source], ask: Ask, place: Place, where: Where, on_text: Callable[[Writing], None],
        on_end: Callable[[Writing], None], on_over: Callable[[Writing, MapFeed], None],
    ) -> Writing:  # fmt: skip
        """A writing whose first run is queued; it is to be started."""
        task = TASKS[ask.task]
        _, tokenizer = self.engine.require_model(timeout=0)

        def part(instruction: str, opening: str, written: str, limit: int, stops: tuple[str, ...] = ()) -> Part:
            composed = compose(tokenizer, sources, instruction, trim_draft(place.before + written) + opening)
            run = self.engine.submit(self.request(composed, ask, limit, stops))
            return Part(run, composed, opening, self._settings_of(run.request))

        def section(written: str) -> Part | None:
            step = next_step(place.before + written, ask.detail, ask.shape)
            if step is None:
                return None
            limit = min(step.max_new_tokens, self.settings.max_new_tokens_limit)
            return part(step.instruction, step.opening, written, limit, step.stop_strings)

        # At the caret no section begins: the text around it is not theirs.
        sections = task.in_sections and where != "caret"
        advance: Callable[[str], Part | None] = section if sections else lambda written: None
        first = advance("")
        if first is None:
            begins = where in ("anew", "again") and not place.before.strip()
            opening = task.opening(ask.detail, ask.shape) if begins else ""
            instruction = task.instruction(ask.detail, ask.shape)
            first = part(instruction, opening, "", int(ask.max_new_tokens or 0))
        return Writing(self.engine, first, place, on_text=on_text, on_end=on_end, on_over=on_over, advance=advance)

    def propose(self, session: Session, ask: Ask, caret: Caret, kind: str, wish: str = "") -> Writing:
        """Begin to write another form of the selected passage, as a proposal. Raises AppError.

        Without the documents, greedily and with full attention: see passage_instruction.
        """
        self._accept(session, caret)
        text = session.draft.text
        start, end = sorted((min(len(text), caret.start), min(len(text), caret.end)))
        passage = text[start:end]
        instruction = passage_instruction(kind, passage, text[:start], text[end:], wish)
        _, tokenizer = self.engine.require_model(timeout=0)
        composed = compose(tokenizer, [], instruction)
        limit = min(passage_max_new_tokens(kind, count_tokens(tokenizer, passage)), self.settings.max_new_tokens_limit)
        greedy = replace(ask, temperature=0.0, method=FULL_ATTENTION)
        run = self.engine.submit(self.request(composed, greedy, limit))
        part = Part(run, composed, "", self._settings_of(run.request))
        writing = Writing(
            self.engine, part, Place(text[:start], passage, text[end:]), proposes=True,
            clean=lambda written: clean_passage(written, passage), on_text=session.wrote, on_end=session.ended,
            on_over=session.over,
        )  # fmt: skip
        self._begin(session, writing, ask)
        return writing

    def _begin(self, session: Session, writing: Writing, ask: Ask) -> None:
        policy = dict(writing.part.settings.policy)
        settings = {**ask.values, "policy": policy, "prompt_tokens": writing.part.composed.prompt_tokens}
        try:
            session.begin(writing, ask.values, settings)
        except AppError:
            writing.stop()  # its run is in the queue already
            raise

    def _accept(self, session: Session, caret: Caret) -> None:
        if session.busy:
            raise AppError("You are writing already. Stop that first.")
        if not session.edit(caret.text, caret.revision):
            raise AppError("The draft was changed in another window. Look at it here again, then repeat.")

    def _place(self, session: Session, caret: Caret, where: Where) -> Place:
        """Blanks before it go: words carry the blank before them in their own token, and after one a model falters."""
        text, written = session.draft.text, session.draft.written
        if where == "again":
            if written is None:
                raise AppError("No passage of the model's is left in the draft. Use Continue, or select a passage.")
            start, end = written
        else:
            start = end = min(caret.start, len(text)) if where == "caret" else len(text)
        before = trim_draft(text[:start])
        return Place(before, text[len(before) : end], text[end:])

    def request(self, composed: Composed, ask: Ask, output_tokens: int, stop_strings: tuple[str, ...] = ()) -> Request:
        """What the engine is to do; without a seed one is drawn, so that it is known afterwards. Raises AppError for a
        length out of bounds or a prompt too long for the window."""
        settings = self.settings
        if not 1 <= output_tokens <= settings.max_new_tokens_limit:
            raise AppError(
                f"The answer's length is {output_tokens}; it must be 1 to {settings.max_new_tokens_limit:,}."
            )
        budget = composed.budget(output_tokens, self.engine.window)
        if budget.excess > 0:
            raise AppError(budget.message)
        return Request(
            composed.token_ids,
            ask.policy(),
            output_tokens,
            float(ask.temperature or 0.0),
            settings.top_p,
            settings.min_p,
            settings.repetition_penalty,
            secrets.randbelow(2**31) if ask.seed is None else int(ask.seed),
            composed.document_end,
            stop_strings,
        )

    def _settings_of(self, request: Request) -> RunSettings:
        sampling = {
            "max_new_tokens": request.max_new_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "min_p": request.min_p,
            "repetition_penalty": request.repetition_penalty,
        }
        quantization = self.engine.quantization(self.settings.quantization or "none")
        return RunSettings(self.settings.model, quantization, describe_policy(request.policy), sampling, request.seed)
