"""PDFs become documents page by page, or are refused with a message that says what to do."""

from __future__ import annotations

import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from fpdf import FPDF
from pypdf import PageObject, PdfReader
from pypdf.constants import PageLabelStyle
from pypdf.generic import (
    DecodedStreamObject,
    EncodedStreamObject,
    NameObject,
    NumberObject,
)

from app.documents import RemovedLine, read_document, select_pages
from app.documents.pdf.pages import PageText, PdfPages
from app.say.errors import (
    DamagedFile,
    DocumentError,
    FileTooLarge,
    NoText,
    PasswordNeeded,
    ReadingTooSlow,
    TooManyPages,
    WrongPassword,
)
from app.settings import Limits
from tests.app.documents.pdf_files import make_pdf, save, set_content

ROOT = Path(__file__).parents[4]
DATA = ROOT / "tests/data"
SAMPLE = ROOT / "assets/samples/lighthouses.pdf"


class Report(FPDF):
    """Pages with a header and a footer."""

    def header(self) -> None:
        self.set_font("Helvetica", size=9)
        self.cell(0, 6, "Report on the harbour lights", new_x="LMARGIN", new_y="NEXT")

    def footer(self) -> None:
        self.set_y(-15)
        self.cell(0, 6, f"Page {self.page_no()} of 6")


def test_the_sample_is_read_page_by_page() -> None:
    document = read_document(SAMPLE)
    assert document.name == "lighthouses.pdf"
    assert [page.number for page in document.pages] == list(range(1, 9))
    assert tuple(map(str, document.notes)) == (
        "A running header on 7 of 8 pages was left out.",
        "A running footer on 8 of 8 pages was left out.",
    )
    assert "Henry Winstanley" in document.pages[1].text
    assert "First 920 mm 2.6 m Main sea coasts" in document.pages[4].text
    assert 4000 < sum(len(page.text.split()) for page in document.pages) < 4600


def test_a_file_made_by_pdftex_is_read() -> None:
    document = read_document(DATA / "pdflatex-outline.pdf")
    assert len(document.pages) == 4
    assert all(len(page.text.split()) > 200 for page in document.pages[1:])
    assert not any("\ufb01" in page.text for page in document.pages)


