"""Which words of a text state a fact that can be looked up, and where a sentence may begin: rules over characters.

Text is cut into runs: letters, digits and the signs `@ / _ \\`, and single joiners such as `.`, `-` or `'` between two
of those. "3.5", "10-34", "10⁻³⁴", "R-exts", "1,000", "v1.2.3", "it's" and "https://x.org/a?b=1" are one run each; a
full stop, comma or quotation mark at the end of a run is no part of it, nor is a currency, per cent or minus sign
beside a number.
Letters of scripts without capitals belong to no run, since nothing separates their words: only digits, Latin words and
addresses within them do.

A run is *guarded* if it has a capital, a digit, one of those signs, or a full stop inside: numbers, names, e-mail
addresses, URLs, paths and identifiers. Knows nothing of tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from unicodedata import category

JOINERS = frozenset(".,:-'’‐‑–?&=#%~+⁺⁻₊₋")
SIGNS = frozenset("@/_\\")
NEW_LINES = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
TERMINATORS = frozenset(".!?:…。！？：")
OPENING_QUOTES = frozenset("“‘«„‹‚「『")
ABBREVIATIONS = frozenset({"al", "approx", "ca", "cf", "ed", "eds", "fig", "pp", "resp", "viz", "vol", "vs"})
"""In lower case; a full stop after one of them ends no sentence, nor does it after single letters ("e.g.", "U.S.")."""
ALWAYS_ALLOWED = frozenset(
    {"A", "I", "I'd", "I'll", "I'm", "I've", "I’d", "I’ll", "I’m", "I’ve", "e.g", "i.e", "and/or"}
)

_RUN = re.compile(r"[ULDS][ULDSM]*(?:J[ULDS][ULDSM]*)*")
_GUARDED = re.compile(r"[A-Z0-9@/_\\]|\..")
_FIRST_PART = re.compile("[^" + re.escape("".join(sorted(JOINERS))) + "]*")
_LETTERS_ONLY = re.compile(r"[ULM]+")


def kind_of(character: str) -> str:
    """U capital, L other letter of a script with capitals, D digit or number, S sign, M mark, J joiner, W white space,
    O anything else."""
    return _ASCII[ord(character)] if character < "\x80" else _kind_of(character)


def _kind_of(character: str) -> str:
    if character in SIGNS:
        return "S"
    if character in JOINERS:
        return "J"
    if character.isspace():
        return "W"
    found = category(character)
    if found in ("Lu", "Lt"):
        return "U"
    return {"Ll": "L", "N": "D", "M": "M"}.get(found if found == "Ll" else found[0], "O")


_ASCII = tuple(_kind_of(chr(code)) for code in range(128))


def kinds_of(text: str) -> str:
    """The kind of each character."""
    return "".join(map(kind_of, text))


def is_guarded(run: str) -> bool:
    """Whether a run, which may end with a joiner, has a capital, a digit, a sign or a full stop inside."""
    if run.isascii():
        return _GUARDED.search(run) is not None
    return "." in run[:-1] or any(kind_of(character) in "UDS" for character in run)


class Place(IntEnum):
    """Where in its sentence the next run would stand."""

    LINE = 0
    """At the begin of a line."""
    START = 1
    """At the begin of a sentence: after a mark at the begin of a line, an opening quote, or a full stop and a space."""
    ENDED = 2
    """After a full stop, and no space yet."""
    GAP = 3
    """After a space inside a sentence."""
    WITHIN = 4
    """Anywhere else."""


def moved(place: Place, character: str) -> Place:
    """The place after a character that belongs to no run."""
    opening = place in (Place.LINE, Place.START)
    if character in NEW_LINES:
        return Place.LINE
    if character.isspace():
        return place if opening else Place.START if place is Place.ENDED else Place.GAP
    if opening or character in OPENING_QUOTES or (character in "\"'" and place is Place.GAP):
        return Place.START
    if character in TERMINATORS:
        return Place.ENDED
    if place is Place.ENDED:
        return place
    return Place.GAP if character in "([{" else Place.WITHIN


def is_abbreviation(word: str) -> bool:
    """Whether a full stop after the run `word` ends no sentence."""
    return word in ABBREVIATIONS or all(len(piece) == 1 and piece.isalpha() for piece in word.split("."))


def is_list_number(place: Place, word: str, following: str) -> bool:
    """Whether `word` numbers an item of a list, as in "12. " at the begin of a line."""
    return place is Place.LINE and len(word) <= 2 and word.isdecimal() and following in (".", ")")


def after(place: Place, word: str, following: str) -> Place:
    """The place after a run that began at `place` and the character that follows it, which is not part of it."""
    if is_list_number(place, word, following):
        return Place.START
    if following == "." and is_abbreviation(word):
        return Place.WITHIN
    return moved(Place.WITHIN, following)


def lowered(word: str) -> str:
    """With a small letter at its begin."""
    return word[:1].lower() + word[1:]


def first_part(word: str) -> str:
    """`word` up to its first joiner."""
    found = _FIRST_PART.match(word)
    assert found
    return found[0]


@dataclass(frozen=True, slots=True)
class Word:
    """A run `text[start:end]`, and where in its sentence it stands."""

    text: str
    start: int
    end: int
    place: Place
    list_number: bool


def words_of(text: str, place: Place = Place.LINE) -> Iterator[Word]:
    """All runs of a text that begins at `place`."""
    end = 0
    last: tuple[Place, str] | None = None
    for match in _RUN.finditer(kinds_of(text)):
        for at in range(end, match.start()):
            place = after(*last, text[at]) if last is not None and at == end else moved(place, text[at])
        word, end = text[match.start() : match.end()], match.end()
        yield Word(word, match.start(), end, place, is_list_number(place, word, text[end : end + 1]))
        last = place, word
        place = Place.WITHIN


def guarded_words(text: str) -> list[Word]:
    """The runs of `text` that a `SourceGuard` holds to its sources, with where they stand; numbers of lists left out.

    One at the begin of a sentence (`place` LINE or START) may still be an ordinary word, which depends on the guard.
    """
    return [word for word in words_of(text) if is_guarded(word.text) and not word.list_number]


def allowed_words(sources: Iterable[str]) -> tuple[set[str], set[str]]:
    """The guarded words that may be written about `sources`, and their words in lower case.

    Allowed is each guarded run as it is spelled, and
    - of a compound of letters alone ("Debian-based", "GNU/Linux") the parts with capitals, of one with digits none: so
      "10-34" allows neither "10" nor "34";
    - of a possessive ("Debian's") what it is of, and the possessive of each run;
    - of a name of letters alone its plural in s ("PDFs");
    - of a path or URL that ends with slashes also the one without.
    """
    allowed, lower = set(ALWAYS_ALLOWED), set[str]()
    for word in {word.text for source in sources for word in words_of(source)}:
        if not is_guarded(word):
            lower.update(_parts(word))
            continue
        owner = re.sub("['’]s$", "", word)
        names = {owner, owner.rstrip("/") or owner}
        if "." not in owner and set(kinds_of(owner.replace("/", "-"))) <= set("ULMJ"):
            parts = _parts(owner)
            names.update(filter(is_guarded, parts))
            lower.update(part for part in parts if not is_guarded(part))
        allowed.add(word)
        for name in names:
            plural = {name + "s"} if _LETTERS_ONLY.fullmatch(kinds_of(name)) else set()
            allowed |= {name, name + "'s", name + "’s"} | plural
    return allowed, lower


def _parts(word: str) -> list[str]:
    return [part for part in _FIRST_PART.findall(word.replace("/", "-")) if part]
