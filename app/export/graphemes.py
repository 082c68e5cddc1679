"""What a reader takes for one sign: a letter with its accents, a flag of two letters, a family of seven characters."""

from __future__ import annotations

import unicodedata

import regex

_GRAPHEME = regex.compile(r"\X")
_UNSEEN = regex.compile(r"\p{Default_Ignorable_Code_Point}")
_EMOJI = regex.compile(r"\p{Emoji_Presentation}|\p{Extended_Pictographic}\u200d|[\ufe0f\u20e3]")
_BLANK = regex.compile(r"[\t\p{Z}--\u3000]", regex.VERSION1)
_AS_TEXT = "\ufe0e"
_RIGHT_TO_LEFT = ("R", "AL", "RLE", "RLO", "RLI")


def graphemes(text: str) -> list[str]:
    """The grapheme clusters of Unicode's annex 29, which together are `text`."""
    return list(_GRAPHEME.findall(text))


def wrapped(text: str, room: int) -> list[str]:
    """`text` in lines of at most `room` graphemes, which end at blanks where there are some."""
    lines = regex.findall(rf"\X{{1,{room}}}(?:\s|$)|\X{{1,{room}}}", text)
    return [line.strip() for line in lines]


def visible(text: str) -> str:
    """`text` without what has no shape in any font: joiners, direction marks, variation selectors."""
    return str(_UNSEEN.sub("", text))


def is_emoji(grapheme: str) -> bool:
    """Whether it is to be shown as an emoji: of itself, or since a selector, joiner or keycap asks for it."""
    return _AS_TEXT not in grapheme and _EMOJI.search(grapheme) is not None


def with_plain_blanks(text: str) -> str:
    """`text` with a plain blank for each of the rarer ones, which few fonts have; the ideographic one stays."""
    return str(_BLANK.sub(" ", text))


def right_to_left(text: str) -> bool:
    """Whether anything in it runs from right to left."""
    return any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text)
