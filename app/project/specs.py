"""A request becomes the runs that it needs: prompts composed, limits checked, what is recorded of each."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from app.engine.decoding import plain_tokens
from app.engine.engine import Engine
from app.engine.run import GenerationRequest, Grounding
from app.methods import FULL_ATTENTION, extends, title_of
from app.project.material import Fitted, Material, fitted
from app.project.quoting import expanded, shortened
from app.project.run_spec import RunSpec, Whose
from app.project.whole import SMALL, is_about_all, is_question
from app.prompt.answers import Asked
from app.prompt.compose import Composed, compose, count_tokens, last_tokens
from app.prompt.messages import Source, trim_draft
from app.prompt.passages import passage_instruction, passage_max_new_tokens
from app.prompt.request import AS_ONE, WriteRequest
from app.prompt.sections import next_step, tokens_to_come
from app.prompt.window import Budget, Reach, WindowFull
from app.runs.trace import RunSettings, describe_policy
from app.say.errors import AppError, PromptError
from app.say.wording import Message
from app.settings import Settings
from core import PolicyInactiveError
from core.policies import METHODS

Advance: TypeAlias = Callable[[str, str], RunSpec | None]
"""From what stands before the place of writing and what was written there, the next run; None at the end."""

PASSAGE_HEATS = (0.0, 0.5, 0.8)
"""Temperatures at which a passage is written anew, until one is of use: greedy keeps to it best."""


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

    def first(self, material: Material, request: WriteRequest, before: str, *, begins: bool) -> RunSpec:
        """One run for all, which goes on from `before`; `begins`: with the task's own opening."""
        opening = request.kind.opening(request.detail, request.shape) if begins else ""
        instruction = request.kind.instruction(request.detail, request.shape)
        return self._spec(material, request, instruction, opening, before, request.max_new_tokens)

    def quotes(self, material: Material, request: WriteRequest) -> bool:
        """Whether a text about documents has their own sentences: they cannot be had in another language."""
        if request.wording == "auto":
            return self.engine.parameters < SMALL and (not request.language.strip() or material.is_in(request.language))
        return request.wording == "quoted"

    def warning(self, material: Material, request: WriteRequest) -> Message | None:
        """What is to be known of a text by a small model in its own words, if it is to be about documents."""
        if not material.sources or self.engine.parameters >= SMALL:
            return None
        as_one = self.as_one(material, request)
        if self.quotes(material, request) and not as_one:
            return None
        if request.wording == "auto" and not as_one:
            return Message(
                "The documents' own sentences cannot be had in another language: what a model of this size writes in "
                "its own words is invented for the most part."
            )
        return Message("What a model of this size writes in its own words is invented for the most part.")

    def are_long(self, material: Material, request: WriteRequest) -> bool:
        """Whether the documents, as they are chosen, do not fit the window with the request and its answer."""
        if not material.sources:
            return False
        _, tokenizer = self.engine.require_model(timeout=0)
        named = request.detail.strip() or request.kind.default is not None
        instruction = request.kind.instruction(request.detail if named else "…", request.shape)
        opening, limit = request.kind.opening(request.detail, request.shape), request.max_new_tokens
        budget = material.counts.budget(tokenizer, material.sources, instruction, opening, limit, self.engine.window)
        return budget.excess > 0

    def as_one(self, material: Material, request: WriteRequest) -> bool:
        """Whether documents that are longer than the window are read as a whole all the same, in one context. The one
        place that decides it."""
        return request.beyond == AS_ONE and self.are_long(material, request)

    def reach(self, material: Material, request: WriteRequest) -> Reach:
        """How many tokens a prompt can have with its answer. Raises AppError if the documents are to be read as one and
        cannot be."""
        self.engine.require_model(timeout=0)
        window = self.engine.window
        if not self.as_one(material, request):
            return Reach(window, window)
        if request.wording == "quoted" and (is_about_all(request) or is_question(request)):
            raise AppError(
                "The documents' own sentences are chosen part by part. To have the documents read as one, choose “The "
                "model's own” at “Sentences of a text about documents” (wording: own)."
            )
        if not extends(request.method):
            able = [Message(title_of(method)) for method in METHODS if extends(method)]
            raise AppError(
                "{} reads no more than the window of {:,} tokens. To have the documents read as one, choose another "
                "method under “How the model writes”: {}, {}, {} or {}.",
                Message(title_of(request.method)), window, *able,
            )  # fmt: skip
        try:
            held = self.engine.reach(request.policy)
        except PolicyInactiveError:
            raise AppError(
                "This model reads no more than its window of {:,} tokens: that takes rotary positions that do not "
                "depend on the length. Have the documents read by parts, or start the app with another model "
                "(REFRESHKV_MODEL).",
                window,
            ) from None
        most = self.settings.as_one_tokens or held
        return Reach(window, min(held, most), as_one=True, limited=most < held)

    def sent(self, material: Material, request: WriteRequest, instruction: str, draft: str, output: int) -> Fitted:
        """What of documents and draft a run reads. Raises NothingRead."""
        if self.as_one(material, request):
            return Fitted(material.sources, draft)
        _, tokenizer = self.engine.require_model(timeout=0)
        return fitted(tokenizer, material, instruction, draft, output, self.engine.window, request.detail)

    def sections(self, material: Material, request: WriteRequest) -> Advance:
        """The outline's next section after what is written, if one is left."""

        def advance(before: str, written: str) -> RunSpec | None:
            draft = before + written
            step = next_step(draft, request.detail, request.shape)
            if step is None:
                return None
            limit = min(step.max_new_tokens, self.settings.max_new_tokens_limit)
            # Before the first, whether there is room for all of them.
            in_all = 0 if written else tokens_to_come(draft, request.detail, request.shape)
            spec = self._spec(
                material, request, step.instruction, step.opening, draft, limit, step.stop_strings, in_all
            )
            return replace(spec, section=step.place)

        return advance

    def passage(self, material: Material, request: WriteRequest, asked: Asked, wish: str) -> tuple[RunSpec, ...]:
        """Another form of a passage: runs that each propose one, to be made one after another until one is of use. With
        full attention, and in its own words without the documents: see passage_instruction. A small model shortens to
        the passage's own sentences and expands by the documents', if no wish asks for other words. Raises PromptError
        if it cannot expand so."""
        quoted = self._quoted_passage(material, request, asked, wish)
        if (
            quoted is None
            and asked.kind == "expand"
            and self.quotes(material, request)
            and asked.passage.strip()
            and not wish.strip()
        ):
            raise PromptError(
                "No sentence of the documents goes with this passage, and what so small a model adds in its own words "
                "is invented. Mark whole sentences, add a document about it, or say how it is to become."
            )
        specs = [quoted] if quoted else [self._own_passage(request, asked, wish, heat) for heat in PASSAGE_HEATS]
        return tuple(replace(spec, attempt=(number, len(specs))) for number, spec in enumerate(specs, 1))

    def _quoted_passage(self, material: Material, request: WriteRequest, asked: Asked, wish: str) -> RunSpec | None:
        if not self.quotes(material, request) or wish.strip() or not asked.passage.strip():
            return None
        whose: Whose = "passage" if asked.kind == "shorten" else "documents"
        text = ""
        if asked.kind == "shorten":
            text = shortened(asked.passage)
        elif asked.kind == "expand" and material.sources:
            text = expanded(material.reading, asked.passage, asked.draft)
        if not text:
            return None
        _, tokenizer = self.engine.require_model(timeout=0)
        composed = compose(tokenizer, [], passage_instruction(asked.kind, asked.passage))
        greedy = request.but(temperature=0.0, method=FULL_ATTENTION)
        spec = self._of(composed, greedy, "", len(plain_tokens(tokenizer, text)) + 1)
        generation = replace(spec.request, dictated=text)
        return replace(spec, request=generation, asked=request.fields, proposes=True, whose=whose)

    def _own_passage(self, request: WriteRequest, asked: Asked, wish: str, heat: float) -> RunSpec:
        small = self.engine.parameters < SMALL
        before, after = ("", "") if small else (asked.before, asked.after)
        instruction = passage_instruction(asked.kind, asked.passage, before, after, wish)
        _, tokenizer = self.engine.require_model(timeout=0)
        composed = compose(tokenizer, [], instruction)
        most = passage_max_new_tokens(asked.kind, count_tokens(tokenizer, asked.passage))
        chosen = request.but(temperature=heat, method=FULL_ATTENTION)
        spec = self._of(composed, chosen, "", min(most, self.settings.max_new_tokens_limit))
        if request.grounded:
            held = (asked.passage, wish) if asked.kind != "expand" else (asked.draft, wish)
            generation = replace(spec.request, grounding=Grounding(held), repetition_penalty=1.0)
            spec = replace(spec, request=generation)
        return replace(spec, asked=request.fields, proposes=True)

    def to_compare(self, material: Material, request: WriteRequest, draft: str, reach: Reach) -> RunSpec:
        """The run that each method makes, with a `reach` that all have; `draft` counts if the task is to go on with it.
        With a seed."""
        opening = request.kind.opening(request.detail, request.shape)
        instruction = request.kind.instruction(request.detail, request.shape)
        _, tokenizer = self.engine.require_model(timeout=0)
        before = self.seen(request, draft) if request.task == "continue" else ""
        limit = request.max_new_tokens
        sent = self.sent(material, request, instruction, before, limit + count_tokens(tokenizer, opening))
        start = trim_draft(sent.draft) if request.task == "continue" else opening
        composed = compose(tokenizer, sent.sources, instruction, start)
        seed = secrets.randbelow(2**31) if request.seed is None else request.seed
        spec = self._of(composed, request.but(seed=seed), opening, limit, reach=reach)
        return self._grounded(spec, request, sent.sources, instruction, start)

    def under(self, spec: RunSpec, request: WriteRequest) -> RunSpec:
        """The same run by the method of another request."""
        generation = replace(spec.request, policy=request.policy)
        return replace(spec, request=generation, settings=self._settings_of(generation))

    def _spec(
        self, material: Material, request: WriteRequest, instruction: str, opening: str, draft: str, limit: int,
        stops: tuple[str, ...] = (), in_all: int = 0,
    ) -> RunSpec:  # fmt: skip
        """`in_all`: tokens of all sections that are to come, for which there must be room too."""
        _, tokenizer = self.engine.require_model(timeout=0)
        reach, room = self.reach(material, request), max(limit, in_all) + count_tokens(tokenizer, opening)
        sent = self.sent(material, request, instruction, self.seen(request, draft), room)
        before = trim_draft(sent.draft) + opening
        composed = compose(tokenizer, sent.sources, instruction, before)
        if in_all:
            self._require_room(replace(composed.budget(in_all, reach.window).within(reach), in_sections=True))
        spec = self._of(composed, request, opening, limit, stops, reach)
        return self._grounded(spec, request, sent.sources, instruction, before)

    @staticmethod
    def _grounded(
        spec: RunSpec, request: WriteRequest, sources: Sequence[Source], instruction: str, draft: str
    ) -> RunSpec:
        """Held to what it is given, if there are documents and the person wishes it."""
        spec = replace(spec, sources=tuple(sources))
        if not request.grounded or not sources:
            return spec
        texts = [page.text for source in sources for page in source.pages]
        names = [source.document.name for source in sources]
        held = Grounding((*texts, *names, instruction, draft), spec.composed.draft_tokens)
        return replace(spec, request=replace(spec.request, grounding=held))

    def _of(
        self, composed: Composed, request: WriteRequest, opening: str, limit: int, stops: tuple[str, ...] = (),
        reach: Reach | None = None,
    ) -> RunSpec:  # fmt: skip
        """Without a seed one is drawn, so that it is known afterwards. `reach`: by default the window's."""
        settings, window = self.settings, self.engine.window
        budget = composed.budget(limit, window)
        beyond = budget.excess > 0
        self._require_room(budget.within(reach) if reach else budget)
        seed = secrets.randbelow(2**31) if request.seed is None else request.seed
        generation = GenerationRequest(
            composed.token_ids, request.policy, limit, request.temperature, settings.top_p, settings.min_p,
            settings.repetition_penalty, seed, composed.document_end,
            composed.documents if request.apart else (), stops, window=window if beyond else None,
        )  # fmt: skip
        return RunSpec(generation, composed, self._settings_of(generation), opening, asked=request.fields)

    @staticmethod
    def _require_room(budget: Budget) -> None:
        """Raises AppError, which names the ways out, if it is more than the window."""
        if budget.excess > 0:
            raise WindowFull(budget)

    def _settings_of(self, request: GenerationRequest) -> RunSettings:
        """What is recorded of it in a trace."""
        sampling: dict[str, Any] = {
            "max_new_tokens": request.max_new_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "min_p": request.min_p,
            "repetition_penalty": request.repetition_penalty,
        }
        if request.window is not None:
            sampling["window"] = "extend"
        if request.documents:
            sampling["documents"] = "apart"
        quantization = self.engine.quantization(self.settings.quantization or "none")
        return RunSettings(
            self.settings.model_name, quantization, describe_policy(request.policy), sampling, request.seed
        )
