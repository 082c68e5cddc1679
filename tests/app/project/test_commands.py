"""What a person asks for becomes a run: where it writes, what the model reads, and what is refused."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.engine.engine import Engine
from app.engine.run import GenerationRequest
from app.methods import FULL_ATTENTION, REFRESHED
from app.project.checks import checked_table, repair_draft
from app.project.commands import COMPARED, NEVER_REFRESHED, WISH_CHARACTERS, Commands
from app.project.comparison import Comparison
from app.project.editor_state import EditorState
from app.project.material import Material
from app.project.run_spec import RunSpec
from app.project.session import Session
from app.project.sessions import Sessions
from app.project.window_state import WindowState
from app.project.writing import Writing
from app.prompt.compose import compose
from app.prompt.request import WriteRequest
from app.prompt.sections import next_step
from app.prompt.tasks import TASKS
from app.prompt.window import Budget, ShorterOutput
from app.say.errors import AppError, PromptError
from app.say.wording import Wording
from app.settings import Settings
from app.store import Store, list_runs, list_versions, version_text
from core import FullAttention, PrefixCache, PrefixFiles, RefreshKV
from tests.app.conftest import FIELDS, ask, at, held
from tests.app.scripted import ScriptedRun, into
from tests.core.tiny import byte_tokenizer, tiny_model

TEXT = "The light stood on the rock for a hundred years."


def written(writing: Writing) -> str:
    """What the model wrote, once it is over."""
    assert writing.wait(60)
    assert writing.error is None
    assert writing.state == "finished"
    return writing.text


def spec_of(job: Writing | Comparison) -> RunSpec:
    """The latest run."""
    assert job.current is not None
    return job.current.spec


def request_of(writing: Writing) -> GenerationRequest:
    return spec_of(writing).request


def prompt(writing: Writing) -> str:
    return str(byte_tokenizer().decode(request_of(writing).token_ids[0]))


def draft(session: Session, text: str) -> None:
    assert session.draft.edit(text, session.draft.revision)


def test_a_new_draft_replaces_the_old_one(commands: Commands, session: Session, store: Store) -> None:
    session.sources.paste(TEXT)
    draft(session, "Mine.")
    writing = commands.write(session, ask(detail="the rock"), at(session), "anew")
    text = written(writing)
    assert len(text.encode()) >= 8
    assert session.draft.text == text
    assert session.draft.state.written == (0, len(text))
    assert "Mine." not in prompt(writing)
    assert TEXT in prompt(writing)
    assert prompt(writing).endswith("Pay attention above all to this: the rock.<|im_end|>\n<|im_start|>assistant\n")
    assert [version_text(store, version.id) for version in list_versions(store, session.id)] == ["Mine."]
    (run,) = list_runs(store, session.id)
    assert (run.state, run.position) == ("finished", 0)
    assert run.settings == {
        **ask(detail="the rock").fields,
        "policy": {"method": "FullAttention"},
        "prompt_tokens": spec_of(writing).composed.prompt_tokens,
        "proposes": False,
        "opening": "",
        "section": None,
        "compared": "",
    }


def test_at_the_end_the_draft_is_what_the_model_goes_on_from(commands: Commands, session: Session) -> None:
    draft(session, "Mine it is. \t ")
    writing = commands.write(session, ask(), at(session), "end")
    assert prompt(writing).endswith("<|im_start|>assistant\nMine it is.")
    text = written(writing)
    assert session.draft.text == f"Mine it is. \t {text}"
    assert session.draft.state.written == (14, 14 + len(text))
    assert not text.startswith((" ", "\t"))
    assert session.draft.undo()
    assert session.draft.text == "Mine it is. \t "


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "caret", "before", "after"),
    [
        ("One. Two.", 5, "One. ", " Two."),
        ("One. Two.", 4, "One.", " Two."),
        ("One. Two.", 99, "One. Two.", ""),
        ("One. Two.", 7, "One. Tw", "o."),
        ("One. \t(Two)", 6, "One. \t", " \t(Two)"),
        ("One.\n\nTwo.", 6, "One.\n\n", "\n\nTwo."),
        ("One.\n\nTwo.", 5, "One.\n", "\nTwo."),
        ("Two.", 0, "", "Two."),
    ],
)
def test_at_the_caret_what_is_written_is_parted_from_both_sides(
    commands: Commands, session: Session, text: str, caret: int, before: str, after: str
) -> None:
    draft(session, text)
    writing = commands.write(session, ask(detail="the rock"), at(session, caret), "caret")
    assert prompt(writing).endswith("assistant\n" + before.rstrip(" \t"))
    new = written(writing)
    assert session.draft.text == before + new + after
    assert session.draft.state.written == (len(before), len(before) + len(new))
    if after[:1].isspace():
        assert new == new.rstrip()


def test_writing_a_continuation_goes_on_at_the_end(commands: Commands, session: Session) -> None:
    draft(session, "Mine it is.")
    writing = commands.write(session, ask(task="continue"), at(session), "anew")
    assert prompt(writing).endswith("<|im_start|>assistant\nMine it is.")
    text = written(writing)
    assert session.draft.text == f"Mine it is.{text}"


def test_the_last_passage_is_written_again(commands: Commands, session: Session) -> None:
    draft(session, "Mine.")
    first = written(commands.write(session, ask(), at(session), "end"))
    draft(session, f"So: Mine.{first}")
    draft(session, f"So: Mine.{first} The end.")
    writing = commands.write(session, ask(temperature=1.5, seed=3), at(session), "again")
    assert prompt(writing).endswith("assistant\nSo: Mine.")
    second = written(writing)
    assert second != first
    assert session.draft.text == f"So: Mine.{second} The end."
    draft(session, "All else.")
    with pytest.raises(AppError, match="No passage of the model's is left"):
        commands.write(session, ask(), at(session), "again")


def test_an_opening_begins_the_answer_anew_and_again(commands: Commands, session: Session) -> None:
    opening = "| Name | Height |\n| --- | --- |\n|"
    fields = ask(task="table", detail="Name, Height")
    for where in ("anew", "again"):
        writing = commands.write(session, fields, at(session), where)
        assert prompt(writing).endswith(f"assistant\n{opening}")
        assert written(writing).startswith(opening)
        assert session.draft.text == writing.text
    writing = commands.write(session, fields, at(session), "end")
    assert "| Name |" not in written(writing)


def test_without_a_seed_one_is_drawn_and_recorded_and_again_draws_another(commands: Commands, session: Session) -> None:
    seeds = []
    for where, seed in (("anew", None), ("again", None), ("anew", 5), ("again", 5)):
        writing = commands.write(session, ask(detail="the rock", temperature=1.0, seed=seed), at(session), where)
        written(writing)
        assert session.trace() is not None
        assert request_of(writing).seed == session.trace().settings.seed  # type: ignore[union-attr]
        seeds.append(request_of(writing).seed)
    assert seeds[2] == 5
    assert None not in seeds
    assert len(set(seeds)) == 4


def test_the_same_seed_writes_the_same(commands: Commands, session: Session) -> None:
    session.sources.paste(TEXT)
    texts = [
        written(commands.write(session, ask(temperature=1.0, seed=seed, method=REFRESHED), at(session), "anew"))
        for seed in (5, 5, 6)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_too_long_is_refused_with_the_numbers_and_nothing_is_begun(
    commands: Commands, session: Session, store: Store
) -> None:
    session.sources.paste("\f".join(TEXT * 8 for _ in range(3)))
    draft(session, "mine")
    with pytest.raises(AppError, match=r"Too long by .* window is 1,024"):
        commands.write(session, ask(), at(session), "end")
    assert (session.writing, list_runs(store, session.id), commands.engine.current()) == (None, [], [])
    assert session.draft.text == "mine"
    session.sources.choose(session.sources.files[0].id, "2")
    assert written(commands.write(session, ask(), at(session), "end"))


@pytest.mark.parametrize("field", ["max_new_tokens", "length", "seed"])
def test_fields_are_checked_with_the_limit_of_the_settings(commands: Commands, field: str) -> None:
    assert commands.request(**{**FIELDS, "max_new_tokens": 900}) == ask(max_new_tokens=900)
    with pytest.raises(AppError):
        commands.request(**{**FIELDS, field: 901 if field == "max_new_tokens" else "as you like"})


def test_a_task_that_cannot_do_without_words_is_refused_without(commands: Commands, session: Session) -> None:
    session.sources.paste(TEXT)
    with pytest.raises(PromptError, match="“Instruction” is empty"):
        commands.write(session, ask(task="free"), at(session), "anew")
    assert not session.busy


NOTHING = "There is nothing to write about: no source, no words of yours about the task, and no draft to go on with."


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("draft", ["", " \n\t"])
def test_without_a_source_a_wish_or_a_draft_nothing_is_written(
    commands: Commands, session: Session, store: Store, task: str, draft: str
) -> None:
    request = ask(task=task, detail=" ")
    assert session.draft.edit(draft, 0)
    methods = [REFRESHED, FULL_ATTENTION]
    acts: list[Callable[[], object]] = [
        lambda: commands.write(session, request, at(session), "anew"),
        lambda: commands.write(session, request, at(session), "end"),
        lambda: commands.write(session, request, at(session, len(draft)), "caret"),
        lambda: commands.write_apart([], request),
        lambda: commands.write_apart([], request, draft),
        lambda: commands.compare(session, request, methods),
        lambda: commands.compare_apart([], request, methods, draft),
    ]
    for act in acts:
        with pytest.raises(PromptError, match=NOTHING) as refused:
            act()
    assert not re.search("[a-z]{2}", refused.value.worded(Wording("ja")))
    assert (session.writing, session.comparison, session.draft.busy) == (None, None, False)
    assert (list_runs(store, session.id), commands.engine.current()) == ([], [])


def test_what_the_model_is_not_sent_is_nothing_to_write_about(commands: Commands, session: Session) -> None:
    """A new draft begins without the old one, and at the caret what follows is not seen; nor what is left out."""
    draft(session, "Mine.")
    session.sources.paste(TEXT)
    session.sources.leave_out(session.sources.files[0].id)
    acts: list[Callable[[], object]] = [
        lambda: commands.write(session, ask(), at(session), "anew"),
        lambda: commands.write(session, ask(), at(session, 0), "caret"),
        lambda: commands.compare(session, ask(), [REFRESHED, FULL_ATTENTION]),
    ]
    for act in acts:
        with pytest.raises(PromptError, match=NOTHING):
            act()
    assert session.draft.text == "Mine."


@pytest.mark.slow
def test_one_of_a_source_a_wish_or_a_draft_is_enough(commands: Commands, session: Session) -> None:
    written(commands.write(session, ask(detail="the rock"), at(session), "anew"))
    written(commands.write(session, ask(), at(session), "end"))
    session.sources.paste(TEXT)
    written(commands.write(session, ask(), at(session), "anew"))
    for apart in (
        commands.write_apart([], ask(detail="the rock")),
        commands.write_apart([], ask(), "Mine."),
        commands.write_apart(session.sources.selected, ask()),
    ):
        written(apart)
    for compared in (
        commands.compare_apart([], ask(detail="the rock"), [REFRESHED, FULL_ATTENTION]),
        commands.compare_apart([], ask(task="continue"), [REFRESHED, FULL_ATTENTION], "Mine."),
        commands.compare_apart(session.sources.selected, ask(), [REFRESHED, FULL_ATTENTION]),
    ):
        assert compared.wait(60)


def test_a_page_that_saw_an_older_text_begins_nothing(commands: Commands, session: Session, store: Store) -> None:
    draft(session, "Newer.")
    with pytest.raises(AppError, match="changed in another window"):
        commands.write(session, ask(), EditorState("Older.", 0, 0, 0), "end")
    assert (session.draft.text, session.writing) == ("Newer.", None)
    assert [version_text(store, version.id) for version in list_versions(store, session.id)] == ["Older."]


def test_what_was_typed_last_is_taken_with_the_command(commands: Commands, session: Session) -> None:
    text = written(commands.write(session, ask(), EditorState("Just typed.", 0, 0, 0), "end"))
    assert session.draft.text == f"Just typed.{text}"


def test_one_run_at_a_time(commands: Commands, session: Session) -> None:
    with held(commands.engine):
        writing = commands.write(session, ask(detail="the rock"), at(session), "anew")
        for begin in (
            lambda: commands.write(session, ask(), at(session), "end"),
            lambda: commands.propose(session, ask(), at(session), "rewrite"),
        ):
            with pytest.raises(AppError, match="writing already"):
                begin()
        writing.stop()
    assert writing.wait(60)
    assert writing.state == "stopped"
    assert session.writing is writing


def test_a_run_that_cannot_be_kept_is_not_left_in_the_queue(
    commands: Commands, session: Session, sessions: Sessions, store: Store
) -> None:
    other = sessions.create("another page")
    with held(commands.engine):
        first = commands.write(other, ask(detail="the rock"), at(other), "anew")
        store.limits = replace(store.limits, draft_megabytes=1e-6)
        with pytest.raises(AppError, match="the limit is 1"):
            commands.write(session, ask(), EditorState("longer than that", 0, 0, 0), "end")
        assert first.current is not None
        assert commands.engine.current() == [first.current.run]
        assert not session.busy
        first.stop()
    assert first.wait(60)


def test_while_the_model_loads_nothing_is_begun(session: Session) -> None:
    engine = Engine(lambda report: (tiny_model(), byte_tokenizer()), queue_size=1)
    loading, request = Commands(Settings(_env_file=None), engine), ask(detail="the rock")
    acts: list[Callable[[], object]] = [
        lambda: loading.write(session, request, at(session), "anew"),
        lambda: loading.write_apart([], request),
        lambda: loading.compare(session, request, [REFRESHED, FULL_ATTENTION]),
        lambda: loading.window(session, request),
    ]
    for act in acts:
        with pytest.raises(AppError, match="still loading"):
            act()
    assert (session.busy, session.draft.busy, session.comparison) == (False, False, None)


def test_a_proposal_is_asked_for_without_documents_greedily_and_with_full_attention(
    commands: Commands, session: Session
) -> None:
    session.sources.paste(TEXT)
    draft(session, "Before. The old words. After.")
    fields = ask(temperature=1.0, method=REFRESHED, max_new_tokens=700)
    with held(commands.engine):
        writing = commands.propose(session, fields, at(session, 22, 8), "shorten", "more  formal")
        request = request_of(writing)
        assert (request.temperature, request.document_end, spec_of(writing).composed.sources) == (0.0, 0, ())
        assert isinstance(request.policy, FullAttention)
        assert request.max_new_tokens == 64
        assert TEXT not in prompt(writing)
        assert "Text:\nThe old words.\n\n" in prompt(writing)
        assert "Make it more formal." in prompt(writing)
    assert writing.wait(60)
    # A model of random weights never writes anything of use.
    assert (writing.state, spec_of(writing).attempt, request_of(writing).temperature) == ("finished", (3, 3), 0.8)
    assert (session.draft.text, session.draft.proposal) == ("Before. The old words. After.", None)


def test_what_is_written_anew_is_held_to_the_passage_or_to_the_draft(commands: Commands, session: Session) -> None:
    draft(session, "Before. The old words. After.")
    for kind, held_to in (("rewrite", "The old words."), ("expand", session.draft.text)):
        with held(commands.engine):
            writing = commands.propose(session, ask(grounded=True), at(session, 8, 22), kind)
            grounding = request_of(writing).grounding
        assert grounding is not None
        assert grounding.sources == (held_to, "")
        assert writing.wait(60)


@pytest.mark.slow
def test_a_small_model_shortens_to_the_passages_sentences_and_expands_by_the_documents(
    commands: Commands, session: Session
) -> None:
    passage = (
        "The keeper of the lamp climbed the stairs of the tower every evening. Oil was dear in those years. "
        "In the tower the keeper trimmed the wick of the lamp until the flame burned clear."
    )
    told = "The wick of the lamp was trimmed by the keeper every four hours, so that the flame burned clear until dawn."
    session.sources.paste(told)
    draft(session, f"Before. {passage} After.")
    asked = ask(wording="auto")

    def proposed(kind: str, wish: str = "") -> tuple[str, str]:
        writing = commands.propose(session, asked, at(session, 8, 8 + len(passage)), kind, wish)
        assert writing.wait(60)
        proposal = session.draft.proposal
        return spec_of(writing).whose, proposal.text if proposal else ""

    whose, text = proposed("shorten")
    assert whose == "passage"
    assert 0 < len(text) < len(passage)
    assert all(f"{sentence.strip('. ')}." in passage for sentence in text.split(". "))
    assert proposed("expand") == ("documents", f"{passage} {told}")
    session.sources.leave_out(session.sources.files[0].id)
    with pytest.raises(PromptError, match="No sentence of the documents"):
        commands.propose(session, asked, at(session, 8, 8 + len(passage)), "expand")
    assert proposed("rewrite")[0] == proposed("shorten", "more formal")[0] == "model"


def test_nothing_marked_is_refused(commands: Commands, session: Session) -> None:
    draft(session, "Words and   blanks")
    for start, end in ((3, 3), (9, 12), (99, 200)):
        with pytest.raises(PromptError, match="Nothing is marked"):
            commands.propose(session, ask(), at(session, start, end), "rewrite")


SECTIONS = ask(task="outline", length="20")


@pytest.mark.slow
def test_sections_are_written_one_after_the_other(commands: Commands, session: Session) -> None:
    draft(session, "1. Light\n2. Rock")
    writing = commands.write(session, SECTIONS, at(session), "end")
    text = written(writing)
    writing.join(60)
    assert [entry.section for entry in session.runs.entries] == [(2, 2, "Rock"), (1, 2, "Light")]
    assert text.startswith("\n\n---\n\n## Light\n\n")
    assert text.count("\n## Rock\n\n") == 1
    assert session.draft.text == f"1. Light\n2. Rock{text}"
    assert next_step(session.draft.text, "", SECTIONS.shape) is None
    assert session.draft.state.written == (16, 16 + len(text))
    assert session.draft.undo()
    assert session.draft.text == "1. Light\n2. Rock"
    assert not session.busy


@pytest.mark.slow
def test_an_outline_comes_first(commands: Commands, session: Session) -> None:
    session.sources.paste(TEXT)
    writing = commands.write(session, SECTIONS, at(session), "anew")
    opening = TASKS["outline"].opening("", SECTIONS.shape)
    assert opening.strip()
    assert prompt(writing).endswith(f"The outline has 2 headings.<|im_end|>\n<|im_start|>assistant\n{opening}")
    assert writing.wait(60)
    assert session.draft.text.startswith(opening)


def test_a_section_asks_for_no_more_than_the_limit(engine: Engine, session: Session) -> None:
    commands = Commands(Settings(_env_file=None, max_new_tokens=50, max_new_tokens_limit=50), engine)
    draft(session, "1. Light\n2. Rock\n\n---\n\n## Light\n\nIt shone.")
    writing = commands.write(session, SECTIONS, at(session), "end")
    assert request_of(writing).max_new_tokens == 50
    assert written(writing).startswith("\n\n## Rock\n\n")


def test_at_the_caret_no_section_begins(commands: Commands, session: Session) -> None:
    draft(session, "No outline, but a text.")
    text = written(commands.write(session, SECTIONS, at(session, 3), "caret"))
    assert session.draft.text == f"No {text} outline, but a text."
    with pytest.raises(PromptError, match="no outline"):
        commands.write(session, SECTIONS, at(session), "end")


def test_the_budget_counts_a_missing_instruction_as_a_word(commands: Commands, session: Session) -> None:
    session.sources.paste(TEXT)

    def counted(fields: WriteRequest, draft: str = "") -> Budget:
        return commands.budget(session.material, fields, draft)

    empty = counted(ask(task="free"))
    assert empty == counted(ask(task="free", detail="…"))
    assert (empty.source_tokens, empty.draft, empty.output, empty.window) == (len(TEXT), 0, 8, 1024)
    assert counted(ask(task="free", detail="…"), "A draft. ").draft == len("A draft.")
    summary = counted(ask())
    asked = len(TASKS["summary"].instruction()) - len("…".encode())
    assert summary.instruction - empty.instruction == asked
    composed = compose(byte_tokenizer(), session.sources.selected, TASKS["summary"].instruction())
    assert replace(summary, warning=None) == composed.budget(8, 1024)
    assert counted(ask(task="table", detail="a, b")).draft == len("| a | b |\n| --- | --- |\n|")


def test_the_budget_says_which_documents_are_too_large_to_be_kept(
    commands: Commands, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = commands.engine.require_model()
    monkeypatch.setattr(commands.engine, "_documents", PrefixCache(model, files=PrefixFiles(tmp_path / "kept", 10**5)))
    session.sources.paste(TEXT)
    assert commands.budget(session.material, ask(task="free"), "").kept is None
    session.sources.paste("The lamp was lit. " * 32)
    budget = commands.budget(session.material, ask(task="free"), "")
    assert budget.source_tokens > 512
    assert f"their {budget.source_tokens} tokens take 0 MB, and the limit is 0 MB" in budget.message
    assert "The documents are not kept on disk" in budget.message


def test_all_sections_that_are_to_come_count(commands: Commands, session: Session, store: Store) -> None:
    # Two headings at 24 tokens; two sections of 128 with a heading each.
    assert commands.budget(Material([]), SECTIONS, "").output == 2 * 24 + 2 * (24 + 128)
    begun = "1. Light\n2. Rock\n3. Sea\n\n---\n\n## Light\n\nIt shone."
    budget = commands.budget(Material([]), SECTIONS, begun)
    assert (budget.output, budget.draft, budget.in_sections) == (2 * (24 + 128), len(begun), True)
    draft(session, "\n".join(f"{number}. Heading {number}" for number in range(1, 7)))
    with pytest.raises(AppError, match=r"answer 912 = .*Choose a shorter length\."):
        commands.write(session, SECTIONS, at(session), "end")
    assert (session.writing, list_runs(store, session.id), commands.engine.current()) == (None, [], [])


def test_the_model_sees_only_so_much_of_the_draft_as_was_chosen(commands: Commands, session: Session) -> None:
    text = "The first sentence. The second sentence. The third one."
    draft(session, text)
    fields = ask(task="continue", draft_tokens=40)
    writing = commands.write(session, fields, at(session), "end")
    assert prompt(writing).endswith("assistant\nThe second sentence. The third one.")
    new = written(writing)
    assert session.draft.text == text + new
    budget = commands.budget(Material([]), fields, text)
    assert (budget.draft, budget.unseen) == (35, 20)
    assert "The model does not see the first 20 tokens of the draft." in budget.message
    assert commands.budget(Material([]), ask(task="continue", draft_tokens=99), text).unseen == 0


def test_of_a_draft_that_is_too_long_the_end_is_seen(commands: Commands, session: Session) -> None:
    text = "The tide came in. " * 60
    fits = commands.budget(Material([]), ask(task="continue"), text)
    assert (fits.excess <= 0, fits.draft + fits.unseen) == (True, len(text.rstrip()))
    assert fits.excess > -len("The tide came in. ") - 30
    draft(session, text)
    writing = commands.write(session, ask(task="continue"), at(session), "end")
    assert prompt(writing).endswith("assistant\n" + text.rstrip()[-fits.draft :])
    assert written(writing)


# --- passages ---


def test_what_cannot_be_done_with_a_passage_is_refused_before_anything_is_touched(
    commands: Commands, session: Session
) -> None:
    with pytest.raises(AppError, match="“translate” is nothing that can be done"):
        commands.propose(session, ask(), EditorState("Just typed.", 0, 4, 0), "translate")
    assert (session.draft.text, session.busy) == ("", False)


def test_a_wish_is_as_long_as_the_page_lets_it_be(commands: Commands, session: Session) -> None:
    draft(session, "The old words.")
    writing = commands.propose(session, ask(), at(session, 0, 14), "rewrite", "o" * (WISH_CHARACTERS + 50))
    written(writing)
    assert "o" * WISH_CHARACTERS in prompt(writing)
    assert "o" * (WISH_CHARACTERS + 1) not in prompt(writing)


# --- comparing ---


@pytest.mark.slow
def test_the_fields_become_methods_with_one_seed(commands: Commands, session: Session) -> None:
    fields = {"task": "free", "detail": "Say it.", "method": REFRESHED, "threshold": 0.9, "max_new_tokens": 20}
    request = ask(**fields, temperature=0.7, seed=None)
    with held(commands.engine):
        comparison = commands.compare(session, request, [FULL_ATTENTION, NEVER_REFRESHED, REFRESHED])
        comparison.stop()
        assert session.comparison is comparison
    assert comparison.wait(60)
    assert [(trial.name, trial.spec.request.policy) for trial in comparison.trials] == [
        ("RefreshKV", RefreshKV(1 / 8, 5, 0.9)),
        ("Full attention", FullAttention()),
        ("Small cache, never refreshed", RefreshKV(1 / 8, 21)),
    ]
    (seed,) = {trial.spec.request.seed for trial in comparison.trials}
    assert seed is not None
    assert [trial.spec.settings.seed for trial in comparison.trials] == [seed] * 3
    assert [trial.spec.settings.policy["method"] for trial in comparison.trials] == [
        REFRESHED,
        FULL_ATTENTION,
        REFRESHED,
    ]
    known = commands.compare(session, request.but(seed=7), [REFRESHED, FULL_ATTENTION])
    assert known.wait(60)
    for trial in known.trials:
        asked = trial.spec.request
        assert (asked.seed, asked.max_new_tokens, asked.temperature) == (7, 20, 0.7)


def test_methods_that_cannot_be_compared_are_refused(commands: Commands, session: Session) -> None:
    for methods, message in (
        ([REFRESHED, "made up"], "“made up” is not a method. Choose one of " + ", ".join(COMPARED)),
        ([], "at least two"),
        ([REFRESHED], "at least two"),
        ([REFRESHED, REFRESHED], "at least two"),
    ):
        with pytest.raises(AppError, match=re.escape(message)):
            commands.compare(session, ask(detail="the rock"), methods)
    assert session.comparison is None


def test_a_comparison_that_is_too_long_is_refused(commands: Commands, session: Session) -> None:
    session.sources.paste("\f".join(TEXT * 8 for _ in range(3)))
    with pytest.raises(AppError, match=r"Too long by .* window is 1,024"):
        commands.compare(session, ask(), [REFRESHED, FULL_ATTENTION])
    assert session.comparison is None


def test_a_text_begins_as_its_task_does(commands: Commands, session: Session) -> None:
    table = commands.compare(session, ask(task="table", detail="a, b"), [REFRESHED, FULL_ATTENTION])
    assert table.wait(60)
    assert all(trial.text.startswith("| a | b |\n") for trial in table.trials)
    assert all(len(trial.text) > len("| a | b |\n| --- | --- |\n|") for trial in table.trials)


def test_methods_that_go_on_with_a_draft_see_as_much_of_it_as_was_chosen(commands: Commands, session: Session) -> None:
    draft(session, "The first sentence. The second.")
    fields = ask(task="continue", draft_tokens=14)
    comparison = commands.compare(session, fields, [REFRESHED, FULL_ATTENTION])
    assert comparison.wait(60)
    for trial in comparison.trials:
        assert byte_tokenizer().decode(trial.spec.request.token_ids[0]).endswith("assistant\nThe second.")
    assert session.draft.text == "The first sentence. The second."


# --- the window ---


def fits(state: WindowState) -> bool:
    return state.writes is not None and state.writes.excess <= 0


def test_the_window_says_what_writing_takes_and_what_going_on_does(commands: Commands, session: Session) -> None:
    session.sources.paste(TEXT)
    state = commands.window(session, ask())
    assert (state.goes_on, state.writes) == (
        None, commands.budget(session.material, ask(), ""),
    )  # fmt: skip
    draft(session, "Mine it is.")
    state = commands.window(session, ask())
    assert state.writes is not None
    assert state.writes.draft == 0
    assert isinstance(state.goes_on, Budget)
    assert state.goes_on.draft == len("Mine it is.")
    assert state.choices == ()
    alone = commands.window(session, ask(task="continue"))
    assert alone.writes is not None
    assert (alone.goes_on, alone.writes.draft) == (None, len("Mine it is."))
    assert isinstance(commands.window(session, SECTIONS).goes_on, PromptError)


def test_what_cannot_be_written_takes_nothing_of_the_window(commands: Commands, session: Session) -> None:
    assert commands.window(session, ask()) == WindowState(None)
    assert commands.window(session, ask(task="continue")) == WindowState(None)
    assert commands.window(session, ask(detail="the rock")).writes is not None
    draft(session, "The tide came in. " * 60)
    state = commands.window(session, ask())
    assert state.writes is None
    assert isinstance(state.goes_on, Budget)
    assert state.goes_on.unseen > 0
    assert commands.window(session, ask(task="continue")).writes is not None


def test_the_way_out_that_is_chosen_is_taken(commands: Commands, session: Session) -> None:
    session.sources.paste(TEXT * 8)
    long = ask(task="free", detail="Count.", max_new_tokens=900)
    choices = commands.window(session, long).choices
    place = next(at for at, choice in enumerate(choices) if isinstance(choice, ShorterOutput))
    assert commands.choose(session, long, len(choices)) == {}
    assert commands.window(session, long).choices == choices
    fields = commands.choose(session, long, place)
    assert fields.keys() == {"max_new_tokens"}
    assert fits(commands.window(session, long.but(**fields)))


# --- tables ---


def test_a_table_is_put_right_as_one_step_and_only_while_nothing_is_written(session: Session) -> None:
    table = "| year | name |\n|---|---|\n| 1810 | Bell Rock | |\n"
    draft(session, table)
    assert checked_table(session) is None  # none was asked for
    session.keep_task({"task": "table", "detail": "Name, Year"})
    report = checked_table(session)
    assert report is not None
    assert (report.problems, len(report.repairs)) == ((), 2)
    script = ScriptedRun()
    writing = into(session, script, len(table), len(table))
    assert checked_table(session) is None
    script.finish()
    assert writing.wait(30)
    repair_draft(session)
    assert session.draft.text == "| Name | Year |\n| --- | --- |\n| Bell Rock | 1810 |\n"
    repair_draft(session)
    assert session.draft.undo()
    assert session.draft.text == table
