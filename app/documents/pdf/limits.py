"""How much a page of a PDF unfolds to, looked at before it is read: a few kilobytes can unfold to gigabytes."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from pypdf import PageObject, apply_configuration
from pypdf.errors import LimitReachedError
from pypdf.generic import ArrayObject, DictionaryObject, StreamObject

from app.documents.file_input import MEGABYTE

STREAM_BYTES = 25 * MEGABYTE
"""No page, font or object table that leads to text is larger than this."""

_DRAWN = re.compile(rb"/([^\s/<>\[\]()%{}]+)\s+Do\b")
_FONT_FILES = ("/FontFile", "/FontFile2", "/FontFile3")
_DEEPEST = 30


def limited() -> Any:
    """A context in which pypdf unfolds no stream beyond STREAM_BYTES."""
    return apply_configuration(
        array_based_stream_maximum_output_length=STREAM_BYTES,
        zlib_maximum_output_length=STREAM_BYTES,
        lzw_maximum_output_length=STREAM_BYTES,
        run_length_maximum_output_length=STREAM_BYTES,
        brotli_maximum_output_length=STREAM_BYTES,
        stream_decoding_work_maximum_length=4 * STREAM_BYTES,
    )


class PageLimits:
    """Looks at the pages of one file, at what they share once."""

    def __init__(self) -> None:
        """Nothing was looked at yet."""
        self._seen: dict[int, Any] = {}  # kept, so that no other object gets the same id
        self._sizes: dict[int, int] = {}

    def check(self, page: PageObject) -> None:
        """Raise LimitReachedError if what `page` draws, each form as often as it is drawn, or one of its fonts unfolds
        to more than STREAM_BYTES. What is broken is passed over."""
        resources = _dictionary(page.get("/Resources"))
        contents = page.get("/Contents")
        contents = contents.get_object() if contents is not None else None
        parts = list(contents) if isinstance(contents, ArrayObject) else [contents]
        data = b"\n".join(part.get_data() for raw in parts if isinstance(part := _object(raw), StreamObject))
        self._require(self._drawn(data, resources, 0))

    def _drawn(self, data: bytes, resources: DictionaryObject, depth: int) -> int:
        """Bytes of a content stream with those of the forms that it draws."""
        self._check_fonts(resources)
        size = len(data)
        forms = _dictionary(resources.get("/XObject"))
        for name, times in Counter(_DRAWN.findall(data)).items() if forms else ():
            form = _object(forms.get("/" + name.decode("latin-1")))
            if isinstance(form, StreamObject) and form.get("/Subtype") == "/Form" and depth < _DEEPEST:
                size += times * self._form(form, resources, depth + 1)
                self._require(size)
        return size

    def _form(self, form: StreamObject, outer: DictionaryObject, depth: int) -> int:
        if id(form) not in self._sizes:
            self._seen[id(form)] = form
            self._sizes[id(form)] = 0  # drawn within itself, it is left out
            own = _dictionary(form.get("/Resources")) or outer
            self._sizes[id(form)] = self._drawn(form.get_data(), own, depth)
        return self._sizes[id(form)]

    def _check_fonts(self, resources: DictionaryObject) -> None:
        for raw in _dictionary(resources.get("/Font")).values():
            font = _dictionary(raw)
            if not font or id(font) in self._seen:
                continue
            self._seen[id(font)] = font
            below = _object(font.get("/DescendantFonts"))
            inner = _dictionary(below[0]) if isinstance(below, ArrayObject) and below else font
            described = _dictionary(inner.get("/FontDescriptor"))
            for stream in (font.get("/ToUnicode"), *(described.get(name) for name in _FONT_FILES)):
                if isinstance(found := _object(stream), StreamObject):
                    self._require(len(found.get_data()))

    def _require(self, size: int) -> None:
        if size > STREAM_BYTES:
            raise LimitReachedError(f"Limit reached: it unfolds to more than {STREAM_BYTES // MEGABYTE} MB")


def _object(value: Any) -> Any:
    return value.get_object() if value is not None else None


def _dictionary(value: Any) -> DictionaryObject:
    """The dictionary that `value` is or refers to; an empty one if it is something else."""
    found = _object(value)
    return found if isinstance(found, DictionaryObject) else DictionaryObject()
