"""Hostile requests for every address of the server, over HTTP, with the tests' stub in the model's place."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import httpx

from benchmarks.fuzzing.findings import Findings
from benchmarks.fuzzing.mutation import TEXTS, any_value, changed_value, mutated

ROOT = Path(__file__).parents[2]
LOGGED = 2_000
"""Characters that one request may leave in the log."""

SLOW_SECONDS = 10.0
LISTENED = 30
"""Lines of a stream that are read before it is left."""

GIVEN_UP = 2.0
"""Seconds after which a stream is left in which nothing comes."""

GETS = (
    "", "config", "theme.css", "info", "openapi.json", "app_id", "user", "token", "runs", "run-history/buckets",
    "run-history/records", "run-history/records/write/1/assets/1", "deep_link", "monitoring", "monitoring/summary",
    "monitoring/x", "queue/status", "queue/data", "call/write/x", "upload_progress", "heartbeat/x", "file={}",
    "file/{}", "proxy={}", "stream/{}/0/1/playlist.m3u8", "stream/{}/0/1/a.ts", "stream/{}/0/1/playlist-file",
    "custom_component/{}/a/b/c", "static/{}", "assets/{}", "svelte/{}", "startup-events", "vibe-code", "pwa_icon/{}",
    "manifest.json", "robots.txt", "health", "mcp", "mcp/sse", "{}", "login_check", "dev/reload", "profiling/traces",
)  # fmt: skip
POSTS = (
    "run/predict", "run/{}", "api/write", "queue/join", "call/write", "call/read_document", "call/{}", "call/v2/write",
    "call/v2/{}", "cancel", "reset", "component_server", "component_server/", "upload", "stream/{}", "stream/{}/close",
    "login", "process_recording", "vibe-edit", "undo-vibe-edit", "vibe-code", "vibe-starter-queries", "mcp",
    "run-history/connect", "profiling/clear",
)  # fmt: skip
BODIES = (
    b"",
    b"[",
    b"null",
    b"{}",
    b'{"data": 1}',
    b"[" * 20_000,
    b'{"data": [' + b"9" * 5_000 + b"]}",
    b"\xff\xfe",
    b'"\\ud83d"',
)
HEADERS = {
    "accept-language": ("ja", "x" * 9_000, "*;q=2", "de;q=nan,ja;q=-1"),
    "cookie": ("visitor=x", "=" * 500, "visitor=" + "a.b" * 900),
    "origin": ("null", "http://a b", "http://[", "x" * 3_000),
    "host": ("[", "a" * 500, "127.0.0.1:x"),
    "content-type": ("application/json; charset=x", "multipart/form-data", "multipart/form-data; boundary=x", "text"),
    "range": ("bytes=9-1", "bytes=-", "x"),
    "x-forwarded-host": ("[", "a,b", "x" * 500),
    "x-forwarded-proto": ("https", "a,b"),
    "referer": ("http://[", "x" * 3_000),
}  # fmt: skip


class _Server:
    """The app with the stub, and what it has logged."""

    def __init__(self, folder: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        values = {"SHARED": "1", "PORT": str(port), "HOST": "127.0.0.1", "DATA_FOLDER": folder}
        environment = {**os.environ, **{f"REFRESHKV_{name}": value for name, value in values.items()}}
        self.log = Path(folder, "log")
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.browser.stubbed"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        self.url = f"http://127.0.0.1:{port}/"
        self._read = 0

    def wait(self) -> None:
        """Until it serves and has its model. Raises SystemExit if it ends."""
        while self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}health", timeout=30).json()["model"] == "ready":
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.3)
        raise SystemExit(f"the app did not start:\n{self.log.read_text()}")

    def logged(self) -> str:
        """What was logged since the last call."""
        with self.log.open("rb") as log:
            log.seek(self._read)
            data = log.read()
        self._read += len(data)
        return data.decode("utf-8", "replace")

    @property
    def alive(self) -> bool:
        """Whether it still serves."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


