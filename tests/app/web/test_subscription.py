"""What one page is shown of what is being written: whole at every update, in strings that grow, and in words."""

from dataclasses import replace
from itertools import pairwise
from threading import Event
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app.engine.queue import ABANDONED
from app.methods import REFRESHED
from app.project.commands import Commands
from app.project.follow import FollowedRun
from app.project.run_spec import RunSpec
from app.project.session import Session
from app.project.sessions import PageView
from app.project.writing import Writing
from app.settings import Settings
from app.store import Store, list_versions, version_text
from app.web import subscription as subscription_module
from app.web.subscription import RATES_SECONDS, RunSubscription
from core import CacheRefreshed, PrefillProgress
from tests.app.conftest import ask, at, wait
from tests.app.gated import GatedEngine
from tests.app.scripted import COMPOSED, ScriptedEngine, ScriptedRun, into
from tests.app.web.log_reader import LogReader

TEXT = "The light stood on the rock for a hundred years."


def subscription(session: Session, made: Writing) -> RunSubscription:
    """Of a page that comes now."""
    return RunSubscription(session, made, PageView(session))


def told(session: Session, made: Writing, ahead: int = 0, seconds: float | None = None) -> str:
    """The line about the progress that a page which comes now is shown."""
    engine: Any = made.engine
    engine.ahead, engine.seconds = ahead, seconds
    return subscription(session, made).update().progress


def under_way(made: Writing) -> FollowedRun:
    assert made.current is not None
    return made.current


def refresh(step: int) -> CacheRefreshed:
    """Every layer and head holds everything."""
    counts = np.full((3, COMPOSED.prompt_tokens + step), 2, np.uint8)
    return CacheRefreshed(step, (0, 1, 2), counts.sum(axis=0, dtype=np.int64), "stride", counts)


def refreshes(reader: LogReader) -> list[int]:
    """The numbers of all that a map was told, in the order in which it was."""
    return [row["number"] for message in reader.messages for row in message.get("refresh", [])]


# --- what travels ---


def test_every_update_is_whole_and_its_strings_grow(session: Session) -> None:
    script = ScriptedRun().emit(refresh(0)).say("It")
    made = into(session, script, 0, 0)
    wait(lambda: made.text == "It")
    shown = subscription(session, made)
    updates = [shown.update()]
    assert LogReader.of(updates[0].editor).text == "It"
    assert "" not in (updates[0].progress, updates[0].rates)
    updates.append(shown.update())
    assert updates[1] == updates[0]  # nothing is new
    script.say(" stood").emit(refresh(1))
    wait(lambda: len(under_way(made).feed.trace.refreshes) == 2)
    updates.append(shown.update())
    script.finish(".")
    assert made.wait(30)
    updates.append(shown.update())
    assert [update.writing for update in updates] == [True, True, True, False]
    assert "the length asked for" in updates[-1].progress
    for earlier, later in pairwise(updates):
        assert later.editor.startswith(earlier.editor)
        assert (later.cache_map or "").startswith(earlier.cache_map or "none")
    draft, the_map = LogReader.of(updates[-1].editor), LogReader.of(updates[-1].cache_map)
    assert draft.text == "It stood."
    assert [message["kind"] for message in draft.messages] == ["run", "place", "over"]
    assert the_map.messages[0]["kind"] == "map"
    assert ["start" in message for message in the_map.messages[1:]] == [True, False, False]
    assert {message["run"] for message in the_map.messages[1:]} == {under_way(made).feed.run_id}
    assert shown.update() == updates[-1]


def test_a_page_that_comes_late_is_told_all_at_once(session: Session) -> None:
    script = ScriptedRun().emit(refresh(0)).say("It", " stood").emit(refresh(2))
    made = into(session, script, 0, 0)
    wait(lambda: len(under_way(made).feed.trace.refreshes) == 2)
    update = subscription(session, made).update()
    head, place, text = LogReader.of(update.editor).parts
    assert (head["kind"], head["project"], head["run"], head["proposes"]) == ("run", session.id, made.id, False)
    assert (place["kind"], text) == ("place", "It stood")
    (_, message) = LogReader.of(update.cache_map).messages
    assert "start" in message
    assert [row["number"] for row in message["refresh"]] == [0, 1]
    assert message["steps"] == {"first": 0, "full": [3, 3], "at": 0, "texts": ["It", " stood"]}
    script.finish(".")
    assert made.wait(30)
    late = subscription(session, made).update()
    assert not late.writing
    assert "the length asked for" in late.progress
    draft = LogReader.of(late.editor)
    assert (draft.text, [message["kind"] for message in draft.messages]) == ("It stood.", ["run", "over"])
    (_, message) = LogReader.of(late.cache_map).messages
    assert ("start" in message, len(message["refresh"]), message["steps"]["full"]) == (True, 2, [3, 3, 3])


