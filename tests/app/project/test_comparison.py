"""A request under several methods: what each starts from, its figures, stopping, and how it is shown."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from app.engine.engine import Engine
from app.engine.run import Request, Run
from app.project.commands import Commands
from app.project.comparison import Comparison, Figures, Measured, Trial
from app.project.session import Session
from app.project.sessions import Sessions
from app.prompt.request import FULL_ATTENTION, REFRESHKV, WriteRequest
from app.runs.library import Runs
from app.say.errors import AppError
from app.settings import Settings
from app.store import StoreLimits, open_store
from app.text.diff import diff
from app.text.valid import valid_text
from app.web.html.comparison import comparison_html
from app.web.page.compare import NEVER_REFRESHED, Watch, comparison_of
from app.web.page.events import AppContext
from core import CacheRefreshed, FullAttention, RefreshKV, TokenGenerated, generate
from tests.app.conftest import at, wait
from tests.app.engine.test_engine import PROMPT, request
from tests.core.tiny import byte_tokenizer, tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")

METHODS = [("RefreshKV", RefreshKV(1 / 8, 5)), ("Full attention", FullAttention()), ("Fixed", RefreshKV(1 / 8, 99))]


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(lambda report: (tiny_model(), byte_tokenizer()), queue_size=3)
    engine.start()
    engine.require_model(timeout=60)
    yield engine
    engine.close()


def drive(comparison: Comparison, until: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not until():
        assert time.monotonic() < end, "waited too long"
        comparison.advance()
        time.sleep(0.005)


def finished(comparison: Comparison) -> Comparison:
    drive(comparison, lambda: comparison.done)
    return comparison


def test_each_method_writes_what_it_would_alone_and_starts_from_the_same_prompt(engine: Engine) -> None:
    sampled = {"temperature": 1.0, "seed": 3}
    comparison = finished(Comparison(engine, request(new=21, document_end=100, **sampled), METHODS))
    model, tokenizer, ids = tiny_model(), byte_tokenizer(), request().token_ids
    for trial in comparison.trials:
        assert trial.text == generate(model, tokenizer, ids, policy=trial.policy, max_new_tokens=21, **sampled)
    assert len({trial.text for trial in comparison.trials}) > 1
    assert comparison.reading.figures.reused == 0
    # The last token of a prompt is always read, since its logits give the first token.
    assert {trial.figures.reused for trial in comparison.trials} == {len(PROMPT) - 1}
    # 20 decode steps: at stride 5 every fifth is full, with full attention all are, at stride 99 none.
    steps = [(trial.figures.full_steps, trial.figures.partial_steps) for trial in comparison.trials]
    assert steps == [(4, 16), (20, 0), (0, 20)]
    assert {trial.state for trial in comparison.trials} == {"finished"}


def test_only_one_run_at_a_time_is_in_the_queue(engine: Engine) -> None:
    comparison = Comparison(engine, request(new=8), METHODS)
    while not comparison.done:
        comparison.advance()
        assert len(engine.current()) <= 1
        time.sleep(0.002)
    assert all(trial.text for trial in comparison.trials)


def test_what_refreshes_kept_is_not_held_on_to(engine: Engine) -> None:
    comparison = finished(Comparison(engine, request(new=21), METHODS))
    runs = [trial.measured.run for trial in comparison.trials if trial.measured]
    refreshes = [event for run in runs for _, event in run.events if isinstance(event, CacheRefreshed)]
    assert len(refreshes) == 6  # after the prompt and in the four full steps; after the prompt alone
    assert {(event.kept.size, event.kept_by_layer.size) for event in refreshes} == {(0, 0)}


def test_differences_are_from_the_first_text_to_each(engine: Engine) -> None:
    first, *others = finished(Comparison(engine, request(new=30, temperature=1.0, seed=3), METHODS)).trials
    assert first.changes == []
    for trial in others:
        assert "".join(change.text for change in trial.changes if change.kind != "insert") == first.text
        assert "".join(change.text for change in trial.changes if change.kind != "delete") == trial.text


def test_stop_ends_the_run_under_way_and_drops_the_rest(engine: Engine) -> None:
    comparison = Comparison(engine, request(new=700), METHODS)
    drive(comparison, lambda: comparison.trials[0].figures.tokens > 3)
    comparison.stop()
    finished(comparison)
    assert [trial.state for trial in comparison.trials] == ["stopped"] * 3
    assert comparison.trials[0].text
    assert [trial.measured for trial in comparison.trials[1:]] == [None, None]
    assert engine.current() == []


def test_it_goes_on_by_itself(engine: Engine) -> None:
    comparison = Comparison(engine, request(new=8), METHODS)
    comparison.start()
    wait(lambda: comparison.done)
    assert [trial.state for trial in comparison.trials] == ["finished"] * 3
    assert all(trial.changes for trial in comparison.trials[1:])


def test_what_goes_wrong_in_its_thread_ends_it_with_the_reason(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Measured) -> None:
        raise RuntimeError("no more room")

    monkeypatch.setattr(Measured, "update", broken)
    comparison = Comparison(engine, request(new=700), METHODS)
    comparison.start()
    wait(lambda: comparison.done)
    assert all("no more room" in str(trial.message) for trial in comparison.trials)
    wait(lambda: engine.current() == [])


def test_a_prompt_that_cannot_be_read_fails_all_with_the_reason(engine: Engine) -> None:
    comparison = finished(Comparison(engine, request("x" * 1020, new=20), METHODS))
    # The reading run asks for one token and fits; the methods do not.
    assert [trial.state for trial in comparison.trials] == ["failed"] * 3
    assert all("1024" in str(trial.message) for trial in comparison.trials)
    longer = finished(Comparison(engine, request("x" * 1030, new=20), METHODS))
    assert longer.reading.state == "failed"
    assert {trial.message for trial in longer.trials} == {longer.reading.message}
    assert "not read to its end" in comparison_html(longer)
    assert "the map shows" not in comparison_html(longer)


def test_a_full_queue_is_a_failure_of_that_method(engine: Engine) -> None:
    comparison = Comparison(engine, request(new=8), METHODS[:2])
    drive(comparison, lambda: bool(comparison.trials[0].measured and comparison.trials[0].measured.run.done))
    others = [engine.submit(request(new=700))]
    while others[0].state == "waiting":
        time.sleep(0.002)
    others += [engine.submit(request(new=5)) for _ in range(3)]
    finished(comparison)
    for run in others:
        run.stop()
    assert [trial.state for trial in comparison.trials] == ["finished", "failed"]
    assert "3 people are waiting already" in str(comparison.trials[1].message)


def test_figures_count_from_the_events() -> None:
    run = Run(request(new=3))
    measured = Measured(run, "# ")
    run.begin()
    began = run.started or 0.0
    run.events += [
        (began + 2.0, TokenGenerated(1, "a", 0, 3, 0.1)),
        (began + 2.5, TokenGenerated(1, "b", 1, 0, 0.5)),
        (began + 3.0, TokenGenerated(1, "c", 2, 1, 0.25)),
    ]
    measured.update()
    measured.update()
    figures = measured.figures
    assert measured.text == "# abc"
    assert (figures.tokens, figures.full_steps, figures.partial_steps) == (3, 1, 1)
    assert figures.first_token == pytest.approx(2.0)
    assert figures.rate == pytest.approx(2 / 0.75)
    assert figures.cache_bytes is None


# --- as HTML ---


def trial(name: str, text: str, **figures: float) -> Trial:
    run = Run(request(new=3))
    measured = Measured(run)
    measured.state, measured.text, measured.figures = "finished", text, Figures(**figures)  # type: ignore[arg-type]
    return Trial(name, FullAttention(), measured)


def shown(engine: Engine, *trials: Trial) -> str:
    comparison = Comparison(engine, request(), [])
    comparison.trials = list(trials)
    comparison.reading = trial("Reading", "", prompt_tokens=300, reused=0, prefill_seconds=3.21)
    return comparison_html(comparison)


def cells(html: str, title: str) -> list[str]:
    row = html.split(f'<th scope="row">{title}</th>')[1].split("</tr>")[0]
    return [cell.split("</td>")[0] for cell in row.split("<td")[1:]]


def test_the_better_figure_is_marked_in_words_and_only_where_they_differ(engine: Engine) -> None:
    fast = trial("A", "x", rate=20.0, first_token=0.5, cache_bytes=5_000_000, tokens=9)
    slow = trial("B", "x", rate=10.0, first_token=0.2, cache_bytes=5_000_001, tokens=9)
    html = shown(engine, fast, slow)
    marked = {
        title: [">" in cell and "✓" in cell for cell in cells(html, title)]
        for title in ("Tokens per second", "Time to first token", "Memory of keys and values", "Tokens written")
    }
    assert marked == {
        "Tokens per second": [True, False],
        "Time to first token": [False, True],
        "Memory of keys and values": [False, False],  # the same as they are shown
        "Tokens written": [False, False],
    }
    assert "300 of 300 tokens were new, 3.2 s" in html


def test_nothing_is_better_while_a_method_is_missing(engine: Engine) -> None:
    html = shown(engine, trial("A", "x", rate=20.0, tokens=3), Trial("B", FullAttention()))
    assert "✓" not in html.split("<tbody>")[1]


def test_text_means_nothing_to_html_or_to_gradios_templates(engine: Engine) -> None:
    hostile = "<img src=x onerror=alert(1)> ${value} {{value}} <|im_end|>"
    other = trial("B ${value}<b>", hostile + " more", tokens=2)
    html = shown(engine, trial("A", hostile, tokens=2), other)
    comparison = Comparison(engine, request(), [])
    comparison.trials = [trial("A", hostile), other]
    comparison._compare(other)
    marked = comparison_html(comparison)
    for page in (html, marked):
        assert "<img" not in page
        assert "${" not in page
        assert "{{" not in page
        assert "<b>" not in page
    assert "<mark> more</mark>" in marked


def test_it_says_how_long_the_texts_are_the_same(engine: Engine) -> None:
    comparison = Comparison(engine, request(), [])
    comparison.trials = [
        trial("A", "one two three four"),
        trial("B", "one two five four"),
        trial("C", "one two three four"),
    ]
    for each in comparison.trials:
        comparison._compare(each)
    html = comparison_html(comparison)
    assert "The first 2 words are those of A; of all 4 words it shares 3." in html
    assert "Word for word the same as A." in html
    comparison.trials = [comparison.trials[0], comparison.trials[2]]
    assert "Underlined" not in comparison_html(comparison)


def test_each_text_is_whole_and_what_differs_in_it_is_marked(engine: Engine) -> None:
    comparison = Comparison(engine, request(), [])
    comparison.trials = [trial("A", "one two three"), trial("B", "one three four"), trial("C", "one two five")]
    for each in comparison.trials:
        comparison._compare(each)
    html = comparison_html(comparison)
    texts = re.findall(r'<div class="changes">(.*?)</div>', html)
    assert texts == [
        "one <mark>two</mark> <mark>three</mark>",
        "one <mark>three</mark> <mark>four</mark>",
        "one two <mark>five</mark>",
    ]
    assert "under A, what another does not have" in html
    comparison.trials[1].changes = diff("one two three", "two")
    assert "Other than A from the first word on; of all 1 words it shares 1." in comparison_html(comparison)


# --- from the page's fields ---


@pytest.fixture
def office(engine: Engine, tmp_path: Path) -> Iterator[AppContext]:
    settings = Settings(_env_file=None, max_new_tokens_limit=900)  # type: ignore[call-arg]
    store = open_store(tmp_path)
    sessions = Sessions(store, settings.limits, 60)
    yield AppContext(Commands(settings, engine), sessions, shared=False)
    sessions.close()
    store.close()


def ask(**values: object) -> WriteRequest:
    asked = WriteRequest("free", "Say it.", "", "", "", "", REFRESHKV, "1/8", 5, 0.9, 20, 0.7, None)
    return replace(asked, **values)  # type: ignore[arg-type]


def test_the_fields_become_methods_with_one_seed(office: AppContext) -> None:
    session: Session = office.sessions.open("page", None)
    comparison = comparison_of(office, session, ask(), [FULL_ATTENTION, NEVER_REFRESHED, REFRESHKV])
    assert [trial.policy for trial in comparison.trials] == [
        RefreshKV(1 / 8, 5, 0.9),
        FullAttention(),
        RefreshKV(1 / 8, 21),
    ]
    assert comparison.request.seed is not None
    asked: Request = comparison_of(office, session, ask(seed=7), [REFRESHKV, FULL_ATTENTION]).request
    assert (asked.seed, asked.max_new_tokens, asked.temperature) == (7, 20, 0.7)
    with pytest.raises(AppError, match="at least two"):
        comparison_of(office, session, ask(), [REFRESHKV, "made up"])
    with pytest.raises(AppError, match="901"):
        comparison_of(office, session, ask(max_new_tokens=901), [REFRESHKV, FULL_ATTENTION])


def test_a_text_begins_as_its_task_does(office: AppContext) -> None:
    session = office.sessions.open("page", None)
    table = finished(comparison_of(office, session, ask(task="table", detail="a, b"), [REFRESHKV, FULL_ATTENTION]))
    assert all(trial.text.startswith("| a | b |\n") for trial in table.trials)


def test_methods_that_go_on_with_a_draft_see_as_much_of_it_as_was_chosen(
    desk: Commands, session: Session, sessions: Sessions
) -> None:
    assert session.edit("The first sentence. The second.", session.draft.revision)
    office = AppContext(desk, sessions, shared=False)
    fields = ask(task="continue", draft_tokens=14)
    asked = comparison_of(office, session, fields, [REFRESHKV, FULL_ATTENTION]).request
    assert byte_tokenizer().decode(asked.token_ids[0]).endswith("assistant\nThe second.")


# --- in a project ---


def compared(office: AppContext, session: Session, **fields: object) -> Comparison:
    """Under way, with texts that are as long as asked for."""
    model, _ = office.desk.engine.require_model()
    model.generation_config.eos_token_id = -1
    comparison = comparison_of(office, session, ask(**fields), [REFRESHKV, FULL_ATTENTION, NEVER_REFRESHED])
    session.compare(comparison)
    return comparison


def test_each_trial_is_a_run_of_the_project_and_none_is_the_drafts(office: AppContext) -> None:
    session = office.sessions.open("page", None)
    written = office.desk.write(session, ask(), at(session), "anew")
    written.join(60)
    compared(office, session).join(60)
    entries = session.runs.entries
    assert [(entry.compared, entry.method, entry.state) for entry in entries] == [
        ("Small cache, never refreshed", REFRESHKV, "finished"),
        ("Full attention", FULL_ATTENTION, "finished"),
        ("RefreshKV", REFRESHKV, "finished"),
        ("", REFRESHKV, "finished"),
    ]
    trace = session.trace()
    assert trace is not None
    assert trace is written.feed.trace or trace.tokens == written.feed.trace.tokens
    assert session.runs.newest == written.feed.run_id
    again = Runs(office.sessions.store, session.id)
    assert [entry.compared for entry in again.entries] == [entry.compared for entry in entries]
    assert again.newest == again.entries[3].key
    for entry, trial in zip(reversed(again.entries[:3]), session.comparison.trials, strict=True):  # type: ignore[union-attr]
        opened = again.open(entry.key)
        assert opened is not None
        assert "".join(token.text for token in opened.feed.trace.tokens) == valid_text(trial.text)
        assert bool(opened.feed.trace.refreshes) == (trial.name != "Full attention")


def test_what_a_trial_wrote_is_not_taken_for_the_author_of_the_draft(office: AppContext) -> None:
    session = office.sessions.open("page", None)
    comparison = compared(office, session)
    comparison.join(60)
    text = comparison.trials[0].text
    assert session.edit(text, session.draft.revision)
    assert session.runs.wrote(text, 0, len(text)) is None


def test_comparisons_do_not_take_the_place_of_the_drafts_traces(office: AppContext) -> None:
    office.sessions.store.limits = StoreLimits(traces=2)
    session = office.sessions.open("page", None)
    office.desk.write(session, ask(max_new_tokens=4), at(session), "anew").join(60)
    for _ in range(2):
        compared(office, session, max_new_tokens=4).join(60)
    kept = Runs(office.sessions.store, session.id)
    for runs in (session.runs, kept):
        names = [entry.compared for entry in runs.entries]
        assert names == ["Small cache, never refreshed", "Full attention", ""]


def test_only_one_comparison_at_a_time_and_stop_is_anybodys(office: AppContext) -> None:
    session = office.sessions.open("page", None)
    first = compared(office, session, max_new_tokens=800)
    with pytest.raises(AppError, match="already"):
        compared(office, session)
    office.sessions.open("another", session.id)
    other: Any = SimpleNamespace(session_hash="another", headers={})
    assert Watch(office).stop(session.id, other) == gr.update(interactive=False)
    first.join(60)
    assert {trial.state for trial in first.trials} == {"stopped"}
    assert compared(office, session, max_new_tokens=2) is session.comparison


@pytest.mark.parametrize("how", ["close", "delete", "expire"])
def test_a_comparison_ends_with_its_session(office: AppContext, how: str) -> None:
    session = office.sessions.open("page", None)
    comparison = compared(office, session, max_new_tokens=800)
    wait(lambda: bool(comparison.trials[0].text))
    match how:
        case "close":
            session.close()
            assert comparison.done
        case "delete":
            office.sessions.delete("page", session.id)
            assert comparison.done
        case "expire":
            office.sessions.leave("page")
            session.used -= 61 * 60
            office.sessions.open("another", None)
    wait(lambda: comparison.done)
    assert comparison.trials[-1].state == "stopped"  # on a busy machine the first may be over before it is ended
    assert office.desk.engine.current() == []


async def _frames(watch: Watch, session: Session, page: str) -> list[list[Any]]:
    asked: Any = SimpleNamespace(session_hash=page, headers={})
    return [frame async for frame in watch.follow(session.id, asked)]


def test_a_page_that_comes_back_watches_it_to_its_end(office: AppContext) -> None:
    session = office.sessions.open("page", None)
    watch = Watch(office)
    (nothing, _) = asyncio.run(_frames(watch, session, "page"))
    assert (nothing[0], nothing[2]) == ("", gr.update(interactive=False))
    comparison = compared(office, session, max_new_tokens=60)
    office.sessions.leave("page")
    office.sessions.open("later", session.id)
    first, *_, last, end = asyncio.run(_frames(watch, session, "later"))
    assert comparison.done
    assert first[1:] == [gr.update(interactive=False), gr.update(interactive=True), gr.update(open=True)]
    assert last[:3] == [comparison_html(comparison), gr.update(interactive=True), gr.update(interactive=False)]
    assert end == [gr.skip()] * 4


def test_a_page_of_another_project_is_shown_nothing_of_it(office: AppContext) -> None:
    session = office.sessions.open("page", None)
    comparison = compared(office, session, max_new_tokens=800)
    watch, asked = Watch(office), SimpleNamespace(session_hash="page", headers={})

    async def gone() -> list[Any]:
        frames = watch.follow(session.id, asked)  # type: ignore[arg-type]
        await anext(frames)
        office.sessions.create("page")
        return [frame async for frame in frames]

    assert asyncio.run(gone()) == [[gr.skip()] * 4]
    assert not comparison.done
    comparison.stop()
    comparison.join(60)
