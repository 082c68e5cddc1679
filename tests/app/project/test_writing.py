"""Runs that are followed: with words that the test says, and with the engine on a tiny model."""

import threading

import pytest

from app.engine.engine import Engine
from app.engine.run import Request
from app.project.insertion import InsertionPoint
from app.project.session import Session
from app.project.writing import RunSpec, Writing
from app.prompt.compose import compose
from app.runs.trace import Replay, kept_while
from app.say.errors import AppError
from app.store import Store, read_draft
from core import CacheRefreshed, GenerationFinished, RefreshKV, TokenGenerated
from tests.app.conftest import wait
from tests.app.scripted import SETTINGS, ScriptedRun, into, nothing, writing
from tests.core.tiny import byte_tokenizer


def followed(made: Writing) -> Writing:
    made.start()
    assert made.wait(30)
    return made


def test_the_text_grows_as_the_run_writes() -> None:
    script, seen, ended = ScriptedRun(), [], []
    made = writing(script, "Mine.", "gone", " End.", on_text=lambda it: seen.append(it.draft), on_end=ended.append)
    made.start()
    script.say(" It")
    wait(lambda: seen == ["Mine. It End."])
    assert (made.done, ended, made.empty) == (False, [], False)
    script.finish(" stood", "", ".")
    assert made.wait(30)
    assert made.text == " It stood."
    assert seen[-1] == "Mine. It stood. End."
    assert ended == [made]
    assert (made.state, made.error) == ("finished", None)
    assert made.statistics.decode_steps == 3
    assert [token.text for token in made.feed.trace.tokens] == [" It", " stood", "", "."]


def test_all_of_a_run_that_is_over_already_is_followed() -> None:
    made = followed(writing(ScriptedRun().finish(*"a long text")))
    assert made.text == "a long text"
    assert made.ending == GenerationFinished("length", "a long text", 9, 11, 0.1, 0.1, 1, 0)


def test_an_opening_stands_before_the_models_words() -> None:
    made = writing(ScriptedRun().finish("words"), "Before. ", opening="# Report\n\n")
    assert (made.text, made.empty) == ("# Report\n\n", True)
    followed(made)
    assert made.text == "# Report\n\nwords"
    assert made.feed.trace.draft_start == len("Before. # Report\n\n")


def test_a_blank_that_stands_before_it_already_is_not_written_again() -> None:
    made = followed(writing(ScriptedRun().finish(" ", " It", " stood"), "Mine. ", "", "End."))
    assert made.draft == "Mine. It stoodEnd."
    assert [token.text for token in made.feed.trace.tokens] == ["", "It", " stood"]
    assert followed(writing(ScriptedRun().finish(" It"), "Mine.\n")).draft == "Mine.\n It"


def test_what_the_person_puts_before_it_meanwhile_ends_with_a_paragraph() -> None:
    script = ScriptedRun()
    made = writing(script, "Mine.", "", "End.", opening="# Report\n\n")
    made.place = made.place.edited("Mine. And more.End.")
    assert made.draft == "Mine. And more.# Report\n\nEnd."
    script.finish("", "words")
    assert followed(made).draft == "Mine. And more.\n\n# Report\n\nwordsEnd."
    assert made.draft[made.feed.trace.draft_start :] == "wordsEnd."
    made = writing(ScriptedRun().finish(" \n", " It"), "Mine.")
    made.place = made.place.edited("Mine. And more.\n")
    assert followed(made).draft == "Mine. And more.\n\nIt"


def test_no_blank_is_doubled_before_what_follows() -> None:
    assert followed(writing(ScriptedRun().finish("It. \n"), "", "", "\n\nEnd.")).draft == "It.\n\nEnd."
    assert followed(writing(ScriptedRun().finish("It. \n \n"), "", "", "End.")).draft == "It.\n\nEnd."
    assert followed(writing(ScriptedRun().finish("It "), "", "", "End.")).draft == "It End."


def test_stop_ends_it_and_begins_no_other() -> None:
    script, asked = ScriptedRun().say("It"), []
    made = writing(script, advance=lambda before, text: asked.append(text))
    made.start()
    wait(lambda: made.text == "It")
    made.stop()
    assert made.wait(30)
    assert (made.state, made.text, asked) == ("stopped", "It", [])


def test_stopping_while_the_next_part_is_made_stops_that_too() -> None:
    second, making, stopped = ScriptedRun(), threading.Event(), threading.Event()

    def advance(before: str, text: str) -> RunSpec:
        making.set()
        assert stopped.wait(30)
        return second.part(" Two:")

    made = writing(ScriptedRun().finish("One."), advance=advance)
    made.start()
    assert making.wait(30)
    made.stop()
    stopped.set()
    assert made.wait(30)
    assert (made.state, second.state, second.events) == ("stopped", "stopped", [])


