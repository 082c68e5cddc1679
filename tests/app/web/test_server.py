"""The server: there when its socket is, at the address asked for, with all that the page needs; and its end."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest

from app.settings import Settings, SettingsError
from app.web.server import Server, listening_socket

PATIENCE = 120.0


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[call-arg]


def page() -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as blocks:
        file, name = gr.File(), gr.Textbox()
        file.upload(lambda path: Path(path).read_text("utf-8"), file, name, api_name="read")
        name.submit(for_ever, None, name)
    return blocks


async def for_ever() -> str:
    await asyncio.Event().wait()
    return ""


@pytest.fixture(autouse=True)
def _no_address_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(page(), settings(max_file_megabytes=1))
    yield server
    server.close()


@pytest.mark.slow
def test_it_starts_while_its_own_page_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answer = threading.Event(), threading.Event()
    copied = gr.utils.safe_deepcopy

    def slowly(value: Any) -> Any:
        asked.set()
        assert answer.wait(PATIENCE)
        return copied(value)

    monkeypatch.setattr("gradio.utils.safe_deepcopy", slowly)
    server = Server(page(), settings())
    with ThreadPoolExecutor() as pool:
        got = [pool.submit(httpx.get, server.url + path, timeout=PATIENCE) for path in ("", "config")]
        assert asked.wait(PATIENCE)
        assert httpx.get(f"{server.url}theme.css", timeout=PATIENCE).status_code == 200
        assert not any(one.done() for one in got)
        answer.set()
        assert [one.result().status_code for one in got] == [200, 200]
    server.close()


def test_without_a_port_it_takes_the_next_that_is_free() -> None:
    with listening_socket(settings()) as first, listening_socket(settings()) as second:
        ports = [found.getsockname()[1] for found in (first, second)]
        assert 7860 <= ports[0] < ports[1] < 7960
        assert first.getsockname()[0] == "127.0.0.1"


def test_a_port_that_is_in_use_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"Port {port} is in use.*REFRESHKV_PORT"):
            Server(page(), settings(port=port))
        monkeypatch.setenv("GRADIO_SERVER_PORT", str(port))
        with pytest.raises(SettingsError, match=f"Port {port} is in use"):
            listening_socket(settings())


def test_a_host_that_is_not_this_computer_and_a_port_that_is_none_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"192\.0\.2\.1, port 7860 cannot be served: .*REFRESHKV_HOST"):
        listening_socket(settings(host="192.0.2.1"))
    monkeypatch.setenv("GRADIO_SERVER_PORT", "y")
    with pytest.raises(SettingsError, match="GRADIO_SERVER_PORT is 'y'"):
        listening_socket(settings())


def test_the_settings_come_before_gradios_variables_and_these_before_a_space(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []
    monkeypatch.setattr("socket.create_server", lambda address, **_: asked.append(address))
    monkeypatch.setenv("SPACE_ID", "someone/writer")
    listening_socket(settings())
    monkeypatch.setenv("GRADIO_SERVER_NAME", "127.0.0.2")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "9000")
    listening_socket(settings())
    listening_socket(settings(host="[::1]", port=9001))
    assert asked == [("0.0.0.0", 7860), ("127.0.0.2", 9000), ("::1", 9001)]


@pytest.mark.slow
def test_the_page_gets_what_launch_would_give_it(server: Server) -> None:
    config = httpx.get(f"{server.url}config", timeout=PATIENCE).json()
    assert "#studio" in config["css"]
    assert "navigator.language" in config["head"]
    assert config["i18n_translations"]["ja"]["write"] == "書く"
    assert (config["footer_links"], config["run_history"]) == ([], False)
    assert "system-ui" in httpx.get(f"{server.url}theme.css", timeout=PATIENCE).text
    big = {"files": ("big.txt", b"x" * 4_000_001)}
    assert httpx.post(f"{server.url}gradio_api/upload", files=big, timeout=PATIENCE).status_code == 413


@pytest.mark.slow
def test_no_file_of_this_computer_is_read_for_a_client(server: Server, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret")
    assert httpx.get(f"{server.url}gradio_api/file={secret}", timeout=PATIENCE).status_code == 403
    uploaded = httpx.post(f"{server.url}gradio_api/upload", files={"files": ("a.txt", b"mine")}, timeout=PATIENCE)
    assert called(server, uploaded.json()[0]) == ("complete", ["mine"])
    assert called(server, str(secret))[0] == "error"


def called(server: Server, path: str) -> tuple[str, Any]:
    """What the endpoint `read` says of the file at `path`: the kind of event, and its data."""
    data = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}]}
    event = httpx.post(f"{server.url}gradio_api/call/read", json=data, timeout=PATIENCE).json()["event_id"]
    text = httpx.get(f"{server.url}gradio_api/call/read/{event}", timeout=PATIENCE).text
    kind, said = (line.partition(": ")[2] for line in text.strip().splitlines()[-2:])
    return kind, json.loads(said)


@pytest.mark.slow
def test_a_client_cannot_start_it_again(server: Server) -> None:
    assert httpx.get(f"{server.url}gradio_api/startup-events", timeout=PATIENCE).json() is False


@pytest.mark.slow
def test_it_ends_at_once_while_pages_are_open(capfd: pytest.CaptureFixture[str]) -> None:
    server = Server(page(), settings())
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        waits = {"data": [], "fn_index": 1, "session_hash": "page"}
        client.post("gradio_api/queue/join", json=waits).raise_for_status()
        with (
            client.stream("GET", "gradio_api/heartbeat/page") as alive,
            client.stream("GET", "gradio_api/queue/data?session_hash=page") as follows,
        ):
            lines = follows.iter_lines()
            assert any("process_starts" in line for line in lines)
            server.close()
            ended(alive.iter_lines())
            ended(lines)
        with pytest.raises(httpx.ConnectError):
            client.get("")
    assert "graceful" not in capfd.readouterr().err  # it waited for nothing


def ended(lines: Iterator[str]) -> None:
    with suppress(httpx.RemoteProtocolError):
        list(lines)


@pytest.mark.slow
def test_a_name_that_was_pointed_at_this_computer_gets_nothing_of_it(server: Server) -> None:
    """DNS rebinding: to a browser such a page and the app are one origin."""
    host = f"evil.example:{httpx.URL(server.url).port}"
    joins = {"data": [], "fn_index": 1, "session_hash": "page"}
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        for headers, expected in (
            ({"Host": host, "Origin": f"http://{host}"}, 421),
            ({"Origin": f"http://{host}"}, 403),
        ):
            answers = [
                client.get("", headers=headers),
                client.get("config", headers=headers),
                client.post("gradio_api/upload", files={"files": ("a.txt", b"theirs")}, headers=headers),
                client.post("gradio_api/queue/join", json=joins, headers=headers),
                client.get("gradio_api/queue/data?session_hash=page", headers=headers),
                client.post("gradio_api/call/read", json={"data": []}, headers=headers),
                client.get("gradio_api/file=/etc/hostname", headers=headers),
                client.get("gradio_api/heartbeat/page", headers=headers),
            ]
            assert {answer.status_code for answer in answers} == {expected}