@contextmanager
def _served() -> Iterator[_Server]:
    with tempfile.TemporaryDirectory() as folder:
        server = _Server(folder)
        try:
            server.wait()
            yield server
        finally:
            server.end()


def fuzz_endpoints(inputs: int, seed: int, first: int = 0) -> Findings:
    """Send that many requests, from the one of number `first` on."""
    findings = Findings()
    with _served() as server, httpx.Client(base_url=server.url, timeout=60) as client:
        config = client.get("config").json()
        sender, ways = _Sender(client, config), list(_WAYS)
        server.logged()
        for number in range(first, first + inputs):
            kind = ways[number % len(ways)]
            begun = time.monotonic()
            outcome, faults = _sent(sender, kind, Random(f"{seed} {number}"))
            seconds = time.monotonic() - begun
            faults += _of_log(server.logged())
            if seconds > SLOW_SECONDS:
                faults.append("slow")
            findings.slowest = max(findings.slowest, seconds)
            findings.add(kind, outcome, number, faults)
            if number % 100 == 0 and server.alive:
                findings.memory.append(client.get("health").json()["memory_megabytes"])
            if not server.alive:
                findings.add(kind, "fault", number, ["the server ended"])
                break
    return findings


class _Sender:
    """Sends one request of a kind, of which it knows what a page would send."""

    def __init__(self, client: httpx.Client, config: dict[str, Any]) -> None:
        self.client = client
        values = {one["id"]: one["props"].get("value") for one in config["components"]}
        self.functions = [
            (one["id"], one["api_name"], [values.get(each) for each in one["inputs"]])
            for one in config["dependencies"]
            if one["backend_fn"]
        ]

    def body(self, chance: Random) -> dict[str, Any]:
        """Of a call of some function, with some of its values changed."""
        index, _, values = chance.choice(self.functions)
        data = [changed_value(value, chance) if chance.random() < 0.5 else value for value in values]
        if chance.random() < 0.1:
            data = data[: chance.randrange(len(data) + 1)]
        body = {"data": data, "fn_index": index, "session_hash": f"fuzz{chance.randrange(30)}"}
        if chance.random() < 0.3:
            body[chance.choice(("event_data", "trigger_id", "event_id", "batched", "simple_format"))] = any_value(
                chance
            )
        return changed_value(body, chance) if chance.random() < 0.15 else body  # type: ignore[no-any-return]

    def call(self, chance: Random) -> httpx.Response:
        """At once, past the queue."""
        return self._post("gradio_api/run/predict", self.body(chance))

    def join(self, chance: Random) -> httpx.Response:
        """Through the queue, listening for a while."""
        body = self.body(chance)
        answer = self._post("gradio_api/queue/join", body)
        if answer.status_code == 200 and isinstance(body, dict):
            self._listen("gradio_api/queue/data", {"session_hash": str(body.get("session_hash"))})
        return answer

    def named(self, chance: Random) -> httpx.Response:
        """By name, as programs do."""
        _, name, values = chance.choice([one for one in self.functions if isinstance(one[1], str)])
        data = [changed_value(value, chance) for value in values]
        answer = self._post(f"gradio_api/call/{name}", {"data": data})
        if answer.status_code == 200:
            self._listen(f"gradio_api/call/{name}/{answer.json()['event_id']}", {})
        return answer

    def upload(self, chance: Random) -> httpx.Response:
        """A file, or what is called one."""
        name = chance.choice(
            (*(text for text in TEXTS if "\ud83d" not in text and "\udc00" not in text), "a.pdf", "a" * 300)
        )
        content = mutated(b"%PDF-1.4\n" * 20, b"<html>", chance)[: chance.choice((0, 1, 200_000))]
        try:
            return self.client.post(
                "gradio_api/upload", files={chance.choice(("files", "file", "")): (name[:5_000], content)}
            )
        except UnicodeError:
            return self.client.post("gradio_api/upload", content=content)

    def raw(self, chance: Random) -> httpx.Response:
        """A body that is none, to any address."""
        path = self._path(chance, POSTS)
        body = chance.choice((*BODIES, _json(any_value(chance)), mutated(_json(self.body(chance)), b'{}[]"', chance)))
        return self.client.post(path, content=body, headers={"content-type": "application/json"})

    def got(self, chance: Random) -> httpx.Response:
        """Any address."""
        with self.client.stream("GET", self._path(chance, GETS), timeout=GIVEN_UP) as answer:
            return _begun(answer)

    def odd(self, chance: Random) -> httpx.Response:
        """With headers that no browser sends."""
        headers = {
            name: chance.choice(HEADERS[name]) for name in chance.sample(list(HEADERS), chance.choice((1, 1, 2, 4)))
        }
        if chance.random() < 0.5:
            with self.client.stream("GET", self._path(chance, GETS), headers=headers, timeout=GIVEN_UP) as answer:
                return _begun(answer)
        return self.client.post(self._path(chance, POSTS), content=_json(self.body(chance)), headers=headers)

    def _path(self, chance: Random, paths: tuple[str, ...]) -> str:
        text = chance.choice(paths).replace("{}", chance.choice(TEXTS)[:3_000])
        return chance.choice(("gradio_api/", "gradio_api/", "")) + quote(text.encode("utf-8", "surrogatepass"), "/=")

    def _post(self, path: str, body: Any) -> httpx.Response:
        return self.client.post(path, content=_json(body), headers={"content-type": "application/json"})

    def _listen(self, path: str, parameters: dict[str, str]) -> None:
        try:
            with self.client.stream("GET", path, params=parameters, timeout=GIVEN_UP) as answer:
                for number, line in enumerate(answer.iter_lines()):
                    if number > LISTENED or "process_completed" in line or "close_stream" in line or "event: " in line:
                        break
        except httpx.TimeoutException:
            pass


