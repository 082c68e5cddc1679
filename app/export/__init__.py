"""A draft as a file: `export(Draft(title, text), "docx")`. One format a module; Markdown is parsed in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.export.bundle import write_bundle
from app.export.draft import Draft, RunRecord, Written, file_name
from app.export.markdown import write_markdown
from app.export.pdf import write_pdf
from app.export.table import write_csv, write_tsv
from app.export.text import write_text
from app.export.word import write_word
from app.say.errors import ExportError
from app.say.wording import Message

__all__ = ["FORMATS", "Draft", "Export", "Format", "RunRecord", "export"]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: what it is called, how its names end, its media type, and the function that writes it."""

    title: str
    suffix: str
    media_type: str
    write: Callable[[Draft], bytes | Written]


@dataclass(frozen=True, slots=True)
class Export:
    """A written file: the name to save it under, its media type, its bytes, and what a person should know of it."""

    name: str
    media_type: str
    data: bytes
    notes: tuple[Message, ...] = ()


_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "md": Format("Markdown", ".md", "text/markdown", write_markdown),
        "txt": Format("Plain text", ".txt", "text/plain", write_text),
        "docx": Format("Word document", ".docx", _WORD, write_word),
        "pdf": Format("PDF", ".pdf", "application/pdf", write_pdf),
        "csv": Format("Table as CSV", ".csv", "text/csv", write_csv),
        "tsv": Format("Table as TSV", ".tsv", "text/tab-separated-values", write_tsv),
        "zip": Format("Draft and run", ".zip", "application/zip", write_bundle),
    }
)
"""The formats on offer by key, in the order in which they are shown."""


def export(draft: Draft, format_key: str) -> Export:
    """Write `draft` in one of FORMATS. Raises ExportError if the format is not known or cannot hold this draft."""
    kind = FORMATS.get(format_key)
    if kind is None:
        raise ExportError("“{}” is not a format. Choose one of {}.", format_key, ", ".join(FORMATS))
    made = kind.write(draft)
    data, notes = made if isinstance(made, Written) else Written(made)
    return Export(file_name(draft.title, kind.suffix), kind.media_type, data, notes)
