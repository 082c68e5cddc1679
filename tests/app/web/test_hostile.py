"""Whatever is sent to any function of the page or the API: an answer, no traceback, and little in the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.project.commands import Commands
from app.project.sessions import Sessions
from app.settings import Settings
from app.store import open_store
from app.web.context import AppContext
from app.web.page import build
from app.web.server import Server
from tests.app.gated import GatedEngine

LOGGED = 2_000
"""Characters that one request may leave in the log."""


PAYLOADS: dict[str, Any] = {
    "none": None,
    "list": [1, "a", None, [], {}],
    "mapping": {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
    "other mapping": {"__type__": "update", "value": "x", "kind": {}},
}


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


@pytest.mark.parametrize("payload", list(PAYLOADS))
def test_every_function_answers(
    served: str, payload: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    sent = PAYLOADS[payload]
    with httpx.Client(base_url=f"{served}gradio_api/", timeout=120) as client:
        functions = client.get(f"{served}config").json()["dependencies"]
        for function in functions:
            if not function["backend_fn"] or function["api_name"] in ("look", "call"):
                continue
            data = {"data": [sent] * len(function["inputs"]), "fn_index": function["id"], "session_hash": "hostile"}
            caplog.clear()
            answer = client.post("run/predict", content=json.dumps(data), headers={"content-type": "application/json"})
            assert answer.status_code != 500 or "error" in answer.json(), (function["api_name"], answer.text[:300])
            assert "Traceback" not in answer.text
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
