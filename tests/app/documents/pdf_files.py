"""PDFs for the tests: of text, or of a page drawn by hand."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from fpdf import FPDF
from pypdf import PageObject, PdfWriter
from pypdf.generic import DecodedStreamObject, EncodedStreamObject, NameObject


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
