"""Files become documents, or are refused with a message that says what to do."""

from __future__ import annotations

import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.constants import PageLabelStyle
from pypdf.generic import DecodedStreamObject, EncodedStreamObject, NameObject, NumberObject

from app.documents import Document, Page, normalise, read_document, select_pages
from app.errors import (
    DamagedFile,
    DocumentError,
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
from app.settings import Limits

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests/data"
SAMPLE = ROOT / "assets/samples/lighthouses.pdf"


def make_pdf(*texts: str) -> PdfWriter:
    """A PDF with one page for each text; an empty text gives a page without any."""
    pdf = FPDF()
    pdf.set_font("Helvetica", size=12)
    for text in texts:
        pdf.add_page()
        if text:
            pdf.multi_cell(0, 6, text)
    return PdfWriter(BytesIO(bytes(pdf.output())))


def save(writer: PdfWriter, path: Path) -> Path:
    writer.write(path)
    return path


def set_content(page: PageObject, stream: DecodedStreamObject | EncodedStreamObject, writer: PdfWriter) -> None:
    page[NameObject("/Contents")] = writer._add_object(stream)


# --- PDF ---


def test_the_sample_is_read_page_by_page() -> None:
    document = read_document(SAMPLE)
    assert document.name == "lighthouses.pdf"
    assert [page.number for page in document.pages] == list(range(1, 9))
    assert document.notes == ()
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
    assert document.notes == ("2 of 4 pages have no text: scanned? They are left out.",)
    assert [page.number for page in select_pages(document, "")] == [1, 3]


def test_a_scan_is_refused_with_its_page_count(tmp_path: Path) -> None:
    with pytest.raises(NoText, match=r"scan.pdf has no text: 3 of 3 pages.*OCR"):
        read_document(save(make_pdf("", "", ""), tmp_path / "scan.pdf"))


def test_a_page_that_cannot_be_read_becomes_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = PageObject.extract_text

    def fail_on_second(page: PageObject) -> str:
        if page.page_number == 1:
            raise KeyError("/Font")
        return original(page)

    monkeypatch.setattr(PageObject, "extract_text", fail_on_second)
    document = read_document(save(make_pdf("one", "two", "three"), tmp_path / "broken.pdf"))
    assert [bool(page.text) for page in document.pages] == [True, False, True]
    assert document.notes == ("1 of 3 pages could not be read: 2 ('/Font'). They are left out.",)


def test_a_file_of_which_no_page_can_be_read_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(page: PageObject) -> str:
        raise RecursionError

    monkeypatch.setattr(PageObject, "extract_text", fail)
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
    assert "1 of 2 pages could not be read: 2 (Limit reached" in document.notes[0]


def test_text_that_unfolds_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    writer = make_pdf("x")
    stream = DecodedStreamObject()
    stream.set_data(b"BT /F1 12 Tf " + b"(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa) Tj " * 30_000 + b" ET")
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


# --- text ---


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_whatever_its_form(tmp_path: Path, encoding: str) -> None:
    text = "Der Leuchtturm von Cordouan — 68 Meter. 灯台 🗼"
    document = read_document(write(tmp_path / "a.txt", text.encode(encoding)))
    assert document.pages == (Page(1, None, text),)
    assert document.notes == ()


def test_big_endian_utf16_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.md", b"\xfe\xff" + "Größe".encode("utf-16-be"))
    assert read_document(path).pages[0].text == "Größe"


def test_other_encodings_are_guessed_and_noted(tmp_path: Path) -> None:
    text = "Старый маяк стоит на скале у входа в гавань, и каждую ночь его видно за двадцать миль. " * 10
    document = read_document(write(tmp_path / "a.txt", text.encode("cp1251")))
    assert document.pages[0].text == text
    assert "a.txt is not UTF-8; it was read as cp1251" in document.notes[0]


def test_form_feeds_separate_pages(tmp_path: Path) -> None:
    document = read_document(write(tmp_path / "a.txt", b"one\r\ntwo\fthree\f"))
    assert [page.text for page in document.pages] == ["one\ntwo", "three", ""]
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert len(select_pages(document, "")) == 2


@pytest.mark.parametrize("data", [b"abc\0def", bytes(range(256)) * 20, b"\xff\xfea", b"\x01\x02\x03\x04 text"])
def test_binary_data_named_like_a_text_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(NotText, match=r"a.md is named like a text"):
        read_document(write(tmp_path / "a.md", data))


def test_a_pdf_named_like_a_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotText):
        read_document(write(tmp_path / "a.txt", SAMPLE.read_bytes()))


