"""Characters that a font tells by the names of its glyphs alone: "f_i" is a ligature, "ul" a piece of a rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from pypdf import PageObject
from pypdf.generic import ArrayObject, DictionaryObject

Names: TypeAlias = Mapping[str, Mapping[int, str]]
"""What glyphs say, by the name of their font and their code."""

_TAG = re.compile(r"^[A-Z]{6}\+")  # of a subset
_LIGATURE = re.compile(r"[A-Za-z](?:_[A-Za-z])+")  # as Adobe's glyph list names them
# troff draws boxes of these; a bullet is one too.
_TROFF = {"ru": "", "ul": "", "br": "", "bv": "", "rn": "", "bu": "•"}


def glyph_names(page: PageObject) -> Names:
    """What is told of the glyphs on a page beyond what PDFium knows; {} for a page that is broken."""
    names: dict[str, dict[int, str]] = {}
    try:
        fonts = page["/Resources"].get_object()["/Font"].get_object().values()  # type: ignore[index]
        for font in fonts:
            known = dict(_told(font.get_object()))
            if known:
                name = _TAG.sub("", str(font.get_object().get("/BaseFont", "")).lstrip("/"))
                names.setdefault(name, {}).update(known)
    except Exception:  # a broken font is no reason to refuse the text
        return {}
    return names


def _told(font: DictionaryObject) -> Iterator[tuple[int, str]]:
    encoding: Any = font.get("/Encoding")
    encoding = encoding.get_object() if encoding is not None else None
    if "/ToUnicode" in font or not isinstance(encoding, DictionaryObject):
        return
    differences = encoding.get("/Differences")
    code = 0
    for entry in differences.get_object() if differences is not None else ArrayObject():
        if isinstance(entry, int):
            code = entry
            continue
        name = str(entry).lstrip("/")
        if _LIGATURE.fullmatch(name):
            yield code, name.replace("_", "")
        elif font.get("/Subtype") == "/Type3" and name in _TROFF:
            yield code, _TROFF[name]
        code += 1
