"""Plain text, Markdown and pasted text. And bytes to text, for every format that states no encoding or a wrong one."""

from __future__ import annotations

import codecs
import re

from app.documents.document import Document
from app.documents.encodings import REPLACEMENT, Guess, as_utf8, as_utf16, by_language, sample_of
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
    text, notes = decode(data, job.name, chosen=job.read_as.encoding)
    return _paged(text, Message("{:,} bytes", len(data)), job, notes)


def read_markdown(data: bytes, job: FileInput) -> Document:
    """A Markdown file: as a plain text, but its line ends are its author's and stay."""
    text, notes = decode(data, job.name, chosen=job.read_as.encoding)
    parts = _pages(text, Message("{:,} bytes", len(data)), job)
    pages = clean(parts, [None] * len(parts))
    return Document(job.name, pages, notes, find_headings(job.name, pages))


def read_characters(text: str, job: FileInput) -> Document:
    """What somebody pasted, treated as a plain text."""
    return _paged(text, Message("{:,} characters", len(text)), job, ())


def decode(
    data: bytes, name: str, declared: str | None = None, chosen: str | None = None
) -> tuple[str, tuple[Message, ...]]:
    """The text in `data`, with \\n line ends, and notes if its encoding had to be guessed or some bytes are none of it.

    The encoding is the one that a person has `chosen`; else the one that a byte order mark names; UTF-8, with a few
    bad bytes; the one that the file declares; or the one that language speaks for. Raises NotText if that is no text.
    """
    refusal = NotText("{} is named like a text but holds other data. Save it as plain text (UTF-8) or as PDF.", name)
    if chosen:
        return _chosen(data, name, chosen, refusal)
    marked = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    if marked and (text := _try(data, marked)) is not None:
        return _checked(text, refusal), ()
    if b"\0" in data and marked in (None, "utf-8-sig"):
        guess = None if marked else as_utf16(data)
        if guess is None:
            raise refusal
        return _checked(guess.text, refusal), (_guessed(name, guess),)
    for encoding in [] if marked else ["utf-8", declared] if not data.isascii() else [declared, "utf-8"]:
        text = _try(data, encoding)
        if text is not None:
            return _checked(text, refusal), ()
    if marked in (None, "utf-8-sig") and (guess := as_utf8(data)):
        return _checked(guess.text.removeprefix("\ufeff"), refusal), (_bad_bytes(name, guess),)
    guess = None if marked else _almost(data, declared) or as_utf16(data) or by_language(data)
    if guess is None:
        raise refusal
    return _checked(guess.text, refusal), (_guessed(name, guess), *([_bad_bytes(name, guess)] if guess.bad else []))


def _chosen(data: bytes, name: str, encoding: str, refusal: NotText) -> tuple[str, tuple[Message, ...]]:
    try:
        text = data.decode(encoding, "replace")
    except (LookupError, ValueError):
        raise NotText("There is no encoding “{}”. Choose another for {}, such as cp1252.", encoding, name) from None
    bad = text.count(REPLACEMENT)
    return _checked(text.removeprefix("\ufeff"), refusal), (
        _bad_bytes(name, Guess(text, encoding, bad)),
    ) if bad else ()


def _almost(data: bytes, declared: str | None) -> Guess | None:
    """The text in the encoding that the file declares, if few of its bytes are wrong."""
    try:
        text = data.decode(declared, "replace") if declared else ""
    except (LookupError, ValueError):
        return None
    bad, beyond = text.count(REPLACEMENT), sum(not sign.isascii() for sign in text[:500_000])
    return Guess(text, declared, bad) if declared and 20 * bad < beyond else None


def _guessed(name: str, guess: Guess) -> Message:
    return Message(
        "{} is not UTF-8; it was read as {}: “{}”. If letters look wrong, save it as UTF-8.",
        name, guess.encoding, sample_of(guess.text),
    )  # fmt: skip


def _bad_bytes(name: str, guess: Guess) -> Message:
    sample = sample_of(guess.text, around=REPLACEMENT)
    if guess.bad == 1:
        return Message("1 byte of {} is not {} and is shown as \ufffd: “{}”.", name, guess.encoding, sample)
    return Message(
        "{:,} bytes of {} are not {} and are shown as \ufffd: “{}”.", guess.bad, name, guess.encoding, sample
    )


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
