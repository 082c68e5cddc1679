"""The pages of a PDF as text: PDFium reads them, and pypdf those of which PDFium's letters say nothing."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Self

import pypdfium2 as pdfium
import pypdfium2.raw as raw
from pypdf import PageObject

from app.documents.line_forms import LineForm
from app.documents.pdf.columns import in_reading_order
from app.documents.pdf.forms import typed_values, with_values
from app.documents.pdf.glyph_names import Names, glyph_names
from app.documents.pdf.glyphs import Form, GlyphReader, PageGlyphs
from app.documents.pdf.letters import UNREADABLE, unreadable_share
from app.documents.pdf.limits import PageLimits
from app.documents.pdf.lines import TextLine
from app.documents.pdf.tables import Rules, page_rules, rows_with_tables

_PDFIUM = threading.Lock()
"""PDFium is one for the whole process, and no two threads may use it at once."""

_UNKNOWN = Form(1.0)
_DOTS = 300  # an inch, at which Tesseract reads best
_MOST_PIXELS = 16_000_000
_STAMP = 250  # characters
_COVERED = 0.7
_FEW_OBJECTS = 200  # of a page that is a picture


@dataclass(frozen=True, slots=True)
class PageText:
    """A page's lines; `readable` says whether its letters are known, `height` is in points. `pictured` says that the
    page is a picture, with a few letters at most: a scan with a stamp."""

    lines: tuple[TextLine, ...]
    height: float = 1.0
    readable: bool = True
    pictured: bool = False

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(line.text for line in self.lines)

    def forms(self) -> tuple[LineForm, ...]:
        """How the lines are set. What is turned stands in no margin."""
        return tuple(
            LineForm(_cells(line), line.form.size, line.form.bold, 0.5 if line.form.turns else line.y / self.height)
            for line in self.lines
        )


class PdfPages:
    """A PDF that is open in PDFium, to be closed. A file that PDFium does not open is read by pypdf alone."""

    def __init__(self, data: bytes, password: str | None) -> None:
        """Nothing is raised for a broken file."""
        self._limits, self._glyphs = PageLimits(), GlyphReader()
        self._document: pdfium.PdfDocument | None = None
        with _PDFIUM:
            for attempt in dict.fromkeys((None, password)):
                try:
                    self._document = pdfium.PdfDocument(data, password=attempt)
                    break
                except pdfium.PdfiumError:
                    continue

    def __enter__(self) -> Self:
        """Open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        with _PDFIUM:
            if self._document:
                self._document.close()

    def read(self, page: PageObject, index: int) -> PageText:
        """The text of the page of that index, which is `page` in pypdf. Raises whatever a broken page leads to."""
        self._limits.check(page)
        found = self._drawn(index, glyph_names(page))
        if found is None:
            return plain(page.extract_text())
        glyphs, rules, pictured = found
        rows = in_reading_order(with_values(rows_with_tables(glyphs, rules), typed_values(page)))
        lines = tuple(row.text_line() for row in rows)
        letters = sum(len(span.text) for span in glyphs.spans)
        text = PageText(
            tuple(line for line in lines if line.text.strip()), glyphs.height, pictured=pictured and letters <= _STAMP
        )
        unmapped = sum(len(span.text.replace(" ", "")) for span in glyphs.spans if not span.form.mapped)
        share = unreadable_share(text.text, unmapped)
        if share < UNREADABLE:
            return text
        other = page.extract_text()
        if unreadable_share(other, len(other)) < min(share, UNREADABLE):
            return plain(other)
        return PageText(text.lines, glyphs.height, readable=False)

    def is_drawn(self, index: int) -> bool:
        """Whether anything is drawn on the page; False if PDFium can't open it."""
        with self._opened(index) as page:
            return page is not None and raw.FPDFPage_CountObjects(page.raw) > 0

    def picture(self, index: int) -> bytes | None:
        """The page as a grey picture in PNM; None if PDFium can't open it."""
        with self._opened(index) as page:
            if page is None:
                return None
            width, height = page.get_size()
            scale = min(_DOTS / 72, (_MOST_PIXELS / max(1.0, width * height)) ** 0.5)
            bitmap = page.render(scale=scale, grayscale=True, may_draw_forms=False)
            try:
                rows, used = bytes(bitmap.buffer), range(0, bitmap.height * bitmap.stride, bitmap.stride)
                pixels = b"".join(rows[start : start + bitmap.width] for start in used)
                return b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + pixels
            finally:
                bitmap.close()

    def _drawn(self, index: int, names: Names) -> tuple[PageGlyphs, Rules, bool] | None:
        with self._opened(index) as page:
            return None if page is None else (self._glyphs.read(page, names), page_rules(page), _is_picture(page))

    @contextmanager
    def _opened(self, index: int) -> Iterator[pdfium.PdfPage | None]:
        """The page, for one thread at a time; None if PDFium can't open it."""
        with _PDFIUM:
            page = None
            if self._document is not None and index < len(self._document):
                with suppress(pdfium.PdfiumError):
                    page = self._document[index]
            try:
                yield page
            finally:
                if page is not None:
                    page.close()


def plain(text: str) -> PageText:
    """A page of which it is not known how its lines are set."""
    return PageText(tuple(TextLine(line, _UNKNOWN, 0.0, 0.0, 0.5) for line in text.split("\n") if line.strip()))


def _is_picture(page: pdfium.PdfPage) -> bool:
    """Whether one picture covers most of the page."""
    width, height = page.get_size()
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    for index in range(min(raw.FPDFPage_CountObjects(page.raw), _FEW_OBJECTS)):
        drawn = raw.FPDFPage_GetObject(page.raw, index)
        if raw.FPDFPageObj_GetType(drawn) == raw.FPDF_PAGEOBJ_IMAGE and raw.FPDFPageObj_GetBounds(
            drawn, left, bottom, right, top
        ):
            shown = min(right.value, width) - max(left.value, 0), min(top.value, height) - max(bottom.value, 0)
            if min(shown) > 0 and shown[0] * shown[1] >= _COVERED * width * height:
                return True
    return False


def _cells(line: TextLine) -> tuple[str, ...]:
    edges = (0, *line.wide, len(line.text))
    return tuple(line.text[start:end].strip() for start, end in pairwise(edges))
