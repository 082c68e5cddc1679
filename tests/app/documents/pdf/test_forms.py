"""Values that were typed into a form are read beside their labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    PdfObject,
    TextStringObject,
)

from app.documents import read_document
from tests.app.documents.pdf_files import draw, drawn, helvetica, save


def field(place: tuple[int, int, int, int], kind: str, **entries: PdfObject) -> DictionaryObject:
    """A field at a place (left, bottom, right, top); FT, V, AS, Ff, ... as they are called in the file."""
    rectangle = ArrayObject(FloatObject(number) for number in place)
    base: dict[Any, Any] = {NameObject("/Subtype"): NameObject("/Widget"), NameObject("/Rect"): rectangle}
    base[NameObject("/FT")] = NameObject(kind)
    return DictionaryObject(base | {NameObject(f"/{name}"): value for name, value in entries.items()})


def read(tmp_path: Path, drawing: str, *fields: DictionaryObject) -> list[str]:
    writer = drawn(helvetica(), drawing.encode())
    writer.pages[0][NameObject("/Annots")] = ArrayObject(map(writer._add_object, fields))
    return read_document(save(writer, tmp_path / "form.pdf")).pages[0].text.split("\n")


def test_values_stand_beside_their_labels(tmp_path: Path) -> None:
    parent = DictionaryObject({NameObject("/V"): TextStringObject("12 metres")})
    child = field((100, 178, 200, 194), "/Tx", Parent=parent)
    lines = read(
        tmp_path,
        draw(20, 220, "Vessel:") + draw(20, 200, "Insured:") + draw(20, 180, "Length:") + draw(140, 160, "in summer"),
        field((100, 216, 200, 232), "/Tx", V=TextStringObject("Morning Heron")),
        field((100, 197, 110, 209), "/Btn", AS=NameObject("/Yes"), V=NameObject("/Yes")),
        child,
        field((120, 157, 130, 169), "/Btn", AS=NameObject("/Off")),
        field((20, 100, 200, 140), "/Tx", V=TextStringObject("A value\nwithout a label")),
    )
    assert lines == [
        "Vessel: Morning Heron",
        "Insured: [x]",
        "Length: 12 metres",
        "[ ] in summer",
        "A value without a label",
    ]


def test_buttons_passwords_and_what_is_hidden_or_broken_are_no_values(tmp_path: Path) -> None:
    place = (100, 216, 200, 232)
    broken = field(place, "/Tx", V=TextStringObject("broken"))
    broken[NameObject("/Rect")] = NumberObject(3)
    lines = read(
        tmp_path,
        draw(20, 220, "Name:"),
        field(place, "/Btn", Ff=NumberObject(1 << 16), AS=NameObject("/Yes")),
        field(place, "/Tx", Ff=NumberObject(1 << 13), V=TextStringObject("secret")),
        field(place, "/Tx", F=NumberObject(2), V=TextStringObject("hidden")),
        field(place, "/Sig", V=TextStringObject("signed")),
        broken,
        field(place, "/Ch", V=ArrayObject([TextStringObject("one"), TextStringObject("two")])),
    )
    assert lines == ["Name: one, two"]
