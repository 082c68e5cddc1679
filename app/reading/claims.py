"""A sentence as what it claims: words by their stems, numbers, units, names, and the words that turn its meaning. Pure.

Scripts without blanks between words are taken by pairs of characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeAlias

from app.reading.lexicon import (
    JAPANESE_NEGATION,
    JAPANESE_NUMERALS,
    NUMBERS,
    OPERATORS,
    ORDER,
    STOP,
    TALK,
    UNITS,
    Category,
)
from app.text.words import normal

Role: TypeAlias = Literal["content", "number", "unit", "name", "talk", "order", "small", "break"]

_IDEOGRAPHIC = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(
    rf"(?P<number>(?:(?<![\w)])-)?\d+(?:[.,:]\d+)*)"
    rf"|(?P<wide>[{_IDEOGRAPHIC}])"
    rf"|(?P<word>[^\W\d_{_IDEOGRAPHIC}]+(?:-\s*\n\s*[^\W\d_{_IDEOGRAPHIC}]+)*(?:'[^\W\d_]+)?)"
    r"|(?P<sign>[%$€£<>=+±])|(?P<break>[.,;:!?()\[\]。、！？]|\s-\s)"
)
_AT = re.compile(r"\bat\s$", re.IGNORECASE)
_TURNED = {"can't": "can", "won't": "will", "shan't": "shall"}


@dataclass(frozen=True, slots=True)
class Word:
    """A word: `text` without capitals, the `stem` to compare it by, its characters, and what it is for.

    `joined`: the next word is joined to it by a hyphen. `meaning`: what it turns, of a word in OPERATORS. `wide`: of a
    script without blanks.
    """

    text: str
    stem: str
    start: int
    end: int
    role: Role
    joined: bool = False
    meaning: tuple[Category, str] | None = None
    capital: bool = False
    wide: bool = False

    @property
    def exact(self) -> bool:
        """Whether nothing else may stand for it."""
        return self.role in ("number", "unit", "name")


class Claims:
    """What a sentence claims, made by a Reader."""

    def __init__(self, words: Sequence[Word]) -> None:
        """`words`: all of them, in order, breaks included."""
        self.words = words

    @cached_property
    def content(self) -> list[int]:
        """Indices of the words that claim something: content, numbers, units and names."""
        return [at for at, word in enumerate(self.words) if word.role in ("content", "number", "unit", "name")]

    @cached_property
    def ordered(self) -> list[int]:
        """`content`, and the small words that have two sides."""
        return [at for at, word in enumerate(self.words) if word.role not in ("small", "break", "talk")]

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of `content`."""
        return frozenset(self.words[at].stem for at in self.content)

    @cached_property
    def key(self) -> str:
        """Every word and number, a blank around each, to be compared word for word."""
        return " " + "".join(
            word.text + ("" if word.joined else " ") for word in self.words if word.text and word.role != "break"
        )


class Reader:
    """Makes claims of sentences. Not for two threads at once."""

    def __init__(self, stem: Callable[[str], str]) -> None:
        self._stem = stem
        self._stems = dict[str, str]()
        self.small = set[str]()
        """Words that were seen without a capital: at the start of a sentence they are no names."""

    def read(self, sentence: str, learn: bool = False) -> Claims:
        """What `sentence` claims. `learn` its words that have no capital."""
        text, starts, ends = normal(sentence)
        words = list[Word]()
        previous: re.Match[str] | None = None
        opens = True
        for match in _TOKEN.finditer(text):
            span = starts[match.start()], ends[match.end() - 1]
            if match["wide"]:
                self._add_wide(words, text, match, previous, span)
            elif match["break"]:
                words.append(Word(match[0], "", *span, "break"))
            else:
                words += self._words(text, match, span, opens, learn)
            opens = match["break"] is not None and match[0] in ".:!?" or (opens and match["break"] is not None)
            previous = match
        return Claims(words)

    def _words(
        self, text: str, match: re.Match[str], span: tuple[int, int], opens: bool, learn: bool
    ) -> list[Word]:
        raw = re.sub(r"-\s*\n\s*", "", match[0])
        folded = raw.casefold()
        if match["number"]:
            value = re.sub(r",(?=\d{3}(?!\d))", "", raw)
            return [Word(value, value, *span, "number")]
        if match["sign"]:
            unit = UNITS.get(raw)
            return [Word(raw, unit or raw, *span, "unit" if unit else "number")]
        after, before = text[match.end() : match.end() + 2], text[max(0, match.start() - 2) : match.start()]
        joined = bool(re.match(r"-[^\W\d_]", after))
        if learn and raw.islower():
            self.small.add(folded)
        if folded.endswith("n't") or folded == "cannot":
            verb = _TURNED.get(folded, folded[:-3])
            return [self._word(part, part, span, "small", False) for part in (verb, "not")]
        folded = folded.removesuffix("'s")
        code = bool(re.match(r"[/_@.][^\W_]|[\d(]", after) or re.search(r"[^\W_][/_@.]$|[/_@\d-]$|--$", before)) and not joined
        if re.search(r"[^\W\d_]-$", before):
            code = False
        name = raw != "I" and (
            code
            or (len(raw) > 1 and not raw[1:].islower() and not raw.islower())
            or (raw[0].isupper() and not opens)
        )
        if raw[0].isupper() and opens and folded not in self.small and len(raw) > 1:
            name = name or not learn and folded in self._stems
        digits = bool(re.search(r"\d\s?$", before))
        word = self._word(folded, raw, span, "name" if name else "content", joined, digits)
        if word.meaning and (joined or before.endswith("-") or _AT.search(text[max(0, match.start() - 4) : match.start()])):
            word = replace(word, meaning=None, role="content")  # "no-spill", "at most"
        if raw == "May" and not opens:
            word = replace(word, meaning=None, role="name")
        return [word]

    def _word(
        self, folded: str, raw: str, span: tuple[int, int], role: Role, joined: bool, digits: bool = False
    ) -> Word:
        meaning = OPERATORS.get(folded)
        capital = raw[:1].isupper()
        if folded in NUMBERS:
            return Word(folded, NUMBERS[folded], *span, "number", joined)
        if (unit := UNITS.get(folded)) and (len(folded) > 2 or digits):
            return Word(folded, unit, *span, "unit", joined)
        stem = self._stems.get(folded)
        if stem is None:
            stem = self._stems[folded] = self._stem(folded)
        if folded in ORDER:
            role = "order"
        elif folded in STOP or len(folded) == 1 and role != "name":
            role = "small"
        elif meaning and (meaning[0] != "modality" or folded in ("must", "shall", "should", "ought", "may", "might", "can", "could", "cannot")):
            role = "small"
        elif stem in TALK:
            role = "talk"
        return Word(folded, stem, *span, role, joined, meaning, capital)

    def _add_wide(
        self, words: list[Word], text: str, match: re.Match[str], previous: re.Match[str] | None, span: tuple[int, int]
    ) -> None:
        """A character of a script without blanks, which makes a pair with the one before it."""
        sign = match[0]
        at = match.start()
        meaning: tuple[Category, str] | None = ("negation", "not") if text.startswith(JAPANESE_NEGATION, at) else None
        words.append(Word(sign, sign, *span, "small", False, meaning, wide=True))
        if previous is not None and previous["wide"] and previous.end() == at:
            pair = previous[0] + sign
            number = any(numeral in pair for numeral in JAPANESE_NUMERALS)
            words.append(Word("", pair, span[0] - 1, span[1], "number" if number else "content", wide=True))
