"""The numbers that Word shows before paragraphs: "§ 1", "1.1", "(a)". ECMA-376, part 1, 17.9."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from docx.oxml.ns import qn

from app.documents.word.styles import child_value, integer, is_on

BULLET = "-"
_PLACE = re.compile(r"%([1-9])")
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
          (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip
_IDEOGRAPHS = "〇一二三四五六七八九"
_KANA = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
_IROHA = "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセスン"
_LETTERS = {
    "aiueo": _KANA,
    "aiueoFullWidth": _KANA,
    "iroha": _IROHA,
    "irohaFullWidth": _IROHA,
    "ideographTraditional": "甲乙丙丁戊己庚辛壬癸",
    "ideographZodiac": "子丑寅卯辰巳午未申酉戌亥",
    "decimalEnclosedCircle": "".join(map(chr, range(0x2460, 0x2474))),
    "ganada": "가나다라마바사아자차카타파하",
    "russianLower": "абвгдежзиклмнопрстуфхцчшщыэюя",
    "russianUpper": "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЫЭЮЯ",
    "hebrew2": "אבגדהוזחטיכלמנסעפצקרשת",
    "arabicAlpha": "أبتثجحخدذرزسشصضطظعغفقكلمنهوي",
}
_DEEPEST = 9
_LARGEST = 32_767  # as in Word


@dataclass(frozen=True, slots=True)
class _Level:
    form: str
    start: int
    text: str
    restarts: int  # below the level with this number and all above; 0: never
    legal: bool
    style: str | None


class Numbering:
    """A document's lists, each with its count. Lists that are made from the same definition go on counting together."""

    def __init__(self, root: Any | None) -> None:
        """`root` is the element w:numbering, None if the document has no lists."""
        self._levels: dict[tuple[str, int], _Level] = {}
        self._definition: dict[str, str] = {}
        self._starts: dict[tuple[str, int], int] = {}  # where a list begins anew, once
        self._counts: dict[str, dict[int, int]] = {}
        if root is not None:
            self._read(root)

    def _read(self, root: Any) -> None:
        abstract = {element.get(qn("w:abstractNumId")): element for element in root.iterchildren(qn("w:abstractNum"))}
        by_style = {child_value(element, "w:styleLink"): key for key, element in abstract.items()}
        for number in root.iterchildren(qn("w:num")):
            list_id, key = number.get(qn("w:numId")), child_value(number, "w:abstractNumId")
            linked = child_value(abstract[key], "w:numStyleLink") if key in abstract else None
            key = by_style.get(linked, key) if linked else key
            if list_id is None or key not in abstract:
                continue
            self._definition[list_id] = str(key)
            for level in abstract[key].iterchildren(qn("w:lvl")):
                self._levels[list_id, integer(level.get(qn("w:ilvl")), 0)] = _level(level)
            for override in number.iterchildren(qn("w:lvlOverride")):
                depth = integer(override.get(qn("w:ilvl")), 0)
                if (level := override.find(qn("w:lvl"))) is not None:
                    self._levels[list_id, depth] = _level(level)
                if (start := child_value(override, "w:startOverride")) is not None:
                    self._starts[list_id, depth] = integer(start, 1)

    def depth_of(self, list_id: str, style: str) -> int:
        """The level that the list keeps for paragraphs of a style, 0 if for none."""
        found = (depth for (key, depth), level in self._levels.items() if key == list_id and level.style == style)
        return next(found, 0)

    def next_label(self, list_id: str, depth: int) -> str:
        """What stands before the next paragraph of a list at `depth` (from 0); "" if nothing does."""
        level = self._levels.get((list_id, depth))
        if level is None:
            return BULLET
        counts = self._counts.setdefault(self._definition[list_id], {})
        start = self._starts.pop((list_id, depth), None)
        counts[depth] = start if start is not None else counts.get(depth, level.start - 1) + 1
        for below in [below for below in counts if below > depth]:
            lower = self._levels.get((list_id, below))
            if lower is None or depth < lower.restarts:
                del counts[below]
        if level.form == "bullet":
            return BULLET
        return _PLACE.sub(lambda place: self._count(list_id, int(place[1]) - 1, level, counts), level.text).strip()

    def _count(self, list_id: str, depth: int, shown: _Level, counts: dict[int, int]) -> str:
        level = self._levels.get((list_id, depth))
        if level is None:
            return ""
        return formatted(counts.get(depth, level.start), "decimal" if shown.legal else level.form)


def _level(element: Any) -> _Level:
    depth = min(max(integer(element.get(qn("w:ilvl")), 0), 0), _DEEPEST - 1)
    form = child_value(element, "w:numFmt") or "decimal"
    text = child_value(element, "w:lvlText")
    return _Level(
        form,
        integer(child_value(element, "w:start"), 1),
        f"%{depth + 1}." if text is None and form != "none" else text or "",
        integer(child_value(element, "w:lvlRestart"), depth),
        bool(is_on(element, "w:isLgl")),
        child_value(element, "w:pStyle"),
    )


def formatted(number: int, form: str) -> str:
    """The number as Word writes it in a form that the standard names: "lowerRoman"."""
    number = min(number, _LARGEST)
    if letters := _LETTERS.get(form):
        return letters[number - 1] if 1 <= number <= len(letters) else str(number)
    return _FORMS.get(form, str)(number)


def _letters(number: int) -> str:
    """a to z, aa to zz, aaa to zzz: the letter is said more often."""
    return chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1) if number > 0 else str(number)


def _roman(number: int) -> str:
    text = ""
    for value, sign in _ROMAN:
        text += sign * (number // value) if number > 0 else ""
        number %= value
    return text


def _ordinal(number: int) -> str:
    ending = "th" if number // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _ideographs(number: int) -> str:
    """Up to 99 as they are counted: 十二; more by their digits."""
    if not 0 < number < 100:
        return "".join(_IDEOGRAPHS[int(digit)] for digit in str(max(number, 0)))
    tens, ones = divmod(number, 10)
    return (_IDEOGRAPHS[tens] if tens > 1 else "") + "十" * (tens > 0) + (_IDEOGRAPHS[ones] if ones else "")


_FORMS: dict[str, Callable[[int], str]] = {
    "none": lambda number: "",
    "decimalZero": lambda number: f"{number:02}",
    "lowerLetter": _letters,
    "upperLetter": lambda number: _letters(number).upper(),
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "ordinal": _ordinal,
    "decimalFullWidth": lambda number: str(number).translate({48 + digit: 0xFF10 + digit for digit in range(10)}),
    "japaneseCounting": _ideographs,
    "chineseCounting": _ideographs,
    "chineseCountingThousand": _ideographs,
    "taiwaneseCountingThousand": _ideographs,
    "ideographDigital": lambda number: "".join(_IDEOGRAPHS[int(digit)] for digit in str(max(number, 0))),
    "numberInDash": lambda number: f"- {number} -",
}
