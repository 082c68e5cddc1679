"""Exports and uploads of a deleted project go; those of others stay."""

from pathlib import Path

import pytest

from app.export import Draft, export
from app.web.passing import delete_passing, offer


def test_a_projects_exports_and_own_uploads_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    made, other = (offer(export(Draft("Rock", "A draft."), "md"), project) for project in ("one", "two"))
    for digest in ("aa", "bb"):
        (tmp_path / digest).mkdir()
        (tmp_path / digest / "upload.txt").write_text("text")
    delete_passing("one", ["aa", "cc"])
    assert not Path(made).exists()
    assert Path(other).read_text() == "A draft."
    assert {path.name for path in tmp_path.iterdir()} == {"bb", "exports"}
