"""Bytes and values that are nearly right."""

from __future__ import annotations

import copy
import io
import re
import zipfile
import zlib
from random import Random
from typing import Any

from lxml import etree

NUMBERS = (b"0", b"-1", b"65536", b"2147483648", b"99999999999999999999", b"1e999", b"NaN", b"0.0000001")
PIECES = (
    b"\x00", b"\xff\xfe", b"\xed\xa0\xbd", b"\xef\xbb\xbf", b"\x1b$B", b"<", b">", b"&#x110000;", b"&#0;", b"]]>",
    b"<![CDATA[", b'<!DOCTYPE a [<!ENTITY b "c">]>', b"-->", b"<!--", b"\\", b"{", b"}", b"$$", b"| --- |", b"'", b'"',
    b"\r", b"\t" * 40, b"%s", b"../" * 8, b"endobj", b"stream\n", b"[ [ [", b"<< /A", b"ET", b"BT", b"Td", b"\\u-1?",
    b"\\bin99999 ", "\u202e\u0301\u200d".encode(), "\U0001f469\u200d\U0001f52c".encode(),
)  # fmt: skip
_VALUES = (*(number.decode() for number in NUMBERS), "", "x", "../a", "#", "\u202e", "a\u0301" * 9, "𝟘")
MOST_MEMBERS = 3
"""Members of an archive that are changed at once."""

LONG = 1_000_000
"""Bytes that a made input may have."""


def mutated(data: bytes, other: bytes, chance: Random) -> bytes:
    """`data` with a few changes; `other` is of the same kind, for pieces of it. An archive is packed again."""
    if data[:4] == b"PK\x03\x04" and chance.random() < 0.9:
        return _mutated_archive(data, other, chance)
    return _changed(data, other, chance)


def _changed(data: bytes, other: bytes, chance: Random) -> bytes:
    if data[:1] == b"<" and chance.random() < 0.7 and (rebuilt := _rebuilt(data, chance)) is not None:
        return rebuilt[:LONG]
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        data = chance.choice(_WAYS)(data, other, chance)[:LONG]
    return data


def _rebuilt(data: bytes, chance: Random) -> bytes | None:
    """XML that is well formed still: elements moved, repeated, nested and renamed, values replaced. None if it was
    not."""
    try:
        root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return None
    for _ in range(chance.choice((1, 2, 5, 15))):
        elements = [element for element in root.iter() if isinstance(element.tag, str)]
        one, other = chance.choice(elements), chance.choice(elements)
        way = chance.randrange(6)
        parent = one.getparent()
        if way == 0 and parent is not None:
            parent.remove(one)
        elif way == 1 and parent is not None:
            for _ in range(chance.choice((1, 1, 30, 300)) if len(elements) < 20_000 else 0):
                parent.append(copy.deepcopy(one))
        elif way == 2:
            other.append(copy.deepcopy(one))
        elif way == 3:
            one.tag = other.tag
        elif way == 4 and one.attrib:
            one.set(chance.choice(list(one.attrib)), chance.choice((*_VALUES, *other.attrib.values())))
        elif parent is not None:
            one.text = chance.choice((*_VALUES, other.text, one.text and one.text * 200))
    written: bytes = etree.tostring(root)
    return written


def _flipped(data: bytes, other: bytes, chance: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 3, 20)) if changed else 0):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _cut(data: bytes, _: bytes, chance: Random) -> bytes:
    start, end = _span(data, chance)
    return data[:start] if chance.random() < 0.3 else data[:start] + data[end:]


def _repeated(data: bytes, _: bytes, chance: Random) -> bytes:
    start, end = _span(data, chance)
    return data[:end] + data[start:end] * chance.choice((1, 3, 50, 2_000)) + data[end:]


