"""A request becomes the runs that it needs: prompts composed, limits checked, what is recorded of each."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from app.engine.engine import Engine
from app.engine.run import GenerationRequest
from app.project.run_spec import RunSpec
from app.prompt.compose import Composed, compose, count_tokens, last_tokens
from app.prompt.messages import Source, trim_draft
from app.prompt.passages import passage_instruction, passage_max_new_tokens
from app.prompt.request import FULL_ATTENTION, WriteRequest
from app.prompt.sections import next_step, tokens_to_come
from app.prompt.window import Budget, WindowFull
from app.runs.trace import RunSettings, describe_policy
from app.settings import Settings

Advance: TypeAlias = Callable[[str, str], RunSpec | None]
"""From what stands before the place of writing and what was written there, the next run; None at the end."""


@dataclass(frozen=True)
class Specs:
    """Makes RunSpecs. Everything here raises AppError while the model is loading, and PromptError for what cannot be
    asked."""

    settings: Settings
    engine: Engine

    def seen(self, request: WriteRequest, draft: str) -> str:
        """What the model sees of a draft."""
        _, tokenizer = self.engine.require_model(timeout=0)
        return last_tokens(tokenizer, draft, request.draft_tokens) if request.draft_tokens else draft

    def first(self, sources: Sequence[Source], request: WriteRequest, before: str, *, begins: bool) -> RunSpec:
        """One run for all, which goes on from `before`; `begins`: with the task's own opening."""
        opening = request.kind.opening(request.detail, request.shape) if begins else ""
        instruction = request.kind.instruction(request.detail, request.shape)
        return self._spec(sources, request, instruction, opening, before, request.max_new_tokens)

    def sections(self, sources: Sequence[Source], request: WriteRequest) -> Advance:
        """The outline's next section after what is written, if one is left."""

        def advance(before: str, written: str) -> RunSpec | None:
            draft = before + written
            step = next_step(draft, request.detail, request.shape)
            if step is None:
                return None
            limit = min(step.max_new_tokens, self.settings.max_new_tokens_limit)
            # Before the first, whether there is room for all of them.
            in_all = 0 if written else tokens_to_come(draft, request.detail, request.shape)
            spec = self._spec(sources, request, step.instruction, step.opening, draft, limit, step.stop_strings, in_all)
            return replace(spec, section=step.place)

        return advance

    def passage(self, request: WriteRequest, kind: str, passage: str, before: str, after: str, wish: str) -> RunSpec:
        """Another form of a passage. Without the documents, greedily and with full attention: see
        passage_instruction."""
        instruction = passage_instruction(kind, passage, before, after, wish)
        _, tokenizer = self.engine.require_model(timeout=0)
        composed = compose(tokenizer, [], instruction)
        limit = min(passage_max_new_tokens(kind, count_tokens(tokenizer, passage)), self.settings.max_new_tokens_limit)
        greedy = request.but(temperature=0.0, method=FULL_ATTENTION)
        return replace(self._of(composed, greedy, "", limit), asked=request.fields, proposes=True)

    def to_compare(self, sources: Sequence[Source], request: WriteRequest, draft: str) -> RunSpec:
        """The run that each method makes; `draft` counts if the task is to go on with it. With a seed."""
        opening = request.kind.opening(request.detail, request.shape)
        instruction = request.kind.instruction(request.detail, request.shape)
        _, tokenizer = self.engine.require_model(timeout=0)
        before = trim_draft(self.seen(request, draft)) if request.task == "continue" else opening
        composed = compose(tokenizer, sources, instruction, before)
        seed = secrets.randbelow(2**31) if request.seed is None else request.seed
        return self._of(composed, request.but(seed=seed), opening, request.max_new_tokens)

    def under(self, spec: RunSpec, request: WriteRequest) -> RunSpec:
        """The same run by the method of another request."""
        generation = replace(spec.request, policy=request.policy)
        return replace(spec, request=generation, settings=self._settings_of(generation))

    def _spec(
        self, sources: Sequence[Source], request: WriteRequest, instruction: str, opening: str, draft: str, limit: int,
        stops: tuple[str, ...] = (), in_all: int = 0,
    ) -> RunSpec:  # fmt: skip
        """`in_all`: tokens of all sections that are to come, for which there must be room too."""
        _, tokenizer = self.engine.require_model(timeout=0)
        composed = compose(tokenizer, sources, instruction, trim_draft(self.seen(request, draft)) + opening)
        if in_all:
            self._require_room(replace(composed.budget(in_all, self.engine.window), in_sections=True))
        return self._of(composed, request, opening, limit, stops)

    def _of(
        self, composed: Composed, request: WriteRequest, opening: str, limit: int, stops: tuple[str, ...] = ()
    ) -> RunSpec:
        """Without a seed one is drawn, so that it is known afterwards."""
        self._require_room(composed.budget(limit, self.engine.window))
        settings = self.settings
        seed = secrets.randbelow(2**31) if request.seed is None else request.seed
        generation = GenerationRequest(
            composed.token_ids, request.policy, limit, request.temperature, settings.top_p, settings.min_p,
            settings.repetition_penalty, seed, composed.document_end, stops,
        )  # fmt: skip
        return RunSpec(generation, composed, self._settings_of(generation), opening, asked=request.fields)

    @staticmethod
    def _require_room(budget: Budget) -> None:
        """Raises AppError, which names the ways out, if it is more than the window."""
        if budget.excess > 0:
            raise WindowFull(budget)

    def _settings_of(self, request: GenerationRequest) -> RunSettings:
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
