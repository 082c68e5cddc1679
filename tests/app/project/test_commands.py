"""What a person asks for becomes a run: where it writes, what the model reads, and what is refused."""

import re
from typing import Any

import pytest

from app.engine.engine import Engine
from app.project.commands import Commands, EditorState
from app.project.session import Session
from app.project.sessions import Sessions
from app.project.writing import Writing
from app.prompt.request import REFRESHKV, WriteRequest
from app.prompt.sections import next_step
from app.prompt.tasks import TASKS
from app.prompt.window import Budget, ShorterDraft
from app.say.errors import AppError, PromptError
from app.say.wording import Wording
from app.settings import Settings
from app.store import Store, StoreLimits, list_runs, list_versions, version_text
from core import FullAttention, RefreshKV
from tests.app.conftest import ask, at
from tests.core.tiny import byte_tokenizer, tiny_model

TEXT = "The light stood on the rock for a hundred years."


def written(writing: Writing) -> str:
    """What the model wrote, once it is over."""
    assert writing.wait(60)
    assert writing.error is None
    assert writing.state == "finished"
    return writing.text


def prompt(writing: Writing) -> str:
    return str(byte_tokenizer().decode(writing.part.run.request.token_ids[0]))


def draft(session: Session, text: str) -> None:
    assert session.edit(text, session.draft.revision)


def test_a_new_draft_replaces_the_old_one(desk: Commands, session: Session, store: Store) -> None:
    session.sources.paste(TEXT)
    draft(session, "Mine.")
    writing = desk.write(session, ask(detail="the rock"), at(session), "anew")
    text = written(writing)
    assert len(text.encode()) >= 8
    assert session.draft.text == text
    assert session.draft.written == (0, len(text))
    assert "Mine." not in prompt(writing)
    assert TEXT in prompt(writing)
    assert prompt(writing).endswith("Pay attention above all to this: the rock.<|im_end|>\n<|im_start|>assistant\n")
    assert [version_text(store, version.id) for version in list_versions(store, session.id)] == ["Mine."]
    (run,) = list_runs(store, session.id)
    assert (run.state, run.position) == ("finished", 0)
    assert run.settings == {
        **ask(detail="the rock").values,
        "policy": {"method": "FullAttention"},
        "prompt_tokens": writing.part.composed.prompt_tokens,
        "proposes": False,
        "opening": "",
        "section": None,
    }
    assert session.task == ask(detail="the rock").values


def test_at_the_end_the_draft_is_what_the_model_goes_on_from(desk: Commands, session: Session) -> None:
    draft(session, "Mine it is. \t ")
    writing = desk.write(session, ask(), at(session), "end")
    assert prompt(writing).endswith("<|im_start|>assistant\nMine it is.")
    text = written(writing)
    assert session.draft.text == f"Mine it is. \t {text}"
    assert session.draft.written == (14, 14 + len(text))
    assert not text.startswith((" ", "\t"))
    assert session.undo()
    assert session.draft.text == "Mine it is. \t "


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
    desk: Commands, session: Session, text: str, caret: int, before: str, after: str
) -> None:
    draft(session, text)
    writing = desk.write(session, ask(), at(session, caret), "caret")
    assert prompt(writing).endswith("assistant\n" + before.rstrip(" \t"))
    new = written(writing)
    assert session.draft.text == before + new + after
    assert session.draft.written == (len(before), len(before) + len(new))
    if after[:1].isspace():
        assert new == new.rstrip()


def test_writing_a_continuation_goes_on_at_the_end(desk: Commands, session: Session) -> None:
    draft(session, "Mine it is.")
    writing = desk.write(session, ask(task="continue"), at(session), "anew")
    assert prompt(writing).endswith("<|im_start|>assistant\nMine it is.")
    text = written(writing)
    assert session.draft.text == f"Mine it is.{text}"


def test_the_last_passage_is_written_again(desk: Commands, session: Session) -> None:
    draft(session, "Mine.")
    first = written(desk.write(session, ask(), at(session), "end"))
    draft(session, f"So: Mine.{first}")
    draft(session, f"So: Mine.{first} The end.")
    writing = desk.write(session, ask(temperature=1.5, seed=3), at(session), "again")
    assert prompt(writing).endswith("assistant\nSo: Mine.")
    second = written(writing)
    assert second != first
    assert session.draft.text == f"So: Mine.{second} The end."
    draft(session, "All else.")
    with pytest.raises(AppError, match="No passage of the model's is left"):
        desk.write(session, ask(), at(session), "again")


