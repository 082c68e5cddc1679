"""A request becomes the runs that it needs: prompts composed, limits checked, what is recorded of each."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from app.engine.engine import Engine, plain_tokens
from app.engine.run import GenerationRequest, Grounding, Priority
from app.project.material import Material, NothingRead, fitted, sources_of
from app.project.quoting import expanded, shortened
from app.project.reading_plan import of_sections
from app.project.run_spec import RunSpec, Whose
from app.project.tables import Table, names_columns, table_plan
from app.project.whole import SMALL, WHOLE_TASKS, SectionText, is_question, section_text, tidied, unwritten, whole_plan
from app.prompt.answers import Asked
from app.prompt.compose import Composed, compose, count_tokens, last_tokens
from app.prompt.messages import Source, trim_draft
from app.prompt.passages import passage_instruction, passage_max_new_tokens
from app.prompt.request import FULL_ATTENTION, WriteRequest
from app.prompt.sections import SectionPlace, heading_key, next_step, tokens_to_come
from app.prompt.tasks import NOTE, NOTE_TOKENS
from app.prompt.window import Budget, WindowFull
from app.reading.plan import Plan, PlannedSection
from app.reading.reading import Reading
from app.runs.trace import RunSettings, describe_policy
from app.say.errors import PromptError
from app.settings import Settings

PART_TOKENS, ANSWER_TOKENS = 700, 700
"""What a part takes of the window, and what a section's instruction and text take: reckoned, to plan with."""

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

    def quotes(self, request: WriteRequest) -> bool:
        """Whether a text about documents has their own sentences: they cannot be had in another language."""
        if request.wording == "auto":
            return self.engine.parameters < SMALL and not request.language.strip()
        return request.wording == "quoted"

    def in_parts(self, material: Material, request: WriteRequest) -> bool:
        """Whether the text is written in sections along the documents' chapters."""
        quotes = self.quotes(request)
        wholly = request.task in WHOLE_TASKS or names_columns(request)
        if not material.sources or not (wholly or (quotes and is_question(request))):
            return False
        if quotes:
            return True
        _, tokenizer = self.engine.require_model(timeout=0)
        instruction = request.kind.instruction(request.detail, request.shape)
        opening, limit = request.kind.opening(request.detail, request.shape), request.max_new_tokens
        budget = material.counts.budget(tokenizer, material.sources, instruction, opening, limit, self.engine.window)
        return budget.excess > 0

    def along_chapters(self, material: Material, request: WriteRequest, before: str) -> Advance:
        """The next section of a text about the whole of the documents, if one is left."""
        whole, left = self._left(material, request, before)
        quotes = self.quotes(request)
        total = len(left)

        def advance(before: str, written: str) -> RunSpec | None:
            if not left:
                return None
            section = left.pop(0)
            text = section_text(whole, section, request, before + written, quotes=quotes, notes=material.notes)
            spec = self._section(whole, section, request, text)
            return replace(spec, section=SectionPlace(total - len(left), total, section.heading))

        return advance

    def table(self, material: Material, request: WriteRequest, before: str) -> Table:
        """The runs of a table over the whole of the documents. Raises PromptError if all that can be written of it
        stands in `before`, and NothingRead."""
        plan = table_plan(material.reading, request, material.choices, self._most_parts, quoted=self.quotes(request))
        if material.choices and not plan.whole.sections:
            raise NothingRead
        return Table(plan, request, before, partial(self._table_run, plan.whole, request))

    def _table_run(self, whole: Plan, request: WriteRequest, section: PlannedSection, text: SectionText) -> RunSpec:
        return self._section(whole, section, request, text)

    def longest_run(self, material: Material, request: WriteRequest, draft: str) -> Budget | None:
        """What the longest run takes of the window of those that are left of a table; None if none is."""
        table = self.table(material, request, draft)
        whole = table.plan.whole
        if not whole.sections:
            return None
        sizes = [sum(whole.reading.parts[part].characters for part in section.parts) for section in whole.sections]
        at = max(range(len(sizes)), key=lambda index: sizes[index])
        _, composed, limit = self._section_prompt(whole, whole.sections[at], table.text(at, "", begun=False))
        plan = of_sections(whole, whole.sections, material.notes, quoted=table.plan.quoted)
        return replace(composed.budget(limit, self.engine.window), plan=replace(plan, table=True))

    @property
    def _most_parts(self) -> int:
        return max(1, (self.engine.window - ANSWER_TOKENS) // PART_TOKENS)

    def _left(self, material: Material, request: WriteRequest, draft: str) -> tuple[Plan, list[PlannedSection]]:
        """The plan, and the sections that are left to write after `draft`; none if the documents have no sentence that
        could be quoted. Raises PromptError if all that could be stand there already, and NothingRead."""
        quotes = self.quotes(request)

        def sections(before: str) -> tuple[Plan, list[PlannedSection]]:
            whole = unwritten(self._whole(material, request, before), before)
            return whole, [each for each in whole.sections if each.sayings or (each.parts and not quotes)]

        whole, left = sections(draft)
        if material.choices and not left and not self._whole(material, request, draft).sections:
            raise NothingRead
        if quotes and not left and sections("")[1]:
            raise PromptError(
                "All sections of this text stand in the draft. Say in your words what it lacks, take the task "
                "“Continue my draft”, or press Write for a new text."
            )
        return whole, left

    def _whole(self, material: Material, request: WriteRequest, before: str) -> Plan:
        """With what the person has chosen, and as much as the window holds."""
        most = self._most_parts
        notes = not self.quotes(request) and self.engine.parameters >= SMALL
        return whole_plan(material.reading, request, before, material.choices, most, notes=notes)

    def note(self, reading: Reading, number: int) -> RunSpec:
        """A note of a part, which nobody waits for."""
        _, tokenizer = self.engine.require_model(timeout=0)
        sources = sources_of(reading, [number])
        composed = compose(tokenizer, sources, NOTE)
        asked = WriteRequest.of({"task": "summary", "method": FULL_ATTENTION, "temperature": 0.0, "seed": 0})
        spec = self._grounded(self._of(composed, asked, "", NOTE_TOKENS), asked, sources, NOTE, "")
        generation = replace(spec.request, document_end=0)
        return replace(spec, request=generation, recorded=False, priority=Priority.BACKGROUND)

    def section_again(self, material: Material, request: WriteRequest, before: str, heading: str) -> RunSpec:
        """The section of that heading, after `before`, as it is planned now. Raises PromptError if none is called
        so."""
        whole = self._whole(material, request, before)
        named = [section for section in whole.sections if heading_key(section.heading) == heading_key(heading)]
        if not named:
            raise PromptError(
                "No section “{}” is planned now. Take in a part of it in the plan, or undo the changes there.", heading
            )
        text = section_text(whole, named[0], request, before, quotes=self.quotes(request), notes=material.notes)
        return self._section(whole, named[0], request, text)

    def longest_section(self, material: Material, request: WriteRequest, draft: str) -> Budget | None:
        """What the longest section takes of the window of those that are left after `draft`; None if none is."""
        whole, sections = self._left(material, request, draft)
        quotes = self.quotes(request)
        if not sections:
            return None
        section = max(sections, key=lambda section: sum(whole.reading.parts[part].characters for part in section.parts))
        text = section_text(whole, section, request, "…", quotes=quotes, notes=material.notes)
        _, composed, limit = self._section_prompt(whole, section, text)
        return replace(
            composed.budget(limit, self.engine.window), plan=of_sections(whole, sections, material.notes, quoted=quotes)
        )

    def _section(self, whole: Plan, section: PlannedSection, request: WriteRequest, text: SectionText) -> RunSpec:
        sources, composed, limit = self._section_prompt(whole, section, text)
        if text.dictated:
            spec = self._of(composed, request.but(temperature=0.0), text.opening, limit)
            generation = replace(spec.request, dictated=text.dictated, document_end=0)
            return replace(spec, request=generation, sources=tuple(sources))
        spec = self._of(composed, request, text.opening, limit, text.stops)
        spec = self._grounded(spec, request, sources, text.instruction, text.start or text.opening)
        generation = replace(spec.request, document_end=0)
        return replace(spec, request=generation, tidy=partial(tidied, whole.reading, (*section.parts, *section.notes)))

    def _section_prompt(
        self, whole: Plan, section: PlannedSection, text: SectionText
    ) -> tuple[Sequence[Source], Composed, int]:
        """The sources, the prompt and the most tokens of a section: with as many of its parts as there is room for, and
        with the main sentences of others of which there is no note, if there is room for all of them."""
        _, tokenizer = self.engine.require_model(timeout=0)
        most = self.settings.max_new_tokens_limit
        limit = len(plain_tokens(tokenizer, text.dictated)) + 1 if text.dictated else min(text.tokens, most)
        parts, notes = section.parts, [number for number in section.notes if number not in text.noted]
        for seen, noted in ((parts, notes), *((parts[:count], ()) for count in range(len(parts), 0, -1))):
            sources = sources_of(whole.reading, seen, noted)
            composed = compose(tokenizer, sources, text.instruction, text.start or text.opening.lstrip())
            if composed.budget(limit, self.engine.window).excess <= 0:
                break
        return sources, composed, limit

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
            and self.quotes(request)
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
        if not self.quotes(request) or wish.strip() or not asked.passage.strip():
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

    def to_compare(self, material: Material, request: WriteRequest, draft: str) -> RunSpec:
        """The run that each method makes; `draft` counts if the task is to go on with it. With a seed."""
        opening = request.kind.opening(request.detail, request.shape)
        instruction = request.kind.instruction(request.detail, request.shape)
        _, tokenizer = self.engine.require_model(timeout=0)
        before = self.seen(request, draft) if request.task == "continue" else ""
        limit = request.max_new_tokens
        room = limit + count_tokens(tokenizer, opening)
        sent = fitted(tokenizer, material, instruction, before, room, self.engine.window, request.detail)
        start = trim_draft(sent.draft) if request.task == "continue" else opening
        composed = compose(tokenizer, sent.sources, instruction, start)
        seed = secrets.randbelow(2**31) if request.seed is None else request.seed
        spec = self._of(composed, request.but(seed=seed), opening, limit)
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
        seen, window = self.seen(request, draft), self.engine.window
        room = max(limit, in_all) + count_tokens(tokenizer, opening)
        sent = fitted(tokenizer, material, instruction, seen, room, window, request.detail)
        before = trim_draft(sent.draft) + opening
        composed = compose(tokenizer, sent.sources, instruction, before)
        if in_all:
            self._require_room(replace(composed.budget(in_all, self.engine.window), in_sections=True))
        spec = self._of(composed, request, opening, limit, stops)
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