def test_the_place_is_told_before_the_first_word_and_again_if_it_moves(session: Session) -> None:
    assert session.draft.edit("One.  Three.", 0)
    script = ScriptedRun()
    made = into(session, script, 5, 5)
    shown, reader = subscription(session, made), LogReader()
    reader.read(shown.update().editor)
    assert [part["kind"] for part in reader.parts] == ["run"]  # the draft is the person's until then
    assert session.draft.edit("Zero. One.  Three.", session.draft.revision)
    assert reader.read(shown.update().editor) == []
    script.say("Two")
    wait(lambda: made.text == "Two")
    revision = session.draft.revision
    place = {"kind": "place", "revision": revision, "at": 11, "replaced": 0, "seam": ""}
    assert reader.read(shown.update().editor) == [place, "Two"]
    assert session.draft.edit("One.  Three.", revision)
    script.say(".")
    wait(lambda: made.text == "Two.")
    moved = {**place, "revision": session.draft.revision, "at": 5}
    assert moved["revision"] > revision
    assert reader.read(shown.update().editor) == [moved, "."]
    script.finish()
    assert made.wait(30)
    over = {
        "kind": "over", "revision": session.draft.revision, "characters": len("One. Two. Three."), "last": [5, 9],
        "proposal": None,
    }  # fmt: skip
    assert reader.read(shown.update().editor) == [over]
    assert session.draft.text == "One. Two. Three."


def test_what_is_written_over_and_what_parts_it_from_the_rest_belong_to_the_place(session: Session) -> None:
    assert session.draft.edit("One. 2. Three.", 0)
    script = ScriptedRun().say("Two.")
    made = into(session, script, 5, 7)
    made.insertion.point = made.insertion.point.__class__("One. ", "2.", " Three.", seam=" ")
    wait(lambda: made.text == "Two.")
    place = LogReader.of(subscription(session, made).update().editor).messages[1]
    assert (place["at"], place["replaced"], place["seam"]) == (5, 2, " ")
    script.finish()
    assert made.wait(30)


def test_text_that_is_taken_back_is_a_cut(session: Session) -> None:
    assert session.draft.edit("One. Three.", 0)
    script = ScriptedRun().say(" Two.", "\n\n")
    made = into(session, script, 4, 4)
    wait(lambda: made.text == " Two.\n\n")
    shown, reader = subscription(session, made), LogReader()
    reader.read(shown.update().editor)
    script.finish()
    assert made.wait(30)
    cut, over = reader.read(shown.update().editor)
    assert (cut, over["characters"]) == ({"cut": len(" Two.")}, len("One. Two. Three."))
    assert reader.text == made.text == " Two."


def test_a_proposal_comes_in_place_of_a_passage_and_ends_with_what_it_changes(session: Session) -> None:
    assert session.draft.edit("An old word.", 0)
    script = ScriptedRun()
    made = into(session, script, 3, 6, proposes=True)
    shown, reader = subscription(session, made), LogReader()
    head, place = reader.read(shown.update().editor)
    assert head["proposes"] is True
    revision = session.draft.revision
    assert place == {"kind": "place", "revision": revision, "at": 3, "replaced": 3, "seam": ""}
    script.finish("new")
    assert made.wait(30)
    text, over = reader.read(shown.update().editor)
    assert text == "new"
    assert over == {
        "kind": "over", "revision": revision, "characters": len("An old word."), "last": None,
        "proposal": {
            "id": made.insertion.id, "start": 3, "end": 6, "outdated": False, "pieces": [["old", "new", 0]],
        },
    }  # fmt: skip
    assert session.draft.resolve(over["proposal"]["id"], accept=False)
    assert LogReader.of(subscription(session, made).update().editor).messages[-1]["proposal"] is None


