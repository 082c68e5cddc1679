"""The draft and the run that wrote it in one zip, enough to see how it came about and to run it again."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from app.errors import ExportError
from app.export.draft import Draft
from app.export.markdown import write_markdown

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


def _json(value: Any) -> bytes:
    # Half surrogates, which a file name may hold, become the escapes that JSON has for them.
    return f"{json.dumps(value, ensure_ascii=False, indent=2, default=dict)}\n".encode(errors="backslashreplace")
