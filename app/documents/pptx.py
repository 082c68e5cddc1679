"""PowerPoint presentations: each slide a page, with its title as a heading, its paragraphs, tables and notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.documents import markdown
from app.documents.alt_text import description
from app.documents.archive import open_archive
from app.documents.document import Document
from app.documents.file_input import FileInput
from app.documents.headings import marked_headings
from app.documents.repair import clean
from app.documents.small_letters import lowered, raised
from app.documents.word import omml
from app.documents.word.package import Package, PackageError, brief
from app.say.errors import DamagedFile, DocumentError, NoText
from app.say.wording import Message

_SPACES = {
    "p": "http://schemas.openxmlformats.org/presentationml/2006/main",
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
}
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}oMath"
_TITLES = ("title", "ctrTitle")
_UNREAD = ("dt", "ftr", "sldNum", "hdr", "sldImg")


def read_pptx(data: bytes, job: FileInput) -> Document:
    """The document in a PowerPoint file; the speaker's notes stand below what the slide shows."""
    with open_archive(data, job, Message("a PowerPoint presentation (pptx)")) as archive:
        try:
            package = Package(archive, job)
            main = package.main()
            paths = {reference.key: reference.path for reference in package.references(main)}
            slides = [paths[one.get(_name("r:id"))] for one in package.part(main).iter(_name("p:sldId"))]
            job.check_pages(len(slides))
            texts = []
            for number, path in enumerate(slides, 1):
                texts.append(_slide(package, path))
                job.check_size(sum(map(len, texts)), Message("The text in {} has more than", job.name))
                job.advance(number, len(slides))
        except DocumentError:
            raise
        except Exception as error:  # a broken package raises whatever its parts lead to
            reason = brief(error) if isinstance(error, PackageError) else Message("{}", type(error).__name__)
            raise DamagedFile("{} is damaged and cannot be read ({}). Export it again.", job.name, reason) from error
    if not any(texts):
        reason = Message("its pages may be pictures")
        raise NoText("{} has no text ({}). Convert it to PDF and run text recognition (OCR) over it.", job.name, reason)
    pages = clean(texts, [None] * len(texts))
    silent = sum(not text for text in texts)
    note = Message("{:,} of {:,} pages have no text: pictures? They are left out.", silent, len(texts))
    return Document(job.name, pages, (note,) if silent else (), marked_headings(pages))


def _name(name: str) -> str:
    """The full name of "p:sp"."""
    space, _, tag = name.partition(":")
    return f"{{{_SPACES[space]}}}{tag}"


def _slide(package: Package, path: str) -> str:
    blocks = list(_blocks(package.part(path)))
    blocks.sort(key=lambda block: not block.startswith("# "))  # the title may be drawn last
    for reference in package.references(path):
        if reference.kind == "notesSlide":
            notes = [block.removeprefix("# ") for block in _blocks(package.part(reference.path))]
            blocks += [f"[{text}]" for text in notes]
    return "\n\n".join(blocks)


def _blocks(root: Any) -> Iterator[str]:
    """The texts of the shapes, in the order in which they are drawn."""
    for shape in root.iter(_name("p:sp"), _name("a:tbl"), _name("p:pic")):
        if shape.tag == _name("a:tbl"):
            rows = [
                ["; ".join(filter(None, _lines(cell))) for cell in row.iter(_name("a:tc"))]
                for row in shape.iter(_name("a:tr"))
            ]
            if table := markdown.table(rows):
                yield "\n".join(table)
        elif shape.tag == _name("p:pic"):
            about = next(shape.iter(_name("p:cNvPr")), None)
            if about is not None and (text := description(about.get("descr", ""))):
                yield text
        else:
            place = next(shape.iter(_name("p:ph")), None)
            kind = "" if place is None else place.get("type", "")
            lines = [] if kind in _UNREAD else [line for line in _lines(shape) if line.strip()]
            if lines:
                yield markdown.heading(1, " ".join(lines)) if kind in _TITLES else "\n".join(lines)


def _lines(shape: Any) -> Iterator[str]:
    for paragraph in shape.iter(_name("a:p")):
        properties = paragraph.find(_name("a:pPr"))
        level = 0 if properties is None else min(int(properties.get("lvl", 0)), 8)
        text = _paragraph(paragraph).strip()
        yield f"{'  ' * (level - 1)}- {text}" if text and level else text


def _paragraph(paragraph: Any) -> str:
    text = ""
    for run in paragraph.iter(_name("a:t"), _name("a:br"), _MATH):
        if run.tag == _name("a:br"):
            text += "\n"
            continue
        if run.tag == _MATH:
            text += omml.linear(run)
            continue
        properties = run.getparent().find(_name("a:rPr"))
        baseline = 0 if properties is None else int(properties.get("baseline", "0").rstrip("%").partition(".")[0] or 0)
        own = run.text or ""
        text += raised(own, text[-40:]) if baseline > 0 else lowered(own, text[-40:]) if baseline < 0 else own
    return text
