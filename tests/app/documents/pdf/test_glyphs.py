"""Characters and blanks of a PDF's fonts, letters drawn twice, accents drawn apart, and letters that nobody knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, NumberObject, TextStringObject

from app.documents import read_document
from app.documents.pdf.letters import UNREADABLE, looks_written, unreadable_share
from app.documents.pdf.ocr import Tesseract
from app.say.errors import NoText
from tests.app.documents.pdf_files import draw, drawn, helvetica, save

ENGLISH = (
    "The keeper climbed the stairs of the old tower and lit the lamp before the evening fog came in from the sea. "
    "Nobody had seen a ship for three days, but the light had to burn through every night of the year."
)


def tex_font() -> DictionaryObject:
    """A font as TeX embeds it: no blank, and something wide where others have theirs."""
    names = [NumberObject(33), *(NameObject(f"/{name}") for name in ("exclam", "quotedbl"))]
    letters = [NumberObject(97), *(NameObject(f"/{letter}") for letter in "abcdefghijklmnopqrstuvwxyz")]
    encoding = {NameObject("/Type"): NameObject("/Encoding"), NameObject("/Differences"): ArrayObject(names + letters)}
    return DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/ABCDEF+Termes"),
            NameObject("/FirstChar"): NumberObject(32),
            NameObject("/LastChar"): NumberObject(122),
            NameObject("/Widths"): ArrayObject(NumberObject(500) for _ in range(32, 123)),
            NameObject("/Encoding"): DictionaryObject(encoding),
        }
    )


def composite_font(mapping: bytes | None) -> DictionaryObject:
    """A font as XeTeX embeds it, with a program that maps codes to text, or without."""
    system = {
        NameObject("/Registry"): TextStringObject("Adobe"),
        NameObject("/Ordering"): TextStringObject("Identity"),
        NameObject("/Supplement"): NumberObject(0),
    }
    widths = ArrayObject([NumberObject(0), ArrayObject(NumberObject(600) for _ in range(200))])
    descendant = {
        NameObject("/Type"): NameObject("/Font"),
        NameObject("/Subtype"): NameObject("/CIDFontType2"),
        NameObject("/BaseFont"): NameObject("/ABCDEF+Termes"),
        NameObject("/CIDSystemInfo"): DictionaryObject(system),
        NameObject("/W"): widths,
    }
    font: dict[Any, Any] = {
        NameObject("/Type"): NameObject("/Font"),
        NameObject("/Subtype"): NameObject("/Type0"),
        NameObject("/BaseFont"): NameObject("/ABCDEF+Termes"),
        NameObject("/Encoding"): NameObject("/Identity-H"),
        NameObject("/DescendantFonts"): ArrayObject([DictionaryObject(descendant)]),
    }
    if mapping is not None:
        program = DecodedStreamObject()
        head = b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange <0000> <FFFF> "
        program.set_data(head + b"endcodespacerange\n" + mapping + b"\nendcmap end end")
        font[NameObject("/ToUnicode")] = program
    return DictionaryObject(font)


@pytest.mark.parametrize(
    ("font", "shown"),
    [
        (tex_font(), b"[(you) -207 (sh) -20 (ould) 30 (deal)-230(with)] TJ"),
        (
            composite_font(b"1 beginbfrange\n<0041> <005A> <0061>\nendbfrange"),
            b"[<0059004F0055> -207 <00530048> -20 <004F0055004C0044> 30 <004400450041004C>-230<0057004900540048>] TJ",
        ),
    ],
    ids=["TeX", "XeTeX"],
)
def test_words_of_a_font_without_blanks_are_told_apart(tmp_path: Path, font: DictionaryObject, shown: bytes) -> None:
    path = save(drawn(font, b"BT /F1 10 Tf 20 200 Td " + shown + b" ET"), tmp_path / "tex.pdf")
    assert read_document(path).pages[0].text == "you shoulddeal with"


def test_letters_that_are_drawn_twice_to_look_bold_are_read_once(tmp_path: Path) -> None:
    twice = draw(20, 200, "Little Mill") + draw(20.3, 200, "Little Mill") + draw(20, 180, "All is well.")
    letters = "".join(draw(20 + 5.6 * index + shift, 160, letter)
                      for index, letter in enumerate("noon") for shift in (0, 0.2, 0.4))  # fmt: skip
    path = save(drawn(helvetica(), (twice + letters).encode()), tmp_path / "bold.pdf")
    assert read_document(path).pages[0].text == "Little Mill\nAll is well.\nnoon"


def test_accents_that_are_drawn_over_their_letters_are_one_with_them(tmp_path: Path) -> None:
    drawing = r"BT /F1 10 Tf 20 200 Td [(caf) -110 (\264) 443 (e au lait, na) -110 (i) 250 (\250) -28 (f)] TJ ET"
    path = save(drawn(helvetica(), drawing.encode()), tmp_path / "accents.pdf")
    assert read_document(path).pages[0].text == "café au lait, naïf"


def test_letters_that_no_font_tells_are_said_and_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tesseract, "find", lambda languages: None)
    codes = "".join(f"{ord(letter) - 29:04X}" for letter in ENGLISH)
    lines = b"".join(
        b"BT /F1 6 Tf 10 %d Td <%s> Tj ET\n" % (280 - index, codes[at : at + 240].encode())
        for index, at in enumerate(range(0, len(codes), 240))
    )
    path = save(drawn(composite_font(None), lines), tmp_path / "secret.pdf")
    with pytest.raises(NoText, match=r"secret.pdf: the letters of 1 of 1 pages cannot be read.*install Tesseract"):
        read_document(path)
    monkeypatch.setattr(Tesseract, "find", lambda languages: Tesseract("tesseract", ("eng",)))
    monkeypatch.setattr(Tesseract, "read", lambda *how: "7KH NHHSHU FOLPEHG WKH VWDLUV")
    with pytest.raises(NoText, match=r"secret.pdf: the letters of 1 of 1 pages.*found no text in pictures"):
        read_document(path)


def test_pages_whose_letters_are_known_are_read_beside_others(tmp_path: Path) -> None:
    codes = "".join(f"{ord(letter) - 29:04X}" for letter in ENGLISH[:100])
    writer = drawn(helvetica(), draw(20, 200, "A page that can be read.").encode())
    other = drawn(composite_font(None), b"BT /F1 6 Tf 10 200 Td <%s> Tj ET" % codes.encode())
    writer.append(save(other, tmp_path / "other.pdf"))
    document = read_document(save(writer, tmp_path / "mixed.pdf"))
    assert [page.text for page in document.pages] == ["A page that can be read.", ""]
    assert tuple(map(str, document.notes)) == (
        "The letters of 1 of 2 pages cannot be read: 2. Their fonts do not say which characters they are. "
        "They are left out; text recognition (OCR) would help.",
    )


@pytest.mark.parametrize(
    "text",
    [
        ENGLISH,
        "Der Wärter stieg die Treppe des alten Turmes hinauf und zündete die Lampe an, bevor der Nebel kam.",
        "Le gardien monta l'escalier de la vieille tour et alluma la lampe avant que la brume ne vienne de la mer.",
        "Majakanvartija kiipesi vanhan tornin portaat ylös ja sytytti lampun ennen kuin iltasumu saapui mereltä.",
        "Latarnik wszedł po schodach starej wieży i zapalił lampę, zanim od morza nadeszła wieczorna mgła.",
        "灯台守は古い塔の階段を上り、霧が来る前に灯をともした。",
        "Смотритель поднялся по лестнице старой башни и зажёг лампу.",
    ],
)
def test_texts_of_languages_are_readable(text: str) -> None:
    assert looks_written(text)
    assert unreadable_share(text, len(text)) == 0


@pytest.mark.parametrize("shift", [-29, -3, 1, 5, 13])
def test_shifted_letters_are_not(shift: int) -> None:
    shifted = "".join(chr(ord(letter) + shift) if letter != " " else letter for letter in ENGLISH)
    assert unreadable_share(shifted, len(shifted)) == 1
    assert unreadable_share(shifted) < UNREADABLE  # of a font that says which they are it may be anything


def test_signs_of_no_script_are_counted() -> None:
    assert unreadable_share("\ue000\ue001ab\ufffd\ufffd") == pytest.approx(4 / 6)
    assert unreadable_share(" \n") == 0
