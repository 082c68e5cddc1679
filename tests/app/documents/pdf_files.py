"""PDFs for the tests: of text, or of a page drawn by hand."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from fpdf import FPDF
from pypdf import PageObject, PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, EncodedStreamObject, NameObject


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


def helvetica(name: str = "Helvetica") -> DictionaryObject:
    """One of the standard fonts, which no file need hold."""
    return DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject(f"/{name}"),
            NameObject("/Encoding"): NameObject("/WinAnsiEncoding"),
        }
    )


def drawn(font: DictionaryObject, *contents: bytes) -> PdfWriter:
    """A PDF with a page of 300 by 300 points for each of `contents`, drawn in `font`, called /F1."""
    writer = PdfWriter()
    if "/ToUnicode" in font:
        font[NameObject("/ToUnicode")] = writer._add_object(font["/ToUnicode"])
    reference = writer._add_object(font)
    for content in contents:
        page = writer.add_blank_page(300, 300)
        fonts = DictionaryObject({NameObject("/F1"): reference})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(content)
        set_content(page, stream, writer)
    return writer


def draw(x: float, y: float, text: str, size: float = 10) -> str:
    """What draws a text without brackets at a place."""
    return f"BT /F1 {size} Tf {x} {y} Td ({text}) Tj ET\n"
