"""Models of the Hub, from a server on this computer that answers as the Hub does."""

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.utils import disable_progress_bars, enable_progress_bars

from core import InvalidParameterError, LoadingError, Statement, hub, load_model
from tests.core.tiny import byte_tokenizer, tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")
COMMIT = "0123456789" * 4
TOKEN = "hf_of_an_account_with_access"


class Hub:
    """What the server offers: files of one model, who may read it, and what was asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.gated = self.private = False
        self.asked: list[str] = []

    def answer(self, path: str, authorized: bool) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body, for huggingface_hub's three requests: the revision, the tree, and a file."""
        self.asked.append(path)
        owner, _, rest = path.removeprefix("/api/models").lstrip("/").partition("/tiny")
        if owner != "some" or (self.private and not authorized):
            return 401, {"X-Error-Code": "RepoNotFound"}, b"{}"
        kind, _, rest = rest.lstrip("/").partition("/")
        revision, _, file = rest.partition("/")
        if revision not in ("main", "v1", COMMIT):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
        if kind == "revision":
            return 200, {}, json.dumps({"id": "some/tiny", "modelId": "some/tiny", "sha": COMMIT}).encode()
        if kind == "tree":
            tree = [
                {"type": "file", "path": name, "size": len(body), "oid": hashlib.sha1(body).hexdigest()}
                for name, body in self.files.items()
            ]
            return 200, {}, json.dumps(tree).encode()
        if self.gated and not authorized:
            return 403, {"X-Error-Code": "GatedRepo"}, b"{}"
        body = self.files[file]
        return 200, {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha1(body).hexdigest()}"'}, body


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("model")
    tiny_model().save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def server(files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    offered = Hub(dict(files))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            authorized = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            status, headers, body = offered.answer(urlsplit(self.path).path, authorized)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None: ...

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    address = f"http://127.0.0.1:{listening.server_port}"
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield offered
    listening.shutdown()
    listening.server_close()


def ignore(what: Statement, done: int, total: int) -> None:
    """Progress nobody looks at."""


def fetch(token: str | None = None, name: str = "some/tiny", revision: str | None = None) -> Path:
    return hub.downloaded(name, revision, token, ignore)


@pytest.mark.slow
def test_a_model_is_fetched_with_its_bytes_counted_and_nothing_drawn(
    server: Hub, capfd: pytest.CaptureFixture[str]
) -> None:
    others = {"README.md": b"#", "consolidated.safetensors": b"again", "checkpoint-1/config.json": b"{}"}
    server.files |= others
    reports: list[tuple[str, int, int]] = []
    model, tokenizer = load_model(
        "some/tiny", quantization="none", progress=lambda what, *bytes_: reports.append((what.code, *bytes_))
    )
    ids = tokenizer("hello", return_tensors="pt").input_ids
    torch.testing.assert_close(model(ids).logits.float(), tiny_model()(ids).logits, rtol=0, atol=0.05)
    wanted = {name: body for name, body in server.files.items() if name not in others}
    assert {path.rpartition("/")[2] for path in server.asked if "/resolve/" in path} == set(wanted)
    counted = [report for report in reports if report[0] == "downloading-model"]
    size = sum(map(len, wanted.values()))
    assert counted[-1] == ("downloading-model", size, size)
    assert [done for _, done, _ in counted] == sorted(done for _, done, _ in counted)
    codes = [code for code in dict.fromkeys(code for code, *_ in reports) if code != "building-kernels"]
    assert codes == ["looking-up-model", "downloading-model", "loading-model"]
    drawn = capfd.readouterr().err
    assert "Fetching" not in drawn
    assert "Downloading" not in drawn


def test_bars_that_are_switched_off_still_count(server: Hub) -> None:
    disable_progress_bars()
    reports: list[tuple[int, int]] = []
    try:
        hub.downloaded("some/tiny", None, None, lambda what, *bytes_: reports.append(bytes_))
    finally:
        enable_progress_bars()
    assert reports[-1][0] == reports[-1][1] > 10_000


def test_what_was_fetched_is_taken_from_the_cache_also_without_the_hub(
    server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fetch()
    server.asked.clear()
    reports: list[str] = []
    assert hub.downloaded("some/tiny", None, None, lambda what, *_: reports.append(what.code)) == folder
    assert reports == ["looking-up-model"]
    assert [path for path in server.asked if "/resolve/" in path] == []
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch() == folder


@pytest.mark.parametrize("both", [True, False])
def test_weights_that_are_pickles_are_fetched_where_there_are_no_others(server: Hub, both: bool) -> None:
    server.files["pytorch_model.bin"] = b"pickle"
    if not both:
        del server.files["model.safetensors"]
    assert (fetch() / "pytorch_model.bin").exists() is not both


def test_a_revision_is_the_one_asked_for(server: Hub) -> None:
    assert fetch(revision="v1").name == COMMIT
    assert server.asked[0] == "/api/models/some/tiny/revision/v1"


def test_a_gated_model_says_where_to_ask_and_how_to_log_in(server: Hub) -> None:
    server.gated = True
    with pytest.raises(LoadingError, match=r"'some/tiny' is gated.*Ask for it at http.*/some/tiny;.*`hf auth login`"):
        load_model("some/tiny")
    assert (fetch(TOKEN) / "model.safetensors").is_file()


def test_a_private_model_is_no_other_than_a_missing_one(server: Hub) -> None:
    server.private = True
    with pytest.raises(LoadingError, match=r"no model of that name.*http.*/some/tiny; .*`hf auth login`.*token=") as no:
        load_model("some/tiny", token="hf_of_somebody_else")
    assert no.value.code == "hub-model-missing"
    assert fetch(TOKEN).is_dir()
    with pytest.raises(LoadingError, match=r"no folder 'nobody/none' here.*Check the spelling at"):
        fetch(TOKEN, "nobody/none")


def test_a_token_can_come_from_the_environment(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    server.gated = True
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert fetch().is_dir()


def test_a_revision_that_is_not_there(server: Hub) -> None:
    with pytest.raises(LoadingError, match=r"'some/tiny' has no revision 'v2'\. Give a branch, tag or commit"):
        load_model("some/tiny", revision="v2")


def test_a_repository_without_a_model(server: Hub) -> None:
    server.files = {"tiny.Q4_0.gguf": b"GGUF", "README.md": b"#"}
    with pytest.raises(LoadingError, match=r"has no config\.json.*\.gguf file, download that and give its path"):
        load_model("some/tiny")


@pytest.mark.parametrize(("status", "code"), [(403, "hub-refused"), (500, "hub-refused")])
def test_a_hub_that_refuses_or_fails(server: Hub, monkeypatch: pytest.MonkeyPatch, status: int, code: str) -> None:
    monkeypatch.setattr(server, "answer", lambda *_: (status, {"X-Error-Message": "Not today"}, b"{}"))
    with pytest.raises(LoadingError, match=f"'some/tiny'.*{status}.*Not today") as refused:
        load_model("some/tiny")
    assert refused.value.code == code


def test_no_network(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(LoadingError, match=r"out of reach \(.*Check the network.*'smollm2-135m' needs no access") as no:
        load_model("some/tiny")
    assert no.value.code == "hub-unreachable"


def test_a_cache_that_cannot_be_written(server: Hub, tmp_path: Path) -> None:
    (tmp_path / "hub").write_text("a file")
    with pytest.raises(LoadingError, match=r"could not be kept in .*hub: .*HF_HOME"):
        load_model("some/tiny")


def test_progress_that_raises_stops_the_download(server: Hub) -> None:
    def stop(what: Statement, done: int, total: int) -> None:
        if total:
            raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"):
        hub.downloaded("some/tiny", None, None, stop)


def test_a_local_model_has_no_revisions(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InvalidParameterError, match=r"revision='v1' is for models of the Hugging Face Hub"):
        load_model(str(tmp_path), revision="v1")
