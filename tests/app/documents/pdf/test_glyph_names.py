"""Glyphs of which a font says only the names: ligatures, and the pieces of which troff draws boxes."""

from __future__ import annotations

from pathlib import Path

from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject

from app.documents import read_document
from app.documents.pdf.glyph_names import glyph_names
from tests.app.documents.pdf_files import draw, drawn, helvetica, save


def named(font: DictionaryObject, code: int, *names: str) -> DictionaryObject:
    """The font with glyphs of those names from `code` on."""
    differences = ArrayObject([NumberObject(code), *map(NameObject, names)])
    font[NameObject("/Encoding")] = DictionaryObject(
        {NameObject("/Type"): NameObject("/Encoding"), NameObject("/Differences"): differences}
    )
    return font


def test_ligatures_are_told_by_their_names(tmp_path: Path) -> None:
    font = named(helvetica("Libertine"), 27, "/f_i", "/f_f_i", "/f_f")
    content = draw(20, 200, r"The Pre\033x of an o\034ce is o\035.")
    path = save(drawn(font, content.encode()), tmp_path / "ligatures.pdf")
    assert read_document(path).pages[0].text == "The Prefix of an office is off."


def test_names_are_told_by_font_and_code(tmp_path: Path) -> None:
    page = drawn(named(helvetica("ABCDEF+Libertine"), 27, "/f_i", "/A", "/T_h", "/ul"), b"").pages[0]
    assert glyph_names(page) == {"Libertine": {27: "fi", 29: "Th"}}


def test_troff_rules_are_no_letters_and_its_bullets_are(tmp_path: Path) -> None:
    font = named(helvetica(), 0, "/ru", "/bu", "/ul", "/br")
    font[NameObject("/Subtype")] = NameObject("/Type3")
    del font["/BaseFont"]
    assert glyph_names(drawn(font, b"").pages[0]) == {"": {0: "", 1: "•", 2: "", 3: ""}}


def test_a_broken_font_tells_nothing(tmp_path: Path) -> None:
    page = drawn(helvetica(), b"").pages[0]
    page[NameObject("/Resources")] = NumberObject(1)
    assert glyph_names(page) == {}
