"""Exponents in one form, however they are written: 10⁻³⁴, 10^-34 and 10^{-34}; m², m^2 and m2. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.text.words import normal

_RAISED = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
_POWER = re.compile("[\\^⁰¹²³⁴-⁹⁺⁻]")


def with_powers(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """As `normal`, with exponents as in "10^-34" and "m^-2", and without a sign where they are digits behind a letter:
    "m2". So an exponent is another number than its digits on the line: 10² is not 102."""
    folded, starts, ends = normal(text)
    if not _POWER.search(text):
        return folded, starts, ends
    signs, begins, closes = list[str](), list[int](), list[int]()
    grouped = False
    for at, sign in enumerate(folded):
        last, own = signs[-1] if signs else "", text[starts[at]]
        begun = own in _RAISED and not (at and text[starts[at - 1]] in _RAISED)
        if (sign == "{" and folded[at - 1 : at] == "^") or (sign == "}" and grouped):
            grouped = sign == "{"
            continue
        if sign == "^" and last.isalpha() and folded[at + 1 : at + 3].lstrip("{")[:1].isdigit():
            continue
        if begun and (last.isdigit() or (sign == "-" and last.isalpha())):
            signs.append("^")
            begins.append(starts[at])
            closes.append(starts[at])
        signs.append(sign)
        begins.append(starts[at])
        closes.append(ends[at])
    return "".join(signs), begins, closes
