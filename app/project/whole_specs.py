"""The runs of texts about whole documents: sections along their chapters, tables, and notes on their parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from app.engine.decoding import plain_tokens
from app.engine.run import Priority
from app.methods import FULL_ATTENTION
from app.project.material import Material, NothingRead, NothingToQuote, sources_of
from app.project.reading_plan import of_sections
from app.project.resuming import Begun, after_last, begun_by_model, begun_quoted, unwritten
from app.project.run_spec import RunSpec
from app.project.specs import Advance, Specs
from app.project.tables import Table, table_plan
from app.project.whole import (
    HEADED,
    SMALL,
    SectionText,
    is_about_all,
    is_question,
    section_text,
    tidied,
    whole_plan,
)
from app.prompt.compose import Composed, compose
from app.prompt.messages import Source
from app.prompt.reading_plan import ReadingPlan
from app.prompt.request import WriteRequest
from app.prompt.sections import SectionPlace, heading_key
from app.prompt.tasks import NOTE, NOTE_TOKENS
from app.prompt.window import Budget
from app.reading.plan import Plan, PlannedSection
from app.reading.reading import Reading
from app.say.errors import PromptError

PART_TOKENS, ANSWER_TOKENS = 700, 700
"""What a part takes of the window, and what a section's instruction and text take: reckoned, to plan with."""


@dataclass(frozen=True)
class Left:
    """What is left to write of a text: `sections`, of which the first is `begun` if the draft ends within it."""

    whole: Plan
    sections: Sequence[PlannedSection]
    begun: Begun | None


