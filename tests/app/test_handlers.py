"""The page's handlers as Gradio calls them, on a tiny model: uploads, the window, writing, stopping, two people."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from app.handlers import FULL_ATTENTION, REFRESHKV, Handlers

from app.engine import Engine
from app.settings import Settings
from tests.core.tiny import byte_tokenizer, tiny_model

TEXT = "The light stood on the rock for a hundred years. "


@pytest.fixture
def handlers(one_thread: None) -> Iterator[Handlers]:
    engine = Engine(lambda report: (tiny_model(), byte_tokenizer()), queue_size=4)
    engine.start()
    engine.require_model(timeout=60)
    yield Handlers(Settings(_env_file=None, max_new_tokens_limit=900), engine)
    engine.close()


def person(name: str) -> Any:
    return SimpleNamespace(session_hash=name)


def options(new: int = 20, method: str = REFRESHKV, budget: str = "1/8", seed: int | None = 1) -> list[Any]:
    return [method, budget, 5, None, new, 0.0, seed]


def upload(handlers: Handlers, who: Any, folder: Path, text: str = TEXT, name: str = "rock.txt") -> None:
    path = folder / name
    path.write_text(text)
    assert handlers.files_changed([str(path)], 0, who) == 1


async def collect(updates: AsyncIterator[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [update async for update in updates]


def in_a_loop(work: Coroutine[Any, Any, Any]) -> Any:
    """Run `work` in an event loop of a thread of its own: a browser test may have left one running in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def run(updates: AsyncIterator[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return in_a_loop(collect(updates))


def texts(updates: list[tuple[Any, ...]]) -> list[str]:
    return [update[0]["value"] for update in updates if "value" in update[0]]


def said(updates: list[tuple[Any, ...]], place: int = 1) -> str:
    """The last HTML sent to the progress line (1) or the rates (2)."""
    return next(update[place] for update in reversed(updates) if isinstance(update[place], str))


def test_writing_streams_text_progress_rates_and_the_map(handlers: Handlers, tmp_path: Path) -> None:
    me = person("me")
    upload(handlers, me, tmp_path)
    updates = run(handlers.write(me, "summary", "", "", *options(new=24)))
    written = texts(updates)
    assert all(later.startswith(earlier) for earlier, later in pairwise(written))
    assert written[-1]
    assert "the length asked for" in said(updates)
    maps = [update[3] for update in updates if isinstance(update[3], dict) and "__type__" not in update[3]]
    assert "".join(maps[0]["start"]["pieces"]).strip() == TEXT.strip()
    refreshes = {refresh["number"]: refresh for value in maps for refresh in value.get("refresh", ())}
    # 23 decode steps at stride 5: the prefill and steps 5, 10, 15, 20.
    assert [refreshes[number]["step"] for number in sorted(refreshes)] == [0, 5, 10, 15, 20]
    assert "partial step" in said(updates, 2)
    write, resume, stop, swap = updates[-1][4:]
    assert [button["interactive"] for button in (write, resume, stop, swap)] == [True, True, False, True]


def test_a_document_that_was_read_before_is_said_to_be(handlers: Handlers, tmp_path: Path) -> None:
    me = person("me")
    upload(handlers, me, tmp_path)
    words = f"{len(TEXT.rstrip())} tokens of the documents were already read"
    first = run(handlers.write(me, "summary", "", "", *options()))
    assert not any("already read" in str(update[1]) for update in first)
    second = run(handlers.write(me, "report", "", "", *options(new=300)))
    assert any(words in str(update[1]) for update in second)


def test_full_attention_shows_no_refresh(handlers: Handlers, tmp_path: Path) -> None:
    me = person("me")
    upload(handlers, me, tmp_path)
    updates = run(handlers.write(me, "summary", "", "", *options(method=FULL_ATTENTION)))
    maps = [update[3] for update in updates if isinstance(update[3], dict) and "__type__" not in update[3]]
    assert [value["refreshes"] for value in maps if "start" in value] == [0]
    assert not any("refresh" in value for value in maps)
    assert "<dd>100%</dd>" in said(updates, 2)


def test_continue_goes_on_from_the_editor(handlers: Handlers, tmp_path: Path) -> None:
    me = person("me")
    upload(handlers, me, tmp_path)
    first = texts(run(handlers.write(me, "summary", "", "", *options(new=8))))[-1]
    edited = "My own beginning  "
    for task, handler in (("summary", handlers.resume), ("continue", handlers.write)):
        longer = texts(run(handler(me, task, "", edited, *options(new=8))))[-1]
        assert longer.startswith("My own beginning")
        assert len(longer) > len("My own beginning")
    assert handlers.swap("now", me) == edited
    assert handlers.swap(edited, me) == "now"
    assert first


def test_the_text_before_a_run_is_kept(handlers: Handlers, tmp_path: Path) -> None:
    me = person("me")
    upload(handlers, me, tmp_path)
    run(handlers.write(me, "summary", "", "An hour of my work.", *options()))
    assert handlers.swap("what the model wrote", me) == "An hour of my work."


def test_too_long_is_refused_with_the_numbers_and_nothing_is_cut(handlers: Handlers, tmp_path: Path) -> None:
    me = person("me")
    upload(handlers, me, tmp_path, "\f".join(TEXT * 8 for _ in range(3)))
    updates = run(handlers.write(me, "summary", "", "mine", *options()))
    assert len(updates) == 1
    assert "Too long by" in said(updates)
    assert "1,024" in said(updates)
    assert "Too long by" in handlers.window("summary", "", "", 20, me)
    assert handlers.session(me).run is None
    handlers.pages_chosen(0, "2", 1, me)
    assert "It fits" in handlers.window("summary", "", "", 20, me)
    assert texts(run(handlers.write(me, "summary", "", "mine", *options())))


def test_values_that_mean_nothing_are_refused(handlers: Handlers, tmp_path: Path) -> None:
    me = person("me")
    upload(handlers, me, tmp_path)
    for bad, message in (
        (options(budget="lots"), "“lots”"),
        (options(new=901), "901; it must be 1 to 900"),
        ([*options()[:2], 0, *options()[3:]], "stride is 0"),
    ):
        assert message in said(run(handlers.write(me, "summary", "", "", *bad)))
    assert "Instruction" in said(run(handlers.write(me, "free", "", "", *options())))


def test_two_people_queue_and_each_stops_their_own(handlers: Handlers, tmp_path: Path) -> None:
    one, two = person("one"), person("two")
    upload(handlers, one, tmp_path, name="one.txt")
    upload(handlers, two, tmp_path, name="two.txt")

    async def both() -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        first = asyncio.create_task(collect(handlers.write(one, "summary", "", "", *options(new=700))))
        while not (handlers.session(one).run and handlers.session(one).run.state == "running"):
            await asyncio.sleep(0.01)
        second = asyncio.create_task(collect(handlers.write(two, "summary", "", "", *options(new=10))))
        while not handlers.session(two).run:
            await asyncio.sleep(0.01)
        assert handlers.session(two).run.state == "waiting"
        busy = await collect(handlers.write(one, "summary", "", "", *options()))
        assert "writing already" in said(busy)
        await asyncio.sleep(0.3)
        handlers.stop(one)
        return await first, await second

    stopped, waited = in_a_loop(both())
    assert "Stopped" in said(stopped)
    assert any(isinstance(update[1], str) and "1 before you" in update[1] for update in waited)
    assert "Finished" in said(waited)
    assert handlers.session(two).run.state == "finished"


def test_a_closed_page_stops_its_run(handlers: Handlers, tmp_path: Path) -> None:
    me = person("me")
    upload(handlers, me, tmp_path)

    async def leave() -> list[tuple[Any, ...]]:
        task = asyncio.create_task(collect(handlers.write(me, "summary", "", "", *options(new=700))))
        while not handlers.session(me).run:
            await asyncio.sleep(0.01)
        handlers.closed(me)
        return await task

    assert "Stopped" in said(in_a_loop(leave()))


def test_the_model_line_stops_asking_when_the_model_is_there(handlers: Handlers) -> None:
    line, timer = handlers.model_line()
    assert "window 1,024 tokens" in line
    assert timer["active"] is False
