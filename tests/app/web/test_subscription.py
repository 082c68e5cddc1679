"""What one page is told of a run: only what is new, and in words how far it is."""

from threading import Event
from typing import Any

import pytest

from app.project.commands import Commands
from app.project.session import Session
from app.project.writing import RunSpec, Writing
from app.prompt.request import REFRESHKV
from app.store import Store, list_versions, version_text
from app.web.subscription import RunSubscription
from core import PrefillProgress
from tests.app.conftest import ask, at, wait
from tests.app.scripted import ScriptedEngine, ScriptedRun, into

TEXT = "The light stood on the rock for a hundred years."


def tail(session: Session, made: Writing, ahead: int = 0) -> RunSubscription:
    engine: Any = ScriptedEngine(ahead)
    return RunSubscription(engine, session, made)


def told(session: Session, made: Writing, ahead: int = 0) -> str:
    """The line about the progress that a page which comes now is shown."""
    progress = tail(session, made, ahead).frame().progress
    assert progress is not None
    return progress


def test_only_what_is_new_is_sent(session: Session) -> None:
    script = ScriptedRun().say("It")
    made = into(session, script, 0, 0)
    wait(lambda: made.text == "It")
    shown = tail(session, made)
    first = shown.frame()
    assert first.text == "It"
    assert None not in (first.progress, first.rates, first.cache_map)
    again = shown.frame()
    assert (again.text, again.progress, again.rates, again.cache_map) == (None, None, None, None)
    script.finish(" stood")
    assert made.wait(30)
    last = shown.frame()
    assert last.text == "It stood"
    assert last.progress is not None
    assert "the length asked for" in last.progress
    assert last.rates is not None
    assert last.cache_map is not None
    assert "start" not in last.cache_map
    assert last.cache_map["run"] == made.feed.since(None)[0]["run"]


def test_a_page_that_comes_late_is_told_all(session: Session) -> None:
    made = into(session, ScriptedRun().finish("It", " stood"), 0, 0)
    assert made.wait(30)
    frame = tail(session, made).frame()
    assert frame.text == "It stood"
    assert frame.cache_map is not None
    assert "start" in frame.cache_map


def test_the_run_chosen_for_the_map_stays_on_it(session: Session) -> None:
    made = into(session, ScriptedRun().finish("It", " stood"), 0, 0)
    assert made.wait(30)
    session.map_run = "an earlier one"
    assert tail(session, made).frame().cache_map is None


@pytest.mark.parametrize("end", ["stop", "fail"])
def test_a_run_that_wrote_nothing_is_not_shown_to_a_page_that_comes_back(session: Session, end: str) -> None:
    script = ScriptedRun()
    made = into(session, script, 0, 0)
    assert tail(session, made).frame().cache_map is not None  # while it reads
    script.begin()
    if end == "stop":
        made.stop()
    else:
        script.fail("It broke.")
    assert made.wait(30)
    assert tail(session, made).frame().cache_map is None


def test_the_next_part_has_a_map_of_its_own(session: Session) -> None:
    first, second = ScriptedRun().say("One."), ScriptedRun()
    made = into(session, first, 0, 0, advance=lambda before, text: second.part("\n") if text == "One." else None)
    wait(lambda: made.text == "One.")
    shown = tail(session, made)
    runs, feed = [shown.frame().cache_map["run"]], made.feed
    first.finish()
    wait(lambda: made.feed is not feed)
    frame = shown.frame()
    assert frame.text == "One.\n"
    assert "start" in frame.cache_map
    runs.append(frame.cache_map["run"])
    assert runs[0] != runs[1]
    second.finish("Two.")
    assert made.wait(30)
    assert shown.frame().text == "One.\nTwo."


def test_the_line_says_how_far_it_is(session: Session) -> None:
    script = ScriptedRun()
    made = into(session, script, 0, 0)
    assert "Waiting: 2 before you." in told(session, made, ahead=2)
    assert "Starting." in told(session, made)
    script.begin()
    assert "Starting." in told(session, made)
    script.events += [(1.0, PrefillProgress(0, 200)), (2.0, PrefillProgress(50, 200))]
    wait(lambda: made.progress == PrefillProgress(50, 200))
    assert "50 of 200 tokens (25%)" in told(session, made)
    assert 'aria-valuenow="25"' in told(session, made)
    script.events.append((3.0, PrefillProgress(200, 200)))
    wait(lambda: made.progress == PrefillProgress(200, 200))
    assert "Writing." in told(session, made)
    script._stopping = True  # the engine has yet to see it
    assert "Stopping." in told(session, made)
    script.stop()
    assert made.wait(30)
    assert "Stopped. The draft is as it was." in told(session, made)


