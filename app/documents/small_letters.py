"""Raised and lowered letters in plain text: exponents and indices keep their meaning, and marks of notes stand apart.

Digits and signs become Unicode's own small characters (10⁻³⁴, m², CO₂): so they are read and quoted as they were
printed, and whoever searches for CO2 finds them, since comparisons fold them to digits. Unicode has few small letters,
so whatever else is raised or lowered is written as in LaTeX: x_i, 2^{n+1}. A mark of a note is a number in brackets.
"""

from __future__ import annotations

import re

_RAISED = str.maketrans("0123456789+-−–=()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁼⁽⁾")
_LOWERED = str.maketrans("0123456789+-−–=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₋₌₍₎")
_DIGITS = re.compile(r"[-+−–=()0-9]+")
_POWER = re.compile(r"[-+−–]?\d{1,3}|\d?[-+−–]")
_ORDINAL = re.compile(
    r"st|nd|rd|th|d|er|ers|re|res|ère|ème|e|es|o|os|a|as|mo|ma|lle|lles|me|mes|mme|gr|r|ter|te|ste|de|ª|º",
    re.IGNORECASE,
)
_BEFORE_ORDINAL = re.compile(r"(?:\d|\b[IVXLCDM]+|\b[A-Za-z])\.?$")
_OPERATOR = re.compile(r"\s*[-+−=×·<>≤≥]")  # behind 2^d, but not behind 2d
_MARKS = {"tm": "™", "sm": "℠", "®": "®", "©": "©", "(r)": "®"}
_SIGNS = re.compile(r"[°′″'’®©™℠ªº\"]+")
_NOTE = re.compile(
    r"[\[(]?\s*((?:\d{1,4}|[a-z]{1,2}|[ivxl]{1,6}|note \d+|nb \d+)(?:\s*[,;–-]\s*(?:\d{1,4}|[a-z]))*),?\s*[\])]?"
)
_STARS = re.compile("[*∗†‡§¶‖#]{1,4}")
_UNIT = re.compile(
    "[kKhdcmnfpµμu]m|ft|in|yd|mi|miles?|met(?:re|er)s?|feet|foot|inch|inches|secs?|[mnµ]s|min|hr|[kmµ]g|mol|[kMG]?Hz|[kM]?Pa|"
    "[kMG]?eV|[kMG]W|kWh|pt|px|cal|rad|sr|lb|sq|ha|log|ln|lg|exp|max|det|dim|(?:arc)?(?:sin|cos|tan)h?|cot|sec|csc"
)
_WORDS = re.compile(r"[^\W\d_]{2}\s+[^\W\d_]{2}")
_INITIAL = re.compile(r"(?:^|\s)[^\W\d_]$")
_FIRST_ISOTOPE = re.compile(r"[HCNOPSU](?![\w])")
_LAST_WORD = re.compile(r"[^\W\d_]+$")
_LAST_NUMBER = re.compile(r"[\d.,  ]*\d$")
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_ELEMENT = re.compile(r"(?:[A-Z][a-z]?)(?![a-z])")
_PLAIN = 30  # longer ones are no exponents but small print


def raised(text: str, before: str, after: str = "") -> str:
    """What to write for raised `text` between `before`, of which the last characters count, and `after`.

    raised("-34", "×10") is "⁻³⁴", raised("12", "shown by Orr.") is " [12]", raised("th", "20") is "th".
    """
    text = " ".join(text.split())
    if not text:
        return ""
    apart = "" if not before or before[-1].isspace() else " "
    if text.startswith("[^"):  # a mark already
        return f"{apart}{text}{' ' if after[:1].isalnum() else ''}"
    if text.lower() in _MARKS or _SIGNS.fullmatch(text):
        return _MARKS.get(text.lower(), text)
    if _STARS.fullmatch(text):
        return _starred(text, before, after)
    if _INITIAL.search(before) and before[-1:].isupper() and _WORDS.search(text):
        return text  # small capitals behind a large one
    if text == "A" and before.endswith("L") and after.startswith("T"):
        return text  # LaTeX
    if text.isdigit() and after[:1] in ("⁄", "/", "∕") and after[1:2].strip() in ("", *"0123456789"):
        return (" " if before[-1:].isdigit() else "") + text
    ordinal = _ORDINAL.fullmatch(text) and _BEFORE_ORDINAL.search(before) and not _OPERATOR.match(after)
    if ordinal and not _is_variable(text, before):
        return text
    if apart and _is_power(text, before):
        return _small(text, _RAISED, "^")
    if not apart and text.isdigit() and _is_isotope(text, before, after):
        return text.translate(_RAISED)
    if note := _NOTE.fullmatch(text):
        return f"{apart}[{note[1]}]{' ' if after[:1].isalnum() else ''}"
    if not apart or len(text) > _PLAIN or _ends_sentence(before) or re.search(r"[^\W\d_]{3}.* ", text):
        return apart + text
    return _small(text, _RAISED, "^")


