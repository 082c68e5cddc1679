"""Which pages are there: by their open streams."""

import asyncio
from typing import Any

import pytest

from app.web import presence as presence_module
from app.web.presence import Presence, streaming_page


class Clock:
    """Shows what a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def scope(path: str, query: str = "", method: str = "GET") -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "query_string": query.encode()}


async def asked(presence: Presence, app: Any, request: dict[str, Any]) -> None:
    await presence.watched(app)(request, nothing, nothing)


async def nothing(*_: Any) -> Any:
    return {}


@pytest.mark.parametrize(
    ("asked", "page"),
    [
        (scope("/gradio_api/heartbeat/abc"), "abc"),
        (scope("/gradio_api/queue/data", "session_hash=abc"), "abc"),
        (scope("/gradio_api/call/write/event"), "event"),
        (scope("/gradio_api/call/v2/write/event"), "event"),
        (scope("/gradio_api/call/write", method="POST"), None),
        (scope("/gradio_api/queue/join", "session_hash=abc", "POST"), None),
        (scope("/gradio_api/queue/data"), None),
        (scope("/"), None),
        ({"type": "lifespan"}, None),
    ],
)
def test_whose_stream_it_is(asked: dict[str, Any], page: str | None) -> None:
    assert streaming_page(asked) == page


def test_a_page_is_there_while_one_of_its_streams_is_open() -> None:
    clock, seen = Clock(), []
    presence = Presence(clock)
    assert presence.silent("page") == 0.0

    async def inner(*_: Any) -> None:
        clock.now += 10
        seen.append(presence.silent("page"))

    app = presence.watched(inner)

    async def outer(*_: Any) -> None:
        await app(scope("/heartbeat/page"), nothing, nothing)
        clock.now += 10
        seen.append(presence.silent("page"))

    assert presence.silent("page") == 0.0
    clock.now = 7
    assert presence.silent("page") == 7
    asyncio.run(asked(presence, outer, scope("/queue/data", "session_hash=page")))
    assert seen == [0.0, 0.0]
    clock.now += 3
    assert presence.silent("page") == 3


def test_a_stream_that_breaks_off_is_over() -> None:
    clock = Clock()
    presence = Presence(clock)

    async def broken(*_: Any) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(asked(presence, broken, scope("/heartbeat/page")))
    clock.now = 2
    assert presence.silent("page") == 2


def test_of_more_pages_than_are_remembered_the_first_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence_module, "MOST_REMEMBERED", 2)
    clock = Clock()
    presence = Presence(clock)
    presence.watched(nothing)
    for page in ("one", "two", "three"):
        presence.silent(page)
    clock.now = 1
    assert (presence.silent("two"), presence.silent("three"), presence.silent("one")) == (1, 1, 0)
