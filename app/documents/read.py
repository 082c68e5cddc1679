"""The one way in: a file, or pasted text, becomes a document or is refused with a message that says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from app.documents.document import Document, ReadAs
from app.documents.file_input import FileInput, Progress
from app.documents.mail import read_mail
from app.documents.markup_texts import read_org, read_rst, read_tex
from app.documents.odt.read import read_odt
from app.documents.pdf.read import read_pdf
from app.documents.pptx import read_pptx
from app.documents.rtf import read_rtf
from app.documents.source import SOURCE_TYPES, read_source
from app.documents.subtitles import read_subtitles
from app.documents.tables import read_csv, read_xlsx
from app.documents.text import read_characters, read_markdown, read_text
from app.documents.web.epub import read_epub
from app.documents.web.html import read_html
from app.documents.word.read import read_docx
from app.say.errors import DocumentError, EmptyFile, UnsupportedType
from app.say.wording import Message
from app.settings import Limits
from app.text.valid import valid, valid_text

_READERS: Mapping[str, Callable[[bytes, FileInput], Document]] = MappingProxyType(
    {
        ".pdf": read_pdf,
        ".txt": read_text,
        ".text": read_text,
        ".md": read_markdown,
        ".markdown": read_markdown,
        ".docx": read_docx,
        ".epub": read_epub,
        ".html": read_html,
        ".htm": read_html,
        ".xhtml": read_html,
        ".odt": read_odt,
        ".rtf": read_rtf,
        ".pptx": read_pptx,
        ".xlsx": read_xlsx,
        ".csv": read_csv,
        ".tsv": read_csv,
        ".tex": read_tex,
        ".rst": read_rst,
        ".org": read_org,
        ".srt": read_subtitles,
        ".vtt": read_subtitles,
        ".eml": read_mail,
        **dict.fromkeys(SOURCE_TYPES, read_source),
    }
)
SAID = 300
"""Characters of a file's own words, or a library's, that stand in a note or a refusal."""

ACCEPTED_TYPES = tuple(_READERS)

_TEXTS = (read_text, read_markdown, read_csv, read_tex, read_rst, read_org, read_subtitles, read_mail, read_source)
_ENCODED = frozenset((*_TEXTS, read_html))
"""What reads files that do not always say which characters their bytes are."""

Choice: TypeAlias = Literal["encoding", "whole_page", "running_lines", "comments", "languages"]


def choices_of(document: Document) -> frozenset[Choice]:
    """What a person can choose about how the document's file is read: see `ReadAs`."""
    reader = _READERS.get(Path(document.name).suffix.lower())
    left_out = {line.kind for line in document.removed}
    offered: dict[Choice, bool] = {
        "encoding": reader in _ENCODED,
        "whole_page": reader is read_html,
        "running_lines": "running" in left_out or document.read_as.running_lines,
        "comments": "comment" in left_out or document.read_as.comments,
        "languages": document.recognised is not None,
    }
    return frozenset(choice for choice, can in offered.items() if can)


def read_document(
    path: Path,
    *,
    name: str | None = None,
    password: str | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
    running_lines: Literal["remove", "keep"] = "remove",
    comments: bool = False,
    encoding: str | None = None,
    whole_page: bool = False,
    languages: str | None = None,
) -> Document:
    """The document in a file; `name` (default: the file's own) decides of which type it is.

    `running_lines` says what becomes of running headers and footers; those removed are listed in `Document.removed`,
    and so are comments, which `comments` puts in at their place. `encoding` ("cp1250") is that of a text or a web page,
    where it need not be guessed. With `whole_page` all of a web page is read, and not its main part alone. Scans are
    recognised in `languages` ("deu+eng", as Tesseract names them; None: those of the limits). `progress` is called with
    the pages read and their total, for the formats that are read page by page (PDF, epub).
    Raises a DocumentError; OSError if the file cannot be opened.
    """
    read_as = ReadAs(encoding or "", whole_page, running_lines == "keep", comments, languages or "")
    job = FileInput(valid_text(name or path.name), limits or Limits(), password, progress, read_as)
    reader = _READERS.get(Path(job.name).suffix.lower())
    if reader is None:
        raise UnsupportedType(
            "{} is of a type that cannot be read. Accepted are: {}.", job.name, ", ".join(ACCEPTED_TYPES)
        )
    job.check_size(path.stat().st_size, Message("{} has", job.name))
    data = path.read_bytes()
    if not data:
        raise EmptyFile("{} is empty (0 bytes). Choose another file, or save it again.", job.name)
    with _valid_refusal():
        return replace(_readable(reader(data, job), job), read_as=read_as)


def read_pasted(text: str, name: str, *, limits: Limits | None = None) -> Document:
    """The document in a text that somebody pasted, under the name they see. Raises a DocumentError."""
    job = FileInput(valid_text(name), limits or Limits())
    job.check_size(len(text.encode("utf-8", "replace")), Message("{} has", job.name))
    return _readable(read_characters(text, job), job)


def _readable(document: Document, job: FileInput) -> Document:
    """The document, in which a reader sees something, and not too much. What a library says of a file may hold
    anything."""
    job.check_size(document.characters, Message("The text in {} has", job.name))
    if not document.pages_with_text:
        raise EmptyFile("{} holds no text that can be seen. Choose another file.", document.name)
    return replace(document, notes=tuple(map(_valid_message, document.notes)))


@contextmanager
def _valid_refusal() -> Iterator[None]:
    """The same for why a file is refused."""
    try:
        yield
    except DocumentError as error:
        message = _valid_message(error.message)
        error.args = (message.pattern, *message.values)
        raise


def _valid_message(message: Message) -> Message:
    return Message.from_plain(_shortened(valid(message.plain)))


def _shortened(plain: Any) -> Any:
    """What `Message.plain` gives, without the end of what a file says of itself at length."""
    if isinstance(plain, list):
        return [plain[0], *map(_shortened, plain[1:])]
    if isinstance(plain, dict):
        return {name: _shortened(value) for name, value in plain.items()}
    return f"{plain[:SAID]}…" if isinstance(plain, str) and len(plain) > SAID else plain
