"""Words of English by which a sentence's meaning turns, and what negates in Japanese. Values only."""

from __future__ import annotations

from typing import Literal, TypeAlias

Category: TypeAlias = Literal["negation", "modality", "quantifier", "exception", "only"]
Meaning: TypeAlias = tuple[Category, str]
"""What a word turns, and how."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP = _words(
    """a an the this that these those it its itself he him his she her they them their theirs we us our you your i me
    my be is are was were been being am do does did done doing have has had having will would and or as at by for in of
    on to with so such than then there here when where while which who whom whose what how also very about into onto
    upon both either per via own same too just even if else because since though although whether one ones s t d ll re
    from up out through let lets get gets got e g etc eg ie thus hence therefore however according namely said says say
    """
)
"""They carry no claim by themselves. OPERATORS and ORDER are looked at apart."""

TALK = _words(
    """section chapter document text describ explain discuss follow overview introduct summari summar mention conclus
    various topic inform"""
)
"""Stems by which a text speaks of itself: they need no support, and are none."""

ORDER = _words("before after than from to into over under above below because if unless until but by")
"""Small words whose two sides cannot change places."""

_OPERATORS: tuple[tuple[Category, str, str], ...] = (
    ("negation", "not", "not no never none neither nor without nothing nobody nowhere hardly unable lack lacks fails"),
    ("modality", "must", "must shall required require requires need needs needed mandatory obliged necessary"),
    ("modality", "should", "should ought recommended recommends advised encouraged"),
    ("modality", "may", "may might can could optional optionally allowed permitted possible possibly able"),
    ("quantifier", "all", "all every each always entire whole both everyone everything"),
    ("quantifier", "some", "some several few sometimes occasionally certain partly many"),
    ("quantifier", "most", "most mostly usually often generally typically normally majority"),
    ("quantifier", "few", "rarely seldom"),
    ("exception", "unless", "unless except excluding"),
    ("only", "only", "only solely exclusively"),
)  # fmt: skip

OPERATORS: dict[str, Meaning] = {
    word: (category, meaning) for category, meaning, words in _OPERATORS for word in words.split()
}
"""Words that change what the words after them claim, and their meaning."""

SAYING = _words(
    """required require requires need needs needed mandatory obliged obligatory necessary recommended recommends advised
    encouraged optional optionally allowed permitted possible possibly able lack lacks fails unable"""
)
"""Operators that claim something by themselves."""

OMITTED = _words(
    """must shall required require requires need needs needed mandatory obliged obligatory necessary can could able
    possible possibly all every each always entire whole both everyone everything several certain partly many often
    generally typically normally recommended recommends advised encouraged optional optionally allowed permitted"""
)
"""Operators that a shorter sentence may leave out, since it then claims no more, or hardly more."""

ADDED = _words("may might can could able possible possibly some several few many partly sometimes")
"""Operators that a sentence may add, since it then claims less."""

_OPPOSITES = """
    allow forbid prohibit deny, permit forbid prohibit deny, accept reject refuse, approve reject, before after,
    increase decrease reduce, rise fall, rose fell, risen fallen, grow shrink, gain loss, profit loss, win lose, won
    lost, first last, begin end finish, start stop end finish, morning evening, early late, earlier later, earliest
    latest, more less fewer, most least, larger smaller, large small, big small, greater less smaller, maximum
    minimum, max min, higher lower, high low, highest lowest, upper lower, longer shorter, long short, older newer
    younger, old new, oldest newest youngest, faster slower, fast slow, best worst, better worse, good bad, strong
    weak, rich poor, required optional, mandatory optional, enable disable, activate deactivate, include exclude,
    with without, add remove, install remove, install uninstall, create delete, open close, open shut, lock unlock,
    attach detach, connect disconnect, encrypt decrypt, compress decompress, upgrade downgrade, import export, read
    write, buy sell, bought sold, send receive, sent received, support oppose, strengthen weaken, improve worsen,
    success failure, succeed fail, up down, above below, over under, left right, north south, east west, inner
    outer, inside outside, internal external, input output, source target, forward backward, ascending descending,
    prefix suffix, true false, positive negative, valid invalid, legal illegal, always never, all none, every no,
    both neither, same different, public private, safe dangerous, easy difficult hard, simple complex, rare common
    frequent, free paid, empty full, absent present, hot cold, warm cold, light dark, cheap expensive, manual
    automatic, static dynamic, local remote, single multiple, singular plural, dependent independent, direct
    indirect, if unless, until after, summer winter, day night, parent child, son daughter, mother father, brother
    sister, man woman, husband wife, male female"""

OPPOSITES = tuple(tuple(group.split()) for group in _OPPOSITES.split(","))
"""The first of each cannot stand for any of the others. Inflections are found by stem, "un-" and its like by form."""

_UNITS = """
    byte: bytes, bit: bits, kb: kilobyte kilobytes, mb: megabyte megabytes, gb: gigabyte gigabytes, kib, mib, gib,
    tb: terabyte terabytes, ms: millisecond milliseconds, µs: us microsecond microseconds, ns: nanosecond
    nanoseconds, second: s sec secs seconds, minute: min mins minutes, hour: h hr hrs hours, day: days, week: weeks,
    month: months, year: years yr yrs, decade: decades, century: centuries, %: percent, mm: millimetre millimetres
    millimeters, cm: centimetre centimetres centimeter centimeters, m: metre metres meter meters, mile: miles, km:
    kilometre kilometres kilometer kilometers, foot: ft feet, inch: inches, yard: yards, g: gram grams, kg: kilogram
    kilograms, mg: milligrams, tonne: tonnes, pound: lb lbs pounds £, dollar: dollars $, euro: euros €, cent: cents,
    litre: litres liter liters, hz, khz, mhz, ghz, celsius, fahrenheit"""

UNITS: dict[str, str] = {
    form: unit
    for unit, _, forms in (entry.strip().partition(":") for entry in _UNITS.split(","))
    for form in (unit, *forms.split())
}
"""Units as they are written, by one name for each."""

_COUNTED = """zero - two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen"""
_OTHERS = """twenty 20 thirty 30 forty 40 fifty 50 sixty 60 seventy 70 eighty 80 ninety 90 hundred 100 thousand 1000
    million 1000000 billion 1000000000 half 1/2 twice 2x double 2x thrice 3x triple 3x third 3rd fourth 4th fifth 5th
    sixth 6th seventh 7th eighth 8th ninth 9th tenth 10th"""

NUMBERS: dict[str, str] = {word: str(value) for value, word in enumerate(_COUNTED.split())}
NUMBERS |= dict(zip(_OTHERS.split()[::2], _OTHERS.split()[1::2], strict=True))
"""Numbers in words. "one" is a pronoun more often, "first" an adverb and "second" a unit: words like others."""

JAPANESE_NEGATION = ("ない", "なか", "なく", "なけ", "ませ", "ずに", "ぬ")
JAPANESE_NUMERALS = "一二三四五六七八九十百千万億"
