"""The draft and the run that wrote it in one zip, enough to see how it came about and to run it again; its trace read
back."""

from __future__ import annotations

import json
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from app.export.draft import Draft
from app.export.markdown import write_markdown
from app.runs.trace import Trace, read_trace
from app.say.errors import ExportError, TraceError
from app.say.wording import reason

TRACE_NAME = "trace.json.gz"


def write_bundle(draft: Draft) -> bytes:
    """A zip of draft.md, settings.json (with the seed), prompt.json, versions.json and the trace.

    Raises ExportError if the draft was not written by a run.
    """
    if draft.run is None:
        raise ExportError(
            "No run wrote this draft yet, so there is nothing to bundle. Write something first, or export the draft "
            "as Markdown."
        )
    run = draft.run
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as bundle:
        bundle.writestr("draft.md", write_markdown(draft))
        bundle.writestr("settings.json", _json({**run.settings, "seed": run.seed}))
        bundle.writestr("prompt.json", _json(run.prompt))
        bundle.writestr("versions.json", _json(run.versions))
        bundle.writestr(TRACE_NAME, run.trace)
    return out.getvalue()


def bundled_trace(path: Path, most_megabytes: float) -> Trace:
    """The trace in a bundle, or in a trace file. Raises TraceError if there is none, or a larger one."""
    try:
        if path.suffix.lower() != ".zip":
            _check(path, path.stat().st_size, most_megabytes)
            return read_trace(path.read_bytes())
        with ZipFile(path) as bundle:
            _check(path, bundle.getinfo(TRACE_NAME).file_size, most_megabytes)
            return read_trace(bundle.read(TRACE_NAME))
    except KeyError:
        raise TraceError("{} holds no {}. Choose a bundle that was exported here.", path.name, TRACE_NAME) from None
    except (OSError, BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
        raise TraceError("{} cannot be opened: {}. Export or download it again.", path.name, reason(error)) from None


def _check(path: Path, size: int, most_megabytes: float) -> None:
    if size > most_megabytes * 10**6:
        raise TraceError(
            "The trace of {} has {:,.1f} MB; the limit is {:,.0f} MB. Choose one of a shorter run.",
            path.name, size / 10**6, most_megabytes,
        )  # fmt: skip


def _json(value: Any) -> bytes:
    # Half surrogates, which a file name may hold, become the escapes that JSON has for them.
    return f"{json.dumps(value, ensure_ascii=False, indent=2, default=dict)}\n".encode(errors="backslashreplace")
