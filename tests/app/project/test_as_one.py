"""Documents longer than the window, read as one: what is offered, what is written, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from app.engine.document_cache import document_cache
from app.engine.engine import Engine
from app.methods import extends
from app.project.commands import Commands
from app.project.long_reading import Way
from app.project.session import Session
from app.project.writing import Writing
from app.prompt.messages import Source
from app.prompt.request import AS_ONE, WriteRequest
from app.prompt.window import ByParts
from app.say.errors import AppError
from app.say.wording import Message
from app.settings import Settings
from core import stream_generate
from core.policies import METHODS
from tests.app.conftest import ask, held, wait
from tests.app.reading.books import book
from tests.core.tiny import byte_tokenizer, tiny_model

ENGINE_WINDOW = 2_048
BLOCK = ENGINE_WINDOW // 16
BOOK = book([("The Lamps", [9, 9]), ("Of Fog", [9, 9])], pages=900)
EXTENDING = [method for method in METHODS if extends(method)]


def sources() -> list[Source]:
    return [Source(BOOK, BOOK.pages)]


def as_one(**fields: Any) -> WriteRequest:
    return ask(**{"beyond": AS_ONE, "task": "summary", **fields})


def done(writing: Writing) -> Writing:
    assert writing.wait(60)
    assert (writing.message, writing.state) == (None, "finished")
    return writing


def refusal(commands: Commands, request: WriteRequest) -> str:
    with pytest.raises(AppError) as refused:
        commands.write_apart(sources(), request)
    said = str(refused.value)
    long = commands.long_reading(commands.material_of(sources()), request, "")
    assert long is not None
    assert isinstance(long.parts, Way)
    assert isinstance(long.one, Message)
    assert str(long.one) == said
    return said


@pytest.mark.parametrize("method", EXTENDING)
def test_the_whole_of_the_documents_is_one_prompt(commands: Commands, method: str) -> None:
    writing = done(commands.write_apart(sources(), as_one(method=method)))
    assert writing.current is not None
    request = writing.current.spec.request
    said = str(byte_tokenizer().decode(request.token_ids[0]))
    assert all(page.text in said for page in BOOK.pages)
    assert request.window == ENGINE_WINDOW < request.token_ids.shape[1]
    assert writing.current.spec.settings.sampling["window"] == "extend"
    events = stream_generate(
        tiny_model(max_position_embeddings=ENGINE_WINDOW), byte_tokenizer(), request.token_ids, policy=request.policy,
        window="extend", max_new_tokens=8, repetition_penalty=request.repetition_penalty, min_p=request.min_p,
    )  # fmt: skip
    assert writing.text == list(events)[-1].text  # type: ignore[union-attr]


def test_what_was_read_as_one_is_not_read_again(commands: Commands) -> None:
    first = done(commands.write_apart(sources(), as_one()))
    again = done(commands.write_apart(sources(), as_one(task="essay", method="KeyIndex")))
    assert first.current is not None
    assert again.current is not None
    assert first.current.statistics.reused == 0
    reused = again.current.statistics.reused
    assert reused is not None
    assert reused >= again.current.spec.request.document_end - BLOCK > ENGINE_WINDOW


def test_by_parts_is_what_happens_without_a_choice(commands: Commands) -> None:
    writing = done(commands.write_apart(sources(), ask(task="free", detail="Fog", max_new_tokens=4)))
    assert writing.current is not None
    assert writing.current.spec.request.window is None
    assert writing.current.spec.composed.prompt_tokens <= ENGINE_WINDOW
    assert "window" not in writing.current.spec.settings.sampling


def test_what_fits_the_window_is_read_within_it(commands: Commands) -> None:
    short = [Source(BOOK, BOOK.pages[:1])]
    request = as_one(task="free", detail="Fog", max_new_tokens=4)
    assert commands.long_reading(commands.material_of(short), request, "") is None
    assert done(commands.write_apart(short, request)).current.spec.request.window is None  # type: ignore[union-attr]


def test_what_each_way_takes_is_said_before(commands: Commands) -> None:
    material, request = commands.material_of(sources()), as_one(max_new_tokens=20)
    long = commands.long_reading(material, request, "")
    assert long is not None
    assert isinstance(long.one, Way)
    assert isinstance(long.parts, Way)
    assert long.one.tokens == commands.budget(material, request, "").total > ENGINE_WINDOW >= long.parts.tokens
    assert long.one.nbytes > long.parts.nbytes > 0
    assert long.one.seconds.reading > 0 < long.one.seconds.writing
    done(commands.write_apart(sources(), request))
    measured = commands.long_reading(material, request, "")
    assert measured is not None
    assert isinstance(measured.one, Way)
    assert measured.one.seconds != long.one.seconds  # by what this computer took
    budget = commands.budget(material, request, "")
    assert budget.excess <= 0
    assert budget.message.startswith(f"Read as one: {budget.total:,} tokens, ")


def test_a_method_that_ends_with_the_window_is_refused_with_those_that_do_not(commands: Commands) -> None:
    assert refusal(commands, as_one(method="SnapKV")) == (
        "SnapKV reads no more than the window of 2,048 tokens. To have the documents read as one, choose another "
        "method under “How the model writes”: KeyIndex, RefreshKV, Full attention or Full attention, faster."
    )
    assert EXTENDING == ["KeyIndex", "RefreshKV", "FullAttention", "Exact"]  # as many as the sentence has places


def test_quoted_sentences_are_chosen_part_by_part(commands: Commands) -> None:
    assert "wording: own" in refusal(commands, as_one(wording="quoted"))


def test_more_than_memory_holds_is_refused_with_ways_out(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "reach", lambda self, policy: 2_500)
    said = refusal(commands, as_one())
    assert "read as one, memory holds 2,500." in said
    assert "Have the documents read by parts." in said


def test_a_shared_server_has_a_limit(engine: Engine) -> None:
    shared = Settings(_env_file=None, shared=True)
    assert shared.as_one_tokens == 20_000
    few = Commands(Settings(_env_file=None, as_one_tokens=2_500), engine)
    assert "2,500 are read here at most (REFRESHKV_AS_ONE_TOKENS)." in refusal(few, as_one())


def test_the_way_out_is_one_press(
    commands: Commands, session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "lamps.txt"
    path.write_text("".join(page.text for page in BOOK.pages))
    session.sources.add([path])
    monkeypatch.setattr(Engine, "reach", lambda self, policy: 2_100)
    choices = commands.window(session, as_one()).choices
    assert isinstance(choices[0], ByParts)
    assert commands.choose(session, as_one(), 0) == {"beyond": "parts"}


def test_a_model_without_rotary_positions_is_refused(one_thread: None) -> None:
    scaling = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    model = tiny_model(max_position_embeddings=ENGINE_WINDOW, rope_parameters=scaling)
    engine = Engine(lambda report: (model, byte_tokenizer()), queue_size=2)
    engine.start()
    engine.require_model(timeout=60)
    try:
        commands = Commands(Settings(_env_file=None, max_new_tokens_limit=900), engine)
        assert refusal(commands, as_one()).startswith("This model reads no more than its window of 2,048 tokens")
    finally:
        engine.close()


def test_a_stop_while_it_reads_keeps_what_was_read(engine: Engine, commands: Commands) -> None:
    with held(engine, forwards=3):
        writing = commands.write_apart(sources(), as_one())
        assert writing.current is not None
        statistics = writing.current.statistics
        wait(lambda: statistics.progress is not None and statistics.progress.done > 0)
        writing.stop()
    assert writing.wait(60)
    assert (writing.state, writing.text) == ("stopped", "")
    again = done(commands.write_apart(sources(), as_one()))
    assert again.current is not None
    assert again.current.statistics.reused is not None
    assert again.current.statistics.reused > 0


def test_methods_are_compared_as_one_where_all_can(commands: Commands) -> None:
    comparison = commands.compare_apart(sources(), as_one(), EXTENDING)
    assert comparison.wait(60)
    assert [trial.state for trial in comparison.trials] == ["finished"] * len(EXTENDING)
    assert {trial.spec.request.window for trial in comparison.trials} == {ENGINE_WINDOW}
    assert len({trial.spec.composed.prompt_tokens for trial in comparison.trials}) == 1
    with pytest.raises(AppError, match="SnapKV reads no more than the window"):
        commands.compare_apart(sources(), as_one(), ["KeyIndex", "SnapKV"])


def test_an_outline_is_written_in_sections_that_each_read_all(commands: Commands) -> None:
    request = as_one(task="outline", length="40", max_new_tokens=4, wording="own")
    writing = commands.write_apart(sources(), request)
    assert writing.wait(60)
    assert writing.current is not None
    assert writing.current.spec.request.window == ENGINE_WINDOW


@pytest.fixture
def kept(tmp_path: Path, one_thread: None) -> Engine:
    settings = Settings(_env_file=None, document_folder=tmp_path / "documents")
    model = tiny_model(max_position_embeddings=ENGINE_WINDOW)
    engine = Engine(lambda report: (model, byte_tokenizer()), 2, document_cache(settings))
    engine.start()
    engine.require_model(timeout=60)
    return engine


def test_tomorrow_it_is_found_on_disk(kept: Engine, tmp_path: Path) -> None:
    commands = Commands(Settings(_env_file=None, max_new_tokens_limit=900), kept)
    document_end = done(commands.write_apart(sources(), as_one())).current.spec.request.document_end  # type: ignore[union-attr]
    kept.close()
    model = tiny_model(max_position_embeddings=ENGINE_WINDOW)
    settings = Settings(_env_file=None, document_folder=tmp_path / "documents")
    tomorrow = Engine(lambda report: (model, byte_tokenizer()), 2, document_cache(settings))
    tomorrow.start()
    tomorrow.require_model(timeout=60)
    try:
        again = done(Commands(Settings(_env_file=None), tomorrow).write_apart(sources(), as_one(task="essay")))
        assert again.current is not None
        assert again.current.statistics.reused == document_end - (document_end - ENGINE_WINDOW) % BLOCK
    finally:
        tomorrow.close()


def test_the_choice_is_a_field_like_others() -> None:
    assert ask().fields["beyond"] == "parts"
    assert WriteRequest.of({**as_one().fields}).beyond == AS_ONE
    assert WriteRequest.of({**ask().fields, "beyond": None}).beyond == "parts"
    with pytest.raises(AppError, match="no way to read long documents"):
        ask(beyond="whole")
