"""Words of English by which a sentence's meaning turns, and Japanese endings that negate. Values only.

Stems are Snowball's, as app.reading.claims makes them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Category: TypeAlias = Literal["negation", "modality", "quantifier", "exception", "only"]
Meaning: TypeAlias = tuple[Category, str]
"""What a word turns, and how."""

STOP = frozenset(
    """a an the this that these those it its itself he him his she her they them their theirs we us our you your i me my
    be is are was were been being am do does did done doing have has had having will would and or as at by for in of on
    to with so such than then there here when where while which who whom whose what how also very about into onto upon
    both either per via own same too just even if else because since though although whether one ones 's s t d ll re
    from up out through let lets get gets got e g i etc eg ie thus hence therefore however according namely said says say
    """.split()
)
"""They carry no claim by themselves. Operators below and ORDER are looked at apart."""

TALK = frozenset(
    """section chapter document text describ explain discuss follow overview introduct summari summar mention conclus
    various topic inform""".split()
)
"""Stems by which a text speaks of itself: they need no support, and are none."""

ORDER = frozenset("before after than from to into over under above below because if unless until but by".split())
"""Small words whose two sides cannot change places."""

OPERATORS: dict[str, Meaning] = {
    **dict.fromkeys(
        "not no never none neither nor without nothing nobody nowhere cannot hardly unable lack lacks fails".split(),
        ("negation", "not"),
    ),
    **dict.fromkeys(
        "must shall required require requires need needs needed mandatory obliged obligatory necessary".split(),
        ("modality", "must"),
    ),
    **dict.fromkeys("should ought recommended recommends advised encouraged".split(), ("modality", "should")),
    **dict.fromkeys(
        "may might can could cannot optional optionally allowed permitted possible possibly able".split(),
        ("modality", "may"),
    ),
    **dict.fromkeys("all every each always entire whole both everyone everything".split(), ("quantifier", "all")),
    **dict.fromkeys("some several few sometimes occasionally certain partly many".split(), ("quantifier", "some")),
    **dict.fromkeys("most mostly usually often generally typically normally majority".split(), ("quantifier", "most")),
    **dict.fromkeys("rarely seldom".split(), ("quantifier", "few")),
    **dict.fromkeys("unless except excluding".split(), ("exception", "unless")),
    **dict.fromkeys("only solely exclusively".split(), ("only", "only")),
}
"""Words that change what the words after them claim, and their meaning."""

SAYING = frozenset(
    """required require requires need needs needed mandatory obliged obligatory necessary recommended recommends advised
    encouraged optional optionally allowed permitted possible possibly able lack lacks fails unable""".split()
)
"""Operators that claim something by themselves."""

OMITTED = frozenset(
    """must shall required require requires need needs needed mandatory obliged obligatory necessary can could able
    possible possibly all every each always entire whole both everyone everything several certain partly many often
    generally typically normally recommended recommends advised encouraged optional optionally allowed permitted
    """.split()
)
"""Operators that a shorter sentence may leave out, since it then claims no more, or hardly more."""

ADDED = frozenset("may might can could able possible possibly some several few many partly sometimes".split())
"""Operators that a sentence may add, since it then claims less."""

OPPOSITES = tuple(
    tuple(group.split())
    for group in """allow forbid prohibit; allow deni; permit forbid prohibit; permit deni; accept reject refus;
    increas decreas reduc; rise fall; rose fell; risen fallen; grow shrink; before after; first last; begin end;
    begin finish; start stop; start end; start finish; more less fewer; larger smaller; larg small; big small;
    higher lower; high low; highest lowest; greater less smaller; longer shorter; long short; older newer younger;
    oldest newest youngest; old new; faster slower; fast slow; maximum minimum; max min; most least; best worst;
    better wors; good bad; requir option; mandatori option; enabl disabl; activ inact; includ exclud; add remov;
    instal remov; install uninstal; creat delet; open close; open shut; up down; above below; over under; left right;
    north south; east west; earli late; earlier later; earliest latest; true fals; success fail failur; succeed fail;
    always never; everi no; all none; both neither; same differ; public privat; inner outer; import export; read write;
    input output; sourc target; upper lower; win lose; won lost; buy sell; bought sold; encrypt decrypt; compress
    decompress; lock unlock; with without; inside outsid; intern extern; safe danger; safe unsaf; summer winter; day
    night; easi difficult hard; simpl complex; rare common; rare frequent; free paid; empti full; absent present;
    send receiv; sent receiv; ascend descend; positiv negat; strong weak; hot cold; warm cold; light dark; rich poor;
    cheap expens; manual automat; static dynam; local remot; singl multipl; upgrad downgrad; prefix suffix; singular
    plural; forward backward; legal illeg; valid invalid; depend independ; direct indirect; if unless; until after;
    morn even; parent child; approv reject; connect disconnect; attach detach; support oppos;
    strengthen weaken; improv worsen; gain loss; profit loss; son daughter; mother father; brother sister; man woman;
    husband wife; male femal""".replace("\n", " ").split(";")
)
"""Stems that cannot stand for each other."""

UNITS: dict[str, str] = {
    form: unit
    for unit, forms in {
        "byte": "byte bytes", "bit": "bit bits", "kb": "kb kilobyte kilobytes", "mb": "mb megabyte megabytes",
        "gb": "gb gigabyte gigabytes", "tb": "tb terabyte terabytes", "kib": "kib", "mib": "mib", "gib": "gib",
        "ms": "ms millisecond milliseconds", "µs": "µs us microsecond microseconds", "ns": "ns nanosecond nanoseconds",
        "second": "s sec secs second seconds", "minute": "min mins minute minutes", "hour": "h hr hrs hour hours",
        "day": "day days", "week": "week weeks", "month": "month months", "year": "year years yr yrs",
        "decade": "decade decades", "century": "century centuries", "percent": "% percent",
        "mm": "mm millimetre millimetres millimeter millimeters", "cm": "cm centimetre centimetres centimeter centimeters",
        "m": "m metre metres meter meters", "km": "km kilometre kilometres kilometer kilometers",
        "mile": "mile miles", "foot": "ft foot feet", "inch": "inch inches", "yard": "yard yards",
        "g": "g gram grams", "kg": "kg kilogram kilograms", "mg": "mg milligram milligrams", "tonne": "tonne tonnes",
        "pound": "lb lbs pound pounds £", "dollar": "dollar dollars $", "euro": "euro euros €", "cent": "cent cents",
        "litre": "litre litres liter liters", "hz": "hz", "khz": "khz", "mhz": "mhz", "ghz": "ghz", "celsius": "celsius",
        "fahrenheit": "fahrenheit",
    }.items()
    for form in forms.split()
}  # fmt: skip
"""Units as they are written, by their one name."""

NUMBERS = {
    word: str(value)
    for value, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
                                 "fifteen sixteen seventeen eighteen nineteen".split())
    if word != "one"
} | {
    "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80",
    "ninety": "90", "hundred": "100", "thousand": "1000", "million": "1000000", "billion": "1000000000",
    "twice": "2×", "thrice": "3×", "half": "½", "double": "2×", "triple": "3×", "third": "3.", "fourth": "4.",
    "fifth": "5.", "sixth": "6.", "seventh": "7.", "eighth": "8.", "ninth": "9.", "tenth": "10.",
}  # fmt: skip
"""Numbers in words. "one" is a pronoun more often."""

JAPANESE_NEGATION = ("ない", "なか", "なく", "なけ", "ませ", "ずに", "ぬ")
JAPANESE_NUMERALS = "一二三四五六七八九十百千万億"
