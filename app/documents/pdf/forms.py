"""What was filled in on a page of a PDF: the values of fields and typed notes, which are no part of the page's text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pypdf import PageObject
from pypdf.generic import ArrayObject, DictionaryObject

from app.documents.pdf.glyphs import Form, Span
from app.documents.pdf.lines import Row

_MOST = 5_000  # annotations of a page
_DEEPEST = 10
_PASSWORD, _RADIO, _BUTTON = 1 << 13, 1 << 15, 1 << 16  # of a field's flags
_HIDDEN = 0b10
_SIZE = 12.0


def typed_values(page: PageObject) -> list[Span]:
    """The values on `page`, each where it is shown. "[x]" is a box that is ticked, "[ ]" one that is not."""
    spans: list[Span] = []
    annotations: Any = page.get("/Annots")
    listed: Any = annotations.get_object() if annotations is not None else None
    for raw in list(listed)[:_MOST] if isinstance(listed, ArrayObject) else ():
        with suppress(Exception):  # a broken field is no reason to refuse the text
            annotation = raw.get_object()
            if isinstance(annotation, DictionaryObject) and not int(annotation.get("/F", 0)) & _HIDDEN:
                spans += _span(annotation)
    return spans


def with_values(rows: list[Row], values: list[Span]) -> list[Row]:
    """The rows of a page, each value beside what stands on its line, or on a line of its own."""
    rows = list(rows)
    for value in values:
        beside = [row for row in rows if not row.form.turns and value.y - 0.6 * _SIZE < row.y < value.y + 0.9 * _SIZE]
        if beside:
            row = min(
                beside, key=lambda row: (abs(row.y - value.y), min(abs(row.x1 - value.x0), abs(row.x0 - value.x1)))
            )
            value.y, value.form = row.y, Form(row.form.size)
            row.add(value)
        else:
            above = [index for index, row in enumerate(rows) if row.y > value.y]
            at = 1 + min(above, key=lambda index: rows[index].y) if above else 0
            rows.insert(at, Row([value]))
    return rows


def _span(annotation: DictionaryObject) -> Iterator[Span]:
    text = _value(annotation)
    if not text:
        return
    left, bottom, right, top = (float(number) for number in _numbers(annotation.get("/Rect")))
    left, right, bottom, top = min(left, right), max(left, right), min(bottom, top), max(bottom, top)
    # A field of one line shows it in the middle, a larger one from the top on.
    y = max((bottom + top) / 2, top - _SIZE) - 0.35 * _SIZE
    step = (right - left) / len(text)
    places = [left + step * index for index in range(len(text))]
    yield Span(text, left, right, y, Form(_SIZE), blank=True, broken=False, places=places)


def _numbers(value: Any) -> Any:
    return value.get_object()


def _value(annotation: DictionaryObject) -> str:
    kind = annotation.get("/Subtype")
    if kind == "/FreeText":
        return _text(annotation.get("/Contents"))
    if kind != "/Widget":
        return ""
    flags, field = int(_inherited(annotation, "/Ff") or 0), _inherited(annotation, "/FT")
    if field == "/Btn":
        if flags & _BUTTON:
            return ""
        on = str(annotation.get("/AS", "/Off")) != "/Off"
        return ("(x)" if on else "( )") if flags & _RADIO else ("[x]" if on else "[ ]")
    return "" if field == "/Sig" or flags & _PASSWORD else _text(_inherited(annotation, "/V"))


def _inherited(field: DictionaryObject, name: str) -> Any:
    """What a field or one that it belongs to says under `name`."""
    for _ in range(_DEEPEST):
        if name in field:
            return field[name]
        parent = field.get("/Parent")
        if parent is None:
            break
        field = parent.get_object()
    return None


def _text(value: Any) -> str:
    value = value.get_object() if value is not None else None
    if isinstance(value, ArrayObject):
        return ", ".join(filter(None, map(_text, value)))
    return " ".join(str(value).split()) if isinstance(value, str) else ""