def test_a_part_that_begins_while_the_line_is_made_does_no_harm(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = into(session, ScriptedRun().finish("One."), 0, 0)
    assert made.wait(30)
    made.progress = PrefillProgress(200, 200)

    def once(name: str) -> property:
        """Read a second time it is gone, as after `Writing._begin`."""
        values = [getattr(made, name)]
        return property(lambda writing: values.pop() if values else None, lambda writing, value: None)

    class Beginning(Writing):
        progress, ending = once("progress"), once("ending")

    made.__class__ = Beginning
    assert "the length asked for" in told(session, made)


def test_a_failure_is_a_notice(session: Session) -> None:
    made = into(session, ScriptedRun().fail("The <run> broke."), 0, 0)
    assert made.wait(30)
    assert '<p class="notice" role="alert">The &lt;run&gt; broke.</p>' in told(session, made)

    def advance(before: str, text: str) -> None:
        raise ValueError("no next one")

    made = into(session, ScriptedRun().finish("One."), 0, 0, advance=advance)
    assert made.wait(30)
    assert "no next one" in told(session, made)


@pytest.mark.parametrize(("words", "line"), [("new", "Accept or reject"), (" ", "had nothing to propose")])
def test_the_end_of_a_proposal_says_what_to_do(session: Session, words: str, line: str) -> None:
    assert session.edit("old", 0)
    made = into(session, ScriptedRun().finish(words), 0, 3, proposes=True)
    assert made.wait(30)
    assert line in told(session, made)


def test_a_proposal_that_was_stopped_can_be_taken_or_not(session: Session) -> None:
    assert session.edit("old", 0)
    for words, line in (("new", "Stopped. Accept or reject the proposal"), ("old", "Stopped. The draft is as it was.")):
        script = ScriptedRun().say(words)
        made = into(session, script, 0, 3, proposes=True)
        wait(lambda: made.text == words)  # noqa: B023
        script.stop()
        assert made.wait(30)
        assert line in told(session, made)


def test_between_two_parts_nothing_is_said_to_be_finished(session: Session) -> None:
    first, second, going_on = ScriptedRun().finish("One."), ScriptedRun().finish("Two."), Event()

    def advance(before: str, text: str) -> RunSpec | None:
        return second.part() if text == "One." and going_on.wait(30) else None

    made = into(session, first, 0, 0, advance=advance)
    wait(lambda: made.ending is not None)
    assert "Finished" not in told(session, made)
    going_on.set()
    assert made.wait(30)
    assert "Finished" in told(session, made)


def test_a_draft_that_is_written_over_is_said_to_be_kept(session: Session, store: Store) -> None:
    assert session.edit("Mine.", 0)
    script = ScriptedRun().say("It")
    made = into(session, script, 0, 5)
    script.events.append((1.0, PrefillProgress(9, 9)))
    kept = "Your earlier draft is in Versions; Undo brings it back."
    wait(lambda: made.progress is not None)
    assert f"Writing. {kept}" in told(session, made)
    script.finish()
    assert made.wait(30)
    assert kept in told(session, made)
    assert [version_text(store, version.id) for version in list_versions(store, session.id)] == ["Mine."]
    assert session.undo()
    assert session.draft.text == "Mine."
    for start, end in ((0, 4), (5, 5)):
        made = into(session, ScriptedRun().finish("It"), start, end)
        assert made.wait(30)
        assert "Finished" in told(session, made)
        assert kept not in told(session, made)
        assert session.undo()


def test_a_document_that_was_read_before_is_said_to_be(desk: Commands, session: Session) -> None:
    session.sources.paste(TEXT)
    assert desk.write(session, ask(), at(session), "anew").wait(60)
    made = desk.write(session, ask(task="report", max_new_tokens=150), at(session), "anew")
    wait(lambda: made.statistics.decode_steps > 0)
    line = RunSubscription(desk.engine, session, made).frame().progress
    made.stop()
    assert made.wait(60)
    assert line is not None
    composed = made.part.composed
    assert f"{composed.document_end - composed.document_start} tokens of the documents were already read" in line


def test_the_map_shows_the_refreshes_of_a_run(desk: Commands, session: Session) -> None:
    session.sources.paste(TEXT)
    made = desk.write(session, ask(method=REFRESHKV, max_new_tokens=24), at(session), "anew")
    shown, messages = RunSubscription(desk.engine, session, made), []
    while not made.done:
        messages.append(shown.frame().cache_map)
    messages.append(shown.frame().cache_map)
    refreshes = {refresh["number"]: refresh for message in messages for refresh in (message or {}).get("refresh", ())}
    # 23 decode steps at stride 5: the prefill and steps 5, 10, 15, 20.
    assert [refreshes[number]["step"] for number in sorted(refreshes)] == [0, 5, 10, 15, 20]
    assert "".join(messages[0]["start"]["pieces"]).strip() == TEXT
