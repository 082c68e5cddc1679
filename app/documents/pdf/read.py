"""PDF: each page's text, as it stands in the file. Encrypted files open with their password."""

from __future__ import annotations

from io import BytesIO

from pypdf import PasswordType, PdfReader
from pypdf.errors import DependencyError

from app.documents.document import Document, Recognised
from app.documents.file_input import FileInput
from app.documents.line_forms import PageForms
from app.documents.pdf.headings import line_entries, outline_entries, pdf_headings
from app.documents.pdf.letters import looks_written
from app.documents.pdf.limits import limited
from app.documents.pdf.notes import INSTALL, ReadPages, read_notes
from app.documents.pdf.ocr import Tesseract
from app.documents.pdf.pages import PageText, PdfPages, plain
from app.documents.repair import normalise, repair_lines
from app.say.errors import DamagedFile, NoText, PasswordNeeded, WrongPassword
from app.say.wording import Message
from app.text.valid import is_visible

_SPARE_SECONDS, _SPARE_SHARE = 3, 0.1
"""What is kept of the time to read, at least, and as a share of it, so that a long scan is read in part and not
refused."""


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
        read = _read_pages(data, reader, count, job)
    failures = read.failures
    if failures and len(failures) == count:
        raise DamagedFile("{}: none of its {:,} pages could be read ({}). Export it again.", name, count, failures[1])
    texts = [page.text if page.readable else "" for page in read.pages]
    if not any(map(is_visible, texts)):
        raise _no_text(name, read)
    forms = PageForms([page.forms() for page in read.pages])
    repaired = repair_lines(texts, labels, forms, keep_running=job.read_as.running_lines)
    headings = pdf_headings(name, repaired.pages, outline, line_entries([page.lines for page in read.pages]))
    notes = read_notes(texts, repaired.pages, read) + repaired.notes
    recognised = Recognised(tuple(read.recognised), read.languages) if read.recognised else None
    return Document(name, repaired.pages, notes, headings, repaired.removed, recognised=recognised)


def _no_text(name: str, read: ReadPages) -> NoText:
    count = len(read.pages)
    if read.unreadable and read.pictures:
        return NoText(
            "{}: the letters of {:,} of {:,} pages cannot be read: their fonts do not say which characters they are, "
            "and text recognition (OCR) found no text in pictures of them either. Export it with its fonts.",
            name, len(read.unreadable), count,
        )  # fmt: skip
    if read.pictures:
        return NoText(
            "{} has no text that can be read, and in pictures of its {:,} pages no letters were recognised.",
            name,
            count,
        )
    if read.unreadable:
        return NoText(
            "{}: the letters of {:,} of {:,} pages cannot be read: their fonts do not say which characters they are. "
            "Run text recognition (OCR) over it first, or install Tesseract here ({}) and add it again.",
            name, len(read.unreadable), count, INSTALL,
        )  # fmt: skip
    return NoText(
        "{} has no text: {:,} of {:,} pages are pictures or blank, as in a scan. "
        "Run text recognition (OCR) over it first, or install Tesseract here ({}) and add it again.",
        name, count - len(read.failures), count, INSTALL,
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


def _read_pages(data: bytes, reader: PdfReader, count: int, job: FileInput) -> ReadPages:
    """Each page, without lines where reading failed. Pages without letters are recognised as long as there is time."""
    read = ReadPages()
    size = 0
    with PdfPages(data, job.password) as pages:
        for number in range(1, count + 1):
            try:
                page = pages.read(reader.pages[number - 1], number - 1)
            except Exception as error:  # one broken page is no reason to refuse the others
                page, read.failures[number] = PageText(()), _brief(error)
            else:
                if not page.readable or page.pictured or not is_visible(page.text):
                    page = _recognised(page, number, pages, read, job)
            if not page.readable:
                read.unreadable.append(number)
            read.pages.append(page)
            size += len(page.text)
            job.check_size(size, Message("The text in {} has more than", job.name))
            job.advance(number, count)
    return read


def _recognised(page: PageText, number: int, pages: PdfPages, read: ReadPages, job: FileInput) -> PageText:
    """The page as Tesseract reads it, or as it is."""
    if not read.looked:
        wanted = job.read_as.languages or job.limits.ocr_languages
        read.looked, read.tesseract = bool(wanted), Tesseract.find(wanted)
    if not read.tesseract and page.pictured and is_visible(page.text):
        read.stamped.append(number)
    if not read.tesseract or not pages.is_drawn(number - 1):
        return page
    seconds = job.seconds_left - max(_SPARE_SECONDS, _SPARE_SHARE * job.limits.max_read_seconds)
    if seconds <= 0:
        read.out_of_time.append(number)
        return page
    if (picture := pages.picture(number - 1)) is None:
        return page
    read.pictures += 1
    try:
        text = read.tesseract.read(picture, seconds)
    except TimeoutError:
        read.out_of_time.append(number)
        return page
    except OSError as error:
        read.failures[number] = _brief(error)
        return page
    # Where the letters' shapes are not in the file either, a picture shows other ones.
    if not is_visible(text) or not (page.readable or looks_written(text)):
        return page
    # What is typed on a picture without text is right as it is.
    if page.pictured and len(text) < 2 * len(page.text):
        return page
    read.recognised.append(number)
    return plain(text)