@dataclass(frozen=True)
class WholeSpecs(Specs):
    """Makes the RunSpecs of what is written in several runs, too."""

    def in_parts(self, material: Material, request: WriteRequest) -> bool:
        """Whether the text is written in sections along the documents' chapters."""
        quotes = self.quotes(material, request)
        if not material.sources or not (is_about_all(request) or (quotes and is_question(request))):
            return False
        return (quotes or self.are_long(material, request)) and not self.as_one(material, request)

    def along_chapters(self, material: Material, request: WriteRequest, before: str) -> Advance:
        """The next section of a text about the whole of the documents, if one is left; first what is left of the one
        within which `before` ends."""
        left = self._left(material, request, before)
        sections, total = list(left.sections), len(left.sections)

        def advance(before: str, written: str) -> RunSpec | None:
            if not sections:
                return None
            section = sections.pop(0)
            text = self._text(left, section, material, request, before + written)
            spec = self._section(left.whole, section, request, text)
            return replace(spec, section=SectionPlace(total - len(sections), total, section.heading))

        return advance

    def _text(
        self, left: Left, section: PlannedSection, material: Material, request: WriteRequest, before: str
    ) -> SectionText:
        quotes = self.quotes(material, request)
        text = section_text(left.whole, section, request, before, quotes=quotes, notes=material.notes)
        return left.begun.rest(text, before) if left.begun and left.begun.section is section else text

    def table(self, material: Material, request: WriteRequest, before: str) -> Table:
        """The runs of a table over the whole of the documents. Raises PromptError if all that can be written of it
        stands in `before`, and NothingRead."""
        quoted = self.quotes(material, request)
        plan = table_plan(material.reading, request, material.choices, self._most_parts, quoted=quoted)
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
        plan = replace(of_sections(whole, whole.sections, material.notes, quoted=table.plan.quoted), table=True)
        return self._budget(whole, whole.sections, plan, lambda index: table.text(index, "", begun=False))

    @property
    def _most_parts(self) -> int:
        return max(1, (self.engine.window - ANSWER_TOKENS) // PART_TOKENS)

    def _left(self, material: Material, request: WriteRequest, draft: str) -> Left:
        """What is left to write after `draft`. Raises PromptError if that is nothing, since all sections stand there
        already or the documents have nothing to be quoted, and NothingRead."""
        quotes = self.quotes(material, request)

        def writable(whole: Plan) -> list[PlannedSection]:
            return [each for each in whole.sections if each.sayings or (each.parts and not quotes)]

        planned = self._whole(material, request, draft)
        if material.choices and not planned.sections:
            raise NothingRead
        headed = quotes or request.task in HEADED
        whole = unwritten(planned, draft) if headed else after_last(planned, draft)
        left = writable(whole)
        begun = self._begun(planned, left, request, draft, quotes=quotes) if draft.strip() else None
        if begun:
            left = [begun.section, *(section for section in left if section is not begun.section)]
        if quotes and not left:
            if not writable(self._whole(material, request, "")):
                raise NothingToQuote
            raise PromptError(
                "All sections of this text stand in the draft. Say in your words what it lacks, take the task "
                "“Continue my draft”, or press Write for a new text."
            )
        return Left(whole, left, begun)

    @staticmethod
    def _begun(
        whole: Plan, left: Sequence[PlannedSection], request: WriteRequest, draft: str, *, quotes: bool
    ) -> Begun | None:
        if not quotes:
            return begun_by_model(whole, left, request, draft)
        texts = [section_text(whole, section, request, draft, quotes=True).dictated for section in whole.sections]
        return begun_quoted(whole.sections, texts, draft)

    def _whole(self, material: Material, request: WriteRequest, before: str) -> Plan:
        """With what the person has chosen, and as much as the window holds."""
        most = self._most_parts
        notes = not self.quotes(material, request) and self.engine.parameters >= SMALL
        return whole_plan(material.reading, request, before, material.choices, most, notes=notes)

    def note(self, reading: Reading, number: int) -> RunSpec:
        """A note of a part, which nobody waits for."""
        _, tokenizer = self.engine.require_model(timeout=0)
        sources = sources_of(reading, [number])
        composed = compose(tokenizer, sources, NOTE)
        asked = WriteRequest.of({"task": "summary", "method": FULL_ATTENTION, "temperature": 0.0, "seed": 0})
        spec = self._grounded(self._of(composed, asked, "", NOTE_TOKENS), asked, sources, NOTE, "")
        return replace(spec, request=spec.request.unkept, recorded=False, priority=Priority.BACKGROUND)

    def section_again(self, material: Material, request: WriteRequest, before: str, heading: str) -> RunSpec:
        """The section of that heading, after `before`, as it is planned now. Raises PromptError if none is called
        so."""
        whole = self._whole(material, request, before)
        named = [section for section in whole.sections if heading_key(section.heading) == heading_key(heading)]
        if not named:
            raise PromptError(
                "No section “{}” is planned now. Take in a part of it in the plan, or undo the changes there.", heading
            )
        quotes = self.quotes(material, request)
        text = section_text(whole, named[0], request, before, quotes=quotes, notes=material.notes)
        return self._section(whole, named[0], request, text)

    def longest_section(self, material: Material, request: WriteRequest, draft: str) -> Budget | None:
        """What the longest section takes of the window of those that are left after `draft`; None if none is."""
        left = self._left(material, request, draft)
        if not left.sections:
            return None
        plan = of_sections(left.whole, left.sections, material.notes, quoted=self.quotes(material, request))
        return self._budget(
            left.whole, left.sections, plan,
            lambda index: self._text(left, left.sections[index], material, request, "…"),
        )  # fmt: skip

    def _budget(
        self, whole: Plan, sections: Sequence[PlannedSection], plan: ReadingPlan, text: Callable[[int], SectionText]
    ) -> Budget:
        """What the one of `sections` takes that is written from most; `text`: what is asked for the one at an index."""
        parts = whole.reading.parts
        sizes = [sum(parts[number].characters for number in section.parts) for section in sections]
        longest = sizes.index(max(sizes))
        _, composed, limit = self._section_prompt(whole, sections[longest], text(longest))
        budget = composed.budget(limit, self.engine.window)
        share = sum(sizes) / max(1, sizes[longest])
        read = round(share * budget.source_tokens + len(sections) * (budget.instruction + budget.draft))
        return replace(budget, plan=plan, in_all=(read, len(sections) * limit))

    def _section(self, whole: Plan, section: PlannedSection, request: WriteRequest, text: SectionText) -> RunSpec:
        sources, composed, limit = self._section_prompt(whole, section, text)
        if text.dictated:
            spec = self._of(composed, request.but(temperature=0.0), text.opening, limit)
            generation = replace(spec.request.unkept, dictated=text.dictated)
            return replace(spec, request=generation, sources=tuple(sources))
        spec = self._of(composed, request, text.opening, limit, text.stops)
        spec = self._grounded(spec, request, sources, text.instruction, text.start or text.opening)
        tidy = partial(tidied, whole.reading, (*section.parts, *section.notes), within=bool(text.start))
        return replace(spec, request=spec.request.unkept, tidy=tidy)

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
