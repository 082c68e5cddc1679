"""Small files of each kind that readers of documents get wrong."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from app.documents import Document, read_document
from app.say.errors import FileTooLarge

CASES = Path(__file__).parents[2] / "data" / "cases"


def read(name: str) -> Document:
    return read_document(CASES / name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sup.html", "Plancks constant is 6.6×10⁻³⁴; the area is 5 m²; as shown by Orr. [12] x_i"),
        ("amp.html", "# Ebb\n\nThe body text of the page."),
        ("dtd_subset.epub", "Brann of Corve rowed out.\xa0It rained."),
        ("strict.docx", "The lamp was lit at six."),
        (
            "numbered_clauses.docx",
            "# § 1 Duties\n\n  1.1 The keeper lights the lamp.\n    (a) at dusk;\n    (b) in fog.\n  "
            "1.2 See 1.1(b) above.\n\n# § 2 Leave\n\n  2.1 Leave is granted under § 1.",
        ),
        (
            "contract.docx",
            "# Contract\n\nThe rent is 750 a month.\n\nArea: x=1/2 r^2\n\nSpeed 10⁻⁶ m and note [12]\n\n"
            "| Date | Version | Author | Note |\n| --- | --- | --- | --- |\n| 1.2.2015 | 1 | Clerk | Created |\n\n"
            "1. Step one\n2. Step two\n\nshown link",
        ),
    ],
)
def test_the_text_is_right(name: str, text: str) -> None:
    (page,) = read(name).pages
    assert page.text == text


def test_a_picture_book_is_read_by_what_is_said_of_its_pictures() -> None:
    assert [page.text for page in read("picture.epub").pages] == ["[A boat leaves the quay.]", "[The lamp goes out.]"]


def test_one_bad_byte_is_shown_and_said() -> None:
    document = read("one_bad_byte.txt")
    data = (CASES / "one_bad_byte.txt").read_bytes()
    assert document.pages[0].text == data.decode("utf-8", "replace")
    assert str(document.notes[0]).startswith("1 byte of one_bad_byte.txt is not UTF-8 and is shown as \ufffd: “")


def test_polish_is_told_by_its_letters() -> None:
    document = read("latin2.txt")
    assert document.pages[0].text == (CASES / "latin2.txt").read_bytes().decode("cp1250")
    assert "it was read as cp1250: “Zażółć gęślą jaźń" in str(document.notes[0])


def test_a_wide_row_does_not_make_millions_of_characters() -> None:
    assert read("wide_5000.docx").characters < 100_000


def test_millions_of_empty_paragraphs_are_refused_before_they_are_made(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(CASES / "strict.docx") as known,
        zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in known.namelist():
            data = known.read(name)
            archive.writestr(name, data.replace(b"<w:p>", b"<w:p/>" * 4_000_000 + b"<w:p>"))
    with pytest.raises(FileTooLarge, match="tags and attributes; the limit is 3,000,000"):
        read_document(tmp_path / "a.docx")
