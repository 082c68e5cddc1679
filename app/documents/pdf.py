"""PDF: each page's text, as it stands in the file. Encrypted files open with their password."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO

from pypdf import PasswordType, PdfReader
from pypdf.errors import DependencyError

from app.documents.document import Document, Page
from app.documents.file_input import FileInput
from app.documents.line_forms import PageForms
from app.documents.pdf_headings import line_entries, outline_entries, pdf_headings
from app.documents.pdf_limits import limited
from app.documents.pdf_pages import PageText, PdfPages
from app.documents.repair import normalise, repair_lines
from app.say.errors import DamagedFile, NoText, PasswordNeeded, WrongPassword
from app.say.wording import Message
from app.text.valid import is_visible


def read_pdf(data: bytes, job: FileInput) -> Document:
    """The document in a PDF, repaired, with the labels printed on its pages if the file states them.

    Pages that cannot be read or have no text are kept empty and noted.
    """
    name = job.name
    if b"%PDF-" not in data[:1024]:
        raise DamagedFile("{} is named like a PDF but is none: it does not begin with %PDF-. Export it again.", name)
    with limited():
        reader = _open(data, name, job.password)
        try:
            count = len(reader.pages)
        except Exception as error:
            raise _damaged(name, error) from error
        job.check_pages(count)
        labels, outline = _labels(reader, count), outline_entries(reader)
        read, failures = _read_pages(data, reader, count, job)
    if failures and len(failures) == count:
        raise DamagedFile("{}: none of its {:,} pages could be read ({}). Export it again.", name, count, failures[1])
    unreadable = [number for number, page in enumerate(read, 1) if not page.readable]
    texts = [page.text if page.readable else "" for page in read]
    if not any(map(is_visible, texts)):
        raise _no_text(name, count, failures, unreadable)
    forms = PageForms([page.forms() for page in read])
    repaired = repair_lines(texts, labels, forms, keep_running=job.keep_running_lines)
    headings = pdf_headings(name, repaired.pages, outline, line_entries([page.lines for page in read]))
    notes = _notes(texts, repaired.pages, failures, unreadable) + repaired.notes
    return Document(name, repaired.pages, notes, headings, repaired.removed)


def _no_text(name: str, count: int, failures: Mapping[int, str], unreadable: Sequence[int]) -> NoText:
    if unreadable:
        return NoText(
            "{}: the letters of {:,} of {:,} pages cannot be read: their fonts do not say which characters they are. "
            "Run text recognition (OCR) over it first.",
            name, len(unreadable), count,
        )  # fmt: skip
    return NoText(
        "{} has no text: {:,} of {:,} pages are pictures or blank, as in a scan. "
        "Run text recognition (OCR) over it first.",
        name, count - len(failures), count,
    )  # fmt: skip


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


def _read_pages(data: bytes, reader: PdfReader, count: int, job: FileInput) -> tuple[list[PageText], dict[int, str]]:
    """Each page, without lines where reading failed, and by page number why it failed."""
    read: list[PageText] = []
    failures: dict[int, str] = {}
    size = 0
    with PdfPages(data, job.password) as pages:
        for number in range(1, count + 1):
            try:
                page = pages.read(reader.pages[number - 1], number - 1)
            except Exception as error:  # one broken page is no reason to refuse the others
                page, failures[number] = PageText(()), _brief(error)
            read.append(page)
            size += len(page.text)
            job.check_size(size, Message("The text in {} has more than", job.name))
            job.advance(number, count)
    return read, failures


def _notes(
    texts: Sequence[str], pages: Sequence[Page], failures: Mapping[int, str], unreadable: Sequence[int]
) -> tuple[Message, ...]:
    """What is missing: pages without text in the file, pages that could not be read, pages that repair emptied."""
    count, notes = len(pages), list[Message]()
    silent = sum(not is_visible(text) for text in texts) - len(failures) - len(unreadable)
    if silent:
        notes.append(Message("{:,} of {:,} pages have no text: scanned? They are left out.", silent, count))
    if unreadable:
        notes.append(
            Message(
                "The letters of {:,} of {:,} pages cannot be read: {}. Their fonts do not say which characters they "
                "are. They are left out; text recognition (OCR) would help.",
                len(unreadable), count, _listed(unreadable),
            )
        )  # fmt: skip
    if failures:
        reason = next(iter(failures.values()))
        notes.append(
            Message(
                "{:,} of {:,} pages could not be read: {} ({}). They are left out.",
                len(failures), count, _listed(list(failures)), reason,
            )
        )  # fmt: skip
    emptied = sum(not is_visible(page.text) for page in pages) - silent - len(failures) - len(unreadable)
    if emptied:
        notes.append(
            Message("{:,} of {:,} pages hold only a running header or footer. They are left out.", emptied, count)
        )
    return tuple(notes)


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:10])) + (", ..." if len(numbers) > 10 else "")
