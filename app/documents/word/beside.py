"""What a Word file holds beside its text: headers, footers, comments, which are left out, and other files within it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docx.oxml.ns import qn

from app.documents.file_input import FileInput
from app.documents.text import decode
from app.documents.web.html import decode_markup
from app.documents.web.text import html_to_text
from app.documents.word.package import Package, Reference
from app.documents.word.text import Inline, pieces
from app.say.wording import Message

_SAMPLE = 60


def left_out(
    package: Package, references: Sequence[Reference], inline: Inline, chunks: Sequence[str]
) -> tuple[Message, ...]:
    """Sentences that name what is not read: `chunks` are the types of files within the file."""
    notes = []
    by_kind: dict[str, dict[str, None]] = {}
    comments = 0
    for reference in references:
        if reference.kind in ("header", "footer"):
            if text := _text(package.part(reference.path), inline):
                by_kind.setdefault(reference.kind, {})[text] = None
        elif reference.kind == "comments":
            comments += sum(1 for _ in package.part(reference.path).iter(qn("w:comment")))
    texts = [text for kind in ("header", "footer") for text in by_kind.get(kind, {})]
    if texts:
        notes.append(Message("Headers and footers were left out: “{}”.", _shortened(" / ".join(dict.fromkeys(texts)))))
    if comments:
        one, many = Message("1 comment was left out."), Message("{:,} comments were left out.", comments)
        notes.append(one if comments == 1 else many)
    if chunks:
        kinds = ", ".join(dict.fromkeys(chunks))
        one = Message("1 file within the file could not be read ({}).", kinds)
        many = Message("{:,} files within the file could not be read ({}).", len(chunks), kinds)
        notes.append(one if len(chunks) == 1 else many)
    return tuple(notes)


def chunk_text(package: Package, references: Sequence[Reference], chunk: Any, job: FileInput) -> tuple[str, str]:
    """The text of a file that an element w:altChunk puts in, "" if it cannot be read, and its type."""
    key = chunk.get(qn("r:id"))
    path = next((one.path for one in references if one.key == key), "")
    kind = package.content_type(path) if path else ""
    if "html" in kind:
        return html_to_text(decode_markup(package.data(path), job.name)[0], job.name), kind
    if kind == "text/plain":
        return decode(package.data(path), job.name)[0].strip(), kind
    return "", kind


def _text(part: Any, inline: Inline) -> str:
    """The text of a header or footer, on one line; "" if nothing but a page's number stands there."""
    paragraphs = ("".join(text for _, text in pieces(paragraph, inline)) for paragraph in part.iter(qn("w:p")))
    text = " ".join(" ".join(paragraphs).split())
    return text if any(map(str.isalpha, text)) else ""


def _shortened(text: str) -> str:
    return text if len(text) <= _SAMPLE else f"{text[:_SAMPLE].rstrip()}…"
