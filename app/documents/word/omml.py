"""Word's equations (Office MathML) as text on one line."""

from __future__ import annotations

from typing import Any

from app.documents import formula

_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_UNREAD = {f"{_WORD}{name}" for name in ("rPr", "del", "moveFrom", "instrText")} | {f"{_MATH}ctrlPr", f"{_MATH}rPr"}
_INTEGRAL, _CARET = "∫", "\u0302"


def linear(math: Any) -> str:
    """The equation in an element m:oMath; those of an m:oMathPara one after the other, each on its line."""
    if math.tag == f"{_MATH}oMathPara":
        return "\n".join(filter(None, (linear(child) for child in math.iterchildren(f"{_MATH}oMath"))))
    return _row(math, 0).strip()


def _row(parent: Any, depth: int) -> str:
    return formula.joined(_term(child, depth + 1) for child in parent.iterchildren("*"))


def _term(element: Any, depth: int) -> str:
    tag = element.tag
    if tag in _UNREAD or (tag.startswith(_MATH) and tag.endswith("Pr")):
        return ""
    if tag in (f"{_MATH}t", f"{_WORD}t"):
        return formula.visible(element.text or "")
    if depth > formula.DEEPEST:
        return "".join(element.itertext())
    if not tag.startswith(_MATH):
        return _row(element, depth)
    name = tag.removeprefix(_MATH)
    write = _WRITERS.get(name)
    return write(element, depth) if write else _row(element, depth)


def _part(element: Any, name: str, depth: int) -> str:
    found = element.find(f"{_MATH}{name}")
    return "" if found is None else _row(found, depth).strip()


def _property(element: Any, name: str, default: str) -> str:
    """What the element's properties say; a value that is left out means off or nothing."""
    for properties in element.iterchildren("*"):
        if properties.tag.endswith("Pr"):
            found = properties.find(f"{_MATH}{name}")
            return default if found is None else str(found.get(f"{_MATH}val", ""))
    return default


def _fraction(element: Any, depth: int) -> str:
    top, bottom = _part(element, "num", depth), _part(element, "den", depth)
    return (formula.binomial if _property(element, "type", "bar") == "noBar" else formula.fraction)(top, bottom)


def _scripted(element: Any, depth: int) -> str:
    return formula.scripts(*(_part(element, name, depth) for name in ("e", "sub", "sup")))


def _scripted_before(element: Any, depth: int) -> str:
    below, above, base = (_part(element, name, depth) for name in ("sub", "sup", "e"))
    return formula.scripts("", below, above) + base


def _root(element: Any, depth: int) -> str:
    return formula.root(_part(element, "e", depth), _part(element, "deg", depth))


def _sum(element: Any, depth: int) -> str:
    sign = _property(element, "chr", _INTEGRAL)
    limits = formula.scripts(sign, _part(element, "sub", depth), _part(element, "sup", depth))
    body = _part(element, "e", depth)
    return f"{limits} {body}" if body else limits


def _fenced(element: Any, depth: int) -> str:
    parts = [_row(part, depth).strip() for part in element.iterchildren(f"{_MATH}e")]
    opening, separator, closing = (
        _property(element, name, default) for name, default in (("begChr", "("), ("sepChr", "|"), ("endChr", ")"))
    )
    if len(parts) == 1 and parts[0].startswith("binom(") and (opening, closing) == ("(", ")"):
        return parts[0]
    return formula.fenced(parts, opening, closing, separator)


def _matrix(element: Any, depth: int) -> str:
    rows = element.iterchildren(f"{_MATH}mr")
    return formula.matrix([[_row(cell, depth).strip() for cell in row.iterchildren(f"{_MATH}e")] for row in rows])


def _under_each_other(element: Any, depth: int) -> str:
    lines = (_row(line, depth).strip().replace("&", "") for line in element.iterchildren(f"{_MATH}e"))
    return formula.matrix([[line] for line in lines])


def _function(element: Any, depth: int) -> str:
    return formula.joined([_part(element, "fName", depth), _part(element, "e", depth)])


def _accented(element: Any, depth: int) -> str:
    return formula.accented(_part(element, "e", depth), _property(element, "chr", _CARET))


_WRITERS = {
    "f": _fraction,
    "sSup": _scripted,
    "sSub": _scripted,
    "sSubSup": _scripted,
    "sPre": _scripted_before,
    "rad": _root,
    "nary": _sum,
    "d": _fenced,
    "m": _matrix,
    "eqArr": _under_each_other,
    "func": _function,
    "acc": _accented,
    "bar": lambda element, depth: formula.accented(_part(element, "e", depth), "¯"),
    "limLow": lambda element, depth: formula.scripts(_part(element, "e", depth), _part(element, "lim", depth)),
    "limUpp": lambda element, depth: formula.scripts(_part(element, "e", depth), "", _part(element, "lim", depth)),
    "phant": lambda element, depth: "",
}
