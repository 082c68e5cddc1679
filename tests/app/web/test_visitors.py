"""Who a request comes from."""

import asyncio
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.web.visitors import COOKIE, KEY_FILE, Visitors, kept_key

VISITORS = Visitors(b"k" * 32)


def request(cookie: str | None = None, session: str = "page", host: str = "192.0.2.1") -> Any:
    cookies = {} if cookie is None else {COOKIE: cookie}
    return SimpleNamespace(cookies=cookies, session_hash=session, client=SimpleNamespace(host=host))


def test_a_browser_is_the_same_visitor_on_all_its_pages_and_after_a_restart() -> None:
    cookie = VISITORS.new()
    assert VISITORS.of(request(cookie, "one")) == VISITORS.of(request(cookie, "two", "192.0.2.2"))
    assert Visitors(b"k" * 32).of(request(cookie)) == VISITORS.of(request(cookie))
    assert VISITORS.of(request(VISITORS.new())) != VISITORS.of(request(cookie))


@pytest.mark.parametrize("cookie", [None, "", ".", "abc.def", "a" * 10_000, "é.é"])
def test_without_a_cookie_of_ours_it_is_the_session_with_its_address(cookie: str | None) -> None:
    assert VISITORS.of(request(cookie)) == "session page from 192.0.2.1"
    assert VISITORS.of(request(Visitors(b"other").new())) == "session page from 192.0.2.1"


def test_a_request_that_knows_nothing_is_one_too() -> None:
    assert VISITORS.of(SimpleNamespace(session_hash=None)) == "session  from "  # type: ignore[arg-type]


def asked(path: str = "/", cookie: str = "", **headers: str) -> list[str]:
    """The cookies that a request of that path is given."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        sent.append(message)

    given = [
        (b"cookie", f"other=1; {COOKIE}={cookie}".encode()),
        *((k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()),
    ]
    scope = {"type": "http", "method": "GET", "path": path, "scheme": "http", "headers": given}
    asyncio.run(VISITORS.given(app)(scope, send, send))  # type: ignore[arg-type]
    return [value.decode() for name, value in sent[0]["headers"] if name == b"set-cookie"]


def test_the_page_gives_a_cookie_once() -> None:
    (given,) = asked()
    value, *rest = given.split("; ")
    assert rest == ["Max-Age=31536000", "Path=/", "HttpOnly", "SameSite=Lax"]
    assert asked(cookie=value.removeprefix(f"{COOKIE}=")) == []
    assert asked("/config") == []
    assert asked(x_forwarded_proto="https")[0].endswith("; Secure")


def test_the_key_is_kept_and_only_for_this_user(tmp_path: Path) -> None:
    key = kept_key(tmp_path)
    assert (len(key), kept_key(tmp_path)) == (32, key)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    (tmp_path / KEY_FILE).write_bytes(key[:5])
    assert len(kept_key(tmp_path)) == 32
