"""What stands on a page of a PDF: runs of characters with their place, size and font, as PDFium finds them.

PDFium decides which characters there are and where a blank is; everything about lines is decided in `pdf_lines`.
"""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from app.documents.pdf.glyph_names import Names

_Handle: TypeAlias = int

_BOLD = re.compile(r"bold|black|heavy|semibold|demi|CMBX|CMSSBX|SFBX", re.IGNORECASE)
_MONOSPACED = re.compile(r"mono|courier|consol|typewriter|CMTT|SFTT|cursor|code", re.IGNORECASE)
_WIDE = 1.2
"""In sizes of the font: what stands further apart is not set as words of a sentence."""
_OVERPRINT = 0.12  # the narrowest letters are wider
_CELL = 8.0  # points
_HYPHEN = 0x02  # PDFium's sign for a hyphen at the end of a line
_BLANKS = frozenset({0x20, 0xA0, 0x09, 0x3000})
_PRESENTED = re.compile("[\ufb1d-\ufdff\ufe70-\ufefc]")
_ACCENTS = dict(
    zip(
        "´`¨^ˆ˜~ˇ˝˚˘¯ˉ¸˛˙",
        "\u0301\u0300\u0308\u0302\u0302\u0303\u0303\u030c\u030b\u030a\u0306\u0304\u0304\u0327\u0328\u0307",
        strict=True,
    )
)
_NO_NAMES: Names = MappingProxyType({})
_DOTLESS = str.maketrans("ıȷ", "ij")


@dataclass(frozen=True, slots=True)
class Form:
    """How characters are set: size in points, weight, width, quarter turns to the left, and whether their font says
    which characters they are."""

    size: float
    bold: bool = False
    monospaced: bool = False
    turns: int = 0
    mapped: bool = True


@dataclass(slots=True)
class Span:
    """Characters of one form on one baseline, without a wide gap, in a frame in which they run to the right.

    `x0` up to `x1` along the baseline, which is at `y`, upwards; all in points. `places` has the beginning of each
    character of `text`. `blank` says that a blank stands before, `broken` that PDFium sees a new line there.
    """

    text: str
    x0: float
    x1: float
    y: float
    form: Form
    blank: bool
    broken: bool
    places: list[float] = field(default_factory=list, repr=False)


@dataclass(frozen=True, slots=True)
class PageGlyphs:
    """A page's width and height in points, and its spans in the order in which they are drawn."""

    width: float
    height: float
    spans: list[Span]


def _prototype(function: Any, result: Any, *arguments: Any) -> Callable[..., Any]:
    """A function of PDFium that keeps Python's lock: releasing it for each character takes longer than the call."""
    return ctypes.PYFUNCTYPE(result, *arguments)(ctypes.cast(function, ctypes.c_void_p).value or 0)


class GlyphReader:
    """Reads the characters of pages. Not for two threads at once, as nothing of PDFium is."""

    def __init__(self) -> None:
        """Nothing is loaded."""
        pointer, integer = ctypes.c_void_p, ctypes.c_int
        self._unicode = _prototype(raw.FPDFText_GetUnicode, ctypes.c_uint, pointer, integer)
        self._object = _prototype(raw.FPDFText_GetTextObject, pointer, pointer, integer)
        self._loose_box = _prototype(raw.FPDFText_GetLooseCharBox, integer, pointer, integer, pointer)
        self._origin = _prototype(raw.FPDFText_GetCharOrigin, integer, pointer, integer, pointer, pointer)
        self._box, self._x, self._y = raw.FS_RECTF(), ctypes.c_double(), ctypes.c_double()

    def read(self, page: pdfium.PdfPage, names: Names = _NO_NAMES) -> PageGlyphs:
        """What stands on `page`; `names` tells of glyphs that PDFium does not know. Raises PdfiumError if its text
        can't be read."""
        text_page = page.get_textpage()
        try:
            width, height = page.get_size()
            return PageGlyphs(width, height, self._spans(text_page.raw, names))
        finally:
            text_page.close()

    def _spans(self, text_page: Any, names: Names) -> list[Span]:
        spans: list[Span] = []
        last: Span | None = None
        blank = broken = False
        drawn = _Drawn()
        for code, named, place, form, owner in self._characters(text_page, names):
            if code in (0x0A, 0x0D):
                broken = True
                continue
            x0, x1, y = place
            if named == "":  # a piece of a rule
                continue
            if named is None and (code in _BLANKS or (code < 0x20 and code != _HYPHEN and form.mapped)):
                blank = True
                continue
            character = named or ("-" if code == _HYPHEN and form.mapped else chr(code))
            if 0xDC00 <= code < 0xE000 and last and "\ud800" <= last.text[-1:] < "\udc00":  # PDFium's text is UTF-16
                pair = (last.text[-1] + character).encode("utf-16", "surrogatepass")
                last.text = last.text[:-1] + pair.decode("utf-16")
                continue
            if drawn.already(character, x0, y, form.size, owner):
                blank = broken = False
                continue
            if _PRESENTED.match(character):
                character = unicodedata.normalize("NFKC", character)
            if last and not broken and (accented := _accented(last, character, x0, x1, y)):
                last.text = last.text[:-1] + accented
                last.x1, blank = max(last.x1, x1), False
                continue
            if last is None or broken or not _continues(last, form, x0, y):
                last = Span("", x0, x1, y, form, blank, broken)
                spans.append(last)
            elif blank:
                last.text += " "
                last.places.append(last.x1)
            last.text += character
            last.places += [x0] * len(character)
            last.x0, last.x1 = min(last.x0, x0), max(last.x1, x1)
            blank = broken = False
        return spans

    def _characters(
        self, text_page: Any, names: Names
    ) -> Iterator[tuple[int, str | None, tuple[float, float, float], Form, int]]:
        """Each character's code, what its name says if PDFium doesn't know it, its place (x0, x1, y) in the frame of
        its form, the form, and which object drew it."""
        handle = ctypes.cast(text_page, ctypes.c_void_p).value
        box = ctypes.addressof(self._box)
        at_x, at_y = ctypes.addressof(self._x), ctypes.addressof(self._y)
        owner, form, y = -1, Form(1.0), 0.0
        known: Mapping[int, str] = {}
        for index in range(raw.FPDFText_CountChars(text_page)):
            code = self._unicode(handle, index)
            if code in (0x0A, 0x0D):
                yield code, None, (0.0, 0.0, 0.0), form, owner
                continue
            now = self._object(handle, index) or 0
            if not now:  # a blank that PDFium put between two objects
                yield code, None, (0.0, 0.0, 0.0), form, owner
                continue
            self._loose_box(handle, index, box)
            if now != owner:
                owner, (font, form) = now, _form(text_page, index)
                known = names.get(font, {})
                self._origin(handle, index, at_x, at_y)
                y = _turned(self._x.value, self._y.value, form.turns)[1]
            left, right, bottom, top = self._box.left, self._box.right, self._box.bottom, self._box.top
            if form.turns:
                (left, _), (right, _) = _turned(left, bottom, form.turns), _turned(right, top, form.turns)
                left, right = min(left, right), max(left, right)
            unknown = code in known and raw.FPDFText_HasUnicodeMapError(text_page, index) == 1
            yield code, known[code] if unknown else None, (left, right, y), form, owner


