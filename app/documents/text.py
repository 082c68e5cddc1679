"""Plain text, Markdown and pasted text. And bytes to text, for every format that states no encoding or a wrong one."""

from __future__ import annotations

import codecs
import re

import charset_normalizer

from app.documents.document import Document
from app.documents.file_input import FileInput
from app.documents.headings import find_headings
from app.documents.repair import clean, repair
from app.say.errors import EmptyFile, NotText
from app.say.wording import Message
from app.text.valid import is_visible

# The longest mark first: UTF-32's little-endian mark begins with UTF-16's.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Form feeds, vertical tabs and carriage returns are layout.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def read_text(data: bytes, job: FileInput) -> Document:
    """A plain text: one page, unless it has form feeds, which separate pages. Broken words and headers are repaired."""
    text, notes = decode(data, job.name)
    return _paged(text, Message("{:,} bytes", len(data)), job, notes)


def read_markdown(data: bytes, job: FileInput) -> Document:
    """A Markdown file: as a plain text, but its line ends are its author's and stay."""
    text, notes = decode(data, job.name)
    parts = _pages(text, Message("{:,} bytes", len(data)), job)
    pages = clean(parts, [None] * len(parts))
    return Document(job.name, pages, notes, find_headings(job.name, pages))


def read_characters(text: str, job: FileInput) -> Document:
    """What somebody pasted, treated as a plain text."""
    return _paged(text, Message("{:,} characters", len(text)), job, ())


def decode(data: bytes, name: str, declared: str | None = None) -> tuple[str, tuple[Message, ...]]:
    """The text in `data`, with \\n line ends, and a note if its encoding had to be guessed.

    Tried in turn: a byte order mark, the encoding the file declares, UTF-8, charset-normalizer's guess. Raises NotText
    if that gives no text.
    """
    refusal = NotText("{} is named like a text but holds other data. Save it as plain text (UTF-8) or as PDF.", name)
    marked = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    if (marked or "utf-8").startswith("utf-8") and b"\0" in data:
        raise refusal
    for encoding in [marked] if marked else [declared, "utf-8"]:
        text = _try(data, encoding)
        if text is not None:
            return _checked(text, refusal), ()
    guess = None if marked else charset_normalizer.from_bytes(data).best()
    if guess is None:
        raise refusal
    note = Message("{} is not UTF-8; it was read as {}. If letters look wrong, save it as UTF-8.", name, guess.encoding)
    return _checked(str(guess), refusal), (note,)


def _try(data: bytes, encoding: str | None) -> str | None:
    try:
        return data.decode(encoding) if encoding else None
    except (UnicodeDecodeError, LookupError, ValueError):  # or an encoding nobody knows, or one that is none of text
        return None


def _checked(text: str, refusal: NotText) -> str:
    # Of control characters, more than one in a hundred is no text.
    if "\0" in text or len(_CONTROL.findall(text)) * 100 > len(text):
        raise refusal
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _pages(text: str, size: Message, job: FileInput) -> list[str]:
    parts = text.split("\f")
    if not any(map(is_visible, parts)):
        raise EmptyFile(
            "{} holds nothing but blanks and characters that cannot be seen ({}). Choose another text.", job.name, size
        )
    job.check_pages(len(parts))
    return parts


def _paged(text: str, size: Message, job: FileInput, notes: tuple[Message, ...]) -> Document:
    parts = _pages(text, size, job)
    pages, repairs = repair(parts, [None] * len(parts))
    return Document(job.name, pages, notes + repairs, find_headings(job.name, pages))
