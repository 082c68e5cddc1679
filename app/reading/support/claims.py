"""A sentence as what it claims: words by their stems, numbers, units, names, and the words that turn its meaning. Pure.

Scripts without blanks between words are taken by pairs of characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from app.reading.support.lexicon import (
    JAPANESE_NEGATION,
    JAPANESE_NUMERALS,
    NUMBERS,
    OPERATORS,
    ORDER,
    SAYING,
    STOP,
    TALK,
    UNITS,
    Category,
    Meaning,
)
from app.reading.support.powers import with_powers

Role: TypeAlias = Literal["content", "number", "unit", "name", "talk", "order", "small", "break"]

_IDEOGRAPHIC = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(
    rf"(?P<number>(?:(?<![\w)])-)?\d+(?:[.,:]\d+)*)"
    rf"|(?P<wide>[{_IDEOGRAPHIC}])"
    rf"|(?P<word>[^\W\d_{_IDEOGRAPHIC}]+(?:-\s*\n\s*[^\W\d_{_IDEOGRAPHIC}]+)*(?:'[^\W\d_]+)?)"
    r"|(?P<sign>[%$€£<>=+±])|(?P<break>[.,;:!?()\[\]。、！？]|\s-\s)"
)
_WORDS = re.compile(rf"[^\W\d_{_IDEOGRAPHIC}]+")
_NUMBERS = re.compile(r"(?:(?<![\w)])-)?\d+(?:[.,:]\d+)*")
_PAIRS = re.compile(rf"(?=([{_IDEOGRAPHIC}]{{2}}))")
_IN_A_ROW = re.compile(
    rf"(?:(?<![\w)])-)?\d+(?:[.,:]\d+)*|[{_IDEOGRAPHIC}]|[^\W\d_{_IDEOGRAPHIC}]+(?:'[^\W\d_]+)?|[%$€£<>=+±]"
)
_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?:\s*\n\s*)?(?=[^\W\d_])")
_HYPHENATED = re.compile(r"(?<=[^\W\d_])-\s*\n\s*(?=[^\W\d_])")
_THOUSANDS = re.compile(r",(?=\d{3}(?!\d))")
_PARTICIPLE = re.compile(r"(?:ed|en|wn|un|ught|ilt|ept|ade|ent|old|ung|one|ut|ound|aid|ead)$")
_TURNED = {"can't": "can", "won't": "will", "shan't": "shall"}


ENDS = frozenset(".;:!?。！？")
"""Breaks over which nothing is said."""


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
    meaning: Meaning | None = None
    capital: bool = False
    wide: bool = False

    @property
    def category(self) -> Category | None:
        """What it turns."""
        return self.meaning[0] if self.meaning else None

    @property
    def negates(self) -> bool:
        """Whether it is a negation."""
        return self.category == "negation"

    @property
    def exact(self) -> bool:
        """Whether nothing else may stand for it."""
        return self.role in ("number", "unit", "name")


def row(text: str) -> str:
    """The words and numbers of a text, a blank before each: equal for two texts that are the same word for word.

    Line ends, hyphens, quotation marks, punctuation and capitals do not count; signs such as % and < do.
    """
    folded = _HYPHEN.sub("", with_powers(text)[0]).casefold()
    return "".join(" " + _THOUSANDS.sub("", word) for word in _IN_A_ROW.findall(folded))


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
    def operators(self) -> list[int]:
        """Indices of the words that turn a meaning."""
        return [at for at, word in enumerate(self.words) if word.meaning]

    @cached_property
    def passives(self) -> dict[int, int]:
        """The verbs to which a "by" belongs, and where that is."""
        found = dict[int, int]()
        for by in (at for at, word in enumerate(self.words) if word.text == "by"):
            before = [at for at in range(max(0, by - 6), by) if self.words[at].role == "content"]
            verbs = [at for at in before if _PARTICIPLE.search(self.words[at].text)] or before
            if verbs:
                found[verbs[-1]] = by
        return found

    def heads(self, operator: int, most: int) -> list[int]:
        """Up to so many words that claim something and that an operator is said of."""
        if self.words[operator].wide:
            return [at for at in self.content if at < operator][-most:]
        heads = list[int]()
        for at in range(operator + 1, len(self.words)):
            word = self.words[at]
            at_once = at == operator + 1 and self.words[operator].role == "content"  # "if this fails, ..."
            if word.text in ENDS or (word.role == "break" and (heads or at_once)) or len(heads) == most:
                break
            if word.exact or word.role == "content":
                heads.append(at)
        return heads

    def is_negated(self, at: int) -> bool:
        """Whether a negation is said of this word."""
        return any(self.words[other].negates and at in self.heads(other, 2) for other in self.operators)


class Reader:
    """Makes claims of sentences. Not for two threads at once."""

    def __init__(self, stem: Callable[[str], str]) -> None:
        """`stem`: that of a word without capitals."""
        self._stem = stem
        self._plain = dict[str, tuple[str, Role, Meaning | None]]()

    def stems(self, text: str) -> frozenset[str]:
        """Nearly the stems of what `text` claims, at a tenth of the cost."""
        folded = with_powers(text)[0].casefold()
        found = {self._meant(word) for word in _WORDS.findall(_HYPHENATED.sub("", folded))}
        stems = {stem for stem, role, _ in found if role in ("content", "number", "unit")}
        stems.update(_THOUSANDS.sub("", number) for number in _NUMBERS.findall(folded))
        return frozenset(stems if folded.isascii() else stems.union(_PAIRS.findall(folded)))

    def read(self, sentence: str) -> Claims:
        """What `sentence` claims."""
        text, starts, ends = with_powers(sentence)
        words = list[Word]()
        opens, last = True, -1
        for match in _TOKEN.finditer(text):
            kind, raw = match.lastgroup, match[0]
            start, end = starts[match.start()], ends[match.end() - 1]
            if kind == "break":
                words.append(Word(raw, "", start, end, "break"))
                opens = opens or raw in ".:!?"
                continue
            if kind == "wide":
                words += _wide(text, match.start(), start, end, words[-1] if last == match.start() else None)
            elif kind == "number":
                words.append(Word(value := _THOUSANDS.sub("", raw), value, start, end, "number"))
            elif kind == "sign":
                words.append(Word(raw, UNITS.get(raw, raw), start, end, "unit" if raw in UNITS else "number"))
            else:
                words += self._word(text, match, start, end, opens, words[-1] if words else None)
            opens, last = False, match.end()
        return Claims(words)

    def _word(
        self, text: str, match: re.Match[str], start: int, end: int, opens: bool, previous: Word | None
    ) -> list[Word]:
        raw = match[0]
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        if "'" in raw or "\n" in raw or raw == "cannot":
            raw = _HYPHENATED.sub("", raw).removesuffix("'s")
            if raw.endswith("n't") or raw == "cannot":
                verb = _TURNED.get(raw, raw[:-3])
                return [Word(part, part, start, end, "small", False, OPERATORS.get(part)) for part in (verb, "not")]
        folded = raw.casefold()
        stem, role, meaning = self._meant(folded)
        joined = after == "-" and text[match.end() + 1 : match.end() + 2].isalpha()
        if role == "unit" and len(folded) < 3 and not (previous and previous.role == "number"):
            role = "content" if len(folded) > 1 else "small"
        if meaning and (joined or before == "-" or (previous and previous.text == "at")):
            meaning, role = None, "content"  # "no-spill", "at most"
        name = _is_name(raw, opens) or _is_code(text, match, joined)
        if name and (role in ("content", "talk") or (raw == "May" and not opens)):
            meaning, role = None, "name"
        return [Word(folded, stem, start, end, role, joined, meaning, raw[0].isupper())]

    def _meant(self, folded: str) -> tuple[str, Role, Meaning | None]:
        """Stem, role and meaning of a word wherever it stands."""
        if (known := self._plain.get(folded)) is None:
            known = self._plain[folded] = self._look_up(folded)
        return known

    def _look_up(self, folded: str) -> tuple[str, Role, Meaning | None]:
        stem, meaning = self._stem(folded), OPERATORS.get(folded)
        if folded in NUMBERS:
            return NUMBERS[folded], "number", meaning
        if folded in UNITS:
            return UNITS[folded], "unit", meaning
        if folded in ORDER:
            return stem, "order", meaning
        if folded in STOP or len(folded) == 1 or (meaning and folded not in SAYING):
            return stem, "small", meaning
        return stem, "talk" if stem in TALK else "content", meaning


def _is_name(raw: str, opens: bool) -> bool:
    """Whether a word has a capital that is not owed to the start of a sentence."""
    return len(raw) > 1 and not raw.islower() and not (opens and raw[1:].islower())


def _is_code(text: str, match: re.Match[str], joined: bool) -> bool:
    """Whether a word is a part of a path, address, option, call or name with digits."""
    before, after = text[max(0, match.start() - 2) : match.start()], text[match.end() : match.end() + 2]
    if not joined and after and (after[0].isdigit() or after[0] == "("):
        return True
    if len(after) > 1 and after[0] in "/_@." and after[1].isalnum():
        return True
    return (
        before == "--"
        or (before[-1:].isdigit() and match[0] not in UNITS)
        or before[-1:] in ("/", "_", "@")
        or (before[-1:] == "." and before[:1].isalnum())
    )


def _wide(text: str, at: int, start: int, end: int, previous: Word | None) -> list[Word]:
    """A character of a script without blanks, and the pair that it makes with the one before it."""
    sign = text[at]
    meaning: Meaning | None = ("negation", "not") if text.startswith(JAPANESE_NEGATION, at) else None
    words = [Word(sign, sign, start, end, "small", False, meaning, wide=True)]
    if previous is not None and previous.wide:
        pair = text[at - 1] + sign
        role: Role = "number" if any(numeral in pair for numeral in JAPANESE_NUMERALS) else "content"
        words.append(Word("", pair, previous.start, end, role, wide=True))
    return words
