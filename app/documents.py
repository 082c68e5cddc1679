"""A file becomes a document: pages of plain text. Knows nothing of prompts, tokens or the screen."""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

import charset_normalizer
from pypdf import PasswordType, PdfReader, apply_configuration
from pypdf.errors import DependencyError

from app.errors import (
    DamagedFile,
    EmptyFile,
    FileTooLarge,
    NoText,
    NotText,
    PageRangeError,
    PasswordNeeded,
    ReadingTooSlow,
    TooManyPages,
    UnsupportedType,
    WrongPassword,
)
from app.settings import PREFIX, Limits

MEGABYTE = 10**6
# A few kilobytes can unfold to gigabytes. No page, font or object table that leads to text is larger than this.
_STREAM_BYTES = 25 * MEGABYTE

# The longest mark first: UTF-32's little-endian mark begins with UTF-16's.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_LIGATURES = str.maketrans({0xFB00 + i: t for i, t in enumerate(("ff", "fi", "fl", "ffi", "ffl", "st", "st"))})
_ENTRY = re.compile(r"([0-9]{1,9})(?:\s*([-–])\s*([0-9]{1,9})?)?")


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its 1-based `number` in the file, the `label` printed on it if the PDF states one, its text."""

    number: int
    label: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """All pages of a file, those without text included: `pages[n - 1].number == n`. `notes` are for the reader."""

    name: str
    pages: tuple[Page, ...]
    notes: tuple[str, ...] = ()


def read_document(
    path: Path, *, name: str | None = None, password: str | None = None, limits: Limits | None = None
) -> Document:
    """The document in a PDF, text or Markdown file; `name` (default: the file's own) decides which it is.

    A text is one page, unless it has form feeds, which separate pages. Raises a DocumentError; OSError if the file
    cannot be opened.
    """
    name, limits = name or path.name, limits or Limits()
    reader = _READERS.get(Path(name).suffix.lower())
    if reader is None:
        raise UnsupportedType(f"{name} is of a type that cannot be read. Accepted are: {', '.join(ACCEPTED_TYPES)}.")
    _check_size(path.stat().st_size, f"{name} has", limits)
    data = path.read_bytes()
    if not data:
        raise EmptyFile(f"{name} is empty (0 bytes). Choose another file, or save it again.")
    return reader(data, name, password, limits)


def normalise(text: str) -> str:
    """The same text with \\n line ends and Latin ligatures spelt out, without control characters and half surrogates.

    Nothing else changes: what a page shows is what the model reads, character by character.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATE.sub("", _CONTROL.sub("", text)).translate(_LIGATURES)


def _check_size(size: int, subject: str, limits: Limits) -> None:
    if size > limits.max_file_megabytes * MEGABYTE:
        raise FileTooLarge(
            f"{subject} {size / MEGABYTE:,.1f} MB; the limit is {limits.max_file_megabytes:,} MB. "
            f"Split the file, or raise {PREFIX}MAX_FILE_MEGABYTES."
        )


def _check_pages(count: int, name: str, limits: Limits) -> None:
    if count > limits.max_pages:
        raise TooManyPages(
            f"{name} has {count:,} pages; the limit is {limits.max_pages:,}. "
            f"Split the file, or raise {PREFIX}MAX_PAGES."
        )


# --- text ---


def _read_text(data: bytes, name: str, password: str | None, limits: Limits) -> Document:
    text, notes = _decode(data, name)
    parts = [normalise(part) for part in text.split("\f")]
    if not any(part.strip() for part in parts):
        raise EmptyFile(f"{name} holds nothing but blanks ({len(data):,} bytes). Choose another file.")
    _check_pages(len(parts), name, limits)
    return Document(name, tuple(Page(number, None, part) for number, part in enumerate(parts, 1)), notes)


def _decode(data: bytes, name: str) -> tuple[str, tuple[str, ...]]:
    """The text in `data`, and a note if its encoding had to be guessed."""
    refusal = NotText(f"{name} is named like a text but holds other data. Save it as plain text (UTF-8) or as PDF.")
    encoding = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    notes: tuple[str, ...] = ()
    if encoding.startswith("utf-8") and b"\0" in data:
        raise refusal
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        guess = charset_normalizer.from_bytes(data).best() if encoding == "utf-8" else None
        if guess is None:
            raise refusal from None
        text = str(guess)
        notes = (f"{name} is not UTF-8; it was read as {guess.encoding}. If letters look wrong, save it as UTF-8.",)
    # Form feeds and carriage returns are layout; of the rest, more than one in a hundred is no text.
    controls = sum(character not in "\r\f\v" for character in _CONTROL.findall(text))
    if "\0" in text or controls * 100 > len(text):
        raise refusal
    return text, notes


# --- PDF ---


def _read_pdf(data: bytes, name: str, password: str | None, limits: Limits) -> Document:
    if b"%PDF-" not in data[:1024]:
        raise DamagedFile(f"{name} is named like a PDF but is none: it does not begin with %PDF-. Export it again.")
    with apply_configuration(
        array_based_stream_maximum_output_length=_STREAM_BYTES,
        zlib_maximum_output_length=_STREAM_BYTES,
        lzw_maximum_output_length=_STREAM_BYTES,
        run_length_maximum_output_length=_STREAM_BYTES,
        brotli_maximum_output_length=_STREAM_BYTES,
        stream_decoding_work_maximum_length=4 * _STREAM_BYTES,
    ):
        reader = _open_pdf(data, name, password)
        try:
            count = len(reader.pages)
        except Exception as error:
            raise _damaged(name, error) from error
        _check_pages(count, name, limits)
        labels = _labels(reader, count)
        texts, failures = _page_texts(reader, count, name, limits)
    if failures and len(failures) == count:
        raise DamagedFile(f"{name}: none of its {count:,} pages could be read ({failures[1]}). Export it again.")
    silent = sum(not text.strip() for text in texts) - len(failures)
    if not any(text.strip() for text in texts):
        raise NoText(
            f"{name} has no text: {silent:,} of {count:,} pages are pictures or blank, as in a scan. "
            "Run text recognition (OCR) over it first."
        )
    pages = tuple(Page(i, label, text) for i, (label, text) in enumerate(zip(labels, texts, strict=True), 1))
    return Document(name, pages, _notes(count, silent, failures))


def _open_pdf(data: bytes, name: str, password: str | None) -> PdfReader:
    try:
        reader = PdfReader(BytesIO(data))
        # An owner's password only restricts printing and the like: such a file opens with the empty user password.
        locked = reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED
        wrong = locked and bool(password) and reader.decrypt(password or "") == PasswordType.NOT_DECRYPTED
    except DependencyError as error:
        raise DamagedFile(f"{name} is encrypted and cannot be opened here: {error}. Install pypdf[crypto].") from error
    except Exception as error:  # a broken file raises whatever its bytes lead to, not only PyPdfError
        raise _damaged(name, error) from error
    if wrong:
        raise WrongPassword(f"{name} does not open with this password. Try another one, or save it without.")
    if locked and not password:
        raise PasswordNeeded(f"{name} is locked. Enter its password, or save it without one.")
    return reader


def _damaged(name: str, error: Exception) -> DamagedFile:
    return DamagedFile(
        f"{name} is damaged and cannot be read ({_brief(error)}). Open it in a viewer and save it again."
    )


def _brief(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")[:120]


def _labels(reader: PdfReader, count: int) -> list[str | None]:
    """The printed page labels, if the file states any: pypdf makes up numbers otherwise."""
    try:
        if "/PageLabels" in reader.root_object:
            return [normalise(label).strip() or None for label in reader.page_labels]
    except Exception:  # a broken label tree is no reason to refuse the text
        pass
    return [None] * count


def _page_texts(reader: PdfReader, count: int, name: str, limits: Limits) -> tuple[list[str], dict[int, str]]:
    """Each page's text, "" where reading failed, and by page number why it failed."""
    texts: list[str] = []
    failures: dict[int, str] = {}
    size, started = 0, time.monotonic()
    for number in range(1, count + 1):
        try:
            text = normalise(reader.pages[number - 1].extract_text())
        except Exception as error:  # one broken page is no reason to refuse the others
            text, failures[number] = "", _brief(error)
        texts.append(text)
        size += len(text)
        _check_size(size, f"The text in {name} has more than", limits)
        if time.monotonic() - started > limits.max_read_seconds:
            raise ReadingTooSlow(
                f"{name}: {number:,} of {count:,} pages took longer than the limit of "
                f"{limits.max_read_seconds:,} seconds. Split the file, or raise {PREFIX}MAX_READ_SECONDS."
            )
    return texts, failures


def _notes(count: int, silent: int, failures: Mapping[int, str]) -> tuple[str, ...]:
    notes = []
    if silent:
        notes.append(f"{silent:,} of {count:,} pages have no text: scanned? They are left out.")
    if failures:
        numbers = ", ".join(str(number) for number in list(failures)[:10]) + (", ..." if len(failures) > 10 else "")
        reason = next(iter(failures.values()))
        notes.append(
            f"{len(failures):,} of {count:,} pages could not be read: {numbers} ({reason}). They are left out."
        )
    return tuple(notes)


_READERS: Mapping[str, Callable[[bytes, str, str | None, Limits], Document]] = MappingProxyType(
    {".pdf": _read_pdf, ".txt": _read_text, ".text": _read_text, ".md": _read_text, ".markdown": _read_text}
)
ACCEPTED_TYPES = tuple(_READERS)


# --- choosing pages ---


def select_pages(document: Document, ranges: str) -> tuple[Page, ...]:
    """The pages named by `ranges`, such as "1-3, 7, 12-", in the document's order, each once; "" names all.

    Pages without text are left out. Raises PageRangeError if the text cannot be read, names a page that does not
    exist, or names only pages without text.
    """
    count = len(document.pages)
    entries = ranges.split(",") if ranges.strip() else [f"1-{count}"]
    wanted = {number for entry in entries for number in _parse_entry(entry.strip(), document.name, count)}
    pages = tuple(page for page in document.pages if page.number in wanted and page.text.strip())
    if not pages:
        raise PageRangeError(f"{document.name}: the chosen pages ({ranges.strip()}) have no text. Choose others.")
    return pages


def _parse_entry(entry: str, name: str, count: int) -> range:
    extent = f"{name} has {count:,} {'page' if count == 1 else 'pages'}"
    match = _ENTRY.fullmatch(entry)
    if match is None:
        shown = f"{entry!r} is not a page or a range of pages" if entry else "there is nothing between two commas"
        raise PageRangeError(f"{extent}; {shown}. Write for example 1-3, 7, 12-")
    first = int(match[1])
    last = int(match[3]) if match[3] else count if match[2] else first
    if first < 1:
        raise PageRangeError(f"{extent}; page numbers start at 1, not at {first}.")
    if max(first, last) > count:
        raise PageRangeError(f"{extent}; there is no page {max(first, last):,}.")
    if last < first:
        raise PageRangeError(f"{extent}; {entry!r} runs backwards: write {last}-{first}.")
    return range(first, last + 1)
