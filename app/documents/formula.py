"""Equations on one line, as they are typed: x=1/2 r^2, sqrt(x), ∑_{i=1}^n i. What MathML and Word's equations have in
common; each term is a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

DEEPEST = 40
"""Of terms nested deeper than this only the text is read."""

_ATOM = re.compile(r"[-−]?(?:[^\W_]|[.,′°∞∂∇]|[_^](?:\{[^{}]*\}|[^\W_]|[-+*′∘∗†]))+")
_FACTOR = re.compile(r"\d[\d.,]*|[^\W\d_][\u0300-\u036f]?(?:[_^](?:\{[^{}]*\}|[^\W_]))*")
_NUMBER = re.compile(r"[\d.,]+")
_NAME = re.compile(r"[^\W\d_]{2}")
_PRIMES = {"′", "″", "‴", "'", "''", "°", "*", "†", "∗"}
_ACCENTS = {
    "^": "\u0302", "ˆ": "\u0302", "~": "\u0303", "˜": "\u0303", "¯": "\u0304", "‾": "\u0304", "_": "\u0304",
    "→": "\u20d7", "⃗": "\u20d7", ".": "\u0307", "˙": "\u0307", "..": "\u0308", "¨": "\u0308", "ˇ": "\u030c",
}  # fmt: skip
_INVISIBLE = {"\u2061": "", "\u2062": " ", "\u2063": "", "\u2064": " ", "\u200b": "", "\u00ad": ""}


def fraction(top: str, bottom: str) -> str:
    """A fraction: (a+b)/2."""
    below = bottom if _FACTOR.fullmatch(bottom) or _is_enclosed(bottom) else f"({bottom})"
    return f"{grouped(top)}/{below}" if top or bottom else ""


def binomial(top: str, bottom: str) -> str:
    """A fraction without its line, which in brackets is a binomial coefficient."""
    return f"binom({top}, {bottom})"


def root(body: str, degree: str = "") -> str:
    """A root: sqrt(x), or sqrt[3](x)."""
    return f"sqrt[{degree}]({body})" if degree else f"sqrt({body})"


def scripts(base: str, lower: str = "", upper: str = "") -> str:
    """A base with what stands below and above at its right: x_i^2."""
    below = f"_{_braced(lower)}" if lower else ""
    upper = "°" if upper in ("∘", "o") and base.isdigit() else upper
    above = "" if not upper else upper if upper in _PRIMES and not below else f"^{_braced(upper)}"
    whole = base if not (below or above) or len(base) < 2 or _NAME.fullmatch(base[:2]) else grouped(base)
    return f"{whole}{below}{above}"


def accented(base: str, accent: str) -> str:
    """A base with an accent over it: x̄; over more than a letter the accent stands before."""
    if mark := _ACCENTS.get(accent, accent if len(accent) == 1 and "\u0300" <= accent <= "\u20ff" else ""):
        return (
            unicodedata.normalize("NFC", base + mark)
            if len(base) == 1
            else f"overline({base})"
            if mark == "\u0304"
            else f"{base}{mark}"
        )
    return scripts(base, "", accent)


def matrix(rows: Sequence[Sequence[str]]) -> str:
    """The rows of a matrix, or of equations under each other: a, b; c, d."""
    return "; ".join(", ".join(filter(None, row)) for row in rows if any(row))


def fenced(parts: Sequence[str], opening: str, closing: str, separator: str) -> str:
    """Parts in brackets."""
    return f"{opening}{f'{separator} '.join(parts) if separator == ',' else separator.join(parts)}{closing}"


def joined(terms: Iterable[str]) -> str:
    """Terms one after the other, with a blank where two would run together: 1/2 r^2, sin x, but 2x and f(x)."""
    whole, last = "", ""
    for term in terms:
        if not term.strip():
            whole += " " if term and whole and not whole.endswith(" ") else ""
            continue
        blank = bool(last) and not whole.endswith(" ") and not term.startswith(" ") and _run_together(last, term)
        whole += f" {term}" if blank else term
        last = term
    return whole


def visible(text: str) -> str:
    """Characters of an operator without those that only tell a machine what is meant."""
    return "".join(_INVISIBLE.get(sign, sign) for sign in text)


def grouped(term: str) -> str:
    """A term in parentheses unless it holds together without them."""
    return term if not term or _ATOM.fullmatch(term) or _is_enclosed(term) else f"({term})"


def _run_together(before: str, after: str) -> bool:
    if after[0] == "(":
        return "/" in before and not before.endswith("/")
    if not (before[-1].isalnum() or before[-1] in ")}]′" or "\u0300" <= before[-1] <= "\u036f") or not (
        after[0].isalnum() or after[0] in "∑∏∫√"
    ):
        return False
    if before[-1].isdigit() and after[0].isdigit():
        return len(before) > 1 or len(after) > 1
    return not (len(before) == 1 or _NUMBER.fullmatch(before)) or "/" in after or bool(_NAME.match(after))


def _braced(term: str) -> str:
    return term if len(term) == 1 else f"{{{term}}}"


def _is_enclosed(term: str) -> bool:
    """Whether the first bracket, behind a name at most, is closed by the last character."""
    start = re.match(r"[^\W\d_]*[(\[{]", term)
    if not start or term[-1] not in ")]}":
        return False
    depth = 0
    for index, sign in enumerate(term):
        depth += (sign in "([{") - (sign in ")]}")
        if depth == 0 and index >= start.end() - 1:
            return index == len(term) - 1
    return False