@pytest.mark.parametrize("data", [b"", b" \r\n\f\t ", b"\xef\xbb\xbf"])
def test_nothing_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(EmptyFile, match=rf"a.txt .*{len(data)} bytes"):
        read_document(write(tmp_path / "a.txt", data))


def test_the_given_name_decides(tmp_path: Path) -> None:
    path = write(tmp_path / "upload", b"text")
    assert read_document(path, name="Notes.TXT").name == "Notes.TXT"
    with pytest.raises(UnsupportedType, match=r"upload is of a type.*\.pdf, \.txt"):
        read_document(path)


# --- normalising ---


def test_normalising_changes_only_what_it_must() -> None:
    assert normalise("a\r\nb\rc\n\td\0e\x1bf\x7fg\ud800h ﬁ ﬄ ﬆ ½ é ñ") == "a\nb\nc\n\tdefgh fi ffl st ½ é ñ"


@given(st.text(st.characters(codec=None)))
def test_normalised_text_is_stable_and_clean(text: str) -> None:
    result = normalise(text)
    assert normalise(result) == result
    result.encode("utf-8")
    assert not any(ord(character) < 32 and character not in "\n\t" for character in result)


# --- choosing pages ---

TEN = Document("ten.pdf", tuple(Page(n, None, f"text {n}" if n != 4 else " ") for n in range(1, 11)))


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ("", [1, 2, 3, 5, 6, 7, 8, 9, 10]),
        ("  ", [1, 2, 3, 5, 6, 7, 8, 9, 10]),
        ("7", [7]),
        ("1-3, 7, 9-", [1, 2, 3, 7, 9, 10]),
        (" 9 - 10 ,1 -2", [1, 2, 9, 10]),
        ("2–3", [2, 3]),
        ("5,5,4-6", [5, 6]),
        ("10-", [10]),
    ],
)
def test_page_ranges(ranges: str, expected: list[int]) -> None:
    assert [page.number for page in select_pages(TEN, ranges)] == expected


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ("x", "'x' is not a page"),
        ("1-2-3", "'1-2-3' is not a page"),
        ("-3", "'-3' is not a page"),
        ("1,,2", "nothing between two commas"),
        ("0", "start at 1"),
        ("11", "no page 11"),
        ("11-", "no page 11"),
        ("3-99999", "no page 99,999"),
        ("5-3", "write 3-5"),
        ("١", "is not a page"),
    ],
)
def test_page_range_errors_state_what_is_wrong_and_the_page_count(ranges: str, message: str) -> None:
    with pytest.raises(PageRangeError, match=message) as caught:
        select_pages(TEN, ranges)
    assert str(caught.value).startswith("ten.pdf has 10 pages")


def test_only_pages_without_text_are_an_error() -> None:
    with pytest.raises(PageRangeError, match=r"ten.pdf: the chosen pages \(4\) have no text"):
        select_pages(TEN, "4")


@given(st.lists(st.tuples(st.integers(1, 10), st.integers(1, 10)), min_size=1), st.sampled_from(["", " ", "\t"]))
def test_ranges_name_exactly_their_pages(pairs: list[tuple[int, int]], blank: str) -> None:
    ordered = [sorted(pair) for pair in pairs]
    ranges = f"{blank},{blank}".join(f"{first}{blank}-{blank}{last}" for first, last in ordered)
    expected = sorted({n for first, last in ordered for n in range(first, last + 1)} - {4})
    if expected:
        assert [page.number for page in select_pages(TEN, ranges)] == expected
    else:
        with pytest.raises(PageRangeError):
            select_pages(TEN, ranges)


@given(st.text(st.sampled_from("0123456789 ,-–x"), max_size=12))
def test_any_range_gives_pages_or_a_page_range_error(ranges: str) -> None:
    try:
        pages = select_pages(TEN, ranges)
    except PageRangeError:
        return
    assert pages
    assert list(pages) == sorted(pages, key=lambda page: page.number)


def test_the_sample_holds_its_source() -> None:
    """The PDF that ships is the one its Markdown gives."""
    words = set((SAMPLE.with_suffix(".md")).read_text(encoding="utf-8").replace("|", " ").split())
    read = set(" ".join(page.extract_text() for page in PdfReader(SAMPLE).pages).split())
    assert words - read <= {"#", "##", "---"}
