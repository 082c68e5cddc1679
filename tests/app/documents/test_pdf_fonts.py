"""Blanks that pypdf would miss are found, and fonts that have a blank are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, NumberObject

from app.documents import read_document
from tests.app.documents.pdf_files import save, set_content


def drawn(font: DictionaryObject, content: bytes) -> PdfWriter:
    """A PDF of one page that draws `content` in `font`, called /F1."""
    writer = PdfWriter()
    page = writer.add_blank_page(300, 300)
    fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    stream = DecodedStreamObject()
    stream.set_data(content)
    set_content(page, stream, writer)
    return writer


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


def composite_font(mapping: bytes) -> DictionaryObject:
    """A font as XeTeX embeds it, code 32 wide, with a program that maps codes to text."""
    program = DecodedStreamObject()
    program.set_data(b"begincmap\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n" + mapping + b"\nendcmap")
    widths = ArrayObject([NumberObject(0), ArrayObject(NumberObject(600) for _ in range(200))])
    descendant = {
        NameObject("/Type"): NameObject("/Font"),
        NameObject("/Subtype"): NameObject("/CIDFontType0"),
        NameObject("/BaseFont"): NameObject("/ABCDEF+Termes"),
        NameObject("/W"): widths,
    }
    return DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type0"),
            NameObject("/BaseFont"): NameObject("/ABCDEF+Termes"),
            NameObject("/Encoding"): NameObject("/Identity-H"),
            NameObject("/ToUnicode"): program,
            NameObject("/DescendantFonts"): ArrayObject([DictionaryObject(descendant)]),
        }
    )


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
    assert PdfReader(path).pages[0].extract_text() == "youshoulddealwith"  # else pdf_fonts is not needed any more
    assert read_document(path).pages[0].text == "you shoulddeal with"


def test_a_font_with_a_blank_stays_as_it_is(tmp_path: Path) -> None:
    mappings = (b"1 beginbfchar\n<0020> <0020>\nendbfchar", b"1 beginbfrange\n<0010> <0040> <0010>\nendbfrange")
    for mapping in (*mappings, b"1 beginbfrange\n<0020> <0021> [<0020> <0021>]\nendbfrange"):
        letters = b"\n1 beginbfrange\n<0041> <005A> <0061>\nendbfrange"
        content = b"BT /F1 10 Tf 20 200 Td [<00410042> -207 <00430044> -400 <0045>] TJ ET"
        path = save(drawn(composite_font(mapping + letters), content), tmp_path / "font.pdf")
        assert read_document(path).pages[0].text == "abcd e"


def test_fonts_of_a_form_are_corrected_and_broken_ones_do_no_harm(tmp_path: Path) -> None:
    writer = drawn(tex_font(), b"BT /F1 10 Tf 20 200 Td [(outer)-207(text)] TJ ET /X1 Do")
    form = DecodedStreamObject()
    form.set_data(b"BT /F1 10 Tf 20 100 Td [(inner)-207(text)] TJ ET")
    form[NameObject("/Type")], form[NameObject("/Subtype")] = NameObject("/XObject"), NameObject("/Form")
    page = writer.pages[0]
    fonts = DictionaryObject({NameObject("/F1"): writer._add_object(tex_font())})
    form[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    reference = writer._add_object(form)
    form["/Resources"][NameObject("/XObject")] = DictionaryObject({NameObject("/X1"): reference})  # drawn within itself
    page["/Resources"][NameObject("/XObject")] = DictionaryObject({NameObject("/X1"): reference})
    page["/Resources"]["/Font"][NameObject("/F2")] = DictionaryObject({NameObject("/Encoding"): NumberObject(3)})
    page["/Resources"]["/Font"][NameObject("/F3")] = NumberObject(3)
    broken = tex_font()
    del broken["/Widths"]
    page["/Resources"]["/Font"][NameObject("/F4")] = broken
    document = read_document(save(writer, tmp_path / "form.pdf"))
    assert document.pages[0].text.split("\n") == ["outer text", "inner text"]
