"""What tells languages apart in a text whose encoding is not known: their letters beyond ASCII, and frequent words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """`letters` are its letters beyond ASCII, in lower case; `rare` those seen now and then; `words` its frequent words."""

    letters: frozenset[str]
    rare: frozenset[str]
    words: frozenset[str]


def _language(letters: str, words: str, rare: str = "") -> Language:
    return Language(frozenset(letters), frozenset(rare), frozenset(words.split()))


# ruff: noqa: E501
LANGUAGES = (
    _language("", "the of and to in a is that for it as was with be by on not he his but at are this have from or had an",
              "éèêëïöüôçñàâîæœ"),
    _language("éèàêçùâôîû", "de la le les et des en un du une que est pour qui dans par plus pas au sur ne se ce il sont",
              "ëïüœæÿ"),
    _language("äöüß", "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden",
              "éèàáçñ"),
    _language("áéíóúñ", "de la que el en y a los se del las un por con no una su para es al lo como más pero sus le",
              "üàèç"),
    _language("ãáéçíóêõúâà", "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi", "üôñ"),
    _language("àèéìòù", "di e il la che in un a per è una del con non si le dei da sono come più al della nel", "óíîçüâê"),
    _language("éëïö", "de van het een en in is dat op te zijn met voor niet aan er om ook als dan maar bij nog", "üèêáóí"),
    _language("åäö", "och i att det som en på är av för med till den har de inte om ett han men var jag så", "éàü"),
    _language("æøå", "og i det at en er til på som af for med den ikke der av de har et om var han jeg men så", "éäöüòê"),
    _language("äö", "ja on ei se että hän oli mutta ovat kun niin myös joka ole en olla sen tai hänen vain", "åéüšž"),
    _language("áéíóúýæöðþ", "og að í á sem er við til var en um hann ekki með það af fyrir hún ég þá því frá", ""),
    _language("áàéèíïóòúüç", "de la el i a que en els les un per una amb no és del al com més però va", "ñ"),
    _language("ąćęłńóśźż", "w i z na do się nie że to jest o jak za od po co ale przez przy są był dla był jego", "éüö"),
    _language("áčďéěíňóřšťúůýž", "a se v na je že to s z do o i jako za ve by si pro po k tak jsem byl jeho", "äöü"),
    _language("áäčďéíľňóôšťúýž", "a sa v na je že to s z do o i ako za by si pre po k tak som bol jeho vo", "ĺŕöüě"),
    _language("áéíóöőúüű", "a az és hogy nem is egy volt meg ez csak már mint de azt még ha van vagy el", "äß"),
    _language("ăâîșțşţ", "de și şi în a la cu pe nu o din un se care mai că să este sunt pentru ca dar", "áéöüä"),
    _language("čćđšž", "i je u na se da za su s od što o kao a ne koji iz do bi po ali već ili to", "éöü"),
    _language("çğıöşüİ", "ve bir bu da de için ile çok daha olarak ne gibi en kadar o var olan değil ama sonra", "âîûé"),
    _language("ąčęėįšųūž", "ir yra kad su į iš ne tai kaip jis bet o už nuo apie per taip dar buvo", "éöü"),
    _language("āčēģīķļņšūž", "un ir ka ar no uz par kas tas bet kā viņš nav bija to tika pie pēc", "ōŗ"),
    _language("õäöü", "ja on ei et see ta oli kui mis ka aga oma nad siis ning või ole", "šžéå"),
    _language("àáâãèéêìíòóôõùúýăđĩũơư" + "\u0300\u0301\u0303\u0309\u0323",
              "và của là có cho được trong một không người này các với những khi đã ra"),
    _language("оеаинтсрвлкмдпуяыьгзбчйхжюшцщэфъё",
              "и в не на я что он с как а по это но к у из за от так о же было для бы все его"),
    _language("оаинвіетрсклудмпязьбгчхйюжцшєїщфґ", "і в не на що я з у до та як це за а від по він для є але його про"),
    _language("аоиеnтнрвсдлкмпуязъбгчйщжхцшюьф", "на и да се от за не с в е че са си по като до ще той го"),
    _language("аоиенртсвдклмпујгзбшчљњхжћцђџф", "и је у на се да за су од са не што о као који из"),
    _language("αοιετνσρκπμυληωςγδχθφβξζψάέίόύήώϊϋΐΰ",
              "και το να του η της με για την από ο που τον σε τα είναι των στο δεν θα στην οι μου"),
    _language("אבגדהוזחטיכלמנסעפצקרשתךםןףץ", "של את על לא הוא זה אני עם כי גם היא או אם יש כל מה אל היה"),
    _language("ابتثجحخدذرزسشصضطظعغفقكلمنهويةىءآأؤإئ", "في من على أن إلى التي لا ما هذا عن مع كان هو هذه الذي كل أو بعد",
              "پچژگ" + "\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652ـ"),
    _language("".join(map(chr, range(0xE01, 0xE3B))) + "".join(map(chr, range(0xE40, 0xE50))), ""),
)  # fmt: skip

CHINESE = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现"
    "当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并"
    "物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口"
    "認條平系氣題活爾更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則"
    "這個們來為國說時會對過發後種經麼學現當沒動還進樣開從實軍無與長機關點業將兩間問並應戰頭體見產給門東聲員論處義幾"
)
"""Frequent characters of Chinese, simplified and traditional."""