def test_an_opening_begins_the_answer_anew_and_again(desk: Commands, session: Session) -> None:
    opening = "| Name | Height |\n| --- | --- |\n|"
    fields = ask(task="table", detail="Name, Height")
    for where in ("anew", "again"):
        writing = desk.write(session, fields, at(session), where)
        assert prompt(writing).endswith(f"assistant\n{opening}")
        assert written(writing).startswith(opening)
        assert session.draft.text == writing.text
    writing = desk.write(session, fields, at(session), "end")
    assert "| Name |" not in written(writing)


def test_without_a_seed_one_is_drawn_and_recorded_and_again_draws_another(desk: Commands, session: Session) -> None:
    seeds = []
    for where, seed in (("anew", None), ("again", None), ("anew", 5), ("again", 5)):
        writing = desk.write(session, ask(temperature=1.0, seed=seed), at(session), where)
        written(writing)
        assert writing.part.run.request.seed == writing.feed.trace.settings.seed
        seeds.append(writing.part.run.request.seed)
    assert seeds[2] == 5
    assert None not in seeds
    assert len(set(seeds)) == 4


def test_the_same_seed_writes_the_same(desk: Commands, session: Session) -> None:
    texts = [
        written(desk.write(session, ask(temperature=1.0, seed=seed, method=REFRESHKV), at(session), "anew"))
        for seed in (5, 5, 6)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_too_long_is_refused_with_the_numbers_and_nothing_is_begun(
    desk: Commands, session: Session, store: Store
) -> None:
    session.sources.paste("\f".join(TEXT * 8 for _ in range(3)))
    draft(session, "mine")
    with pytest.raises(AppError, match=r"Too long by .* window is 1,024"):
        desk.write(session, ask(), at(session), "end")
    assert (session.writing, list_runs(store, session.id), desk.engine.current()) == (None, [], [])
    assert session.draft.text == "mine"
    session.sources.choose(session.sources.files[0].id, "2")
    assert written(desk.write(session, ask(), at(session), "end"))


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"max_new_tokens": 901}, AppError, "901; it must be 1 to 900"),
        ({"max_new_tokens": None}, AppError, "is 0; it must be"),
        ({"length": "as you like"}, PromptError, "“as you like”"),
        ({"task": "free"}, PromptError, "“Instruction” is empty"),
        ({"method": REFRESHKV, "budget": "lots"}, AppError, "“lots”"),
        ({"method": REFRESHKV, "budget": "0"}, AppError, "“0”: a number of tokens starts at 1."),
        ({"method": REFRESHKV, "budget": "1.5"}, AppError, "“1.5”: a share lies above 0"),
        ({"method": REFRESHKV, "stride": None}, AppError, "are 0. Write a whole number"),
        ({"method": REFRESHKV, "threshold": 1.5}, AppError, "is 1.5; it must lie between -1 and 1"),
        ({"temperature": -0.5}, AppError, "is -0.5; it must be 0 or more"),
        ({"seed": 1e30}, AppError, "to 9,223,372,036,854,775,807"),
    ],
)
def test_values_that_mean_nothing_are_refused(
    desk: Commands, session: Session, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as refused:
        desk.write(session, ask(**fields), at(session), "anew")
    assert not session.busy
    assert not re.search("[a-z]{2}", re.sub("「.*?」", "", refused.value.worded(Wording("ja"))))


def test_the_policy_is_the_one_asked_for() -> None:
    assert isinstance(ask().policy(), FullAttention)
    assert ask(method=REFRESHKV, budget="64", stride=7.0, threshold=0.5).policy() == RefreshKV(64, 7, 0.5)
    assert WriteRequest(**ask(detail="灯台").values) == ask(detail="灯台")
    assert WriteRequest.names()[:2] == ("task", "detail")


def test_a_page_that_saw_an_older_text_begins_nothing(desk: Commands, session: Session, store: Store) -> None:
    draft(session, "Newer.")
    with pytest.raises(AppError, match="changed in another window"):
        desk.write(session, ask(), EditorState("Older.", 0, 0, 0), "end")
    assert (session.draft.text, session.writing) == ("Newer.", None)
    assert [version_text(store, version.id) for version in list_versions(store, session.id)] == ["Older."]


def test_what_was_typed_last_is_taken_with_the_command(desk: Commands, session: Session) -> None:
    text = written(desk.write(session, ask(), EditorState("Just typed.", 0, 0, 0), "end"))
    assert session.draft.text == f"Just typed.{text}"


def test_one_run_at_a_time(desk: Commands, session: Session) -> None:
    writing = desk.write(session, ask(max_new_tokens=700), at(session), "anew")
    for begin in (
        lambda: desk.write(session, ask(), at(session), "end"),
        lambda: desk.propose(session, ask(), at(session), "rewrite"),
    ):
        with pytest.raises(AppError, match="writing already"):
            begin()
    writing.stop()
    assert writing.wait(60)
    assert writing.state == "stopped"
    assert session.writing is writing


def test_a_run_that_cannot_be_kept_is_not_left_in_the_queue(
    desk: Commands, session: Session, sessions: Sessions, store: Store
) -> None:
    other = sessions.create("another page")
    first = desk.write(other, ask(max_new_tokens=700), at(other), "anew")
    store.limits = StoreLimits(draft_megabytes=1e-6)
    with pytest.raises(AppError, match="the limit is 1"):
        desk.write(session, ask(), EditorState("longer than that", 0, 0, 0), "end")
    assert desk.engine.current() == [first.part.run]
    assert not session.busy
    first.stop()
    assert first.wait(60)


def test_while_the_model_loads_nothing_is_begun(session: Session) -> None:
    engine = Engine(lambda report: (tiny_model(), byte_tokenizer()), queue_size=1)
    with pytest.raises(AppError, match="still loading"):
        Commands(Settings(_env_file=None), engine).write(session, ask(), at(session), "anew")
    assert not session.busy


def test_a_proposal_is_asked_for_without_documents_greedily_and_with_full_attention(
    desk: Commands, session: Session
) -> None:
    session.sources.paste(TEXT)
    draft(session, "Before. The old words. After.")
    fields = ask(temperature=1.0, method=REFRESHKV, max_new_tokens=700)
    writing = desk.propose(session, fields, at(session, 22, 8), "shorten", "more  formal")
    request = writing.part.run.request
    assert (request.temperature, request.document_end, writing.part.composed.sources) == (0.0, 0, ())
    assert isinstance(request.policy, FullAttention)
    assert request.max_new_tokens == 64
    assert TEXT not in prompt(writing)
    assert "Text:\nThe old words.\n\n" in prompt(writing)
    assert "Make it more formal." in prompt(writing)
    written(writing)
    assert session.draft.text == "Before. The old words. After."
    assert session.proposal is not None
    assert (session.proposal.start, session.proposal.end, session.proposal.old) == (8, 22, "The old words.")
    new = session.proposal.text
    assert session.resolve(writing.id, True)
    assert session.draft.text == f"Before. {new} After."


def test_nothing_marked_is_refused(desk: Commands, session: Session) -> None:
    draft(session, "Words and   blanks")
    for start, end in ((3, 3), (9, 12), (99, 200)):
        with pytest.raises(PromptError, match="Nothing is marked"):
            desk.propose(session, ask(), at(session, start, end), "rewrite")


SECTIONS = ask(task="outline", length="20")


def test_sections_are_written_one_after_the_other(desk: Commands, session: Session) -> None:
    draft(session, "1. Light\n2. Rock")
    writing = desk.write(session, SECTIONS, at(session), "end")
    text = written(writing)
    writing.join(60)
    assert [entry.section for entry in session.runs.entries] == [(2, 2, "Rock"), (1, 2, "Light")]
    assert text.startswith("\n\n---\n\n## Light\n\n")
    assert text.count("\n## Rock\n\n") == 1
    assert session.draft.text == f"1. Light\n2. Rock{text}"
    assert next_step(session.draft.text, "", SECTIONS.shape) is None
    assert session.draft.written == (16, 16 + len(text))
    assert session.undo()
    assert session.draft.text == "1. Light\n2. Rock"
    assert not session.busy


def test_an_outline_comes_first(desk: Commands, session: Session) -> None:
    writing = desk.write(session, SECTIONS, at(session), "anew")
    opening = TASKS["outline"].opening("", SECTIONS.shape)
    assert opening.strip()
    assert prompt(writing).endswith(f"The outline has 2 headings.<|im_end|>\n<|im_start|>assistant\n{opening}")
    assert writing.wait(60)
    assert session.draft.text.startswith(opening)


def test_a_section_asks_for_no_more_than_the_limit(engine: Engine, session: Session) -> None:
    desk = Commands(Settings(_env_file=None, max_new_tokens=50, max_new_tokens_limit=50), engine)
    draft(session, "1. Light\n2. Rock\n\n---\n\n## Light\n\nIt shone.")
    writing = desk.write(session, SECTIONS, at(session), "end")
    assert writing.part.run.request.max_new_tokens == 50
    assert written(writing).startswith("\n\n## Rock\n\n")


def test_at_the_caret_no_section_begins(desk: Commands, session: Session) -> None:
    draft(session, "No outline, but a text.")
    text = written(desk.write(session, SECTIONS, at(session, 3), "caret"))
    assert session.draft.text == f"No {text} outline, but a text."
    with pytest.raises(PromptError, match="no outline"):
        desk.write(session, SECTIONS, at(session), "end")


def test_the_budget_counts_a_missing_instruction_as_a_word(desk: Commands, session: Session) -> None:
    session.sources.paste(TEXT)

    def counted(fields: WriteRequest, draft: str = "") -> Budget:
        return desk.budget(session.sources.selected, fields, draft, session.token_counts)

    empty = counted(ask(task="free"))
    assert empty == counted(ask(task="free", detail="…"))
    assert (empty.source_tokens, empty.draft, empty.output, empty.window) == (len(TEXT), 0, 8, 1024)
    assert counted(ask(task="free", detail="…"), "A draft. ").draft == len("A draft.")
    summary = counted(ask())
    asked = len(TASKS["summary"].instruction()) - len("…".encode())
    assert summary.instruction - empty.instruction == asked
    composed = desk.compose(session, TASKS["summary"].instruction())
    assert summary == composed.budget(8, 1024)
    assert counted(ask(task="table", detail="a, b")).draft == len("| a | b |\n| --- | --- |\n|")


def test_all_sections_that_are_to_come_count(desk: Commands, session: Session, store: Store) -> None:
    counts = session.token_counts
    # Two headings at 24 tokens; two sections of 128 with a heading each.
    assert desk.budget([], SECTIONS, "", counts).output == 2 * 24 + 2 * (24 + 128)
    begun = "1. Light\n2. Rock\n3. Sea\n\n---\n\n## Light\n\nIt shone."
    budget = desk.budget([], SECTIONS, begun, counts)
    assert (budget.output, budget.draft, budget.in_sections) == (2 * (24 + 128), len(begun), True)
    draft(session, "\n".join(f"{number}. Heading {number}" for number in range(1, 7)))
    with pytest.raises(AppError, match=r"answer 912 = .*Choose a shorter length\."):
        desk.write(session, SECTIONS, at(session), "end")
    assert (session.writing, list_runs(store, session.id), desk.engine.current()) == (None, [], [])


def test_the_model_sees_only_so_much_of_the_draft_as_was_chosen(desk: Commands, session: Session) -> None:
    text = "The first sentence. The second sentence. The third one."
    draft(session, text)
    fields = ask(task="continue", draft_tokens=40)
    writing = desk.write(session, fields, at(session), "end")
    assert prompt(writing).endswith("assistant\nThe second sentence. The third one.")
    new = written(writing)
    assert session.draft.text == text + new
    budget = desk.budget([], fields, text, session.token_counts)
    assert (budget.draft, budget.unseen) == (35, 20)
    assert "The model does not see the first 20 tokens of the draft." in budget.message
    assert desk.budget([], ask(task="continue", draft_tokens=99), text, session.token_counts).unseen == 0


def test_a_draft_that_is_too_long_can_be_seen_in_part(desk: Commands, session: Session) -> None:
    text = "The tide came in. " * 60
    over = desk.budget([], ask(task="continue"), text, session.token_counts)
    (choice,) = [choice for choice in over.choices if isinstance(choice, ShorterDraft)]
    fits = desk.budget([], ask(task="continue", draft_tokens=choice.tokens), text, session.token_counts)
    assert over.excess > 0 >= fits.excess
    assert fits.draft > choice.tokens - len("The tide came in. ")
