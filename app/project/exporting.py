"""The draft of a project as a file."""

from __future__ import annotations

import importlib.metadata
import platform

from app.export import Draft, Export, RunRecord, export
from app.project.session import Session
from app.prompt.tasks import columns_asked
from app.runs.trace import write_trace


def export_draft(session: Session, kind: str, title: str) -> Export:
    """The draft in one of export.FORMATS. Raises ExportError."""
    # A trace is large, and only the bundle holds it.
    run = run_record(session) if kind == "zip" else None
    return export(Draft(title, session.draft.text, run, columns_asked(session.task) or ()), kind)


def run_record(session: Session) -> RunRecord | None:
    """The run that wrote last, for a bundle."""
    trace = session.trace()
    if trace is None:
        return None
    settings = trace.settings
    packages = ("torch", "transformers", "gradio", "bitsandbytes")
    return RunRecord(
        {
            "model": settings.model,
            "quantization": settings.quantization,
            "policy": dict(settings.policy),
            "sampling": dict(settings.sampling),
        },
        settings.seed,
        {"task": session.task, "documents": [page.title for page in trace.prompt.pages]},
        {"python": platform.python_version(), **{name: found for name in packages if (found := _version(name))}},
        write_trace(trace),
    )


def _version(package: str) -> str | None:
    """Of a package; None if it is not installed, as bitsandbytes need not be."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