class _Drawn:
    """The characters drawn so far, to know what is drawn again on top of them, as some programs make bold letters."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, int, int], list[tuple[float, float, int]]] = {}

    def already(self, character: str, x: float, y: float, size: float, owner: int) -> bool:
        near = _OVERPRINT * size
        left, right, low, high = (int(edge // _CELL) for edge in (x - near, x + near, y - near, y + near))
        for column in (left, right) if left != right else (left,):
            for row in (low, high) if low != high else (low,):
                for other_x, other_y, other in self._places.get((character, column, row), ()):
                    if other != owner and abs(other_x - x) < near and abs(other_y - y) < near:
                        return True
        self._places.setdefault((character, int(x // _CELL), int(y // _CELL)), []).append((x, y, owner))
        return False


def _accented(span: Span, character: str, x0: float, x1: float, y: float) -> str:
    """The letter that `character` is together with the last one of `span`, if one is an accent drawn over the other;
    TeX draws it first, or after its letter. "" if they are two."""
    last, size = span.text[-1:], span.form.size
    near = 0.35 * size
    if (last in _ACCENTS) == (character in _ACCENTS) or abs(y - span.y) > size:
        return ""
    if abs((span.places[-1] + span.x1) / 2 - (x0 + x1) / 2) > near:
        return ""
    letter, accent = (character, last) if last in _ACCENTS else (last, character)
    composed = unicodedata.normalize("NFC", letter.translate(_DOTLESS) + _ACCENTS[accent])
    return composed if len(composed) == 1 and letter.isalpha() else ""


def _continues(span: Span, form: Form, x: float, y: float) -> bool:
    return span.form == form and abs(span.y - y) < 0.02 * form.size and -0.5 < (x - span.x1) / form.size < _WIDE


def _form(text_page: Any, index: int) -> tuple[str, Form]:
    """The name of the font of a character, and how it is set."""
    matrix, buffer, flags = raw.FS_MATRIX(), ctypes.create_string_buffer(256), ctypes.c_int()
    raw.FPDFText_GetMatrix(text_page, index, matrix)
    length = raw.FPDFText_GetFontInfo(text_page, index, buffer, len(buffer), flags)
    name = buffer.raw[: max(0, min(length, len(buffer)) - 1)].decode("utf-8", "replace")
    size = raw.FPDFText_GetFontSize(text_page, index) * math.hypot(matrix.c, matrix.d)
    form = Form(
        size=max(round(2 * abs(size)) / 2, 0.5),
        bold=bool(_BOLD.search(name)),
        monospaced=bool(_MONOSPACED.search(name)) or bool(flags.value & 1),
        turns=round(math.atan2(matrix.b, matrix.a) / (math.pi / 2)) % 4,
        mapped=raw.FPDFText_HasUnicodeMapError(text_page, index) != 1,
    )
    return name, form


def _turned(x: float, y: float, turns: int) -> tuple[float, float]:
    """A point in the frame that is turned to the left by so many quarters."""
    return ((x, y), (y, -x), (-x, -y), (-y, x))[turns]
