"""Pages that are pictures of text are recognised where Tesseract is installed, and said to be."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from fpdf import FPDF

from app.documents import Recognised, choices_of, read_document
from app.documents.pdf import ocr
from app.documents.pdf.ocr import Tesseract, installed_languages
from app.say.errors import NoText
from app.settings import Limits
from tests.app.documents.pdf_files import make_pdf

installed = pytest.mark.skipif(not shutil.which("tesseract"), reason="Tesseract is not installed")


def scan(path: Path, *texts: str) -> Path:
    """A PDF whose pages are pictures of texts; an empty text gives a page of text, "Typed."."""
    written = BytesIO()
    make_pdf(*texts).write(written)
    document = pdfium.PdfDocument(written.getvalue())
    pdf = FPDF()
    pdf.set_font("Helvetica", size=12)
    for page, text in zip(document, texts, strict=True):
        pdf.add_page()
        if text:
            pdf.image(page.render(scale=3).to_pil(), 0, 0, pdf.w, pdf.h)
        else:
            pdf.cell(text="Typed.")
    document.close()
    pdf.output(str(path))
    return path


class Recorder:
    """Instead of Tesseract, which knows English and Japanese: says which pictures it was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, text: str = "Recognised.") -> None:
        self.pictures: list[bytes] = []

        def read(tesseract: Tesseract, picture: bytes, seconds: float) -> str:
            assert seconds > 0
            self.pictures.append(picture)
            return text

        monkeypatch.setattr(Tesseract, "find", self.find)
        monkeypatch.setattr(Tesseract, "read", read)

    def find(self, languages: str | None) -> Tesseract | None:
        wanted = (languages or "").split("+")
        found = tuple(name for name in wanted if name in ("eng", "jpn"))
        return Tesseract("tesseract", found, tuple(name for name in wanted if name not in found)) if found else None


def test_pages_without_letters_are_recognised_and_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch)
    told: list[tuple[int, int]] = []
    path = scan(tmp_path / "scan.pdf", "one", "", "three")
    limits = Limits(ocr_languages="eng+deu")
    document = read_document(path, limits=limits, progress=lambda done, total: told.append((done, total)))
    assert [page.text for page in document.pages] == ["Recognised.", "Typed.", "Recognised."]
    assert tuple(map(str, document.notes)) == (
        "2 of 3 pages are pictures of text and were recognised (Tesseract, eng): 1, 3. "
        "Letters and numbers in them may be wrong.",
        "Tesseract has no data here for deu. Install it (apt install tesseract-ocr-deu).",
    )
    assert document.recognised == Recognised((1, 3), "eng")
    assert choices_of(document) == {"languages"}
    assert told == [(1, 3), (2, 3), (3, 3)]
    head, pixels = recorder.pictures[0].split(b"\n", 1)
    width, height = map(int, head.split()[1:3])
    assert len(pixels) == width * height
    assert min(pixels) < 64 < 192 < max(pixels)


def test_a_scan_without_tesseract_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tesseract, "find", lambda languages: None)
    with pytest.raises(NoText, match=r"scan.pdf has no text: 1 of 1 pages.*\(apt install tesseract-ocr\)"):
        read_document(scan(tmp_path / "scan.pdf", "one"))


def test_other_languages_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Recorder(monkeypatch)
    document = read_document(scan(tmp_path / "scan.pdf", "one"), languages="jpn+eng")
    assert document.recognised == Recognised((1,), "jpn+eng")
    assert document.read_as.languages == "jpn+eng"
    with pytest.raises(NoText):
        read_document(tmp_path / "scan.pdf", languages="xyz")


def test_scanned_pages_among_others_say_how_tesseract_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tesseract, "find", lambda languages: None)
    path = scan(tmp_path / "scan.pdf", "one", "")
    (note,) = read_document(path).notes
    assert str(note) == (
        "1 of 2 pages have no text: scanned? They are left out. To have them recognised, install Tesseract here "
        "(apt install tesseract-ocr) and add the file again."
    )
    (note,) = read_document(path, limits=Limits(ocr_languages=None)).notes
    assert str(note) == "1 of 2 pages have no text: scanned? They are left out."


def test_what_was_recognised_stays_when_a_page_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch)
    path = scan(tmp_path / "scan.pdf", "one", "two", "three")

    def read(tesseract: Tesseract, picture: bytes, seconds: float) -> str:
        recorder.pictures.append(picture)
        if len(recorder.pictures) > 1:
            raise TimeoutError
        return "Recognised."

    monkeypatch.setattr(Tesseract, "read", read)
    document = read_document(path)
    assert [page.text for page in document.pages] == ["Recognised.", "", ""]
    assert list(map(str, document.notes)) == [
        "1 of 3 pages are pictures of text and were recognised (Tesseract, eng): 1. "
        "Letters and numbers in them may be wrong.",
        "2 pages were not recognised within the time limit: 2-3. Split the file, or raise REFRESHKV_MAX_READ_SECONDS.",
    ]


