"""Plain text, Markdown and pasted text: encodings, pages, and what is no text."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.documents import Page, read_document, select_pages
from app.say.errors import EmptyFile, NotText

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "assets/samples/lighthouses.pdf"


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
    assert "a.txt is not UTF-8; it was read as cp1251" in str(document.notes[0])


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
