"""What runs write into a draft: with words that the test says, and with the engine on a tiny model."""

import threading
from typing import Any

import pytest

from app.engine.engine import Engine
from app.engine.run import GenerationRequest, Run
from app.project.insertion import Insertion, InsertionPoint
from app.project.run_spec import RunSpec
from app.project.session import Session
from app.project.sessions import Sessions
from app.project.writing import Writing
from app.prompt.compose import compose
from app.runs.trace import Replay, Trace, kept_while
from app.say.errors import AppError
from app.store import Store, read_draft
from app.text.valid import valid_text
from core import CacheRefreshed, GenerationFinished, PrefillProgress, RefreshKV, TokenGenerated
from core.sequence import LEAST_TAIL
from tests.app.conftest import wait
from tests.app.scripted import SETTINGS, ScriptedRun, into, writing
from tests.core.tiny import byte_tokenizer


def followed(made: Writing) -> Writing:
    made.start()
    assert made.wait(30)
    return made


def trace(made: Writing) -> Trace:
    """Of its latest run."""
    assert made.current is not None
    return made.current.feed.trace


def test_the_text_grows_as_the_run_writes() -> None:
    script = ScriptedRun()
    made = writing(script, "Mine.", "gone", " End.")
    made.start()
    assert (made.text, made.insertion.empty) == ("", True)
    script.say(" It")
    wait(lambda: made.insertion.draft == "Mine. It End.")
    assert (made.done, made.insertion.empty) == (False, False)
    script.finish(" stood", "", ".")
    assert made.wait(30)
    assert made.text == " It stood."
    assert made.insertion.draft == "Mine. It stood. End."
    assert (made.state, made.error) == ("finished", None)
    assert made.current is not None
    assert made.current.statistics.decode_steps == 3
    assert [token.text for token in trace(made).tokens] == [" It", " stood", "", "."]


def test_all_of_a_run_that_is_over_already_is_followed() -> None:
    made = followed(writing(ScriptedRun().finish(*"a long text")))
    assert made.text == "a long text"
    assert made.current is not None
    assert made.current.statistics.ending == GenerationFinished("length", "a long text", 9, 11, 0.1, 0.1, 1, 0)


def test_an_opening_stands_before_the_models_words() -> None:
    script = ScriptedRun()
    made = writing(script, "Before. ", opening="# Report\n\n")
    made.start()
    assert (made.text, made.insertion.empty) == ("# Report\n\n", True)
    script.finish("words")
    assert made.wait(30)
    assert made.text == "# Report\n\nwords"
    assert trace(made).draft_start == len("Before. # Report\n\n")


def test_a_blank_that_stands_before_it_already_is_not_written_again() -> None:
    made = followed(writing(ScriptedRun().finish(" ", " It", " stood"), "Mine. ", "", "End."))
    assert made.insertion.draft == "Mine. It stoodEnd."
    assert [token.text for token in trace(made).tokens] == ["", "It", " stood"]
    assert followed(writing(ScriptedRun().finish(" It"), "Mine.\n")).insertion.draft == "Mine.\n It"


def test_what_the_person_puts_before_it_meanwhile_ends_with_a_paragraph() -> None:
    script = ScriptedRun()
    made = writing(script, "Mine.", "", "End.", opening="# Report\n\n")
    made.start()
    made.insertion.point = made.insertion.point.edited("Mine. And more.End.")
    assert made.insertion.draft == "Mine. And more.# Report\n\nEnd."
    script.finish("", "words")
    assert made.wait(30)
    assert made.insertion.draft == "Mine. And more.\n\n# Report\n\nwordsEnd."
    assert made.insertion.draft[trace(made).draft_start :] == "wordsEnd."
    made = writing(ScriptedRun().finish(" \n", " It"), "Mine.")
    made.insertion.point = made.insertion.point.edited("Mine. And more.\n")
    assert followed(made).insertion.draft == "Mine. And more.\n\nIt"


def test_no_blank_is_doubled_before_what_follows() -> None:
    assert followed(writing(ScriptedRun().finish("It. \n"), "", "", "\n\nEnd.")).insertion.draft == "It.\n\nEnd."
    assert followed(writing(ScriptedRun().finish("It. \n \n"), "", "", "End.")).insertion.draft == "It.\n\nEnd."
    assert followed(writing(ScriptedRun().finish("It "), "", "", "End.")).insertion.draft == "It End."


def test_stop_ends_it_and_begins_no_other() -> None:
    script, asked = ScriptedRun().say("It"), []
    made = writing(script, advance=lambda before, text: asked.append(text))
    made.start()
    wait(lambda: made.text == "It")
    made.stop()
    assert made.wait(30)
    assert (made.state, made.text, asked) == ("stopped", "It", [])


def test_stopping_while_the_next_part_is_made_begins_no_other() -> None:
    second, making, stopped = ScriptedRun(), threading.Event(), threading.Event()

    def advance(before: str, text: str) -> RunSpec:
        making.set()
        assert stopped.wait(30)
        return second.spec(" Two:")

    made = writing(ScriptedRun().finish("One."), advance=advance)
    made.start()
    assert making.wait(30)
    made.stop()
    stopped.set()
    assert made.wait(30)
    assert (made.state, made.text, second.run) == ("stopped", "One.", None)


def test_stopping_while_the_next_part_is_queued_stops_that_too() -> None:
    second = ScriptedRun()

    def advance(before: str, text: str) -> RunSpec:
        return second.do(lambda run: made.stop()).spec(" Two:")

    made = writing(ScriptedRun().finish("One."), advance=advance)
    followed(made)
    assert second.run is not None
    assert (made.state, second.run.state, second.run.take()) == ("stopped", "stopped", [])


