"""Files are the user's alone, whatever their folder was before; temporary ones go, those of killed processes too."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from app.documents import Document, Page
from app.engine.document_cache import document_files
from app.private import temporary_files, tighten, tighten_within
from app.reading.vector_file import VectorFile
from app.store import add_source, create_project, open_store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
HOLDS = """
import sys, time
from app.private import private_from_now_on, temporary_files
private_from_now_on()
with temporary_files() as folder:
    (folder / "upload.txt").write_text("a draft")
    print(folder, flush=True)
    time.sleep(600)
"""


def modes(*roots: Path) -> dict[str, set[int]]:
    """Those of all folders and of all files."""
    found: dict[str, set[int]] = {"folders": set(), "files": set()}
    for root in roots:
        for path in (root, *root.rglob("*")):
            found["folders" if path.is_dir() else "files"].add(stat.S_IMODE(path.lstat().st_mode))
    return found


PRIVATE = {"folders": {0o700}, "files": {0o600}}


@pytest.fixture(autouse=True)
def _usual_umask() -> object:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_store_is_private_also_where_it_was_not(tmp_path: Path) -> None:
    folder, file = tmp_path / "data", tmp_path / "rock.txt"
    file.write_text("Rock")
    for _ in range(2):
        store = open_store(folder)
        add_source(store, create_project(store, "A").id, file, Document("rock.txt", (Page(1, None, "Rock"),)))
        assert modes(folder) == PRIVATE
        store.close()
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    open_store(folder).close()
    assert modes(folder) == PRIVATE


def test_only_what_is_ours_in_a_folder_is_made_so(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o755)
    other, outside = folder / "letter.txt", tmp_path / "outside.txt"
    for path in (other, outside):
        path.write_text("not the app's")
        path.chmod(0o644)
    (folder / "projects").mkdir(mode=0o755)
    (folder / "projects" / "link").symlink_to(outside)
    tighten_within(folder, ["projects"])
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, other, outside)] == [0o755, 0o644, 0o644]
    assert stat.S_IMODE((folder / "projects").stat().st_mode) == 0o700
    tighten([tmp_path / "missing"])


def test_caches_are_private_also_where_they_were_not(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir(mode=0o755)
    (folder / "a.safetensors").touch(0o644)
    files = document_files(folder, 10**6)
    file = VectorFile(folder / "vectors.sqlite")
    assert modes(folder) == PRIVATE
    file.close()
    files.close()


def test_temporary_files_are_private_and_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    with temporary_files() as folder:
        assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(folder)
        assert Path(os.environ["GRADIO_TEMP_DIR"]).parent == folder
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        with temporary_files() as other:  # as another process beside it
            assert other.parent == folder
    assert list(tmp_path.iterdir()) == []
    assert tempfile.gettempdir() == str(tmp_path)
    assert "GRADIO_TEMP_DIR" not in os.environ


@pytest.mark.slow
def test_what_a_killed_process_left_goes_at_the_next_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    command, environment = [sys.executable, "-c", HOLDS], os.environ | {"TMPDIR": str(tmp_path)}
    killed, alive = (subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2))
    try:
        assert killed.stdout is not None
        assert alive.stdout is not None
        left, used = Path(killed.stdout.readline().strip()), Path(alive.stdout.readline().strip())
        assert modes(left) == PRIVATE
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert (left / "upload.txt").exists()
        with temporary_files():
            assert not left.exists()
            assert (used / "upload.txt").exists()
    finally:
        alive.kill()
        alive.wait()
