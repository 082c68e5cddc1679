"""What stands beside a Word document's text: headers, footers and comments; and files within the file."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.enum.section import WD_SECTION
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml.ns import nsdecls
from docx.oxml.parser import parse_xml

from app.documents import Document, RemovedLine, choices_of, read_document


def saved(document: Any, folder: Path) -> Path:
    document.save(folder / "a.docx")
    return folder / "a.docx"


def texts(document: Document) -> list[str]:
    return [page.text for page in document.pages]


def two_sections() -> Any:
    """The second has a header of its own, and the first one's footer. One comment."""
    document = docx.Document()
    commented = document.add_paragraph("The lamp")
    document.add_comment(commented.runs, "Is that so?", "Orr")
    commented.add_run(" was lit.")
    document.sections[0].header.paragraphs[0].text = "Version 3"
    document.sections[0].footer.paragraphs[0].text = "Bell Rock"
    document.add_section(WD_SECTION.NEW_PAGE)
    document.add_paragraph("It burns.")
    document.sections[1].header.is_linked_to_previous = False
    document.sections[1].header.paragraphs[0].text = "Version 4"
    document.sections[1].first_page_header.paragraphs[0].text = "Not shown"
    return document


def test_headers_footers_and_comments_are_left_out_and_listed(tmp_path: Path) -> None:
    found = read_document(saved(two_sections(), tmp_path))
    assert texts(found) == ["The lamp was lit.", "It burns."]
    assert found.removed == (
        RemovedLine(1, "Version 3"),
        RemovedLine(1, "Bell Rock"),
        RemovedLine(1, "Orr: Is that so?", "comment"),
        RemovedLine(2, "Version 4"),
    )
    assert list(map(str, found.notes)) == ["1 comment was left out."]
    assert choices_of(found) == {"running_lines", "comments"}


def test_headers_and_footers_stand_where_their_section_begins_and_ends(tmp_path: Path) -> None:
    found = read_document(saved(two_sections(), tmp_path), running_lines="keep")
    assert texts(found) == ["Version 3\n\nThe lamp was lit.\n\nBell Rock", "Version 4\n\nIt burns."]
    assert [line.kind for line in found.removed] == ["comment"]
    assert choices_of(found) == {"running_lines", "comments"}


def test_comments_stand_at_their_place(tmp_path: Path) -> None:
    found = read_document(saved(two_sections(), tmp_path), comments=True)
    assert texts(found)[0] == "The lamp [comment by Orr: Is that so?] was lit."
    assert (found.notes, [line.kind for line in found.removed]) == ((), ["running"] * 3)
    assert choices_of(found) == {"running_lines", "comments"}


def test_a_header_that_is_only_a_number_and_one_of_first_pages(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("The lamp was lit.").paragraph_format.page_break_before = True
    section = document.sections[0]
    section.different_first_page_header_footer = True
    section.first_page_header.paragraphs[0].text = "Notice to mariners"
    section.header.paragraphs[0].text = "Notices"
    section.footer.paragraphs[0].text = "7"
    assert read_document(saved(document, tmp_path)).removed == (
        RemovedLine(1, "Notice to mariners"),
        RemovedLine(1, "Notices"),
    )
    kept = read_document(tmp_path / "a.docx", running_lines="keep")
    assert texts(kept) == ["Notice to mariners\n\nNotices\n\nThe lamp was lit."]


def inner(depth: int = 0) -> bytes:
    """A Word file of two pages with a note, around others if `depth` says so."""
    document = docx.Document()
    document.add_heading("Inner", 1)
    document.add_page_break()
    document.add_paragraph("Second")
    document.sections[0].header.paragraphs[0].text = "Draft"
    if depth:
        put_in(document, "w.docx", WORD, inner(depth - 1))
    data = BytesIO()
    document.save(data)
    return data.getvalue()


WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
MHT = b"Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>Inner</p>\n--b--\n"


def put_in(document: Any, name: str, kind: str, data: bytes) -> None:
    part = Part(PackURI(f"/word/{name}"), kind, data, document.part.package)
    key = document.part.relate_to(part, RELATIONSHIP_TYPE.A_F_CHUNK)
    document.element.body.insert(1, parse_xml(f"<w:altChunk {nsdecls('w', 'r')} r:id='{key}'/>"))


@pytest.mark.parametrize(
    ("name", "kind", "data", "expected"),
    [
        ("a.html", "text/html", b"<h1>Inner</h1><p>m<sup>2</sup></p>", ["# Inner\n\nm²"]),
        ("a.txt", "text/plain", b"Inner", ["Inner"]),
        ("a.rtf", "application/rtf", b"{\\rtf1 Inner\\page Second}", ["Inner", "Second"]),
        ("a.mht", "message/rfc822", MHT, ["Inner"]),
        ("b.docx", WORD, inner(), ["# Inner", "Second"]),
    ],
)
def test_files_within_the_file(tmp_path: Path, name: str, kind: str, data: bytes, expected: list[str]) -> None:
    document = docx.Document()
    document.add_paragraph("before")
    put_in(document, name, kind, data)
    document.add_paragraph("after")
    result = read_document(saved(document, tmp_path))
    assert "\f".join(texts(result)) == "before\n\n" + "\f".join(expected) + "\n\nafter"
    assert result.removed == ((RemovedLine(1, "Draft"),) if kind == WORD else ())
    assert result.notes == ()


def test_files_that_cannot_be_read_or_lie_too_deep_are_named(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("before")
    put_in(document, "a.odd", "application/odd", b"Inner")
    put_in(document, "b.docx", WORD, inner(5))
    result = read_document(saved(document, tmp_path))
    assert sum(text.count("Inner") for text in texts(result)) == 3
    assert list(map(str, result.notes)) == [
        f"2 files within the file could not be read ({WORD}, application/odd).",
    ]