# --- the map ---


def test_the_map_is_told_each_refresh_once(session: Session) -> None:
    script = ScriptedRun().begin()
    made = into(session, script, 0, 0)
    shown, reader = subscription(session, made), LogReader()
    reader.read(shown.update().cache_map)
    for steps in ([0], [1, 2], [3, 4, 5]):
        script.emit(*map(refresh, steps))
        wait(lambda: len(under_way(made).feed.trace.refreshes) == steps[-1] + 1)  # noqa: B023
        for _ in range(2):
            reader.read(shown.update().cache_map)
    script.finish("It")
    assert made.wait(30)
    reader.read(shown.update().cache_map)
    assert refreshes(reader) == list(range(6))
    assert sum("start" in message for message in reader.messages) == 1


def test_the_layer_that_a_page_shows_comes_with_the_map(session: Session) -> None:
    script = ScriptedRun().emit(refresh(0)).say("It")
    made = into(session, script, 0, 0)
    wait(lambda: made.text == "It")
    view = PageView(session)
    shown, reader = RunSubscription(session, made, view), LogReader()
    reader.read(shown.update().cache_map)
    view.layer = 1
    (message,) = reader.read(shown.update().cache_map)
    assert (message["layer"]["index"], message["layer"]["first"], len(message["layer"]["kept"])) == (1, 0, 1)
    script.emit(refresh(1)).finish()
    assert made.wait(30)
    (message,) = reader.read(shown.update().cache_map)
    assert (message["layer"]["index"], message["layer"]["first"], len(message["layer"]["kept"])) == (1, 1, 1)


def test_the_run_chosen_for_the_map_stays_on_it(session: Session) -> None:
    made = into(session, ScriptedRun().finish("It", " stood"), 0, 0)
    assert made.wait(30)
    assert RunSubscription(session, made, PageView(session, run="an earlier one")).update().cache_map is None


@pytest.mark.parametrize("end", ["stop", "fail"])
def test_a_run_that_wrote_nothing_is_not_shown_to_a_page_that_comes_back(session: Session, end: str) -> None:
    script = ScriptedRun()
    made = into(session, script, 0, 0)
    assert subscription(session, made).update().cache_map is not None  # while it reads
    script.begin()
    if end == "stop":
        made.stop()
    else:
        script.fail("It broke.")
    assert made.wait(30)
    assert subscription(session, made).update().cache_map is None


def test_another_attempt_is_said_and_whose_sentences_are_proposed(session: Session) -> None:
    session.draft.edit("old", 0)
    script = ScriptedRun().emit(PrefillProgress(1, 1)).say("x")
    made = into(session, script, 0, 3, proposes=True)
    assert made.current is not None
    made.current.spec = replace(made.current.spec, attempt=(2, 3), whose="documents")
    wait(lambda: made.text == "x")
    assert "Writing again, attempt 2 of 3." in subscription(session, made).update().progress
    script.finish("y")
    assert made.wait(30)
    assert (
        "What is added are sentences of the documents. Accept or reject"
        in subscription(session, made).update().progress
    )


def test_the_map_stays_with_the_run_before_while_something_is_proposed(session: Session) -> None:
    assert session.draft.edit("old", 0)
    made = into(session, ScriptedRun().finish("new"), 0, 3, proposes=True)
    assert made.wait(30)
    assert subscription(session, made).update().cache_map is None


def test_the_next_part_has_a_map_of_its_own(session: Session) -> None:
    first, second = ScriptedRun().say("One."), ScriptedRun()
    made = into(session, first, 0, 0, advance=lambda before, text: second.spec("\n") if text == "One." else None)
    wait(lambda: made.text == "One.")
    shown, reader = subscription(session, made), LogReader()
    reader.read(shown.update().cache_map)
    runs, current = [reader.messages[-1]["run"]], made.current
    first.finish()
    wait(lambda: made.current is not current)
    update = shown.update()
    assert LogReader.of(update.editor).text == "One.\n"
    (message,) = reader.read(update.cache_map)
    assert "start" in message
    runs.append(message["run"])
    assert runs[0] != runs[1]
    second.finish("Two.")
    assert made.wait(30)
    assert LogReader.of(shown.update().editor).text == "One.\nTwo."