def lowered(text: str, before: str) -> str:
    """What to write for lowered `text` behind `before`: lowered("i", "x") is "_i", lowered("2", "CO") is "₂"."""
    text = " ".join(text.split())
    if not text or not before or before[-1].isspace() or len(text) > _PLAIN:
        return text
    if text.isdigit() and before[-1] in "⁄/∕":
        return text
    return _small(text, _LOWERED, "_")


def note_mark(name: str, before: str) -> str:
    """The mark of a note whose text the document holds: "[^3]" stands in the text, "[^3]: " before the note."""
    return f"{'' if not before or before[-1].isspace() else ' '}[^{name}]"


def _starred(text: str, before: str, after: str) -> str:
    """Stars and daggers: marks of notes behind words and before a note, significance behind numbers, else exponents."""
    word = _LAST_WORD.search(before)
    if not before or before[-1].isspace() or _ends_sentence(before) or (word and len(word[0]) > 1):
        blank = bool(before) and not before[-1].isspace()
        return f"{' ' * blank}[{text}]{' ' if after[:1].isalnum() else ''}"
    return f"^{text}" if word else text


def _is_isotope(text: str, before: str, after: str) -> bool:
    """Whether digits are those of ¹⁴C. What begins a line is mostly a note: "¹ In 1850"."""
    if not before.strip():
        return len(text) > 1 and bool(_FIRST_ISOTOPE.match(after))
    element = _ELEMENT.match(after)
    return bool(element) and not after[element.end() :][:1].isalpha()  # type: ignore[union-attr]


def _small(text: str, table: dict[int, int], sign: str) -> str:
    if _DIGITS.fullmatch(text):
        return text.translate(table)
    return f"{sign}{text}" if len(text) == 1 else f"{sign}{{{text}}}"


def _is_variable(text: str, before: str) -> bool:
    """Whether a single letter that could be an ordinal's ending is an exponent: x^a, but 1st, Nº, XIXe."""
    word = _LAST_WORD.search(before)
    return len(text) == 1 and bool(word) and len(word[0]) == 1 and word[0] not in "IVXLCDMNn"  # type: ignore[index]


def _is_power(text: str, before: str) -> bool:
    """Whether digits, signs or letters behind `before` are an exponent, and no mark of a note."""
    if text[0] in "[" or _ends_sentence(before):
        return False
    digits = bool(_POWER.fullmatch(text))
    if text[0] in "-+−–" or text[-1] in "-+−–":
        return True
    if before[-1].isdigit():
        number = re.sub(r"[^\d]", "", (_LAST_NUMBER.search(before) or [""])[0])
        return not (digits and _YEAR.fullmatch(number))
    if before[-1] in ")]}|":
        inner = before[max(before.rfind(opening) for opening in "([{|") + 1 : -1] if before[-1] != "|" else ""
        return not re.search(r"[^\W\d_]{3}", inner)
    if before[-1] in "_}⁺⁻₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹":
        return True
    word = _LAST_WORD.search(before)
    if word is None:
        return not digits and bool(re.search(r"[^\W\d_]", text)) and before[-1].isalnum()
    if re.search(r"[_^]$", before[: word.start()]):
        return True
    if len(word[0]) == 1 and not digits:
        return True
    if _UNIT.fullmatch(word[0]):
        return text in ("2", "3", "4", "n") or not digits
    return len(word[0]) == 1


def _ends_sentence(before: str) -> bool:
    return before[-1:] in tuple(".,;:!?…\"'”’»“„)。、，」』") and not before.endswith(")")
