"""Rich text (rtf): its text by striprtf, with headings where the file states outline levels."""

from __future__ import annotations

import re

from app.documents import markdown
from app.documents.document import Document
from app.documents.file_input import FileInput
from app.documents.headings import find_headings, marked_headings
from app.documents.repair import clean
from app.say.errors import DamagedFile, EmptyFile
from app.say.wording import Message

_OUTLINE = re.compile(r"\\outlinelevel([0-8])(?![0-9])")
_PICTURE = re.compile(r"\\(?:bin\d+|pict)\b")
_MARK = re.compile(r"\u2e22(\d)\u2e23[ \t]*(.*)")
_MOST_WORDS = 5_000_000  # control words; each takes about a microsecond


def read_rtf(data: bytes, job: FileInput) -> Document:
    """One page, or one for each page break that the author set."""
    from striprtf.striprtf import rtf_to_text

    if not data.lstrip()[:5] == b"{\\rtf":
        raise DamagedFile("{} is named like {} but is none, or is cut short ({}). Export it again.", job.name,
                          Message("rich text (rtf)"), "{\\rtf")  # fmt: skip
    source = data.decode("cp1252", "replace")
    # A level stands before its paragraph's text: it is put there as characters that no text has.
    source = _OUTLINE.sub(lambda level: rf"\u11810?{level[1]}\u11811?", source).replace("\\page ", "\\par\f\\par ")
    try:
        text = rtf_to_text(source, errors="replace")
    except Exception as error:
        raise DamagedFile(
            "{} is damaged and cannot be read ({}). Export it again.", job.name, type(error).__name__
        ) from error
    job.check_time()
    job.check_size(len(text), Message("The text in {} has", job.name))
    texts = [_paragraphs(page) for page in text.split("\f")]
    job.check_pages(len(texts))
    if not any(texts):
        raise EmptyFile("{} holds no text. If it holds pictures of text, recognise it (OCR) first.", job.name)
    pages = clean(texts, [None] * len(texts))
    return Document(job.name, pages, (), marked_headings(pages) or find_headings(job.name, pages))


def _paragraphs(text: str) -> str:
    blocks = []
    for line in text.split("\n"):
        found = _MARK.fullmatch(line.strip())
        if found:
            blocks.append(markdown.heading(int(found[1]) + 1, found[2]) if found[2].strip() else "")
        elif line.strip("| \t"):
            blocks.append(re.sub("\u2e22\\d\u2e23", "", line).rstrip())
    joined = ""
    for block in filter(None, blocks):
        row = block.count("|") > 1 and joined.rpartition("\n")[2].count("|") > 1  # rows stand close
        joined += ("\n" if row else "\n\n" if joined else "") + block
    return joined
