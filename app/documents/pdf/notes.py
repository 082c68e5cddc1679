"""What the pages of a PDF came to, and what is said of it to the reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.documents.document import Page
from app.documents.pdf.ocr import Tesseract
from app.documents.pdf.pages import PageText
from app.documents.ranges import name_pages
from app.say.wording import Message
from app.settings import PREFIX
from app.text.valid import is_visible

INSTALL = "apt install tesseract-ocr"

_LISTED = 10  # pages, or runs of pages


@dataclass
class ReadPages:
    """The pages as they were read, and the 1-based numbers of those that could not be (with the reason), whose letters
    are unknown, that were recognised, that could have been if there had been more time, and that are pictures with a
    few letters where there is no Tesseract. And how many pictures were looked at."""

    pages: list[PageText] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)
    unreadable: list[int] = field(default_factory=list)
    recognised: list[int] = field(default_factory=list)
    out_of_time: list[int] = field(default_factory=list)
    stamped: list[int] = field(default_factory=list)
    pictures: int = 0
    tesseract: Tesseract | None = None
    looked: bool = False

    @property
    def languages(self) -> str:
        """In which pages were recognised, as Tesseract names them: "deu+eng"."""
        return "+".join(self.tesseract.languages) if self.tesseract else ""


def read_notes(texts: Sequence[str], pages: Sequence[Page], read: ReadPages) -> tuple[Message, ...]:
    """What is missing: pages without text in the file, pages that could not be read, pages that repair emptied. And
    which were recognised, as there letters may be wrong."""
    count, notes = len(pages), list[Message]()
    failed = {*read.failures, *read.unreadable}
    silent = sum(not is_visible(text) and number not in failed for number, text in enumerate(texts, 1))
    silent -= len(read.out_of_time)
    if read.recognised:
        notes.append(
            Message(
                "{:,} of {:,} pages are pictures of text and were recognised (Tesseract, {}): {}. "
                "Letters and numbers in them may be wrong.",
                len(read.recognised), count, read.languages, _listed(read.recognised),
            )
        )  # fmt: skip
    if read.tesseract and read.tesseract.lacking:
        notes.append(
            Message(
                "Tesseract has no data here for {}. Install it ({}).",
                ", ".join(read.tesseract.lacking), f"{INSTALL}-{read.tesseract.lacking[0]}",
            )
        )  # fmt: skip
    if read.out_of_time:
        notes.append(
            Message(
                "{:,} pages were not recognised within the time limit: {}. Split the file, or raise {}.",
                len(read.out_of_time), _listed(read.out_of_time), f"{PREFIX}MAX_READ_SECONDS",
            )
        )  # fmt: skip
    if read.stamped:
        notes.append(
            Message(
                "{:,} of {:,} pages are pictures, of which only a few letters are text: {}. To have them read, "
                "install Tesseract here ({}) and add the file again.",
                len(read.stamped), count, _listed(read.stamped), INSTALL,
            )
        )  # fmt: skip
    if silent and read.looked and not read.tesseract:
        notes.append(
            Message(
                "{:,} of {:,} pages have no text: scanned? They are left out. To have them recognised, install "
                "Tesseract here ({}) and add the file again.",
                silent, count, INSTALL,
            )
        )  # fmt: skip
    elif silent:
        notes.append(Message("{:,} of {:,} pages have no text: scanned? They are left out.", silent, count))
    if read.unreadable:
        notes.append(
            Message(
                "The letters of {:,} of {:,} pages cannot be read: {}. Their fonts do not say which characters they "
                "are. They are left out; text recognition (OCR) would help.",
                len(read.unreadable), count, _listed(read.unreadable),
            )
        )  # fmt: skip
    if read.failures:
        reason = next(iter(read.failures.values()))
        notes.append(
            Message(
                "{:,} of {:,} pages could not be read: {} ({}). They are left out.",
                len(read.failures), count, _listed(list(read.failures)), reason,
            )
        )  # fmt: skip
    emptied = sum(is_visible(text) and not is_visible(page.text) for text, page in zip(texts, pages, strict=True))
    if emptied:
        notes.append(
            Message("{:,} of {:,} pages hold only a running header or footer. They are left out.", emptied, count)
        )
    return tuple(notes)


def _listed(numbers: Sequence[int]) -> str:
    runs = name_pages(numbers).split(", ")
    return ", ".join(runs[:_LISTED]) + (", ..." if len(runs) > _LISTED else "")
