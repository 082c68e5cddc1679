"""Whatever is sent to any function of the page or the API: an answer, no traceback, and little in the log."""

from __future__ import annotations

import errno
import json
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from gradio.utils import get_upload_folder

from app.project.commands import Commands
from app.project.sessions import Sessions
from app.settings import Settings
from app.store import open_store
from app.web.context import AppContext
from app.web.page import build
from app.web.refusals import DISK_FULL, NO_ADDRESSES
from app.web.server import Server
from tests.app.conftest import wait
from tests.app.gated import GatedEngine

LOGGED = 2_000
"""Characters that one request may leave in the log."""


ANSWERED = 100_000
"""Characters of an answer: a refusal does not send back what came."""


PAYLOADS: dict[str, Any] = {
    "none": None,
    "list": [1, "a", None, [], {}],
    "mapping": {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
    "other mapping": {"__type__": "update", "value": "x", "kind": {}},
}
TEXTS = ("\ud83d", "x" * 200_000, float("nan"))
"""One of them for each function, in turn."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the real page over a tiny model."""
    engine = GatedEngine()
    engine.start()
    engine.require_model(timeout=60)
    settings = Settings(_env_file=None, max_new_tokens_limit=900, host="127.0.0.1")  # type: ignore[call-arg]
    store = open_store(tmp_path_factory.mktemp("store"))
    sessions = Sessions(store, settings.limits, 60)
    server = Server(build(settings, AppContext(Commands(settings, engine), sessions, shared=False)), settings)
    yield server.url
    server.close()
    sessions.close()
    engine.close()
    store.close()


@pytest.mark.parametrize("payload", [*PAYLOADS, "texts"])
def test_every_function_answers(
    served: str, payload: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with httpx.Client(base_url=f"{served}gradio_api/", timeout=120) as client:
        functions = client.get(f"{served}config").json()["dependencies"]
        for function in functions:
            if not function["backend_fn"] or function["api_name"] in ("look", "call"):
                continue
            sent = PAYLOADS.get(payload, TEXTS[function["id"] % len(TEXTS)])
            data = {"data": [sent] * len(function["inputs"]), "fn_index": function["id"], "session_hash": "hostile"}
            caplog.clear()
            answer = client.post("run/predict", content=json.dumps(data), headers={"content-type": "application/json"})
            assert answer.status_code < 500, (function["api_name"], answer.text[:300])
            assert len(answer.text) < ANSWERED, (function["api_name"], answer.text[:300])
            assert "Traceback" not in answer.text
            assert "Traceback" not in caplog.text, (function["api_name"], caplog.text)
            assert len(caplog.text) < LOGGED, (function["api_name"], caplog.text[:500])
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err, (said.out + said.err)[:3000]


@pytest.mark.parametrize("body", [b"", b"[", b"null", b'{"data": 1}', b"[" * 20_000])
@pytest.mark.parametrize("path", ["queue/join", "call/write", "run/predict", "component_server", "cancel", "upload"])
def test_a_body_that_is_none_is_refused(served: str, path: str, body: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{served}gradio_api/{path}", content=body, headers=headers, timeout=60)
    assert "Traceback" not in answer.text
    said = capfd.readouterr()
    assert len(said.out + said.err) < LOGGED, (answer.status_code, (said.out + said.err)[-1500:])
    assert answer.status_code < 500, answer.text[:300]


HEADERS = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("run/predict", '{"data": [], "fn_index": 999}'),
        ("run/predict", '{"data": [], "fn_index": 999, "session_hash": "hostile"}'),
        ("run/nothing", '{"data": []}'),
        ("queue/join", '{"data": [], "fn_index": -1, "session_hash": "hostile"}'),
        ("queue/join", '{"data": {"\\ud83d": NaN}, "fn_index": 1, "session_hash": "hostile"}'),
        ("call/nothing", '{"data": []}'),
        ("call/v2/nothing", "{}"),
        ("component_server/", '{"component_id": 99999, "fn_name": "x", "data": 1, "session_hash": "hostile"}'),
    ],
)
def test_what_is_not_there_is_refused_in_a_line(
    served: str, path: str, body: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = httpx.post(f"{served}gradio_api/{path}", content=body, headers=HEADERS, timeout=60)
    assert 400 <= answer.status_code < 500
    assert "not understood" in answer.text or "body.data" in answer.text or "not found" in answer.text.lower()
    assert len(caplog.text) < 800
    assert "Traceback" not in caplog.text + "".join(capfd.readouterr())


def test_a_stream_of_nobody_ends_without_a_word_in_the_log(
    served: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in ("queue/data?session_hash=nobody", "call/write/nothing"):
        assert "unexpected_error" in (text := httpx.get(f"{served}gradio_api/{path}").text) or "error" in text
    assert caplog.text + "".join(capfd.readouterr()) == ""


def test_a_name_that_no_file_can_have(served: str) -> None:
    assert httpx.get(f"{served}assets/{'x' * 3000}").status_code == 404


@pytest.mark.parametrize("path", ["file=http://192.0.2.1/a", "file=HTTPS%3A//192.0.2.1/a", "file/https://192.0.2.1/a"])
def test_no_other_computer_is_asked_for_a_file(served: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safehttpx.async_validate_url", lambda *_: pytest.fail("a call leaves the machine"))
    answer = httpx.get(f"{served}gradio_api/{path}")
    assert (answer.status_code, answer.text) == (403, NO_ADDRESSES)


def test_a_full_disk_at_an_upload_is_said(
    served: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gradio.route_utils.GradioMultiPartParser.parse", full)
    answer = httpx.post(f"{served}gradio_api/upload", files={"files": ("a.txt", b"text")})
    assert (answer.status_code, answer.json()["error"]) == (507, DISK_FULL)
    assert len("".join(capfd.readouterr())) < LOGGED
    monkeypatch.undo()
    assert httpx.post(f"{served}gradio_api/upload", files={"files": ("a.txt", b"text")}).status_code == 200


def test_a_browser_that_vanishes_in_the_middle_of_an_upload_leaves_nothing(
    served: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # the usual one is that of other processes too
    folder = Path(get_upload_folder())

    def left() -> list[Path]:
        """What holds the begin of the upload, among files of others."""
        found = []
        for path in (*folder.rglob("*"), *tmp_path.iterdir()):
            with suppress(OSError), path.open("rb") as file:
                found += [path] if file.read(1000) == b"x" * 1000 else []
        return found

    address = urlsplit(served)
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: " + address.netloc.encode() + b"\r\nContent-Length: 9000000\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n" + head + b"x" * 2_000_000
        )
    wait(lambda: not left())
    assert httpx.get(f"{served}config").status_code == 200
    assert "Traceback" not in caplog.text + "".join(capfd.readouterr())
