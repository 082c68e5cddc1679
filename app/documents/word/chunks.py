"""Files within a Word file that Word shows at their place (w:altChunk)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from docx.oxml.ns import qn

from app.documents.file_input import FileInput
from app.documents.mail import mail_text
from app.documents.rtf import rtf_texts
from app.documents.text import decode
from app.documents.web.html import decode_markup
from app.documents.web.text import html_to_text
from app.documents.word.package import Package, Reference
from app.say.wording import Message

_DEEPEST = 3  # files within files
_WORD = ("wordprocessingml", "ms-word")


def chunk_texts(
    package: Package,
    references: Sequence[Reference],
    chunk: Any,
    job: FileInput,
    read_word: Callable[[bytes], list[str]],
) -> tuple[list[str], str]:
    """The pages of a file that an element w:altChunk puts in, none if it cannot be read, and its type."""
    key = chunk.get(qn("r:id"))
    path = next((one.path for one in references if one.key == key), "")
    kind = package.content_type(path) if path else ""
    if not kind:
        return [], ""
    data = package.data(path)
    if "html" in kind:
        return [html_to_text(decode_markup(data, job.name)[0], job.name)], kind
    if kind == "message/rfc822":  # a web page in one file
        return [mail_text(data, job)], kind
    if kind == "text/plain":
        return [decode(data, job.name)[0].strip()], kind
    if "rtf" in kind:
        return rtf_texts(data, job), kind
    if any(name in kind for name in _WORD) and job.depth < _DEEPEST:
        return read_word(data), kind
    return [], kind


def unread_note(kinds: Sequence[str]) -> tuple[Message, ...]:
    """Names the types of files that could not be read, if there are any."""
    if not kinds:
        return ()
    named = ", ".join(dict.fromkeys(kinds))
    one = Message("1 file within the file could not be read ({}).", named)
    many = Message("{:,} files within the file could not be read ({}).", len(kinds), named)
    return (one if len(kinds) == 1 else many,)
