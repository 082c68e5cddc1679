"""What the guard lets through, and what no other site gets."""

import asyncio
from typing import Any

import httpx
import pytest

from app.settings import Settings, SettingsError, load_settings
from app.web.guard import Guard, own_names

LOCAL = ("localhost", "localhost:7860", "127.0.0.1", "127.0.0.1:7860", "[::1]", "[::1]:7860", "LOCALHOST:7860")
STRANGERS = (
    "evil.example",
    "evil.example:7860",
    "127.0.0.1.evil.example",
    "localhost.evil.example:7860",
    "",
    "@",
    "[::",
)


async def answer(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"draft"})


async def asked(headers: dict[str, str], method: str = "POST", **guard: Any) -> httpx.Response:
    transport = httpx.ASGITransport(Guard(answer, guard.pop("hosts", ()), **guard))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:7860") as client:
        return await client.request(method, "/gradio_api/upload", headers=headers)


def status(headers: dict[str, str], method: str = "POST", **guard: Any) -> int:
    return asyncio.run(asked(headers, method, **guard)).status_code


@pytest.mark.parametrize("host", LOCAL)
def test_this_computer_is_served(host: str) -> None:
    assert status({"host": host}) == 200
    assert status({"host": host, "origin": f"http://{host.lower()}"}) == 200


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("host", STRANGERS)
def test_another_name_for_this_computer_is_misdirected(host: str, method: str) -> None:
    assert status({"host": host, "origin": f"http://{host}"}, method) == 421
    assert status({"host": host}, method) == 421


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "", "http://localhost:3000", "https://localhost:7860.evil.example", "file://",
     "chrome-extension://localhost:7860"],
)  # fmt: skip
def test_another_site_is_refused(origin: str) -> None:
    assert status({"host": "localhost:7860", "origin": origin}) == 403


def test_a_site_without_an_origin_is_known_by_what_browsers_say_of_it() -> None:
    host = {"host": "localhost:7860"}
    for site, mode, method, expected in (
        ("cross-site", "no-cors", "GET", 403),
        ("same-site", "no-cors", "GET", 403),
        ("cross-site", "navigate", "GET", 200),
        ("cross-site", "navigate", "POST", 403),
        ("same-origin", "cors", "POST", 200),
        ("none", "navigate", "GET", 200),
    ):
        assert status({**host, "sec-fetch-site": site, "sec-fetch-mode": mode}, method) == expected


def test_names_that_were_set_are_served_as_hosts_and_as_origins() -> None:
    hosts = ("writer.example", "*.share.example", "lan:8080")
    for host in ("writer.example", "writer.example:443", "Writer.Example", "abc.share.example", "lan:8080"):
        assert status({"host": host}, hosts=hosts) == 200
    for host in ("share.example", "lan:81", "lan", "other.example"):
        assert status({"host": host}, hosts=hosts) == 421
    behind_proxy = {"host": "127.0.0.1:7860", "origin": "https://writer.example"}
    assert status(behind_proxy, hosts=hosts) == 200
    assert status(behind_proxy) == 403
    assert status({"host": "writer.example", "origin": "https://writer.example:443"}, hosts=hosts) == 200
    assert status({"host": "anything", "origin": "https://elsewhere"}, hosts=("*",)) == 200


def test_at_all_addresses_it_is_reached_by_addresses_and_its_computers_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Desk.lan")
    everywhere: dict[str, Any] = {"hosts": own_names("0.0.0.0"), "addresses": True}
    for host in ("192.168.1.5:7860", "[fd00::1]:7860", "desk.lan:7860", "desk.local"):
        assert status({"host": host}, **everywhere) == 200
    assert status({"host": "evil.example:7860"}, **everywhere) == 421
    assert status({"host": "192.168.1.5:7860"}, hosts=own_names("127.0.0.1")) == 421
    assert status({"host": "192.168.1.5:7860"}, hosts=own_names("192.168.1.5")) == 200


def test_the_refusal_names_the_setting_in_the_persons_language_and_little_of_what_came() -> None:
    english = asyncio.run(asked({"host": "x" * 10_000}))
    assert "REFRESHKV_ALLOWED_HOSTS" in english.text
    assert len(english.text) < 400
    japanese = asyncio.run(asked({"host": "evil.example", "accept-language": "ja"}))
    assert "REFRESHKV_ALLOWED_HOSTS に設定" in japanese.text


def test_the_setting_is_names_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert load_settings(None).allowed_hosts == ()
    monkeypatch.setenv("REFRESHKV_ALLOWED_HOSTS", "writer.example, *.example.org ,")
    assert load_settings(None).allowed_hosts == ("writer.example", "*.example.org")
    monkeypatch.setenv("REFRESHKV_ALLOWED_HOSTS", "https://writer.example/")
    with pytest.raises(SettingsError, match=r"REFRESHKV_ALLOWED_HOSTS is 'https://writer\.example/': write names"):
        load_settings(None)


def test_a_space_is_reached_by_any_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "someone/writer")
    assert Settings(_env_file=None).allowed_hosts == ("*",)  # type: ignore[call-arg]
