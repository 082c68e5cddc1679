"""A run in a zip, and the registry of formats."""

import json
from io import BytesIO
from zipfile import ZipFile

import pytest

from app.errors import ExportError
from app.export import FORMATS, Draft, RunRecord, export

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


@pytest.mark.parametrize("key", FORMATS)
def test_every_format_writes_a_named_file(key: str) -> None:
    made = export(Draft("The tides: 1703", "# Tides\n\n| a |\n|---|\n| b |\n", RUN), key)
    assert made.name == f"The tides 1703{FORMATS[key].suffix}"
    assert made.media_type == FORMATS[key].media_type
    assert made.data


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ExportError, match="'odt' is not a format"):
        export(Draft("a", "b"), "odt")
