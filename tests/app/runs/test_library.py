"""The runs of a project: kept part by part, opened again, and asked which of them wrote what."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from app.methods import REFRESHED
from app.project import follow as follow_module
from app.project.commands import Commands
from app.project.run_spec import RunSpec
from app.project.session import Session
from app.project.sessions import Sessions
from app.project.writing import Writing
from app.prompt.compose import compose
from app.prompt.sections import SectionPlace
from app.runs import library as runs_module
from app.runs.library import MOST_OPEN, RunLibrary
from app.runs.trace import Refresh, Trace, page_texts, prompt_tokens, write_trace
from app.say.errors import TraceError
from app.store import Store, list_runs
from tests.app.conftest import ask, at, wait
from tests.app.prompt.test_compose import source
from tests.app.runs.trace.runs import MadeRun, compose_pages
from tests.app.scripted import ScriptedEngine, ScriptedRun, into
from tests.core.tiny import byte_tokenizer

FIRST = "The tower was built on bare rock in 1837."
SECOND = "Its keeper lit the lamp every evening of the year."
THIRD = "In winter the boat did not come for weeks."


def run(session: Session, text: str, start: int = -1, **options: Any) -> str:
    """Let a run write at a place of the draft, by default its end; returns the key of its entry."""
    at = len(session.draft.text) if start < 0 else start
    made = into(session, ScriptedRun().finish(*text.split(" ")[:1], *(f" {w}" for w in text.split(" ")[1:])), at, at)
    made.join(30)
    return key_of(made)


def key_of(made: Writing) -> str:
    """The key of the run that it made last."""
    assert made.current is not None
    return made.current.feed.run_id


def of(runs: RunLibrary, draft: str, passage: str) -> str | None:
    start = draft.index(passage)
    found = runs.wrote(draft, start, start + len(passage))
    return found[0] if found else None


def test_each_run_is_found_by_what_it_wrote_after_edits_undo_and_redo(session: Session) -> None:
    first, second = run(session, FIRST), run(session, f" {SECOND}")
    assert session.draft.edit(f"Mine. {FIRST} Typed here. {SECOND}", session.draft.revision)
    draft = session.draft.text
    assert of(session.runs, draft, FIRST) == first
    assert of(session.runs, draft, "every evening of the year") == second
    assert of(session.runs, draft, "Typed here.") is None
    session.draft.undo()
    session.draft.undo()
    assert session.draft.text == FIRST
    assert of(session.runs, FIRST, FIRST) == first
    session.draft.redo()
    assert of(session.runs, session.draft.text, SECOND) == second


def test_every_part_of_a_writing_has_a_run_of_its_own(store: Store, session: Session) -> None:
    scripts = [ScriptedRun().finish(*text) for text in (FIRST, SECOND, THIRD)]
    begun = iter(scripts[1:])

    def advance(before: str, text: str) -> RunSpec | None:
        script = next(begun, None)
        return script.spec("\n\n## Next\n\n") if script else None

    made = into(session, scripts[0], 0, 0, advance=advance)
    assert made.wait(30)
    made.join(30)
    draft = session.draft.text
    keys = [entry.key for entry in session.runs.entries]
    assert [of(session.runs, draft, text) for text in (THIRD, SECOND, FIRST)] == keys
    kept = list_runs(store, session.id)
    assert [(run.state, run.has_trace) for run in kept] == [("finished", True)] * 3
    assert [run.position for run in kept] == [draft.index(text) for text in (THIRD, SECOND, FIRST)]
    assert session.runs.newest == keys[0]


def test_all_is_found_again_when_the_project_is_opened_again(store: Store, session: Session) -> None:
    run(session, FIRST)
    run(session, f" {SECOND}")
    again = RunLibrary(store, session.id)
    assert [entry.state for entry in again.entries] == ["finished", "finished"]
    draft = f"{SECOND} {FIRST}"
    newest, oldest = (entry.key for entry in again.entries)
    assert (of(again, draft, FIRST), of(again, draft, SECOND)) == (oldest, newest)
    opened = again.open(oldest)
    assert opened is not None
    assert "".join(token.text for token in opened.feed.trace.tokens) == FIRST
    assert again.open(oldest) is opened
    assert again.open("of another project") is None


def test_a_stopped_run_keeps_its_trace_like_a_finished_one(store: Store, session: Session) -> None:
    made = into(session, ScriptedRun().say(*FIRST), 0, 0)
    wait(lambda: made.text == FIRST)
    made.stop()
    made.join(30)
    (kept,) = list_runs(store, session.id)
    assert (kept.state, kept.has_trace) == ("stopped", True)
    assert of(session.runs, session.draft.text, FIRST) == key_of(made)
    assert [entry.state for entry in RunLibrary(store, session.id).entries] == ["stopped"]


def test_a_run_that_is_killed_leaves_its_trace_as_it_was_saved_last(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_module, "TRACE_SECONDS", 0.0)
    made = into(session, ScriptedRun().say(*FIRST), 0, 0)
    wait(lambda: list_runs(store, session.id)[0].has_trace)
    with store.transaction() as connection:  # as if another process had begun it and were gone
        connection.execute("UPDATE runs SET owner = '0 0.0'")
    again = RunLibrary(store, session.id)
    assert [entry.state for entry in again.entries] == ["interrupted"]
    assert again.wrote(FIRST, 0, len(FIRST)) == (again.newest, [(0, len(FIRST) - 1)])
    made.stop()
    made.join(30)


def test_a_run_that_wrote_nothing_is_not_listed(session: Session) -> None:
    made = into(session, ScriptedRun(), 0, 0)
    assert [entry.key for entry in session.runs.entries] == [key_of(made)]
    made.stop()
    made.join(30)
    assert session.runs.entries == []


def test_a_run_that_wrote_nothing_is_not_the_newest_from_the_moment_it_ends(session: Session) -> None:
    """Also before its trace would be kept, which the page does not wait for."""
    first = run(session, FIRST)
    script, newest = ScriptedRun(), list[str | None]()
    made = into(session, script, 0, 0, opening="# Report\n\n")
    assert session.runs.newest == key_of(made)

    def watch() -> None:
        made.wait()
        newest.append(session.runs.newest)

    watcher = threading.Thread(target=watch)
    watcher.start()
    script.fail("It broke.")
    watcher.join(30)
    made.join(30)
    assert newest == [first]
    assert [entry.key for entry in session.runs.entries] == [first]


def test_a_proposal_is_kept_and_the_map_stays_with_the_draft(store: Store, session: Session) -> None:
    first = run(session, FIRST)
    made = into(session, ScriptedRun().finish(*SECOND), 0, len(FIRST), proposes=True)
    made.join(30)
    assert session.draft.resolve(made.insertion.id, True)
    assert of(session.runs, session.draft.text, SECOND) == key_of(made)
    assert session.runs.newest == first
    again = RunLibrary(store, session.id)
    assert [entry.proposes for entry in again.entries] == [True, False]
    assert again.newest == again.entries[1].key


def test_the_end_is_told_before_the_trace_is_written(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []
    script = ScriptedRun()
    made = into(session, script, 0, 0)
    monkeypatch.setattr(runs_module, "write_trace", lambda trace: ended.append(made.done) or write_trace(trace))
    script.finish(*FIRST)
    made.join(30)
    assert ended == [True]


def test_as_many_as_the_store_keeps_and_some_of_them_unpacked(store: Store, session: Session) -> None:
    store.limits = replace(store.limits, traces=6)
    keys = [run(session, f" {number} {FIRST}") for number in range(8)]
    assert [entry.key for entry in session.runs.entries] == keys[:1:-1]
    assert len(session.runs._open) == MOST_OPEN
    assert sum(kept.has_trace for kept in list_runs(store, session.id)) == 6
    opened = session.runs.open(keys[2])  # read from the store again
    assert opened is not None
    assert opened.feed.run_id == keys[2]


def test_a_trace_that_the_store_refuses_can_be_looked_at_until_it_is_closed(store: Store, session: Session) -> None:
    store.limits = replace(store.limits, trace_megabytes=1e-6)
    key = run(session, FIRST)
    for number in range(MOST_OPEN):
        run(session, f" {number}.")
    assert of(session.runs, session.draft.text, FIRST) == key
    assert session.runs.open(key) is not None
    assert "the limit is" in list_runs(store, session.id)[-1].error
    assert RunLibrary(store, session.id).entries == []


def test_a_damaged_trace_is_left_out(store: Store, session: Session) -> None:
    run(session, FIRST)
    (path,) = (store.project_folder(session.id) / "traces").iterdir()
    path.write_bytes(b"nothing")
    again = RunLibrary(store, session.id)
    (entry,) = again.entries
    assert again.wrote(FIRST, 0, len(FIRST)) is None
    assert again.open(entry.key) is None
    assert again.entries == []


def made_trace(packed: bytes | None = None) -> Trace:
    made = MadeRun([], compose_pages([[4]], 1, 1), (0, 1), 2)
    recorder = made.recorder()
    recorder._refreshes = [Refresh(0, (0, 1), "prefill", 6, packed)] if packed else []
    return recorder.trace


def test_a_trace_from_a_file_is_shown_and_replaced_by_the_next(session: Session) -> None:
    first = run(session, FIRST)
    one, other = session.runs.open_file(made_trace()), session.runs.open_file(made_trace())
    assert one != other  # or a page that shows the one would not open the other
    assert [entry.key for entry in session.runs.entries] == [other, first]
    assert session.runs.newest == first
    assert session.runs.open(one) is None
    opened = session.runs.open(other)
    assert opened is not None
    assert opened.feed.run_id == other
    with pytest.raises(TraceError, match="damaged"):
        session.runs.open_file(made_trace(b"no zlib"))
    assert session.runs.open(other) is opened


@pytest.fixture
def written(commands: Commands, session: Session) -> Session:
    """A session into which the tiny model has written."""
    session.sources.paste("The light stood on the rock for a hundred years.")
    made = commands.write(session, ask(method=REFRESHED, max_new_tokens=24), at(session), "anew")
    made.join(60)
    return session


def test_what_is_listed_says_which_method(written: Session, sessions: Sessions) -> None:
    (entry,) = written.runs.entries
    assert (entry.method, entry.state, entry.proposes) == ("RefreshKV", "finished", False)
    (entry,) = RunLibrary(sessions.store, written.id).entries
    assert (entry.method, entry.state) == ("RefreshKV", "finished")


def test_pages_are_put_together_from_tokens(written: Session) -> None:
    run = written.runs.open(written.runs.newest)
    assert run is not None
    (page,) = run.pages
    assert page.text.startswith("The light stood on the rock")
    first, after = page.range_of(4, 9)
    prompt = run.feed.trace.prompt
    assert "".join(prompt.pieces[first - prompt.document_start : after - prompt.document_start]) == "light"


def test_a_character_of_several_tokens_is_all_of_them() -> None:
    composed = compose(byte_tokenizer(), [source("日本 é.", "Two.")], "Summarise.")
    first, second = page_texts(prompt_tokens(composed))
    assert second.text.startswith("Two.")
    assert first.text.startswith("日本 é.")
    begin = first.positions[0]
    assert first.range_of(1, 2)[0] == begin + 3
    assert first.range_of(2, 3) == (begin + 6, begin + 7)


def test_a_run_is_listed_from_its_beginning_and_its_state_is_that_of_the_store(store: Store, session: Session) -> None:
    script = ScriptedRun()
    made = into(session, script, 0, 0)
    (entry,) = session.runs.entries
    assert (entry.key, entry.state, session.runs.newest) == (key_of(made), "waiting", key_of(made))
    script.finish(*FIRST)
    made.join(30)
    (entry,) = session.runs.entries
    assert (entry.key, entry.state, entry.feed) == (key_of(made), "finished", None)
    opened = session.runs.open(entry.key)
    assert opened is not None
    assert "".join(token.text for token in opened.feed.trace.tokens) == FIRST


def test_one_that_was_not_queued_is_as_if_it_had_not_been_begun(store: Store, session: Session) -> None:
    store.limits = replace(store.limits, traces=1)
    first = run(session, FIRST)
    spec = ScriptedRun().spec()
    feed = spec.feed("another", ScriptedEngine(), 0)  # type: ignore[arg-type]
    session.runs.begin(feed, spec.described)
    assert session.runs.newest == "another"
    session.runs.discard(feed)
    assert [entry.key for entry in session.runs.entries] == [first]
    assert session.runs.open("another") is None
    assert len(list_runs(store, session.id)) == 1


def test_the_runs_of_a_texts_sections_know_each_other(store: Store, session: Session) -> None:
    """Of two texts with a run between them, the second stopped after its second section and went on later."""
    places = [(1, 2), (2, 2), None, (1, 3), (2, 3), (3, 3)]
    keys = []
    for place in places:
        section = SectionPlace(*place, f"Heading {place[0]}") if place else None
        end = len(session.draft.text)
        made = into(session, ScriptedRun(section=section).finish(f"{FIRST} "), end, end)
        made.join(30)
        keys.append(key_of(made))
    told = [session.runs.series(key) for key in keys]
    assert [series and (series.place.number, series.runs, series.at) for series in told] == [
        (1, tuple(keys[:2]), 0), (2, tuple(keys[:2]), 1), None,
        (1, tuple(keys[3:]), 0), (2, tuple(keys[3:]), 1), (3, tuple(keys[3:]), 2),
    ]  # fmt: skip
    assert session.runs.series(None) is None
    again = RunLibrary(store, session.id).series(f"run-{len(keys)}")
    assert again is not None
    assert (again.place.title, again.at, len(again.runs)) == ("Heading 3", 2, 3)
