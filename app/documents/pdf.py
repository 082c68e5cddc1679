"""PDF: each page's text, as it stands in the file. Encrypted files open with their password."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO

from pypdf import PasswordType, PdfReader, apply_configuration
from pypdf.errors import DependencyError

from app.documents.document import Document, Page
from app.documents.file_input import MEGABYTE, FileInput
from app.documents.pdf_fonts import SpaceFinder
from app.documents.pdf_headings import FontLines, outline_entries, pdf_headings
from app.documents.repair import normalise, repair
from app.say.errors import DamagedFile, NoText, PasswordNeeded, WrongPassword
from app.say.wording import Message
from app.text.valid import is_visible

# A few kilobytes can unfold to gigabytes. No page, font or object table that leads to text is larger than this.
_STREAM_BYTES = 25 * MEGABYTE


def read_pdf(data: bytes, job: FileInput) -> Document:
    """The document in a PDF, repaired, with the labels printed on its pages if the file states them.

    Pages that cannot be read or have no text are kept empty and noted.
    """
    name = job.name
    if b"%PDF-" not in data[:1024]:
        raise DamagedFile("{} is named like a PDF but is none: it does not begin with %PDF-. Export it again.", name)
    with apply_configuration(
        array_based_stream_maximum_output_length=_STREAM_BYTES,
        zlib_maximum_output_length=_STREAM_BYTES,
        lzw_maximum_output_length=_STREAM_BYTES,
        run_length_maximum_output_length=_STREAM_BYTES,
        brotli_maximum_output_length=_STREAM_BYTES,
        stream_decoding_work_maximum_length=4 * _STREAM_BYTES,
    ):
        reader = _open(data, name, job.password)
        try:
            count = len(reader.pages)
        except Exception as error:
            raise _damaged(name, error) from error
        job.check_pages(count)
        labels = _labels(reader, count)
        outline, lines = outline_entries(reader), FontLines()
        texts, failures = _page_texts(reader, count, job, lines)
    if failures and len(failures) == count:
        raise DamagedFile("{}: none of its {:,} pages could be read ({}). Export it again.", name, count, failures[1])
    if not any(map(is_visible, texts)):
        raise NoText(
            "{} has no text: {:,} of {:,} pages are pictures or blank, as in a scan. "
            "Run text recognition (OCR) over it first.",
            name, count - len(failures), count,
        )  # fmt: skip
    pages, notes = repair(texts, labels)
    headings = pdf_headings(name, pages, outline, lines.entries())
    return Document(name, pages, _notes(texts, pages, failures) + notes, headings)


def _open(data: bytes, name: str, password: str | None) -> PdfReader:
    try:
        reader = PdfReader(BytesIO(data))
        # An owner's password only restricts printing and the like: such a file opens with the empty user password.
        locked = reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED
        wrong = locked and bool(password) and reader.decrypt(password or "") == PasswordType.NOT_DECRYPTED
    except DependencyError as error:
        raise DamagedFile(
            "{} is encrypted and cannot be opened here: {}. Install pypdf[crypto].", name, str(error)
        ) from error
    except Exception as error:  # a broken file raises whatever its bytes lead to, not only PyPdfError
        raise _damaged(name, error) from error
    if wrong:
        raise WrongPassword("{} does not open with this password. Try another one, or save it without.", name)
    if locked and not password:
        raise PasswordNeeded("{} is locked. Enter its password, or save it without one.", name)
    return reader


def _damaged(name: str, error: Exception) -> DamagedFile:
    return DamagedFile(
        "{} is damaged and cannot be read ({}). Open it in a viewer and save it again.", name, _brief(error)
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


def _page_texts(reader: PdfReader, count: int, job: FileInput, lines: FontLines) -> tuple[list[str], dict[int, str]]:
    """Each page's text, "" where reading failed, and by page number why it failed. `lines` sees all of it."""
    texts: list[str] = []
    failures: dict[int, str] = {}
    spaces, size = SpaceFinder(), 0
    for number in range(1, count + 1):
        try:
            page = reader.pages[number - 1]
            spaces.prepare(page)
            lines.begin(number)
            text = page.extract_text(visitor_text=lines.watch)
        except Exception as error:  # one broken page is no reason to refuse the others
            text, failures[number] = "", _brief(error)
        texts.append(text)
        size += len(text)
        job.check_size(size, Message("The text in {} has more than", job.name))
        job.advance(number, count)
    return texts, failures


def _notes(texts: Sequence[str], pages: Sequence[Page], failures: Mapping[int, str]) -> tuple[Message, ...]:
    """What is missing: pages without text in the file, pages that could not be read, pages that repair emptied."""
    count, notes = len(pages), list[Message]()
    silent = sum(not is_visible(text) for text in texts) - len(failures)
    if silent:
        notes.append(Message("{:,} of {:,} pages have no text: scanned? They are left out.", silent, count))
    if failures:
        numbers = ", ".join(str(number) for number in list(failures)[:10]) + (", ..." if len(failures) > 10 else "")
        reason = next(iter(failures.values()))
        notes.append(
            Message(
                "{:,} of {:,} pages could not be read: {} ({}). They are left out.",
                len(failures), count, numbers, reason,
            )
        )  # fmt: skip
    emptied = sum(not is_visible(page.text) for page in pages) - silent - len(failures)
    if emptied:
        notes.append(
            Message("{:,} of {:,} pages hold only a running header or footer. They are left out.", emptied, count)
        )
    return tuple(notes)