def _inserted(data: bytes, _: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(PIECES) * chance.choice((1, 1, 2, 500)) + data[at:]


def _spliced(data: bytes, other: bytes, chance: Random) -> bytes:
    start, end = _span(data, chance)
    from_other, to_other = _span(other, chance)
    return data[:start] + other[from_other:to_other] + data[end:]


def _renumbered(data: bytes, _: bytes, chance: Random) -> bytes:
    found = [match.span() for match in re.finditer(rb"\d+", data[:200_000])]
    if not found:
        return data
    start, end = chance.choice(found)
    return data[:start] + chance.choice(NUMBERS) + data[end:]


def _moved(data: bytes, _: bytes, chance: Random) -> bytes:
    """What stands between two marks goes elsewhere: tags and groups are nested in others."""
    found = [match.span() for match in re.finditer(rb"<[^<>]{1,200}>|\{[^{}]{0,200}\}|\\\w+", data[:200_000])]
    if not found:
        return data
    start, end = chance.choice(found)
    at = chance.choice(found)[0]
    return data[:at] + data[start:end] * chance.choice((1, 1, 1, 300)) + data[at:]


_WAYS = (_flipped, _cut, _repeated, _inserted, _spliced, _renumbered, _renumbered, _moved, _moved)


def _span(data: bytes, chance: Random) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.choice((1, 4, 30, 300, 5_000)))


def _mutated_archive(data: bytes, other: bytes, chance: Random) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(io.BytesIO(other)) as archive:
        others = [archive.read(name) for name in archive.namelist()] or [b""]
    for name in chance.sample(list(members), min(len(members), chance.randint(1, MOST_MEMBERS))):
        if chance.random() < 0.1:
            del members[name]
        else:
            members[name] = _changed(members[name], chance.choice(others), chance)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def unpacked_pdf(data: bytes) -> bytes:
    """A PDF with its streams as plain text, so that a change of a byte is one of what is drawn. Their lengths are not
    set right: PDFs with wrong ones are as common."""

    def plain(match: re.Match[bytes]) -> bytes:
        try:
            content = zlib.decompress(match[2])
        except zlib.error:
            return match[0]
        return match[1].replace(b"/Filter /FlateDecode", b"") + b"stream\n" + content + b"\nendstream"

    return re.sub(rb"(<<[^>]*/FlateDecode[^>]*>>\s*)stream\r?\n(.*?)\r?\nendstream", plain, data, flags=re.DOTALL)


TEXTS = (
    "", " ", "a", "0", "-1", "null", "1-3", "9" * 400, "x" * 200_000, "\ud83d", "a\udc00b", "\x00", "\u202e", "{}",
    "[[]]", "<script>alert(1)</script>", "../../../../etc/passwd", "/etc/passwd", "http://127.0.0.1:9/x",
    "file:///etc/passwd", "'; DROP TABLE projects; --", "%s%n{0}{a.b}", "\u0301" * 5_000, "𝟘٣", "on", "English",
)  # fmt: skip


def any_value(chance: Random, depth: int = 3) -> Any:
    """A value of JSON, such as no page sends."""
    kind = chance.randrange(10 if depth else 6)
    if kind < 3:
        return chance.choice(TEXTS)
    if kind < 5:
        return chance.choice((0, 1, -1, 2**31, 2**63, 10**400, 0.5, -1e308, 1e308, float("nan"), float("inf")))
    if kind == 5:
        return chance.choice((None, True, False))
    if kind < 8:
        return [any_value(chance, depth - 1) for _ in range(chance.choice((0, 1, 2, 5)))]
    names = ("path", "url", "meta", "_type", "__type__", "value", "text", "project", "revision", "name", "data", "size")
    return {chance.choice((*names, *TEXTS[:9])): any_value(chance, depth - 1) for _ in range(chance.choice((0, 1, 3)))}


def changed_value(value: Any, chance: Random) -> Any:
    """A value of JSON with one of what it holds replaced."""
    if chance.random() < 0.3 or not isinstance(value, dict | list) or not value:
        return any_value(chance)
    if isinstance(value, list):
        at = chance.randrange(len(value))
        return [changed_value(one, chance) if number == at else one for number, one in enumerate(value)]
    key = chance.choice(list(value))
    return {name: changed_value(one, chance) if name == key else one for name, one in value.items()}
