"""The app as a process: it calls nobody, its files are its user's, and it ends in order whatever is under way."""

import signal
import stat
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from core.default_model import cache_folder
from tests.browser.process import APP, Process

pytestmark = [pytest.mark.slow, pytest.mark.model, pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM")]

AUDITED = """
import os, runpy, sys
def told(event, arguments):
    address = {"socket.connect": 1, "socket.getaddrinfo": 0, "socket.sendto": 1}.get(event)
    if address is not None:
        with open(os.environ["CALLED"], "a") as file:
            file.write(f"{arguments[address]!r}\\n")
sys.addaudithook(told)
runpy.run_path("app.py", run_name="__main__")
"""
"""The app, with the addresses that anything in it asks for written down."""
LOOPBACK = ("('127.0.0.1'", "('::1'", "'127.0.0.1'", "'localhost'", "'::1'", "None", "b'127.0.0.1'")


def wait(condition: object, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def wide(folder: Path) -> list[Path]:
    """What others could read."""
    return [path for path in (folder, *folder.rglob("*")) if stat.S_IMODE(path.lstat().st_mode) & 0o077]


def test_it_calls_no_other_computer_and_leaves_nothing_for_others(tmp_path: Path) -> None:
    data, passing, called = tmp_path / "data", tmp_path / "tmp", tmp_path / "called"
    passing.mkdir()
    called.touch()
    server = Process(data, ("-c", AUDITED), CALLED=str(called), TMPDIR=str(passing))
    try:
        with httpx.Client(base_url=server.url, timeout=120) as client:
            for path in ("", "config", "theme.css"):
                assert client.get(path).status_code == 200
            uploaded = client.post("gradio_api/upload", files={"files": ("a.txt", b"a draft")})
            assert Path(uploaded.json()[0]).is_relative_to(passing)
        assert wide(data) == []
        (folder,) = passing.glob("refreshkv-run-*")
        assert wide(folder) == []
    finally:
        code = server.end(signal.SIGTERM)
    assert code == 0
    assert not folder.exists()
    assert [line for line in called.read_text().splitlines() if not line.startswith(LOOPBACK)] == []


def test_it_ends_in_order_while_the_decode_step_is_compiled(tmp_path: Path) -> None:
    cache, passing = tmp_path / "cache", tmp_path / "tmp"
    for folder in (cache, passing):
        folder.mkdir()
    for kept in cache_folder().iterdir():  # all but the compiled step
        if kept.is_dir() and kept.name not in ("graphs", "documents"):
            (cache / kept.name).symlink_to(kept)
    variables = {"REFRESHKV_CACHE": str(cache), "REFRESHKV_QUANTIZATION": "int8"}  # the 4-bit step is not compiled
    server = Process(tmp_path / "data", APP, **variables, TMPDIR=str(passing))
    children: list[psutil.Process] = []

    def compiles() -> bool:
        children[:] = psutil.Process(server.pid).children(recursive=True)
        return any("core.graph_export" in " ".join(child.cmdline()) for child in children)

    try:
        wait(compiles)
    finally:
        code = server.end(signal.SIGTERM)
    assert code == 0
    psutil.wait_procs(children, timeout=30)
    assert not any(child.is_running() for child in children)
    assert not list(passing.glob("refreshkv-run-*"))


def test_it_ends_in_order_while_the_model_is_loaded(tmp_path: Path) -> None:
    server = Process(tmp_path, APP)
    assert server.end(signal.SIGTERM) == 0


def test_what_a_killed_server_left_is_gone_after_the_next_start(tmp_path: Path) -> None:
    passing = tmp_path / "tmp"
    passing.mkdir()
    variables = {"TMPDIR": str(passing)}
    server = Process(tmp_path / "data", **variables)
    httpx.post(f"{server.url}gradio_api/upload", files={"files": ("a.txt", b"a draft")}, timeout=60)
    (left,) = passing.glob("refreshkv-run-*")
    assert server.end(signal.SIGKILL) == -signal.SIGKILL
    assert left.exists()
    again = Process(tmp_path / "data", **variables)
    assert not left.exists()
    assert again.end(signal.SIGTERM) == 0
    assert not list(passing.glob("refreshkv-run-*"))
