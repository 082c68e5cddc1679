"""Sentences, words, and what in a sentence is a fact that can be looked up: numbers and names."""

from __future__ import annotations

import re
import unicodedata

_CJK = r"぀-ヿ㐀-䶿一-鿿々ー"
_WIDE = rf"{_CJK}、。！？「」『』（）・"
_TOKEN = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:(?:[’'._@:/+-]+|(?<=\d),(?=\d))[^\W_{_CJK}]+)*")
_RUN = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_HIRAGANA = re.compile(r"[぀-ゟー]+")
_ABBREVIATIONS = r"(?:\b(?:e\.g|i\.e|etc|cf|vs|al|resp|approx|Mr|Mrs|Dr|St|No|Fig|Sec|Ch|Vol|pp?)\.)"
_BREAK = re.compile(r"(?<=[。！？])(?![」』）\s])|(?<=[.!?…。！？])[\"'”’)\]」』）*_]*\s+(?=[^\sa-z])")
_ENDS_SHORT = re.compile(rf"{_ABBREVIATIONS}$")
_UNSPLIT = re.compile(r"[-–/:]")

STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    a about above after again all almost along already also although always am among an and another any anything are
    around as at away be became because been before being below between both but by came can cannot could did do does
    doing done down during each either else enough etc even ever every few first for from further get gets give given
    gives go goes got had has have having he hence her here him his how however i if in indeed instead into is it its
    itself just last least less let like likely made make makes making many may me might mine more most much must my
    namely near need never next no nor not nothing now of off often on once one only onto or other others otherwise our
    out over own per perhaps quite rather really s same second see seem seems several shall she should since so some
    something sometimes still such take takes than that the their them then there thereby therefore these they thing
    things this those though three through thus to together too toward two under unless until up upon us use used uses
    using usually various very via was way ways we well were what when where whereas whether which while who whole whom
    whose why will with within without would yet you your""",
    )
)


def sentences(paragraph: str) -> list[str]:
    """The sentences of one paragraph, whose line ends don't count; in Japanese they are no spaces either."""
    text = re.sub(rf"(?<=[{_WIDE}])\s+(?=[{_WIDE}])", "", " ".join(paragraph.split()))
    found, start = [], 0
    for match in _BREAK.finditer(text):
        if _ENDS_SHORT.search(text[start : match.start()]):
            continue
        found.append(text[start : match.end()].strip())
        start = match.end()
    return [sentence for sentence in [*found, text[start:].strip()] if _TOKEN.search(sentence)]


def words(text: str) -> list[str]:
    """The words, folded; of Japanese and Chinese the characters."""
    return [part for token in _TOKEN.findall(_folded(text)) for part in _RUN.findall(token)]


def tokens(text: str) -> list[str]:
    """The words as written; what holds together, such as an address or a number with its point, is one."""
    return _TOKEN.findall(unicodedata.normalize("NFKC", text))


def content(text: str) -> list[str]:
    """The stems of the words that carry meaning; of Japanese and Chinese pairs of characters, all-hiragana ones not."""
    found = []
    for run in _RUN.findall(_folded(text)):
        if re.match(f"[{_CJK}]", run):
            pairs = [run[at : at + 2] for at in range(max(1, len(run) - 1))]
            found += [pair for pair in pairs if not _HIRAGANA.fullmatch(pair)]
        elif run not in STOP_WORDS and (len(run) > 1 or run.isdigit()):
            found.append(stem(run))
    return found


def stem(word: str) -> str:
    """Without the commonest English endings, so that "compiles", "compiled" and "compiling" are one."""
    for ending, instead in (("ies", "y"), ("ing", ""), ("edly", ""), ("ed", ""), ("ly", ""), ("es", ""), ("s", "")):
        if word.endswith(ending) and not word.endswith("ss") and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + instead
            break
    if len(word) > 3 and word[-1] == word[-2]:
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


def facts(sentence: str) -> list[str]:
    """Its numbers in digits and its names, each time that they occur.

    A name is a word with a capital that does not begin the sentence, a quotation, a bracket or what follows a colon, or
    a word with a capital, a digit or an underscore inside, or an address. A capitalised word that begins a sentence
    can't be told from an ordinary one.
    """
    text = unicodedata.normalize("NFKC", sentence)
    found = []
    for match in _TOKEN.finditer(text):
        token = re.sub(r"['’]s?$", "", match[0])
        inside = any(letter.isupper() or letter.isdigit() for letter in token[1:])
        begins = not re.search(r"[^\W_][^\w:“\"(\[‘]*$", text[: match.start()])
        name = token[0].isupper() and not begins and token.casefold().split("'")[0].split("’")[0] != "i"
        if token[0].isdigit() or inside or name or re.search("@|://|_", token):
            found.append(token)
    return found


class Lexicon:
    """All words and numbers of the documents."""

    def __init__(self, text: str) -> None:
        """Of that text."""
        self._known: set[str] = set()
        for token in tokens(text):
            folded = _plain(token)
            self._known |= {folded, *_parts(folded)}

    def has(self, fact: str) -> bool:
        """Whether it occurs, or, of a compound, each of its parts. 4.2.1 has no parts."""
        folded = _plain(fact)
        return any(self._is_known(whole) for whole in (folded, folded.removesuffix("s"))) or all(
            self._is_known(part) for part in _parts(folded)
        )

    def _is_known(self, word: str) -> bool:
        return not word or word in self._known


def _parts(folded: str) -> list[str]:
    """Of a number those that a dash, slash or colon divides; of a word all."""
    return _UNSPLIT.split(folded) if folded[0].isdigit() else re.split(r"[\W_]+", folded)


def _plain(token: str) -> str:
    return re.sub(r"(?<=\d),(?=\d{3})", "", _folded(re.sub(r"['’]s?$", "", token)))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
