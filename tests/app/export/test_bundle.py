"""A run in a zip, and the registry of formats."""

import json
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from app.export import FORMATS, Draft, RunRecord, export
from app.export.bundle import bundled_trace
from app.runs.trace import write_trace
from app.say.errors import ExportError, TraceError
from tests.app.runs.trace.runs import MadeRun, compose_pages
from tests.app.runs.trace.test_file import fields

RUN = RunRecord(
    {"model": "smollm2-135m", "stride": 10},
    7,
    {"task": "report", "documents": [{"name": "灯台\udc80.pdf", "pages": [1, 2]}]},
    {"python": "3.11"},
    b"\x1f\x8btrace",
)


def test_a_bundle_holds_the_draft_and_what_made_it() -> None:
    with ZipFile(BytesIO(export(Draft("a", "# Tides\n", RUN), "zip").data)) as bundle:
        files = {name: bundle.read(name) for name in bundle.namelist()}
    assert files.pop("draft.md") == b"# Tides\n"
    assert files.pop("trace.json.gz") == b"\x1f\x8btrace"
    assert {name: json.loads(data) for name, data in files.items()} == {
        "settings.json": {"model": "smollm2-135m", "stride": 10, "seed": 7},
        "prompt.json": RUN.prompt,
        "versions.json": {"python": "3.11"},
    }
    assert "灯台" in files["prompt.json"].decode()


def test_a_draft_without_a_run_has_no_bundle() -> None:
    with pytest.raises(ExportError, match="No run wrote this draft"):
        export(Draft("a", "b"), "zip")


def bundle(path: Path, trace: bytes | None) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as made:
        made.writestr("draft.md", "# Tides")
        if trace is not None:
            made.writestr("trace.json.gz", trace)
    return path


def test_the_trace_of_a_bundle_or_a_file_is_read_back(tmp_path: Path) -> None:
    trace = MadeRun([], compose_pages([[2, 1]], 0, 1), (0, 1), 3).trace()
    data = write_trace(trace)
    (tmp_path / "trace.json.gz").write_bytes(data)
    for path in (bundle(tmp_path / "a.zip", data), tmp_path / "trace.json.gz"):
        assert fields(bundled_trace(path, 1)) == fields(trace)


def test_a_file_without_a_trace_or_with_too_large_a_one_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_bytes(b"no zip")
    (tmp_path / "text.gz").write_bytes(b"no gzip")
    data = write_trace(MadeRun([], compose_pages([[2, 1]], 0, 1), (0, 1), 3).trace())
    for path, megabytes, message in (
        (bundle(tmp_path / "empty.zip", None), 1, r"empty\.zip holds no trace\.json\.gz"),
        (tmp_path / "text.zip", 1, r"text\.zip cannot be opened"),
        (tmp_path / "text.gz", 1, "not a trace"),
        (tmp_path / "gone.gz", 1, r"gone\.gz cannot be opened"),
        (bundle(tmp_path / "large.zip", data), 1e-6, r"large\.zip has 0\.0 MB; the limit is 0 MB"),
    ):
        with pytest.raises(TraceError, match=message):
            bundled_trace(path, megabytes)


@pytest.mark.slow
@pytest.mark.parametrize("key", FORMATS)
def test_every_format_writes_a_named_file(key: str) -> None:
    made = export(Draft("The tides: 1703", "# Tides\n\n| a |\n|---|\n| b |\n", RUN), key)
    assert made.name == f"The tides 1703{FORMATS[key].suffix}"
    assert made.media_type == FORMATS[key].media_type
    assert made.data


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ExportError, match="“odt” is not a format"):
        export(Draft("a", "b"), "odt")
