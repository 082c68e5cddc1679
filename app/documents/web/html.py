"""Web pages: what a reader sees of one, as plain text with Markdown headings, lists and tables."""

from __future__ import annotations

import codecs
from contextlib import suppress

from bs4.dammit import EncodingDetector

from app.documents.document import Document
from app.documents.file_input import FileInput
from app.documents.headings import marked_headings
from app.documents.repair import clean
from app.documents.text import decode
from app.documents.web.main import main_part
from app.documents.web.text import html_to_text
from app.say.errors import NoText
from app.say.wording import Message


def read_html(data: bytes, job: FileInput) -> Document:
    """A web page, as one page: its main part, unless the whole page is wanted. What is hidden is left out."""
    text, notes = decode_markup(data, job.name, job.read_as.encoding)
    content = html_to_text(text, job.name)
    if not content:
        raise NoText(
            "{} has no text of its own: a browser may put it there by scripts. Open it in a browser and save it as "
            "PDF, or paste its text.",
            job.name,
        )
    if not job.read_as.whole_page and (main := main_part(text, content)):
        content = main.text
        notes += (Message("Left out as beside the main text: {:,} words (“{}”).", main.left_out, main.sample),)
    pages = clean([content], [None])
    return Document(job.name, pages, notes, marked_headings(pages))


def decode_markup(data: bytes, name: str, chosen: str | None = None) -> tuple[str, tuple[Message, ...]]:
    """As `text.decode`, with the encoding that the markup declares, unless one was `chosen`."""
    declared = EncodingDetector.find_declared_encoding(data, is_html=True)
    with suppress(LookupError):
        # Pages that declare these are written, and read by browsers, in their superset.
        if declared and codecs.lookup(declared).name in ("iso8859-1", "ascii"):
            declared = "cp1252"
    return decode(data, name, declared, chosen)
