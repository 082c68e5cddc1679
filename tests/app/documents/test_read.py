"""The one way in: names decide of types, limits hold, progress is reported."""

from __future__ import annotations

from pathlib import Path

import pytest
from fpdf import FPDF
from hypothesis import example, given
from hypothesis import strategies as st

from app.documents import ACCEPTED_TYPES, Document, read_document, read_pasted, select_pages
from app.documents import read as reading
from app.documents.file_input import FileInput
from app.say.errors import DamagedFile, DocumentError, EmptyFile, UnsupportedType
from app.say.wording import Message
from app.text.valid import is_visible, valid, valid_text

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "assets/samples/lighthouses.pdf"


def test_the_given_name_decides(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(b"text")
    assert read_document(path, name="Notes.TXT").name == "Notes.TXT"
    with pytest.raises(UnsupportedType, match=r"upload is of a type.*\.pdf, \.txt"):
        read_document(path)


@pytest.mark.parametrize("suffix", ACCEPTED_TYPES)
def test_every_type_is_read_or_refused_by_its_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"")
    with pytest.raises(EmptyFile, match=rf"a{suffix} is empty"):
        read_document(path)
    path.write_bytes(b"PK\x03\x04 neither this nor that \0\1\2\3\4\5\6\7")
    with pytest.raises(DocumentError, match=rf"a{suffix} "):
        read_document(path)


def test_progress_is_told_page_by_page() -> None:
    told: list[tuple[int, int]] = []
    read_document(SAMPLE, progress=lambda done, total: told.append((done, total)))
    assert told == [(number, 8) for number in range(1, 9)]


UNSEEN = ["\0", "\u200b", "\ufeff", "\f", "\f\f", "\xad", "\u2028", "\x01\x02", "\xa0", "\x85\x9f\x7f", " \x1b\u2060\n"]


@pytest.mark.parametrize("text", UNSEEN)
def test_a_text_of_which_nothing_is_seen_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(EmptyFile, match="p holds nothing but blanks and characters that cannot be seen"):
        read_pasted(text, "p")
    for suffix in (".md", ".txt"):
        path = tmp_path / f"a{suffix}"
        path.write_text(text, "utf-8")
        with pytest.raises(DocumentError, match=rf"a{suffix} (holds nothing but|is named like a text)"):
            read_document(path)


def test_other_formats_of_which_nothing_is_seen_are_refused(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text("<p>\u200b</p>", "utf-8")
    with pytest.raises(EmptyFile, match=r"a.html holds no text that can be seen"):
        read_document(page)
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("helvetica", size=12)
    pdf.cell(text="\xa0 ")
    pdf.output(str(tmp_path / "a.pdf"))
    with pytest.raises(DocumentError, match=r"a.pdf has no text"):
        read_document(tmp_path / "a.pdf")


@given(st.text(st.characters(codec=None) | st.sampled_from("\f\r\n\0\x85\ud83d\ude00\u200b\ufffe"), max_size=8))
@example("\ud800")
@example("\ud83d\ude00\f\x01")
@example(" \f a")
def test_whatever_is_pasted_is_refused_or_can_be_read_and_sent(text: str) -> None:
    try:
        document = read_pasted(text, "odd\udc80\x07 name")
    except EmptyFile:
        assert not is_visible(text)
        return
    assert document.name == "odd\ufffd name"
    for page in document.pages:
        assert valid_text(page.text) is page.text
    assert select_pages(document, "")


def test_names_labels_and_notes_are_valid(tmp_path: Path) -> None:
    path = tmp_path / "odd\udc80\x03.txt"
    path.write_text("Старый маяк стоит на скале у входа в гавань. " * 10 + "\x07", "cp1251")
    document = read_document(path)
    assert document.name == document.notes[0].values[0] == "odd\ufffd.txt"
    assert document.pages[0].text == "Старый маяк стоит на скале у входа в гавань. " * 10
    with pytest.raises(UnsupportedType, match=r"^odd\ufffd.xyz is"):
        read_document(path, name="odd\udc80\x03.xyz")


def test_what_a_library_says_of_a_file_is_made_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.md"
    path.write_text("text")

    def noted(data: bytes, job: FileInput) -> Document:
        return Document(
            job.name, read_pasted("text", "a").pages, (Message("{}: {}", "a", Message("\x1b[31m{}", "\ud800")),)
        )

    def refused(data: bytes, job: FileInput) -> Document:
        raise DamagedFile("{}: {}", job.name, Message("{}", "bad \0 byte"))

    monkeypatch.setattr(reading, "_READERS", {".md": noted})
    assert read_document(path).notes == (Message("{}: {}", "a", Message("[31m{}", "\ufffd")),)
    monkeypatch.setattr(reading, "_READERS", {".md": refused})
    with pytest.raises(DamagedFile) as caught:
        read_document(path)
    assert caught.value.message == Message("{}: {}", "a.md", Message("{}", "bad  byte"))
    assert valid(caught.value.message.plain) == caught.value.message.plain
