"""What people ask for, from the page and from programs alike: the rules are here, and nowhere in the handlers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Literal, TypeAlias

from app.engine.caller import Caller
from app.engine.engine import Engine
from app.methods import REFRESHED, require_method, title_of
from app.project.comparison import Comparison
from app.project.editor_state import EditorState
from app.project.insertion import Insertion, InsertionPoint
from app.project.long_reading import LongReading, Offer, Way
from app.project.material import Material, NothingRead, pages_of, part_id
from app.project.notes import NoteTaking, parts_to_note, without_notes
from app.project.proposing import Proposing, made_of
from app.project.reading_plan import of_parts
from app.project.section_point import section_point
from app.project.session import Session
from app.project.specs import Advance
from app.project.subject import has_subject, require_subject
from app.project.tables import Table
from app.project.whole import SMALL
from app.project.whole_specs import WholeSpecs
from app.project.window_state import WindowState
from app.project.writing import Writing
from app.prompt.answers import Asked
from app.prompt.compose import count_tokens
from app.prompt.messages import Source, trim_draft
from app.prompt.passages import PASSAGE_TASKS
from app.prompt.request import AS_ONE, WriteRequest
from app.prompt.sections import next_step, tokens_to_come
from app.prompt.tasks import NOTE
from app.prompt.window import (
    Budget,
    ByParts,
    FewerPages,
    FewerSources,
    ShorterDraft,
    ShorterOutput,
    WindowMessage,
)
from app.reading.meanings import Meanings
from app.reading.reading import Readings
from app.say.errors import AppError, PromptError
from app.settings import Settings
from core.policies import METHODS

Where: TypeAlias = Literal["anew", "end", "caret", "again"]
"""Where is written: a new draft, at the end, at the caret, or the last passage once more."""

NEVER_REFRESHED = "NeverRefreshed"
COMPARED = {
    **{method: title_of(method) for method in METHODS},
    NEVER_REFRESHED: "Small cache, never refreshed",
}
"""The methods that can be compared by key, as they are called."""

WISH_CHARACTERS = 200


class Commands:
    """Begins what people ask for. One per app. `engine` may still be loading its model."""

    def __init__(self, settings: Settings, engine: Engine, meanings: Meanings | None = None) -> None:
        """Nothing is asked for yet. `meanings`: what compares the parts of documents by meaning."""
        self.settings, self.engine = settings, engine
        self._meanings = meanings
        self._specs = WholeSpecs(settings, engine)

    def request(self, **fields: Any) -> WriteRequest:
        """The request that these fields are. Raises AppError for a value that means nothing."""
        return WriteRequest.of(fields, self.settings.max_new_tokens_limit)

    def material(self, session: Session) -> Material:
        """What a project writes about, with what is noted on it."""
        return replace(session.material, notes=session.notes.known(self.note_maker))

    def material_of(self, sources: Sequence[Source]) -> Material:
        """Sources that belong to no project."""
        return Material(sources, readings=Readings(self._meanings))

    # --- notes ---

    @property
    def note_maker(self) -> str:
        """Whose notes are read: the model's, made by this prompt, and before them the person's."""
        return f"{self.settings.model_name}: {NOTE}"

    def parts_without_notes(self, session: Session) -> tuple[int, int]:
        """On how many parts there is no note yet, and of how many."""
        material = self.material(session)
        return len(without_notes(material.reading, material.notes)), len(parts_to_note(material.reading))

    def take_notes(self, session: Session) -> NoteTaking:
        """Let the model make notes on all parts that have none, while nobody waits for it; also after a restart, until
        that is done or `leave_notes` is called. Raises AppError if there is nothing to note."""
        if session.note_taking is not None and not session.note_taking.done:
            return session.note_taking
        job = NoteTaking(
            self.engine, session.notes, self.note_maker, lambda: session.material.reading, self._specs.note
        )
        if job.left is None:
            raise AppError("There is a note on every part of the documents already.")
        session.notes.want(True)
        job.start()
        session.note_taking = job
        return job

    def resume_notes(self, session: Session) -> None:
        """Go on with the notes of a project that were under way when the app ended."""
        if session.note_taking is None and self.engine.ready and session.notes.wanted:
            with suppress(AppError):
                self.take_notes(session)

    def edit_note(self, session: Session, part: str, text: str) -> None:
        """The person's own note on the part of that id, of which nothing is known if the documents are others by now.
        Raises StoreError."""
        reading = session.material.reading
        for found in reading.parts:
            if part_id(found) == part:
                session.notes.edit(reading.digest(found.number), text)

    def leave_notes(self, session: Session) -> None:
        """Make no more notes for now; those there are stay. Raises StoreError."""
        session.notes.want(False)
        if session.note_taking is not None:
            session.note_taking.stop()

    # --- writing ---

    def write(self, session: Session, request: WriteRequest, editor: EditorState, where: Where) -> Writing:
        """Begin to write; "Continue my draft" goes on at the end also when it is asked for anew. Raises AppError."""
        self._accept(session, editor)
        text = session.draft.text
        if where == "anew" and request.task == "continue":
            where = "end"
        point = InsertionPoint("", text, "") if where == "anew" else self._point(session, editor, where)
        if where == "again":
            request = request.but(seed=None)  # the same seed would write the same text
        writing = self._writing(self.material(session), request, point, where, session)
        session.write(writing)
        return writing

    def write_apart(
        self, sources: Sequence[Source], request: WriteRequest, draft: str = "", caller: Caller | None = None
    ) -> Writing:
        """Begin a text that belongs to no project, or go on with `draft`. Raises AppError."""
        where: Where = "end" if draft.strip() else "anew"
        writing = self._writing(self.material_of(sources), request, InsertionPoint(draft, "", ""), where)
        writing.caller = caller or writing.caller
        writing.start()
        return writing

    def _writing(
        self, material: Material, request: WriteRequest, point: InsertionPoint, where: Where,
        session: Session | None = None,
    ) -> Writing:  # fmt: skip
        require_subject(material.sources, request, point.before)
        insertion = Insertion(point)
        # At the caret no section begins: the text around it is not theirs.
        sections = self._sections(material, request, point.before) if where != "caret" else None
        first = sections(point.before, "") if sections else None
        if first is None:
            begins = where in ("anew", "again") and not point.before.strip()
            first = self._specs.first(material, request, point.before, begins=begins)
        draft, library = (session.draft, session.runs) if session else (None, None)
        if isinstance(sections, Table):
            return Writing(
                self.engine, first, insertion, draft, library,
                advance=sections, clean=sections.merge, left_out=lambda: sections.left_out,
            )  # fmt: skip
        return Writing(self.engine, first, insertion, draft, library, advance=sections or (lambda before, text: None))

    def _sections(self, material: Material, request: WriteRequest, before: str) -> Advance | None:
        """What gives the sections of a text that is written in several."""
        if self._specs.in_parts(material, request):
            if request.kind.makes_table:
                return self._specs.table(material, request, before)
            return self._specs.along_chapters(material, request, before)
        return self._specs.sections(material, request) if request.kind.in_sections else None

    def write_section(self, session: Session, request: WriteRequest, editor: EditorState, heading: str) -> Writing:
        """Begin to write a section of the draft again, from the parts that are planned for it now. Raises AppError."""
        self._accept(session, editor)
        point = section_point(session.draft.text, heading)
        if point is None:
            raise AppError("The draft has no section “{}” any more. Press Continue to write what is left.", heading)
        first = self._specs.section_again(self.material(session), request.but(seed=None), point.before, heading)
        writing = Writing(self.engine, first, Insertion(point), session.draft, session.runs)
        session.write(writing)
        return writing

    def propose(
        self, session: Session, request: WriteRequest, editor: EditorState, kind: str, wish: str = ""
    ) -> Writing:
        """Begin to write another form of the selected passage, as a proposal. Raises AppError."""
        if kind not in PASSAGE_TASKS:
            raise AppError("“{}” is nothing that can be done with a passage.", kind)
        self._accept(session, editor)
        text = session.draft.text
        start, end = sorted((min(len(text), editor.start), min(len(text), editor.end)))
        asked = Asked(kind, text[start:end], text[:start], text[end:])
        attempts = self._specs.passage(self.material(session), request, asked, wish[:WISH_CHARACTERS])
        insertion = Insertion(InsertionPoint(asked.before, asked.passage, asked.after), proposes=True)
        made = partial(made_of, asked, small=self.engine.parameters < SMALL)
        writing = Proposing(self.engine, attempts, insertion, session.draft, session.runs, made)
        session.write(writing)
        return writing

    def _accept(self, session: Session, editor: EditorState) -> None:
        if session.busy:
            raise AppError("You are writing already. Stop that first.")
        if not put_into(session, editor):
            raise AppError("The draft was changed in another window. Look at it here again, then repeat.")

    def _point(self, session: Session, editor: EditorState, where: Where) -> InsertionPoint:
        """What stands before a word at the caret, blanks or line ends, stands between it and what is written too."""
        state = session.draft.state
        text, written = state.text, state.written
        if where == "again":
            if written is None:
                raise AppError("No passage of the model's is left in the draft. Use Continue, or select a passage.")
            start, end = written
        else:
            start = end = min(editor.start, len(text)) if where == "caret" else len(text)
        before, after = text[:start], text[end:]
        gap = before[len(before.rstrip()) :] if where == "caret" else ""
        return InsertionPoint(before, text[start:end], after, seam="" if after[:1].strip() == "" else gap)

    # --- comparing ---

    def compare(self, session: Session, request: WriteRequest, methods: Sequence[str]) -> Comparison:
        """Begin to write the same under each method, beside the draft. Raises AppError."""
        comparison = self._comparison(self.material(session), request, methods, session.draft.text, session)
        session.compare(comparison)
        return comparison

    def compare_apart(
        self, sources: Sequence[Source], request: WriteRequest, methods: Sequence[str], draft: str = "",
        caller: Caller | None = None,
    ) -> Comparison:  # fmt: skip
        """The same for what belongs to no project. Raises AppError."""
        comparison = self._comparison(self.material_of(sources), request, methods, draft)
        comparison.caller = caller or comparison.caller
        comparison.start()
        return comparison

    def _comparison(
        self, material: Material, request: WriteRequest, methods: Sequence[str], draft: str,
        session: Session | None = None,
    ) -> Comparison:  # fmt: skip
        for key in methods:
            require_method(key, COMPARED)
        chosen = [key for key in COMPARED if key in methods]
        if len(chosen) < 2:
            raise AppError("Choose at least two different methods to compare.")
        require_subject(material.sources, request, draft if request.task == "continue" else "")
        asked = [_by(request, key) for key in chosen]
        reach = min((self._specs.reach(material, each) for each in asked), key=lambda each: each.tokens)
        spec = self._specs.to_compare(material, request, draft, reach)
        runs = [(COMPARED[key], self._specs.under(spec, each)) for key, each in zip(chosen, asked, strict=True)]
        return Comparison(self.engine, runs, session.runs if session else None)

    # --- the window ---

    def budget(self, material: Material, request: WriteRequest, draft: str) -> Budget:
        """What writing would take of the window, going on from `draft`: an instruction that is not written yet counts
        as a word, and all sections that are to come count, but of a text along the documents' chapters only the longest
        one. Raises AppError while the model is loading, and PromptError."""
        try:
            found = self._budget(material, request, draft)
            kept = None if found.plan else self.engine.kept_in_part(found.source_tokens)
            return replace(found, kept=kept, warning=self._specs.warning(material, request))
        except NothingRead:  # said by the plan, in which it is changed
            plan = of_parts(material.reading, (), material.pages, 0)
            return Budget((), 0, 0, 0, self.engine.window, plan=plan)

    def _budget(self, material: Material, request: WriteRequest, draft: str) -> Budget:
        if self._specs.in_parts(material, request):
            find = self._specs.longest_run if request.kind.makes_table else self._specs.longest_section
            longest = find(material, request, draft)
            if longest is not None:
                return longest
        _, tokenizer = self.engine.require_model(timeout=0)
        task, shape = request.kind, request.shape
        detail = request.detail if request.detail.strip() or task.default is not None else "…"
        step = next_step(draft, detail, shape) if task.in_sections else None
        if step is None:
            instruction, output = task.instruction(detail, shape), request.max_new_tokens
            opening = "" if draft.strip() else task.opening(detail, shape)
        else:  # whose openings are among the tokens to come
            instruction, opening, output = step.instruction, "", tokens_to_come(draft, detail, shape)
        reach, before = self._specs.reach(material, request), self._specs.seen(request, draft)
        sent = self._specs.sent(material, request, instruction, before, output + count_tokens(tokenizer, opening))
        unseen = count_tokens(tokenizer, draft) - count_tokens(tokenizer, sent.draft) if sent.draft != draft else 0
        budget = material.counts.budget(
            tokenizer, sent.sources, instruction, trim_draft(sent.draft) + opening, output, reach.window
        ).within(reach)
        chosen = of_parts(material.reading, sent.parts, material.pages, pages_of(sent.sources)) if sent.parts else None
        return replace(budget, unseen=unseen, in_sections=step is not None, plan=chosen)

    def long_reading(
        self, material: Material, request: WriteRequest, draft: str, budget: Budget | None = None
    ) -> LongReading | None:
        """What it takes to read documents by parts and as one, None if they fit the window. `budget`: of the request,
        if it is known. Raises AppError while the model is loading."""
        if not self._specs.are_long(material, request):
            return None

        def way(beyond: str) -> Offer:
            try:
                found = budget if beyond == request.beyond else None
                found = found or self.budget(material, request.but(beyond=beyond), draft)
            except AppError as error:
                return error.message
            if found.excess > 0:
                return WindowMessage(found)
            as_one = beyond == AS_ONE
            seconds = self.engine.expected(*found.read_and_written, as_one=as_one)
            return Way(found.total, seconds, self.engine.cache_bytes(found.total, as_one=as_one))

        return LongReading(way("parts"), way(AS_ONE))

    def long_reading_in(self, session: Session, request: WriteRequest, state: WindowState | None) -> LongReading | None:
        """The same of what Write begins in a project; `state`: what it takes, if that is known."""
        before = session.draft.text if request.task == "continue" else ""
        material = self.material(session)
        if not has_subject(material.sources, request, before):
            return None
        return self.long_reading(material, request, before, state.writes if state else None)

    def window(self, session: Session, request: WriteRequest) -> WindowState:
        """What Write takes, and Continue. Raises AppError as `budget` does."""
        material, draft = self.material(session), session.draft.text
        goes_on = request.task == "continue"
        before = draft if goes_on else ""
        writes = self.budget(material, request, before) if has_subject(material.sources, request, before) else None
        if goes_on or not draft.strip():
            return WindowState(writes)
        try:
            return WindowState(writes, self.budget(material, request, draft))
        except PromptError as error:
            return WindowState(writes, error)

    def choose(self, session: Session, request: WriteRequest, place: int) -> dict[str, int | str]:
        """Take the way out at that place: of sources at once, of fields the new values are returned by their names."""
        version = session.sources.version
        choices = self.window(session, request).choices
        match choices[place] if place < len(choices) else None:
            case FewerPages(pages=pages):
                session.sources.apply_pages(version, pages)
            case FewerSources(left_out=indices):
                session.sources.apply_left_out(version, indices)
            case ShorterOutput(tokens=tokens):
                return {"max_new_tokens": tokens}
            case ShorterDraft(tokens=tokens):
                return {"draft_tokens": tokens}
            case ByParts():
                return {"beyond": "parts"}
        return {}


def put_into(session: Session, editor: EditorState) -> bool:
    """Let the draft be as the editor has it. False if another came before, see ProjectDraft.edit."""
    return session.draft.edit(editor.text, editor.revision, editor.page, editor.serial)


def method_of(key: str) -> str:
    """The method of a key of COMPARED. Raises AppError if there is none."""
    return REFRESHED if require_method(key, COMPARED) == NEVER_REFRESHED else key


def _by(request: WriteRequest, key: str) -> WriteRequest:
    """The request with one of the compared methods."""
    if key == NEVER_REFRESHED:
        kept = {name: value for name, value in request.parameters.items() if name != "threshold"}
        return request.but(method=REFRESHED, parameters={**kept, "stride": request.max_new_tokens + 1})
    return request.but(method=key)
