"""What a person asks for becomes runs of the engine: fields to prompts, prompts to requests, requests to writing."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from app.engine.engine import Engine
from app.engine.run import Request
from app.project.insertion import InsertionPoint
from app.project.session import Session
from app.project.writing import RunSpec, Writing
from app.prompt.compose import Composed, TokenCounts, compose, count_tokens, last_tokens
from app.prompt.messages import Source, trim_draft
from app.prompt.passages import clean_passage, passage_instruction, passage_max_new_tokens
from app.prompt.request import FULL_ATTENTION, WriteRequest
from app.prompt.sections import next_step, tokens_to_come
from app.prompt.tasks import TASKS
from app.prompt.window import Budget, WindowFull
from app.runs.feed import MapFeed
from app.runs.trace import RunSettings, describe_policy
from app.say.errors import AppError
from app.settings import Settings

Where: TypeAlias = Literal["anew", "end", "caret", "again"]
"""Where is written: a new draft, at the end, at the caret, or the last passage once more."""


@dataclass(frozen=True)
class EditorState:
    """What the editor holds when a button is pressed: the text, its revision, and the selection in characters.

    `project` is the one it shows the draft of, `page` and `serial` are as in Draft.edit.
    """

    text: str
    start: int
    end: int
    revision: int
    project: str = ""
    page: str = ""
    serial: int = 0

    def put_into(self, session: Session) -> bool:
        """Let the draft be as the editor has it. False if another came before, see Session.edit."""
        return session.edit(self.text, self.revision, self.page, self.serial)


class Commands:
    """Begins what people ask for. One per app."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        """`engine` may still be loading its model."""
        self.settings, self.engine = settings, engine

    def compose(self, session: Session, instruction: str, draft: str = "") -> Composed:
        """The prompt. Raises AppError while the model is loading, and PromptError."""
        _, tokenizer = self.engine.require_model(timeout=0)
        return compose(tokenizer, session.sources.selected, instruction, draft)

    def budget(self, sources: Sequence[Source], ask: WriteRequest, draft: str, counts: TokenCounts) -> Budget:
        """What writing would take of the window, going on from `draft`: an instruction that is not written yet counts
        as a word, and all sections that are to come count. Raises AppError while the model is loading, and PromptError.
        """
        _, tokenizer = self.engine.require_model(timeout=0)
        task = TASKS[ask.task]
        detail = ask.detail if ask.detail.strip() or task.default is not None else "…"
        step = next_step(draft, detail, ask.shape) if task.in_sections else None
        if step is None:
            instruction, output = task.instruction(detail, ask.shape), int(ask.max_new_tokens or 0)
            opening = "" if draft.strip() else task.opening(detail, ask.shape)
        else:  # whose openings are among the tokens to come
            instruction, opening, output = step.instruction, "", tokens_to_come(draft, detail, ask.shape)
        seen = self.seen(ask, draft)
        unseen = count_tokens(tokenizer, draft) - count_tokens(tokenizer, seen) if seen != draft else 0
        budget = counts.budget(tokenizer, sources, instruction, trim_draft(seen) + opening, output, self.engine.window)
        return replace(budget, unseen=unseen, in_sections=step is not None)

    def seen(self, ask: WriteRequest, draft: str) -> str:
        """What the model sees of a draft."""
        _, tokenizer = self.engine.require_model(timeout=0)
        most = int(ask.draft_tokens or 0)
        return last_tokens(tokenizer, draft, most) if most > 0 else draft

    def write(self, session: Session, ask: WriteRequest, caret: EditorState, where: Where) -> Writing:
        """Begin to write; "Continue my draft" goes on at the end also when it is asked for anew.

        Raises AppError.
        """
        self._accept(session, caret)
        text = session.draft.text
        if where == "anew" and ask.task == "continue":
            where = "end"
        place = InsertionPoint("", text, "") if where == "anew" else self._place(session, caret, where)
        asked = replace(ask, seed=None) if where == "again" else ask  # the same seed would write the same text
        writing = self._writing(
            session.sources.selected, asked, place, where, session.wrote, session.ended, session.over
        )
        self._begin(session, writing, ask)
        return writing

    def write_apart(self, sources: Sequence[Source], ask: WriteRequest, draft: str = "") -> Writing:
        """Begin a text that belongs to no project, or go on with `draft`. Raises AppError."""
        where: Where = "end" if draft.strip() else "anew"
        place = InsertionPoint(draft, "", "")
        writing = self._writing(
            sources, ask, place, where, lambda made: None, lambda made: None, lambda made, feed: None
        )
        writing.start()
        return writing

    def _writing(
        self, sources: Sequence[Source], ask: WriteRequest, place: InsertionPoint, where: Where,
        on_text: Callable[[Writing], None], on_end: Callable[[Writing], None],
        on_over: Callable[[Writing, MapFeed], None],
    ) -> Writing:  # fmt: skip
        """A writing whose first run is queued; it is to be started."""
        task = TASKS[ask.task]
        _, tokenizer = self.engine.require_model(timeout=0)

        def part(
            instruction: str, opening: str, draft: str, limit: int, stops: tuple[str, ...] = (), in_all: int = 0
        ) -> RunSpec:
            draft = trim_draft(self.seen(ask, draft)) + opening
            composed = compose(tokenizer, sources, instruction, draft)
            if in_all:
                self._require_room(replace(composed.budget(in_all, self.engine.window), in_sections=True))
            run = self.engine.submit(self.request(composed, ask, limit, stops))
            return RunSpec(run, composed, opening, self.settings_of(run.request))

        def section(before: str, written: str) -> RunSpec | None:
            draft = before + written
            step = next_step(draft, ask.detail, ask.shape)
            if step is None:
                return None
            limit = min(step.max_new_tokens, self.settings.max_new_tokens_limit)
            # Before the first, whether there is room for all of them.
            in_all = 0 if written else tokens_to_come(draft, ask.detail, ask.shape)
            made = part(step.instruction, step.opening, draft, limit, step.stop_strings, in_all)
            return replace(made, section=step.place)

        # At the caret no section begins: the text around it is not theirs.
        sections = task.in_sections and where != "caret"
        advance: Callable[[str, str], RunSpec | None] = section if sections else lambda before, written: None
        first = advance(place.before, "")
        if first is None:
            begins = where in ("anew", "again") and not place.before.strip()
            opening = task.opening(ask.detail, ask.shape) if begins else ""
            instruction = task.instruction(ask.detail, ask.shape)
            first = part(instruction, opening, place.before, int(ask.max_new_tokens or 0))
        return Writing(self.engine, first, place, on_text=on_text, on_end=on_end, on_over=on_over, advance=advance)

    def propose(self, session: Session, ask: WriteRequest, caret: EditorState, kind: str, wish: str = "") -> Writing:
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
        part = RunSpec(run, composed, "", self.settings_of(run.request))
        writing = Writing(
            self.engine, part, InsertionPoint(text[:start], passage, text[end:]), proposes=True,
            clean=lambda written: clean_passage(written, passage), on_text=session.wrote, on_end=session.ended,
            on_over=session.over,
        )  # fmt: skip
        self._begin(session, writing, ask)
        return writing

    def _begin(self, session: Session, writing: Writing, ask: WriteRequest) -> None:
        policy = dict(writing.part.settings.policy)
        settings = {**ask.values, "policy": policy, "prompt_tokens": writing.part.composed.prompt_tokens}
        try:
            session.begin(writing, ask.values, settings)
        except AppError:
            writing.stop()  # its run is in the queue already
            raise

    def _accept(self, session: Session, caret: EditorState) -> None:
        if session.busy:
            raise AppError("You are writing already. Stop that first.")
        if not caret.put_into(session):
            raise AppError("The draft was changed in another window. Look at it here again, then repeat.")

    def _place(self, session: Session, caret: EditorState, where: Where) -> InsertionPoint:
        """What stands before a word at the caret, blanks or line ends, stands between it and what is written too."""
        text, written = session.draft.text, session.draft.written
        if where == "again":
            if written is None:
                raise AppError("No passage of the model's is left in the draft. Use Continue, or select a passage.")
            start, end = written
        else:
            start = end = min(caret.start, len(text)) if where == "caret" else len(text)
        before, after = text[:start], text[end:]
        gap = before[len(before.rstrip()) :] if where == "caret" else ""
        return InsertionPoint(before, text[start:end], after, seam="" if after[:1].strip() == "" else gap)

    def request(
        self, composed: Composed, ask: WriteRequest, output_tokens: int, stop_strings: tuple[str, ...] = ()
    ) -> Request:
        """What the engine is to do; without a seed one is drawn, so that it is known afterwards. Raises AppError for a
        length out of bounds or a prompt too long for the window."""
        settings = self.settings
        if not 1 <= output_tokens <= settings.max_new_tokens_limit:
            raise AppError(
                "The answer's length is {}; it must be 1 to {:,}.", output_tokens, settings.max_new_tokens_limit
            )
        temperature = float(ask.temperature or 0.0)
        if temperature < 0:
            raise AppError("The temperature is {}; it must be 0 or more.", temperature)
        if ask.seed is not None and not 0 <= ask.seed < 2**63:
            raise AppError("The seed is {:,.0f}; it must be 0 to {:,}, or empty.", ask.seed, 2**63 - 1)
        self._require_room(composed.budget(output_tokens, self.engine.window))
        return Request(
            composed.token_ids,
            ask.policy(),
            output_tokens,
            temperature,
            settings.top_p,
            settings.min_p,
            settings.repetition_penalty,
            secrets.randbelow(2**31) if ask.seed is None else int(ask.seed),
            composed.document_end,
            stop_strings,
        )

    @staticmethod
    def _require_room(budget: Budget) -> None:
        """Raises AppError, which names the ways out, if it is more than the window."""
        if budget.excess > 0:
            raise WindowFull(budget)

    def settings_of(self, request: Request) -> RunSettings:
        """What is recorded of it in a trace."""
        sampling = {
            "max_new_tokens": request.max_new_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "min_p": request.min_p,
            "repetition_penalty": request.repetition_penalty,
        }
        quantization = self.engine.quantization(self.settings.quantization or "none")
        return RunSettings(self.settings.model, quantization, describe_policy(request.policy), sampling, request.seed)