def test_the_map_shows_the_refreshes_of_a_run(commands: Commands, session: Session) -> None:
    session.sources.paste(TEXT)
    made = commands.write(session, ask(method=REFRESHED, budget="32", max_new_tokens=24), at(session), "anew")
    shown, reader = subscription(session, made), LogReader()
    while not made.wait(0.002):
        reader.read(shown.update().cache_map)
    reader.read(shown.update().cache_map)
    # 23 decode steps at stride 5: the prefill and steps 5, 10, 15, 20.
    rows = [row for message in reader.messages for row in message.get("refresh", [])]
    assert [(row["number"], row["step"]) for row in rows] == [(0, 0), (1, 5), (2, 10), (3, 15), (4, 20)]
    assert "".join(reader.messages[1]["start"]["pieces"]).strip() == TEXT


# --- the figures ---


def test_the_figures_are_worked_out_now_and_then_and_at_the_end(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(subscription_module, "time", SimpleNamespace(monotonic=lambda: now))
    script = ScriptedRun().say("It")
    made = into(session, script, 0, 0)
    wait(lambda: made.text == "It")
    shown = subscription(session, made)

    def after(seconds: float, word: str) -> str:
        """The figures so many seconds after the first, when one more word has come."""
        nonlocal now
        script.say(word)
        wait(lambda: made.text.endswith(word))
        now = 100 + seconds
        return shown.update().rates

    first = shown.update().rates
    assert after(RATES_SECONDS - 0.01, " stood") == first
    second = after(RATES_SECONDS, " on")
    assert second != first
    assert "2, all full" in second
    assert after(2 * RATES_SECONDS - 0.01, " the") == second
    script.finish(" rock")
    assert made.wait(30)
    assert "4, all full" in shown.update().rates  # the clock has not moved


# --- the line ---


def test_the_line_says_that_it_made_way_for_others(session: Session) -> None:
    script = ScriptedRun().say("The light")
    made = into(session, script, 0, 0)
    assert script.run is not None
    script.run.stop(ABANDONED)
    assert made.wait(30)
    said = told(session, made)
    assert "Stopped, since others waited and nobody was here to read it. The text so far is kept" in said


def test_the_line_says_how_far_it_is(session: Session) -> None:
    script = ScriptedRun()
    made = into(session, script, 0, 0)
    statistics = under_way(made).statistics
    assert "Waiting: 2 before you." in told(session, made, ahead=2)
    assert "Waiting: 2 before you, about 2 minutes." in told(session, made, ahead=2, seconds=110)
    assert "Waiting: 1 before you, about 20 seconds." in told(session, made, ahead=1, seconds=24)
    assert "Starting." in told(session, made)
    script.begin()
    assert "Starting." in told(session, made)
    script.emit(PrefillProgress(0, 200), PrefillProgress(50, 200))
    wait(lambda: statistics.progress == PrefillProgress(50, 200))
    assert "50 of 200 tokens (25%)" in told(session, made)
    assert 'aria-valuenow="25"' in told(session, made)
    script.emit(PrefillProgress(200, 200))
    wait(lambda: statistics.progress == PrefillProgress(200, 200))
    assert "Writing." in told(session, made)
    assert script.run is not None
    script.run.stop = lambda: None  # type: ignore[method-assign]  # the engine has yet to see it
    made.stop()
    assert "Stopping." in told(session, made)
    script.run.end("stopped")
    assert made.wait(30)
    assert "Stopped. The draft is as it was." in told(session, made)


@pytest.mark.slow
@pytest.mark.parametrize("looks", range(6))
def test_a_part_that_begins_while_an_update_is_made_does_no_harm(session: Session, looks: int) -> None:
    first, second = ScriptedRun().emit(PrefillProgress(200, 200)).say("One."), ScriptedRun()
    made = into(session, first, 0, 0)
    wait(lambda: made.text == "One.")
    engine: Any = ScriptedEngine()
    followed, spec = under_way(made), second.spec()
    coming = FollowedRun(spec, spec.feed("next", engine, 4), engine.layers)
    second.bind(coming.run)
    second.begin()
    seen = iter([followed] * looks)

    class Beginning(Writing):
        """After so many looks at it, the next run is under way."""

        current = property(lambda writing: next(seen, coming), lambda writing, value: None)  # type: ignore[assignment]

    made.__class__ = Beginning
    update = subscription(session, made).update()
    assert any(line in update.progress for line in ("Writing.", "Starting."))
    assert LogReader.of(update.editor).text == "One."
    made.__class__ = Writing
    first.finish()
    assert made.wait(30)


def test_a_failure_is_a_notice(session: Session) -> None:
    made = into(session, ScriptedRun().fail("The <run> broke."), 0, 0)
    assert made.wait(30)
    assert '<p class="notice" role="alert">The &lt;run&gt; broke.</p>' in told(session, made)

    def advance(before: str, text: str) -> None:
        raise ValueError("no next one")

    made = into(session, ScriptedRun().finish("One."), 0, 0, advance=advance)
    assert made.wait(30)
    assert "no next one" in told(session, made)


@pytest.mark.parametrize(("words", "line"), [("new", "Accept or reject"), (" ", "found nothing better (attempts: 1)")])
def test_the_end_of_a_proposal_says_what_to_do(session: Session, words: str, line: str) -> None:
    assert session.draft.edit("old", 0)
    made = into(session, ScriptedRun().finish(words), 0, 3, proposes=True)
    assert made.wait(30)
    assert line in told(session, made)


def test_a_proposal_that_was_stopped_can_be_taken_or_not(session: Session) -> None:
    assert session.draft.edit("old", 0)
    for words, line in (("new", "Stopped. Accept or reject the proposal"), ("old", "Stopped. The draft is as it was.")):
        script = ScriptedRun().say(words)
        made = into(session, script, 0, 3, proposes=True)
        wait(lambda: made.text == words)  # noqa: B023
        made.stop()
        assert made.wait(30)
        assert line in told(session, made)


def test_between_two_parts_nothing_is_said_to_be_finished(session: Session) -> None:
    first, second, going_on = ScriptedRun().finish("One."), ScriptedRun().finish("Two."), Event()

    def advance(before: str, text: str) -> RunSpec | None:
        return second.spec() if text == "One." and going_on.wait(30) else None

    made = into(session, first, 0, 0, advance=advance)
    wait(lambda: under_way(made).statistics.ending is not None)
    assert "Finished" not in told(session, made)
    going_on.set()
    assert made.wait(30)
    assert "Finished" in told(session, made)


def test_a_draft_that_is_written_over_is_said_to_be_kept(session: Session, store: Store) -> None:
    assert session.draft.edit("Mine.", 0)
    script = ScriptedRun().say("It").emit(PrefillProgress(9, 9))
    made = into(session, script, 0, 5)
    kept = "Your earlier draft is in Versions; Undo brings it back."
    wait(lambda: under_way(made).statistics.progress is not None)
    assert f"Writing. {kept}" in told(session, made)
    script.finish()
    assert made.wait(30)
    assert kept in told(session, made)
    assert [version_text(store, version.id) for version in list_versions(store, session.id)] == ["Mine."]
    assert session.draft.undo()
    assert session.draft.text == "Mine."
    for start, end in ((0, 4), (5, 5)):
        made = into(session, ScriptedRun().finish("It"), start, end)
        assert made.wait(30)
        assert "Finished" in told(session, made)
        assert kept not in told(session, made)
        assert session.draft.undo()


def test_a_document_that_was_read_before_is_said_to_be(session: Session, one_thread: None) -> None:
    engine = GatedEngine()
    engine.start()
    engine.require_model(timeout=60)
    commands = Commands(Settings(_env_file=None, max_new_tokens_limit=900), engine)  # type: ignore[call-arg]
    session.sources.paste(TEXT)
    assert commands.write(session, ask(), at(session), "anew").wait(60)
    with engine.held(after=3):
        made = commands.write(session, ask(task="report"), at(session), "anew")
        wait(lambda: under_way(made).statistics.decode_steps == 2)
        line = subscription(session, made).update().progress
    assert made.wait(60)
    composed = under_way(made).spec.composed
    assert f"{composed.document_end - composed.document_start} tokens of the documents were already read" in line
    engine.close()
