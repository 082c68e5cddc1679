"""The app as a process on bad days: killed while it reads a prompt, twice on one folder, a folder that is read-only."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from gradio_client import Client, handle_file

from app.store import open_store
from app.store.projects import list_projects
from tests.browser.process import APP, ROOT, STUBBED, Process

pytestmark = [pytest.mark.slow, pytest.mark.model, pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")]

LONG = "The keepers of the light wrote down the wind, the oil and the ships of every night. " * 350
"""Some 7,000 tokens: their prefill by one thread takes seconds."""


def wait(condition: object, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def health(url: str) -> dict[str, object]:
    found: dict[str, object] = httpx.get(f"{url}health", timeout=60).json()
    return found


def written(url: str, **asked: object) -> str:
    """What the app writes when it is asked for a few words."""
    options = {"files": [], "task": "free", "detail": "Go on.", "max_new_tokens": 4, "wording": "own", **asked}
    return str(Client(url, verbose=False).predict(api_name="/write", **options)["text"])


def test_killed_while_it_reads_a_prompt_it_writes_after_the_next_start(tmp_path: Path) -> None:
    document = tmp_path / "long.txt"
    document.write_text(LONG)
    server = Process(tmp_path / "data", APP, REFRESHKV_DOCUMENT_DISK_GIGABYTES="1", OMP_NUM_THREADS="1")
    wait(lambda: health(server.url)["model"] == "ready")
    client = Client(server.url, verbose=False)
    asked = {"task": "free", "detail": "What did they write down?", "max_new_tokens": 4, "wording": "own"}
    job = client.submit(files=[handle_file(str(document))], api_name="/write", **asked)
    wait(lambda: health(server.url)["running"])
    children = psutil.Process(server.pid).children(recursive=True)
    assert server.end(signal.SIGKILL) == -signal.SIGKILL
    assert not any(update["text"] for update in job.outputs())
    psutil.wait_procs(children, timeout=30)
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    again = Process(tmp_path / "data", APP, REFRESHKV_DOCUMENT_DISK_GIGABYTES="1")
    try:
        wait(lambda: health(again.url)["model"] == "ready")
        assert written(again.url, files=[handle_file(str(document))])
    finally:
        assert again.end(signal.SIGTERM) == 0


def test_two_apps_on_one_folder_keep_what_both_are_given(tmp_path: Path) -> None:
    servers = [Process(tmp_path), Process(tmp_path)]
    try:
        assert all(written(server.url, draft="The lamp was lit.") for server in servers)
    finally:
        assert [server.end(signal.SIGTERM) for server in servers] == [0, 0]
    store = open_store(tmp_path)
    assert not store.notices
    list_projects(store)
    store.close()


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "read-only"
    folder.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_folder_that_nobody_can_write_to_is_named_at_the_start(read_only: Path) -> None:
    environment = os.environ | {"REFRESHKV_DATA_FOLDER": str(read_only)}
    ended = subprocess.run(
        [sys.executable, *STUBBED], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 1
    assert f"cannot be kept in {read_only}" in ended.stderr
    assert "Traceback" not in ended.stderr