def test_pictures_in_which_nothing_is_recognised_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Recorder(monkeypatch, " \n")
    with pytest.raises(NoText, match=r"in pictures of its 1 pages no letters were recognised"):
        read_document(scan(tmp_path / "scan.pdf", "one"))


def test_pages_for_which_there_is_no_time_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch)
    document = read_document(scan(tmp_path / "scan.pdf", "one", ""), limits=Limits(max_read_seconds=2))
    assert recorder.pictures == []
    assert str(document.notes[0]) == (
        "1 pages were not recognised within the time limit: 1. Split the file, or raise REFRESHKV_MAX_READ_SECONDS."
    )


def test_no_language_means_no_recognition() -> None:
    assert Tesseract.find(None) is None
    assert Tesseract.find("../eng") is None


def test_a_program_that_fails_or_hangs_is_no_recogniser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr.shutil, "which", lambda name: "/bin/tesseract")
    for error in (OSError("gone"), subprocess.TimeoutExpired("tesseract", 10)):

        def fail(*command: object, error: Exception = error, **how: object) -> None:
            raise error

        monkeypatch.setattr(ocr.subprocess, "run", fail)
        assert Tesseract.find("eng") is None
    with pytest.raises(TimeoutError):
        Tesseract("/bin/tesseract", ("eng",)).read(b"", 1)


def test_languages_are_those_that_tesseract_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = b'List of available languages in "/usr/share/tessdata/" (4):\nosd\njpn\neng\nscript/Latin\n'
    monkeypatch.setattr(ocr.shutil, "which", lambda name: "/bin/tesseract")
    monkeypatch.setattr(ocr.subprocess, "run", lambda *command, **how: subprocess.CompletedProcess(command, 0, listed))
    assert installed_languages() == ("eng", "jpn")
    assert Tesseract.find("deu+eng") == Tesseract("/bin/tesseract", ("eng",), ("deu",))
    monkeypatch.setattr(ocr.shutil, "which", lambda name: None)
    assert installed_languages() == ()


@installed
@pytest.mark.slow
def test_tesseract_reads_a_picture(tmp_path: Path) -> None:
    document = read_document(scan(tmp_path / "scan.pdf", "The keeper lit the lamp at dusk."))
    assert document.pages[0].text == "The keeper lit the lamp at dusk."


def stamped(path: Path, *texts: str, stamp: str = "Received 1811") -> Path:
    """A scan of texts with a stamp of real letters on each page."""
    document = pdfium.PdfDocument(scan(path, *texts))
    pdf = FPDF()
    pdf.set_font("Helvetica", size=8)
    for page in document:
        pdf.add_page()
        pdf.image(page.render(scale=3).to_pil(), 0, 0, pdf.w, pdf.h)
        pdf.text(10, 6, stamp)
    document.close()
    pdf.output(str(path))
    return path


def test_a_scan_with_a_stamp_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch, "The keeper lit the lamp at dusk, and put it out at dawn.")
    document = read_document(stamped(tmp_path / "stamped.pdf", "one"))
    assert len(recorder.pictures) == 1
    assert document.pages[0].text == "The keeper lit the lamp at dusk, and put it out at dawn."
    assert str(document.notes[0]).startswith("1 of 1 pages are pictures of text and were recognised")


def test_what_is_typed_on_a_picture_without_text_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Recorder(monkeypatch, "Rece1ved l8ll")
    assert read_document(stamped(tmp_path / "stamped.pdf", "one")).pages[0].text == "Received 1811"


def test_a_page_with_text_over_a_picture_is_not_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch)
    text = "Ten words that are typed, and not only a stamp. " * 6
    assert read_document(stamped(tmp_path / "slide.pdf", "one", stamp=text)).pages[0].text.startswith("Ten words")
    assert recorder.pictures == []


def test_a_scan_with_a_stamp_without_tesseract_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tesseract, "find", lambda languages: None)
    document = read_document(stamped(tmp_path / "stamped.pdf", "one"))
    assert document.pages[0].text == "Received 1811"
    assert tuple(map(str, document.notes)) == (
        "1 of 1 pages are pictures, of which only a few letters are text: 1. To have them read, install Tesseract here "
        "(apt install tesseract-ocr) and add the file again.",
    )
