"""Whether a page's letters are those that a reader sees: a font need not say which characters its shapes are."""

from __future__ import annotations

import re
import unicodedata


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FEWEST = 40
"""Of fewer letters nothing is said."""

UNREADABLE = 0.3
"""The share of a page's characters that are none, from which on its text is not read."""

_WORD = re.compile(r"[^\W_]+")
_LONGEST = 40
_KNOWN = 0.35  # of all pairs of letters; in texts of European languages it is more than half
_CASED_SHAPE = re.compile(r"(?:[^\W\d_]?[^\W\d_A-ZÀ-ÖØ-Þ]*|[A-ZÀ-ÖØ-Þ]{1,15}s?)\d*|\d+[^\W\d_]{0,3}")
_COMMON = _words(
    "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me "
    "de hi ri ro ic ne ea ra ce li ch ll be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot "
    "il tr ly nc et ut ss so rs un lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai "
    "sh ir su id os am fi vi da au ue gi ja sz cz"
)


def unreadable_share(text: str, unmapped: int = 0) -> float:
    """The share (0 to 1) of the visible characters of `text` that say nothing: signs of no script, and all of a text
    that is no text of a language, of which at least half, `unmapped`, are of fonts that don't say which they are."""
    visible = [character for character in text if not character.isspace()]
    if not visible:
        return 0.0
    bad = sum(map(_is_none, visible)) / len(visible)
    if bad < UNREADABLE and 2 * unmapped > len(visible) and len(visible) >= _FEWEST and not looks_written(text):
        return 1.0
    return bad


def looks_written(text: str) -> bool:
    """Whether words of `text` have the form that words of a language have. Only Latin letters are judged."""
    words = _WORD.findall(text)
    letters = "".join(words)
    latin = sum(character.isascii() or "LATIN" in unicodedata.name(character, "") for character in letters)
    if 2 * latin < len(letters):
        return True
    pairs = [word[index : index + 2] for word in map(str.lower, words) for index in range(len(word) - 1)]
    known = sum(pair in _COMMON for pair in pairs)
    shaped = sum(len(word) for word in words if len(word) <= _LONGEST and _CASED_SHAPE.fullmatch(word))
    return shaped >= 0.5 * len(letters) and known >= _KNOWN * max(1, len(pairs))


def _is_none(character: str) -> bool:
    """Whether a character is a control, unassigned, private, or the sign for what could not be read."""
    return character == "\ufffd" or unicodedata.category(character) in ("Cc", "Cn", "Co", "Cs")