def test_labels_are_those_the_file_states(tmp_path: Path) -> None:
    writer = make_pdf("preface", "contents", "chapter")
    unlabelled = read_document(save(writer, tmp_path / "plain.pdf"))
    assert [page.label for page in unlabelled.pages] == [None, None, None]
    writer.set_page_label(0, 1, style=PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(2, 2, style=PageLabelStyle.DECIMAL)
    labelled = read_document(save(writer, tmp_path / "labelled.pdf"))
    assert [(page.number, page.label) for page in labelled.pages] == [(1, "i"), (2, "ii"), (3, "1")]


def test_pages_without_text_are_kept_empty_and_noted(tmp_path: Path) -> None:
    document = read_document(save(make_pdf("one", "", "three", ""), tmp_path / "mixed.pdf"))
    assert [page.text.strip() for page in document.pages] == ["one", "", "three", ""]
    (said,) = map(str, document.notes)  # and how Tesseract is installed, where it is not
    assert said.startswith("2 of 4 pages have no text: scanned? They are left out.")
    assert [page.number for page in select_pages(document, "")] == [1, 3]


def test_headers_and_footers_are_left_out_and_every_character_leads_back(tmp_path: Path) -> None:
    pdf = Report()
    for word in ("alpha", "beta", "", "delta", "epsilon", "zeta"):
        pdf.add_page()
        if word:
            pdf.multi_cell(0, 6, f"The {word} stands on the rock.\nIt is an exam-\nple of {word}.")
    pdf.output(str(tmp_path / "report.pdf"))
    document = read_document(tmp_path / "report.pdf")
    assert [page.text for page in document.pages] == [
        "Report on the harbour lights\nThe alpha stands on the rock.\nIt is an example of alpha.",
        "The beta stands on the rock.\nIt is an example of beta.",
        "",
        *(f"The {word} stands on the rock.\nIt is an example of {word}." for word in ("delta", "epsilon", "zeta")),
    ]
    assert tuple(map(str, document.notes)) == (
        "1 of 6 pages hold only a running header or footer. They are left out.",
        "A running header on 5 of 6 pages was left out.",
        "A running footer on 6 of 6 pages was left out.",
        "5 words broken over two lines were put together.",
    )
    kept = read_document(tmp_path / "report.pdf", running_lines="keep")
    assert [page.extracted for page in document.pages] == [page.extracted for page in kept.pages]
    assert kept.pages[1].text == (
        "Report on the harbour lights\nThe beta stands on the rock.\nIt is an example of beta.\nPage 2 of 6"
    )
    assert kept.removed == ()
    assert document.removed[:3] == (
        RemovedLine(1, "Page 1 of 6"),
        RemovedLine(2, "Report on the harbour lights"),
        RemovedLine(2, "Page 2 of 6"),
    )
    assert len(document.removed) == 11
    for page in document.pages:
        offsets = [page.offset(position) for position in range(len(page.text))]
        assert "".join(page.extracted[offset] for offset in offsets) == page.text
        assert offsets == sorted(set(offsets))


def test_printed_labels_mark_footers(tmp_path: Path) -> None:
    labels = ("i", "ii", "iii", "1", "2", "3")
    bodies = [f"The {word} is lit." for word in ("north", "south", "west", "east", "upper", "lower")]
    writer = make_pdf(*(f"{body}\n{label}" for body, label in zip(bodies, labels, strict=True)))
    writer.set_page_label(0, 2, style=PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(3, 5, style=PageLabelStyle.DECIMAL)
    document = read_document(save(writer, tmp_path / "book.pdf"))
    assert [page.text for page in document.pages] == bodies
    assert [page.label for page in document.pages] == list(labels)


def test_a_scan_is_refused_with_its_page_count(tmp_path: Path) -> None:
    with pytest.raises(NoText, match=r"scan.pdf has no text: 3 of 3 pages.*OCR"):
        read_document(save(make_pdf("", "", ""), tmp_path / "scan.pdf"))


def test_a_page_that_cannot_be_read_becomes_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = PdfPages.read

    def fail_on_second(pages: PdfPages, page: PageObject, index: int) -> PageText:
        if index == 1:
            raise KeyError("/Font")
        return original(pages, page, index)

    monkeypatch.setattr(PdfPages, "read", fail_on_second)
    document = read_document(save(make_pdf("one", "two", "three"), tmp_path / "broken.pdf"))
    assert [bool(page.text) for page in document.pages] == [True, False, True]
    assert tuple(map(str, document.notes)) == ("1 of 3 pages could not be read: 2 ('/Font'). They are left out.",)


def test_a_file_of_which_no_page_can_be_read_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(pages: PdfPages, page: PageObject, index: int) -> PageText:
        raise RecursionError

    monkeypatch.setattr(PdfPages, "read", fail)
    with pytest.raises(DamagedFile, match=r"none of its 2 pages could be read \(RecursionError\)"):
        read_document(save(make_pdf("one", "two"), tmp_path / "broken.pdf"))


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_a_locked_file_asks_for_its_password(tmp_path: Path, algorithm: str) -> None:
    writer = make_pdf("the secret text")
    writer.encrypt("user", "owner", algorithm=algorithm)
    path = save(writer, tmp_path / "locked.pdf")
    for nothing in (None, ""):
        with pytest.raises(PasswordNeeded, match=r"locked.pdf is locked"):
            read_document(path, password=nothing)
    with pytest.raises(WrongPassword, match=r"locked.pdf does not open"):
        read_document(path, password="usr")
    for right in ("user", "owner"):
        assert "the secret text" in read_document(path, password=right).pages[0].text


def test_a_file_locked_by_libreoffice_opens() -> None:
    document = read_document(DATA / "libreoffice-writer-password.pdf", password="openpassword")
    assert document.pages[0].text.strip()


def test_a_file_with_only_an_owner_password_opens_without_asking(tmp_path: Path) -> None:
    writer = make_pdf("may not be printed")
    writer.encrypt("", "owner", algorithm="AES-256")
    path = save(writer, tmp_path / "restricted.pdf")
    for password in (None, "anything"):
        assert "may not be printed" in read_document(path, password=password).pages[0].text


def test_a_password_for_an_open_file_does_no_harm(tmp_path: Path) -> None:
    path = save(make_pdf("open"), tmp_path / "open.pdf")
    assert "open" in read_document(path, password="needless").pages[0].text


@pytest.mark.parametrize("data", [b"PK\x03\x04" + b"\0" * 3000, b" " * 1024 + b"%PDF-1.7", b"%PDF-1.7\nnothing else"])
def test_what_is_no_pdf_is_damaged(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(data)
    with pytest.raises(DamagedFile, match=r"^x.pdf is "):
        read_document(path)


def test_a_truncated_pdf_is_read_or_refused_but_never_breaks(tmp_path: Path) -> None:
    data = SAMPLE.read_bytes()
    path = tmp_path / "cut.pdf"
    for share in (0.02, 0.3, 0.6, 0.95):
        path.write_bytes(data[: int(len(data) * share)])
        with suppress(DocumentError):
            assert read_document(path).pages


def test_leading_bytes_before_the_header_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(b"\r\n\r\n" + SAMPLE.read_bytes())
    assert len(read_document(path).pages) == 8


@pytest.mark.slow
def test_a_page_that_unfolds_beyond_measure_is_left_out(tmp_path: Path) -> None:
    writer = make_pdf("harmless", "bomb")
    bomb = EncodedStreamObject()
    bomb._data = zlib.compress(b" " * 60_000_000, 9)
    bomb[NameObject("/Filter")] = NameObject("/FlateDecode")
    bomb[NameObject("/Length")] = NumberObject(len(bomb._data))
    set_content(writer.pages[1], bomb, writer)
    path = save(writer, tmp_path / "bomb.pdf")
    assert path.stat().st_size < 100_000
    document = read_document(path)
    assert "harmless" in document.pages[0].text
    assert len(document.notes) == 1
    assert "1 of 2 pages could not be read: 2 (Limit reached" in str(document.notes[0])


def test_text_that_unfolds_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.documents.file_input.MEGABYTE", 20_000)
    writer = make_pdf("x")
    stream = DecodedStreamObject()
    stream.set_data(b"BT /F1 12 Tf " + b"(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa) Tj " * 600 + b" ET")
    set_content(writer.pages[0], stream.flate_encode(), writer)
    path = save(writer, tmp_path / "long.pdf")
    with pytest.raises(FileTooLarge, match=r"text in long.pdf has more than 1\.\d MB; the limit is 1 MB"):
        read_document(path, limits=Limits(max_file_megabytes=1))


def test_limits_are_stated_with_value_and_setting(tmp_path: Path) -> None:
    path = save(make_pdf("a", "b", "c"), tmp_path / "three.pdf")
    with pytest.raises(TooManyPages, match=r"three.pdf has 3 pages; the limit is 2\..*REFRESHKV_MAX_PAGES"):
        read_document(path, limits=Limits(max_pages=2))
    with pytest.raises(ReadingTooSlow, match=r"of 3 pages.*limit of 0 seconds.*REFRESHKV_MAX_READ_SECONDS"):
        read_document(path, limits=Limits(max_read_seconds=0))
    text = tmp_path / "big.txt"
    text.write_bytes(b"a" * 1_500_000)
    with pytest.raises(FileTooLarge, match=r"big.txt has 1.5 MB; the limit is 1 MB.*REFRESHKV_MAX_FILE_MEGABYTES"):
        read_document(text, limits=Limits(max_file_megabytes=1))


def test_reading_leaves_pypdfs_own_configuration_alone() -> None:
    from pypdf import get_configuration

    before = get_configuration()
    read_document(SAMPLE)
    assert get_configuration() is before


def test_the_sample_holds_its_source() -> None:
    """The PDF that ships is the one its Markdown gives."""
    words = set((SAMPLE.with_suffix(".md")).read_text(encoding="utf-8").replace("|", " ").split())
    read = set(" ".join(page.extract_text() for page in PdfReader(SAMPLE).pages).split())
    assert words - read <= {"#", "##", "---"}
