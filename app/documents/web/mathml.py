"""MathML, in web pages and e-books, as text on one line."""

from __future__ import annotations

from collections.abc import Sequence

from bs4 import BeautifulSoup, CData, NavigableString, Tag

from app.documents import formula

_LEAVES = {"mi", "mn", "mo", "ms", "mtext"}
_UNREAD = {"annotation", "annotation-xml", "mphantom", "maligngroup", "malignmark", "none", "mprescripts"}
_ARRANGED = {
    "mroot", "mfrac", "mfenced", "mmultiscripts", "msub", "msup", "msubsup", "munder", "mover", "munderover",
}  # fmt: skip
_TEX = ("application/x-tex", "text/x-tex", "latex", "tex")


def linear(math: Tag) -> str:
    """The equation in an element `math`; where it holds nothing but its source in LaTeX, that."""
    text = " ".join(_row(math, 0).split())
    if text:
        return text
    source = math.find(lambda tag: _name(tag) == "annotation" and str(tag.get("encoding", "")).lower() in _TEX)
    return " ".join(source.get_text().split()) if isinstance(source, Tag) else ""


def equation(data: bytes) -> str:
    """The equation in a file of MathML, "" if there is none."""
    math = BeautifulSoup(data, "xml").find(lambda tag: _name(tag) == "math")
    return linear(math) if isinstance(math, Tag) else ""


def _name(tag: Tag) -> str:
    return tag.name.rpartition(":")[2].lower()


def _children(tag: Tag) -> list[Tag]:
    return [child for child in tag.children if isinstance(child, Tag) and _name(child) not in _UNREAD]


def _row(tag: Tag, depth: int) -> str:
    terms = [
        _term(child, depth + 1) if isinstance(child, Tag) else str(child).strip()
        for child in tag.children
        if isinstance(child, Tag) or type(child) in (NavigableString, CData)
    ]
    return formula.joined(terms)


def _term(tag: Tag, depth: int) -> str:
    name = _name(tag)
    if name in _UNREAD:
        return ""
    if name in _LEAVES or depth > formula.DEEPEST:
        text = formula.visible(" ".join(tag.get_text().split()))
        return f" {text} " if name == "mtext" and len(text) > 1 else text
    if name == "mspace":
        return " "
    if name == "semantics":
        own = _children(tag)
        return _term(own[0], depth + 1) if own else ""
    if name == "mtable":
        rows = [[_row(cell, depth + 1) for cell in _children(row)] for row in _children(tag)]
        return formula.matrix(rows)
    if name == "msqrt":
        return formula.root(_row(tag, depth))
    if name in _ARRANGED:
        return _arranged(tag, name, [_term(child, depth + 1).strip() for child in _children(tag)])
    return _row(tag, depth)


def _arranged(tag: Tag, name: str, parts: Sequence[str]) -> str:
    first, second, third = (*parts, "", "", "")[:3]
    if name == "mroot":
        return formula.root(first, second)
    if name == "mfrac":
        return (formula.binomial if str(tag.get("linethickness", "1"))[:1] == "0" else formula.fraction)(first, second)
    if name == "mfenced":
        opening, closing = str(tag.get("open", "(")), str(tag.get("close", ")"))
        return formula.fenced(parts, opening, closing, (str(tag.get("separators", ",")).strip() or " ")[0])
    if name == "mmultiscripts":
        return formula.scripts(first, second, third) + "".join(parts[3:])
    if name == "mover":
        return formula.accented(first, second)
    if name in ("msub", "munder"):
        return formula.scripts(first, second)
    return formula.scripts(first, "", second) if name == "msup" else formula.scripts(first, second, third)