_WAYS: dict[str, Callable[[_Sender, Random], httpx.Response]] = {
    "run/predict": _Sender.call, "queue/join": _Sender.join, "call/NAME": _Sender.named, "upload": _Sender.upload,
    "any POST": _Sender.raw, "any GET": _Sender.got, "headers": _Sender.odd,
}  # fmt: skip


def _sent(sender: _Sender, kind: str, chance: Random) -> tuple[str, list[str]]:
    """What became of a request, and what of that is a fault."""
    try:
        answer = _WAYS[kind](sender, chance)
    except httpx.TimeoutException:
        return "no end", []  # of a stream, which has none
    except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError):
        return "not sent", []
    except httpx.NetworkError:
        return "refused", []  # answered before all had been sent; whether the server lives is looked at next
    except httpx.HTTPError as error:
        return "refused", [f"{type(error).__name__}: {error}"[:120]]
    if answer.is_server_error:
        return "refused", [
            f"{answer.status_code} at {re.sub(r'[0-9a-f]{9,}|%.*', '…', answer.url.path)[:60]}: {answer.text[:120]}"
        ]
    if "Traceback (most" in answer.text:
        return "refused", ["a traceback is sent"]
    return "served" if answer.is_success or answer.is_redirect else "refused", []


def _of_log(text: str) -> list[str]:
    """What of the lines that one request has left in the log is a fault."""
    faults = []
    if len(text) > LOGGED:
        faults.append(f"much is logged: {text[:60]!r}")
    if "Traceback (most" in text:
        last = [line for line in text.splitlines() if line and not line.startswith(" ")]
        places = [line.strip() for line in text.splitlines() if line.startswith('  File "')]
        faults.append(f"{last[-1][:120]} {places[-1].split('site-packages/')[-1] if places else ''}")
    return faults


def _begun(answer: httpx.Response) -> httpx.Response:
    """An answer of which the beginning was read: some have no end."""
    data = b""
    for piece in answer.iter_bytes():
        data += piece
        if len(data) > 5_000 or answer.headers.get("content-type", "").startswith("text/event-stream"):
            break
    return httpx.Response(answer.status_code, content=data, request=answer.request)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
