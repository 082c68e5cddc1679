"""A request under several methods: what each starts from, its figures, stopping, and what of it is kept."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from app.engine.engine import Engine
from app.engine.run import GenerationRequest, Run
from app.methods import FULL_ATTENTION, REFRESHED
from app.project.commands import Commands
from app.project.comparison import Comparison
from app.project.follow import FollowedRun
from app.project.run_spec import RunSpec
from app.project.session import Session
from app.project.sessions import Sessions
from app.prompt.compose import compose
from app.prompt.request import WriteRequest
from app.runs.library import RunLibrary
from app.say.errors import AppError
from app.store import Store
from app.text.valid import valid_text
from core import FullAttention, RefreshKV, TokenGenerated, stream_generate
from core.sequence import LEAST_TAIL
from tests.app.conftest import ask, at, held, wait
from tests.app.engine.test_engine import PROMPT, request, submitted
from tests.app.scripted import SETTINGS
from tests.core.tiny import byte_tokenizer, tiny_model

POLICIES = {
    "RefreshKV": RefreshKV(1 / 8, 5, floor=0),
    "Full attention": FullAttention(),
    "Fixed": RefreshKV(1 / 8, 99, floor=0),
}


def methods(new: int, text: str = PROMPT, opening: str = "", **options: Any) -> list[tuple[str, RunSpec]]:
    composed = compose(byte_tokenizer(), [], text)
    asked = GenerationRequest(composed.token_ids, FullAttention(), new, **options)
    spec = RunSpec(asked, composed, SETTINGS, opening)
    return [(name, replace(spec, request=replace(asked, policy=policy))) for name, policy in POLICIES.items()]


def finished(comparison: Comparison) -> Comparison:
    comparison.start()
    comparison.join(60)
    assert comparison.done
    return comparison


def compared_request(**fields: Any) -> WriteRequest:
    """With a small cache that is refreshed, and a chance that the seed decides."""
    return ask(
        **{
            "task": "free", "detail": "Say it.", "method": REFRESHED, "threshold": 0.9, "max_new_tokens": 20,
            "temperature": 0.7, "seed": None, **fields,
        }
    )  # fmt: skip


@pytest.mark.slow
def test_each_method_writes_what_it_would_alone_and_starts_from_the_same_prompt(engine: Engine) -> None:
    sampled: dict[str, Any] = {"temperature": 1.0, "seed": 4}
    comparison = finished(Comparison(engine, methods(21, document_end=100, **sampled)))
    model, tokenizer = tiny_model(), byte_tokenizer()
    for trial in comparison.trials:
        asked = trial.spec.request
        alone = stream_generate(model, tokenizer, asked.token_ids, policy=asked.policy, max_new_tokens=21, **sampled)
        tokens = [event for event in alone if isinstance(event, TokenGenerated)]
        assert trial.followed is not None
        assert [token.token_id for token in trial.followed.feed.trace.tokens] == [token.token_id for token in tokens]
        assert trial.text == "".join(valid_text(token.text) for token in tokens)
    assert len({trial.text for trial in comparison.trials}) > 1
    assert comparison.reading.statistics.reused == 0
    assert comparison.reading.statistics.tokens == 1
    # The last token of a prompt is always read, since its logits give the first token.
    prompt_tokens = comparison.trials[0].spec.composed.prompt_tokens
    assert {trial.statistics.reused for trial in comparison.trials} == {prompt_tokens - LEAST_TAIL}
    # 20 decode steps: at stride 5 every fifth is full, with full attention all are, at stride 99 none.
    steps = [(trial.statistics.full_steps, trial.statistics.partial_steps) for trial in comparison.trials]
    assert steps == [(4, 16), (20, 0), (0, 20)]
    assert all(trial.statistics.cache_bytes for trial in comparison.trials)
    assert {trial.state for trial in comparison.trials} == {"finished"}
    assert (comparison.state, comparison.failed) == ("finished", False)


def test_only_one_run_at_a_time_is_in_the_queue(engine: Engine) -> None:
    comparison, seen = Comparison(engine, methods(8)), 0
    comparison.start()
    while not comparison.done:
        assert len(engine.current()) <= 1
        seen = comparison.notifier.wait(seen)
    assert all(trial.text for trial in comparison.trials)


def test_the_prompt_is_read_with_a_small_cache_if_any_method_has_one(engine: Engine) -> None:
    small, full, _ = methods(8)
    assert Comparison(engine, [full, small]).reading.spec.request == replace(small[1].request, max_new_tokens=1)
    assert Comparison(engine, [full, full]).reading.spec.request == replace(full[1].request, max_new_tokens=1)


@pytest.mark.slow
def test_what_refreshes_kept_is_not_held_on_to(engine: Engine) -> None:
    comparison = finished(Comparison(engine, methods(21)))
    followed = [trial.followed for trial in comparison.trials if trial.followed]
    assert len(followed) == 3
    # After the prompt and in the four full steps; none; after the prompt alone.
    assert [len(each.feed.trace.refreshes) for each in followed] == [5, 0, 1]
    assert [each.run.take() for each in followed] == [[], [], []]


@pytest.mark.slow
def test_differences_are_from_the_first_text_to_each(engine: Engine) -> None:
    first, *others = finished(Comparison(engine, methods(30, temperature=1.0, seed=4))).trials
    assert first.changes == []
    for trial in others:
        assert "".join(change.text for change in trial.changes if change.kind != "insert") == first.text
        assert "".join(change.text for change in trial.changes if change.kind != "delete") == trial.text


def test_stop_ends_the_run_under_way_and_drops_the_rest(engine: Engine) -> None:
    comparison = Comparison(engine, methods(500))
    with held(engine, forwards=12):  # some are of the prompt
        comparison.start()
        wait(lambda: comparison.trials[0].statistics.tokens > 3)
        assert [trial.state for trial in comparison.trials] == ["running", "planned", "planned"]
        comparison.stop()
    comparison.join(60)
    assert [trial.state for trial in comparison.trials] == ["stopped"] * 3
    assert comparison.state == "stopped"
    assert comparison.trials[0].text
    assert [trial.followed for trial in comparison.trials[1:]] == [None, None]
    assert engine.current() == []


def test_it_goes_on_by_itself(engine: Engine) -> None:
    comparison = Comparison(engine, methods(8))
    comparison.start()
    assert comparison.wait(60)
    assert [trial.state for trial in comparison.trials] == ["finished"] * 3
    assert all(trial.changes for trial in comparison.trials[1:])


def test_what_goes_wrong_in_its_thread_ends_it_with_the_reason(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: FollowedRun, time: float, event: object) -> None:
        raise RuntimeError("no more room")

    monkeypatch.setattr(FollowedRun, "add", broken)
    comparison = finished(Comparison(engine, methods(500)))
    assert (comparison.state, comparison.failed) == ("failed", True)
    assert all("no more room" in str(trial.message) for trial in comparison.trials)
    assert [trial.state for trial in comparison.trials] == ["failed"] * 3
    wait(lambda: engine.current() == [])


@pytest.mark.slow
def test_what_goes_wrong_in_one_method_is_its_reason_and_that_of_those_to_come(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = FollowedRun.add

    def broken(self: FollowedRun, time: float, event: Any) -> None:
        if self.spec.compared == "Full attention":
            raise RuntimeError("no more room")
        add(self, time, event)

    monkeypatch.setattr(FollowedRun, "add", broken)
    monkeypatch.setattr("app.project.follow.GATHER_SECONDS", 0.5)  # the engine is done with it then
    first, *others = finished(Comparison(engine, methods(2))).trials
    assert (first.state, first.message) == ("finished", None)
    assert [("no more room" in str(trial.message), trial.state) for trial in others] == [(True, "failed")] * 2


def test_a_prompt_that_cannot_be_read_fails_all_with_the_reason(engine: Engine) -> None:
    around = methods(20, "x")[0][1].composed.prompt_tokens - 1
    comparison = finished(Comparison(engine, methods(20, "x" * (1020 - around))))
    # The reading run asks for one token and fits; the methods do not.
    assert comparison.reading.state == "finished"
    assert [trial.state for trial in comparison.trials] == ["failed"] * 3
    assert all("1024" in str(trial.message) for trial in comparison.trials)
    longer = finished(Comparison(engine, methods(20, "x" * (1030 - around))))
    assert longer.reading.state == "failed"
    assert {trial.message for trial in longer.trials} == {longer.reading.message}
    assert [trial.followed for trial in longer.trials] == [None] * 3


def test_a_full_queue_refuses_no_method_of_a_comparison_under_way(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, queued, others = engine.submit, list[Run](), list[Run]()

    def submit_late(run: Run) -> None:
        queued.append(run)
        if len(queued) < 3:
            submit(run)
            return
        monkeypatch.setattr(engine, "submit", submit)
        with held(engine):
            others.append(submitted(engine, request(new=500)))
            wait(lambda: others[0].state == "running")
            others.extend(submitted(engine, request(new=5)) for _ in range(4))
            try:
                submit(run)
            finally:
                for other in others:
                    other.stop()

    monkeypatch.setattr(engine, "submit", submit_late)
    comparison = finished(Comparison(engine, methods(8)))
    assert [trial.state for trial in comparison.trials] == ["finished"] * 3
    assert comparison.state == "finished"


# --- in a project ---


def compared(commands: Commands, session: Session, **fields: Any) -> Comparison:
    """Under way, with texts that are as long as asked for."""
    model, _ = commands.engine.require_model()
    model.generation_config.eos_token_id = -1
    return commands.compare(session, compared_request(**fields), ["NeverRefreshed", FULL_ATTENTION, REFRESHED])


@pytest.mark.slow
def test_each_trial_is_a_run_of_the_project_and_none_is_the_drafts(
    commands: Commands, session: Session, store: Store
) -> None:
    written = commands.write(session, compared_request(), at(session), "anew")
    written.join(60)
    comparison = compared(commands, session)
    comparison.join(60)
    entries = session.runs.entries
    assert [(entry.compared, entry.method, entry.state) for entry in entries] == [
        ("Small cache, never refreshed", REFRESHED, "finished"),
        ("Full attention", FULL_ATTENTION, "finished"),
        ("RefreshKV", REFRESHED, "finished"),
        ("", REFRESHED, "finished"),
    ]
    assert written.current is not None
    assert session.trace() is not None
    assert session.trace().tokens == written.current.feed.trace.tokens  # type: ignore[union-attr]
    assert session.runs.newest == written.current.feed.run_id
    again = RunLibrary(store, session.id)
    assert [entry.compared for entry in again.entries] == [entry.compared for entry in entries]
    assert again.newest == again.entries[3].key
    assert session.comparison is comparison
    for entry, trial in zip(reversed(again.entries[:3]), comparison.trials, strict=True):
        opened = again.open(entry.key)
        assert opened is not None
        assert "".join(token.text for token in opened.feed.trace.tokens) == trial.text
        assert bool(opened.feed.trace.refreshes) == (trial.name != "Full attention")


@pytest.mark.slow
def test_what_a_trial_wrote_is_not_taken_for_the_author_of_the_draft(commands: Commands, session: Session) -> None:
    comparison = compared(commands, session)
    comparison.join(60)
    text = comparison.trials[0].text
    assert session.draft.edit(text, session.draft.revision)
    assert session.runs.wrote(text, 0, len(text)) is None


@pytest.mark.slow
def test_comparisons_do_not_take_the_place_of_the_drafts_traces(
    commands: Commands, session: Session, store: Store
) -> None:
    store.limits = replace(store.limits, traces=2)
    commands.write(session, compared_request(max_new_tokens=4), at(session), "anew").join(60)
    for _ in range(2):
        compared(commands, session, max_new_tokens=4).join(60)
    kept = RunLibrary(store, session.id)
    for runs in (session.runs, kept):
        names = [entry.compared for entry in runs.entries]
        assert names == ["Small cache, never refreshed", "Full attention", ""]


def test_only_one_comparison_at_a_time(commands: Commands, session: Session) -> None:
    with held(commands.engine):
        first = compared(commands, session)
        with pytest.raises(AppError, match="Methods are being compared already"):
            compared(commands, session)
        assert session.comparison is first
        session.stop()
    first.join(60)
    assert {trial.state for trial in first.trials} == {"stopped"}
    second = compared(commands, session, max_new_tokens=2)
    assert session.comparison is second
    second.join(60)


def test_one_that_the_queue_refuses_leaves_the_one_before(
    commands: Commands, session: Session, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = compared(commands, session, max_new_tokens=2)
    first.join(60)
    entries = session.runs.entries

    def refuse(run: Run) -> None:
        raise AppError("Full.")

    monkeypatch.setattr(commands.engine, "submit", refuse)
    with pytest.raises(AppError, match="Full"):
        compared(commands, session)
    assert (session.comparison, session.runs.entries) == (first, entries)


def test_a_draft_is_written_while_methods_are_compared(commands: Commands, session: Session) -> None:
    with held(commands.engine):
        comparison = compared(commands, session, max_new_tokens=2)
        written = commands.write(session, compared_request(max_new_tokens=2), at(session), "anew")
        assert session.busy
    written.join(60)
    comparison.join(60)
    assert (written.state, comparison.state) == ("finished", "finished")
    assert session.draft.text == written.text


@pytest.mark.slow
@pytest.mark.parametrize("how", ["close", "delete", "expire"])
def test_a_comparison_ends_with_its_session(commands: Commands, session: Session, sessions: Sessions, how: str) -> None:
    def expire() -> None:
        sessions.leave("page")
        session.used -= 61 * 60
        sessions.open("another", None)

    acts: dict[str, Callable[[], object]] = {
        "close": session.close, "delete": lambda: sessions.delete("page", session.id), "expire": expire,
    }  # fmt: skip
    with ThreadPoolExecutor() as pool:
        with held(commands.engine, forwards=12):
            comparison = compared(commands, session, max_new_tokens=500)
            wait(lambda: bool(comparison.trials[0].text))
            acted = pool.submit(acts[how])
            wait(lambda: comparison.stopping)
            assert not comparison.done
        acted.result(60)
    assert comparison.done or how == "expire"
    comparison.join(60)
    assert [trial.state for trial in comparison.trials] == ["stopped"] * 3
    assert commands.engine.current() == []
