"""Small raised and lowered characters, written so that they keep their meaning on a line of plain text.

An exponent becomes "10^-34", an index "H_2O", and the mark of a note stands apart: "the keeper [12]".
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DIGITS = re.compile(r"\d{1,4}(?:\s?[,–-]\s?\d{1,4})*,?")
_SIGNS = re.compile("[*∗†‡§¶‖#]{1,4}")
_ORDINAL = re.compile(r"st|nd|rd|th|er|re|e|ème|o|a|º|ª|TM|SM|[™®©°′″'’\"]+", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_]{2}\s+[^\W\d_]{2}")
_TOKEN = re.compile(r"[+\-−]?\w+")
_WORD = re.compile(r"[^\W\d_]+\Z")
_NUMBER = re.compile(r"(?<![\d.,])\d+\Z")
_YEARS = range(1400, 2101)
_SENTENCE = tuple(".,;:!?…。、」』”’\"'»")
_CLOSING = (")", "]")
_FORMULA = re.compile(r"[=+*/^_\d−-]|(?<![^\W\d_])[^\W\d_](?![^\W\d_])")
# What is raised to a power, though it is a word.
_UNITS = _words("nm mm cm dm km in ft yd mi sec min pt px rad mol kg mg kWh kW Pa kPa Hz eV")
_FUNCTIONS = _words("sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan log ln lg exp max det dim")
_SHORT_WORDS = _words("of to is it as at by we he on or an be do so no up us me my if go am")
_SHORTEST_WORD = 3


def raised(before: str, text: str, after: str) -> str:
    """How raised `text` is written behind `before` on its line, when `after` follows."""
    if _WORDS.search(text):  # small capitals beside a large first letter, a label in a drawing
        return text
    mark = _DIGITS.fullmatch(text) or _SIGNS.fullmatch(text)
    if not before.strip():
        return f"[{text}] " if mark and after.strip() else text
    if mark and _SIGNS.fullmatch(text) and not _WORD.search(before) and not before.endswith(_SENTENCE):
        return text  # stars of significance behind a number
    if mark and _stands_behind_words(before):
        return f" [{text.rstrip(',')}]" + " " * after[:1].isalnum()
    if _ORDINAL.fullmatch(text) and (before[-1].isdigit() or not text[0].isalpha() or text.isupper()):
        return text
    if text == "A" and before.endswith("L"):  # the name of LaTeX
        return text
    return f"^{_grouped(text)}"


def lowered(before: str, text: str) -> str:
    """How lowered `text` is written behind `before` on its line."""
    return f"_{_grouped(text)}" if before and not before[-1].isspace() else text


def fraction(above: str, below: str) -> str:
    """A fraction, in brackets what is more than a name or a number."""
    return "/".join(part if _TOKEN.fullmatch(part) else f"({part})" for part in (above, below))


def _stands_behind_words(before: str) -> bool:
    """Whether a number there is a note's mark and no exponent."""
    if before[-1].isspace() or before.endswith(_SENTENCE):
        return True
    if before.endswith(_CLOSING):
        opening = max(before.rfind("("), before.rfind("["))
        return not _FORMULA.search(before, opening + 1, len(before) - 1)
    if number := _NUMBER.search(before):
        return len(number[0]) == 4 and int(number[0]) in _YEARS
    word = _WORD.search(before)
    if not word:
        return False
    if word[0] in _UNITS or word[0] in _FUNCTIONS:
        return False
    return word[0].lower() in _SHORT_WORDS or len(word[0]) >= _SHORTEST_WORD


def _grouped(text: str) -> str:
    text = text.replace("−", "-")
    return text if _TOKEN.fullmatch(text) else f"{{{text}}}"
