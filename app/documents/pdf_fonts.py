"""Fonts in which pypdf would miss the blanks between words, corrected before it reads a page.

TeX draws no blanks, it moves on; pypdf takes a move for a blank if it is wider than half of the font's blank. In a font
without one it measures whatever has code 32, often something wide, and words run together (pypdf's issue 3978; in
Debian's policy.pdf four words of ten). So such a font is told of a blank of ordinary width.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pypdf import PageObject
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, NumberObject, StreamObject

_SPACE_WIDTH = NumberObject(250)
"""In thousandths of the font's size; half of it is wider than any kerning and narrower than any blank."""
_SPACE = 0x20
_UNUSED_CODE = 0xFFFE
_BLOCK = re.compile(rb"begin(bfchar|bfrange)(.*?)end\1", re.DOTALL)
_CODE = re.compile(rb"<\s*([0-9A-Fa-f]{1,8})\s*>")


class SpaceFinder:
    """Corrects the fonts of a reader's pages, each once."""

    def __init__(self) -> None:
        """Nothing is corrected yet."""
        self._seen: dict[int, DictionaryObject] = {}  # kept, so that no other object gets the same id

    def prepare(self, page: PageObject) -> None:
        """Correct the fonts of `page`, in memory alone. One that is broken stays as it is."""
        for font in self._fonts(page.get("/Resources")):
            with suppress(Exception):
                if font.get("/Subtype") == "/Type0":
                    _correct_composite(font)
                else:
                    _correct_simple(font)

    def _fonts(self, resources: Any) -> Iterator[DictionaryObject]:
        """The fonts in `resources`, and in the forms drawn from there, that were not seen before."""
        pending = [resources]
        while pending:
            found = _dictionary(pending.pop())
            yield from filter(self._is_new, map(_dictionary, _dictionary(found.get("/Font")).values()))
            forms = filter(self._is_new, map(_dictionary, _dictionary(found.get("/XObject")).values()))
            pending += [form.get("/Resources") for form in forms if form.get("/Subtype") == "/Form"]

    def _is_new(self, value: DictionaryObject) -> bool:
        new = id(value) not in self._seen
        self._seen[id(value)] = value
        return new


def _dictionary(value: Any) -> DictionaryObject:
    """The dictionary that `value` is or refers to; an empty one if it is something else."""
    value = value.get_object() if value is not None else None
    return value if isinstance(value, DictionaryObject) else DictionaryObject()


def _correct_composite(font: Any) -> None:
    """Map a code that nothing uses to a blank, unless some code is mapped to one."""
    codes = _codes_to_text(font)
    if not codes or _maps_to_space(codes):
        return
    descendant = _dictionary(font["/DescendantFonts"].get_object()[0])
    widths = ArrayObject(descendant.get("/W", ArrayObject()).get_object())
    descendant[NameObject("/W")] = ArrayObject([*widths, NumberObject(_UNUSED_CODE), ArrayObject([_SPACE_WIDTH])])
    mapping = DecodedStreamObject()
    mapping.set_data(codes + b"\n1 beginbfchar\n<%04X> <%04X>\nendbfchar\n" % (_UNUSED_CODE, _SPACE))
    font[NameObject("/ToUnicode")] = mapping


def _correct_simple(font: Any) -> None:
    """Give code 32 the width of a blank, unless it is one, or the encoding is a standard one or not stated."""
    encoding = _dictionary(font.get("/Encoding"))
    names = encoding.get("/Differences", ArrayObject()).get_object()
    if not encoding or "/BaseEncoding" in encoding or "/space" in names or _maps_to_space(_codes_to_text(font)):
        return
    widths = font["/Widths"].get_object()
    index = _SPACE - int(font["/FirstChar"])
    if 0 <= index < len(widths):
        widths[index] = _SPACE_WIDTH


def _codes_to_text(font: Any) -> bytes:
    """The program that maps the font's codes to text; empty if there is none."""
    stream = font["/ToUnicode"].get_object() if "/ToUnicode" in font else None
    return stream.get_data() if isinstance(stream, StreamObject) else b""


def _maps_to_space(program: bytes) -> bool:
    for kind, block in _BLOCK.findall(program):
        codes = [int(code, 16) for code in _CODE.findall(block)]
        if kind == b"bfchar" or b"[" in block:
            found = _SPACE in codes[1::2] if kind == b"bfchar" else _SPACE in codes
        else:
            found = any(
                text <= _SPACE <= text + last - first
                for first, last, text in zip(codes[::3], codes[1::3], codes[2::3], strict=False)
            )
        if found:
            return True
    return False