def test_a_run_that_fails_keeps_its_words_and_begins_no_other() -> None:
    asked: list[str] = []
    script = ScriptedRun().say("Half").fail("It broke.")
    made = followed(writing(script, advance=lambda before, text: asked.append(text)))
    assert (made.state, made.text, str(made.part.run.error), asked) == ("failed", "Half", "It broke.", [])


def test_parts_are_written_in_a_row() -> None:
    scripts = [ScriptedRun().finish(f"word {number}.") for number in range(3)]
    asked: list[str] = []

    def advance(before: str, text: str) -> RunSpec | None:
        asked.append(text)
        return scripts[len(asked)].part(f"\n## {len(asked)}\n") if len(asked) < 3 else None

    made = writing(scripts[0], "Mine. ", advance=advance)
    first_feed = made.feed
    followed(made)
    assert made.text == "word 0.\n## 1\nword 1.\n## 2\nword 2."
    assert asked == ["word 0.", "word 0.\n## 1\nword 1.", made.text]
    assert made.part.run is scripts[2]
    assert made.feed is not first_feed
    assert [token.text for token in made.feed.trace.tokens] == ["word 2."]
    assert made.draft[made.feed.trace.draft_start :] == "word 2."


@pytest.mark.parametrize(
    ("error", "said"), [(AppError("Full."), "Full."), (ValueError("odd"), "could not go on: odd. What was written is")]
)
def test_what_keeps_the_next_part_from_beginning_is_said(error: Exception, said: str) -> None:
    def advance(before: str, text: str) -> RunSpec:
        raise error

    made = followed(writing(ScriptedRun().finish("One."), advance=advance))
    assert (made.state, made.text) == ("failed", "One.")
    assert said in str(made.error)


def test_the_text_is_cleaned_at_the_end() -> None:
    ended: list[str] = []
    made = writing(ScriptedRun().finish(" a ", "b "), clean=str.strip, on_end=lambda it: ended.append(it.text))
    followed(made)
    assert (made.text, ended) == ("a b", ["a b"])


def test_the_draft_is_kept_while_it_is_written_without_any_page(store: Store, session: Session) -> None:
    session.pages.clear()
    script = ScriptedRun()
    written = into(session, script, 0, 0)
    script.say("It", " stood")
    wait(lambda: read_draft(store, session.id) == "It stood")
    assert not written.done
    script.finish(" there.")
    assert written.wait(30)
    assert read_draft(store, session.id) == "It stood there."


def test_with_a_model_text_trace_and_map_are_what_the_run_told(engine: Engine) -> None:
    prompt = "The keeper trims the lamp before the fog comes in. " * 4
    composed = compose(byte_tokenizer(), [], prompt)
    run = engine.submit(Request(composed.token_ids, RefreshKV(0.125, 5), 24))
    part = RunSpec(run, composed, "", SETTINGS)
    made = Writing(engine, part, InsertionPoint("Mine.", "", ""), on_text=nothing, on_end=nothing)
    followed(made)
    events = [event for _, event in run.events]
    tokens = [event for event in events if isinstance(event, TokenGenerated)]
    refreshes = [event for event in events if isinstance(event, CacheRefreshed)]
    assert made.text == events[-1].text == "".join(event.text for event in tokens)
    assert len(tokens) == 24
    assert [token.token_id for token in made.feed.trace.tokens] == [event.token_id for event in tokens]
    # 23 decode steps at stride 5: the prefill and steps 5, 10, 15, 20.
    assert [refresh.step for refresh in made.feed.trace.refreshes] == [0, 5, 10, 15, 20]
    message, _ = made.feed.since(None)
    assert message is not None
    assert message["refreshes"] == 5
    # What refreshes kept is let go once it is in the trace, which gives it back whole.
    assert {(event.kept_by_layer.size, event.kept.size) for event in refreshes} == {(0, 0)}
    alike = engine.submit(run.request)
    wait(lambda: alike.done)
    kept = [event.kept_by_layer for _, event in alike.events if isinstance(event, CacheRefreshed)]
    replay = Replay(made.feed.trace)
    assert [(replay.counts(number) == counts).all() for number, counts in enumerate(kept)] == [True] * 5
    assert kept_while(replay, [(0, 9)]) == ()  # a prompt without documents has no pages
    assert made.progress is not None
    assert made.progress.done == made.progress.total == composed.prompt_tokens