def test_a_run_that_fails_keeps_its_words_and_begins_no_other() -> None:
    asked: list[str] = []
    script = ScriptedRun().say("Half").fail("It broke.")
    made = followed(writing(script, advance=lambda before, text: asked.append(text)))
    assert (made.state, made.failed, made.text, str(made.message)) == ("failed", True, "Half", "It broke.")
    assert asked == []


def test_parts_are_written_in_a_row() -> None:
    scripts = [ScriptedRun().finish(f"word {number}.") for number in range(3)]
    asked: list[str] = []
    traces: list[Trace] = []

    def advance(before: str, text: str) -> RunSpec | None:
        assert before == "Mine. "
        asked.append(text)
        traces.append(trace(made))
        return scripts[len(asked)].spec(f"\n## {len(asked)}\n") if len(asked) < 3 else None

    made = writing(scripts[0], "Mine. ", advance=advance)
    followed(made)
    assert made.text == "word 0.\n## 1\nword 1.\n## 2\nword 2."
    assert asked == ["word 0.", "word 0.\n## 1\nword 1.", made.text]
    assert made.current is not None
    assert made.current.run is scripts[2].run
    assert [[token.text for token in each.tokens] for each in traces] == [["word 0."], ["word 1."], ["word 2."]]
    starts = [made.insertion.draft[each.draft_start :] for each in traces]
    assert starts == [made.insertion.draft[6:], "word 1.\n## 2\nword 2.", "word 2."]


@pytest.mark.parametrize(
    ("error", "said"), [(AppError("Full."), "Full."), (ValueError("odd"), "could not go on: odd. What was written is")]
)
def test_what_keeps_the_next_part_from_beginning_is_said(error: Exception, said: str) -> None:
    def advance(before: str, text: str) -> RunSpec:
        raise error

    made = followed(writing(ScriptedRun().finish("One."), advance=advance))
    assert (made.state, made.text) == ("failed", "One.")
    assert said in str(made.error)


def test_the_text_is_cleaned_at_the_end(session: Session) -> None:
    assert session.draft.edit("My old words.", 0)
    script = ScriptedRun().say(" a ")
    made = into(session, script, 0, 2, clean=str.strip)
    wait(lambda: made.text == " a ")
    script.finish("b ")
    assert made.wait(30)
    assert (made.text, session.draft.text) == ("a b", "a b old words.")


@pytest.mark.parametrize("proposes", [False, True])
def test_what_cannot_be_cleaned_is_kept_as_it_is_and_the_draft_is_free(session: Session, proposes: bool) -> None:
    def broken(text: str) -> str:
        raise ValueError("odd")

    assert session.draft.edit("My old words.", 0)
    made = into(session, ScriptedRun().finish("new"), 3, 6, clean=broken, proposes=proposes)
    assert made.wait(30)
    assert (made.state, made.text) == ("failed", "new")
    assert "could not go on: odd" in str(made.error)
    assert session.draft.text == ("My old words." if proposes else "My new words.")
    assert (session.draft.busy, session.draft.proposal) == (False, None)


@pytest.mark.slow
def test_the_draft_is_kept_while_it_is_written_without_any_page(
    store: Store, sessions: Sessions, session: Session
) -> None:
    sessions.leave("page")
    script = ScriptedRun()
    written = into(session, script, 0, 0)
    script.say("It", " stood")
    wait(lambda: read_draft(store, session.id) == "It stood")
    assert not written.done
    script.finish(" there.")
    assert written.wait(30)
    assert read_draft(store, session.id) == "It stood there."


def test_one_that_belongs_to_no_project_keeps_nothing(store: Store) -> None:
    made = followed(writing(ScriptedRun().finish(" It"), "Mine."))
    assert (made.text, made.insertion.draft) == (" It", "Mine. It")
    assert list(store.folder.rglob("traces")) == []


def test_with_a_model_text_trace_and_map_are_what_the_run_told(engine: Engine) -> None:
    prompt = "The keeper trims the lamp before the fog comes in. " * 4
    composed = compose(byte_tokenizer(), [], prompt)
    request = GenerationRequest(composed.token_ids, RefreshKV(0.125, 5), 24)
    alike = Run(request)
    engine.submit(alike)
    assert alike.wait(60)
    events: list[Any] = [event for _, event in alike.take()]
    tokens = [event for event in events if isinstance(event, TokenGenerated)]
    refreshes = [event for event in events if isinstance(event, CacheRefreshed)]
    made = followed(Writing(engine, RunSpec(request, composed, SETTINGS), Insertion(InsertionPoint("Mine.", "", ""))))
    current = made.current
    assert current is not None
    assert events[-1].text == "".join(event.text for event in tokens)
    assert made.text == "".join(valid_text(event.text) for event in tokens)
    assert len(tokens) == 24
    assert [token.token_id for token in trace(made).tokens] == [event.token_id for event in tokens]
    # 23 decode steps at stride 5: the prefill and steps 5, 10, 15, 20.
    assert [refresh.step for refresh in trace(made).refreshes] == [0, 5, 10, 15, 20]
    message, _ = current.feed.since(None)
    assert message is not None
    assert message["refreshes"] == 5
    # What refreshes kept is let go once it is in the trace, which gives it back whole.
    assert current.run.take() == []
    replay = Replay(trace(made))
    kept = [refresh.kept_by_layer for refresh in refreshes]
    assert [(replay.counts(number) == counts).all() for number, counts in enumerate(kept)] == [True] * 5
    assert kept_while(replay, [(0, 9)]) == ()  # a prompt without documents has no pages
    assert current.statistics.progress == PrefillProgress(composed.prompt_tokens, composed.prompt_tokens)
    assert current.statistics.reused == composed.prompt_tokens - LEAST_TAIL  # the run before has read it
    assert current.statistics.cache_bytes == current.run.cache_bytes > 0
