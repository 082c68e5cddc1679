"""The statements of a part's text: whole sentences, or lines of a document that has none, with what each needs to be
understood."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.reading.lines import is_of_lines, line_spans
from app.reading.standing import Bearing, bearing, is_definite, standing_alone
from app.text.sentences import Sentence, sentences

FEWEST, MOST = 5, 50
"""Words of a sentence; an ideograph or kana counts as half a word."""

_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_CAPTION = re.compile(
    r"(?:fig(?:ure|\.)|table|abb(?:ildung|\.)|listing|図|表)\s*[\d.]+|copyright\b|©|see also\b", re.IGNORECASE
)
# Also "/usr is", "read.table() reads".
_BEGINS = re.compile(r"[\"'“”‘«「『]?(?:[A-ZÀ-ÖØ-ÞĀ-Ž/]|[^\W\d_a-zß-öø-ÿ]|(?!e\.g|i\.e)[a-z][\w-]*[._/(][^\s.])")
_ENDS = re.compile(r"[.!?。！？][\"'”’)»」』]*$")
# A note below the text: "[12] The …", "12 The …".
_NOTE = re.compile(r"(?:\^?\[\d{1,3}\]|\d{1,3}) (?=\W?[A-Z])")
_NOTE_NUMBERS = re.compile(r"^(\d{1,3}) \W?[A-Z][^\n]*[.!?]", re.MULTILINE)
_NEW_LINE = re.compile(r"\n\s*(?![a-z(])\S|\A\S{1,12}\n")
_PROGRAM = re.compile(r"(?::|[{};\\])\s*\Z|<-|\w\(\)?\s*\Z|^\s*(?:[>$%] |# (?![A-Z]))")
# Above what is said of it: "_R_CHECK_ALL_", "--with-x", "x = read (file, n)", ":" before a list.
_TERM = re.compile(r"[\w./=<>$-]*[_$=/-][\w./=<>$-]*:?|.*:|(?:.*= ?)?[\w.]+ ?\([^()]*\)")
_ITEM = re.compile(r"\s*(?:[-*+•◦▪‣–]|\(?\d{1,3}[.)])\s")
_FINITE = re.compile(
    r"(?:(?!where|which|that|who|when|if)\S+ ){1,9}(?:is|are|was|were|has|have|must|should|shall|may|might|"
    r"can|could|will|would)\b"
)
_TURN = re.compile(
    r"(?:however|but|nevertheless|yet|though|although|unfortunately|conversely|on the other hand|in contrast|"
    r"note,? (?:though|however)|even so|only)\b|[^.]*\binstead\b|しかし|ただし|ところが|一方",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[^\W\d_]|[\s,]")


@dataclass(frozen=True, slots=True)
class Statement:
    """Characters `start` up to, not including, `end` of a part's text, and the text itself, in which line ends are
    blanks, without the numbers of notes that stand below.

    first: it begins a paragraph that goes on from nothing. before: the index of the statement that it stands directly
    behind in the same paragraph, or -1. turned: the sentence behind it takes it back, or says the point ("However …").
    """

    start: int
    end: int
    text: str
    bearing: Bearing = "alone"
    first: bool = False
    before: int = -1
    turned: bool = False

    @property
    def definite(self) -> bool:
        """Whether it begins with what was spoken of before."""
        return not self.first and is_definite(self.text)

    @property
    def words(self) -> int:
        """How many."""
        return word_count(self.text)


def statements(text: str) -> list[Statement]:
    """The whole sentences of a part's plain text, in order."""
    found: list[Statement] = []
    marks = _marks(text)
    end, last = 0, -1  # of the sentence before, and its index if it is a statement
    noted = False  # in a paragraph that is a note
    every = list(sentences(text))
    for place, sentence in enumerate(every):
        between, spelt = text[end : sentence.start], text[sentence.start : sentence.end]
        said = " ".join(marks.sub("", spelt).split())
        first, before, end, last = "\n" in between or not end, last, sentence.end, -1
        noted = bool(_NOTE.match(spelt)) or (noted and not first)
        # "Figure 3. The lamp." is two sentences, and the second no sentence of the text.
        caption = _CAPTION.match(text, text.rfind("\n", 0, sentence.start) + 1)
        if sentence.kind in ("sentence", "item") and not caption and is_whole(standing_alone(said)):
            needs = bearing(said)
            if needs != "apparatus" and (noted or _is_hidden(text, sentence, said, first=first)):
                needs = "elsewhere"
            last = len(found)
            opens = first and not _PROGRAM.search(_line_above(text, sentence.start))
            turned = _is_turned(text, sentence, every[place + 1] if place + 1 < len(every) else None)
            found.append(Statement(sentence.start, sentence.end, said, needs, opens, -1 if first else before, turned))
    return found


def _is_hidden(text: str, sentence: Sentence, said: str, *, first: bool) -> bool:
    """Whether it may be no sentence of the text: lines that were not joined may be titles, an item without a verb ends
    what stands before its list, and what stands below a term or a colon says something of that."""
    if _NEW_LINE.search(text[sentence.start : sentence.end]):
        return True
    if sentence.kind != "item":
        return first and bool(_TERM.fullmatch(_line_above(text, sentence.start).strip()))
    return (first and not _FINITE.match(said)) or _lead(text, sentence.start).endswith(":")


def _lead(text: str, start: int) -> str:
    """The line that a list stands below, of which an item begins at `start`."""
    above = text[: text.rfind("\n", 0, start) + 1].rstrip()
    while above and _ITEM.match(line := above[above.rfind("\n") + 1 :]):
        above = above[: len(above) - len(line)].rstrip()
    return above[above.rfind("\n") + 1 :]


def _line_above(text: str, start: int) -> str:
    return text[:start].rstrip().rpartition("\n")[2]


def _is_turned(text: str, sentence: Sentence, following: Sentence | None) -> bool:
    if following is None or "\n\n" in text[sentence.end : following.start]:
        return False
    return bool(_TURN.match(" ".join(text[following.start : following.end].split())))


def line_statements(text: str, title: str) -> list[Statement]:
    """The lines of words, see `line_spans`."""
    return [Statement(start, end, " ".join(text[start:end].split())) for start, end in line_spans(text, title)]


def said_in_lines(text: str) -> bool:
    """Whether a plain text is no running text, so that it is its lines that say something."""
    return is_of_lines(text, [(each.start, each.end) for each in statements(text)])


def _marks(text: str) -> re.Pattern[str]:
    """What finds the numbers of notes that stand below, where they are glued to a word: "the lamp12 was"."""
    numbers = "|".join({match[1] for match in _NOTE_NUMBERS.finditer(text)}) or r"(?!)"
    return re.compile(rf"(?<=[a-z][a-z][a-z])(?:{numbers})(?=[\s,.;:)]|\Z)")


def is_whole(sentence: str) -> bool:
    """Whether it reads as a sentence by itself: not a caption, a title, a program, a row of a table or of contents."""
    if not FEWEST <= word_count(sentence) <= MOST or not _ENDS.search(sentence) or not _BEGINS.match(sentence):
        return False
    if _CAPTION.match(sentence) or "…" in sentence or sentence.count("(") != sentence.count(")"):
        return False
    return len(_LETTERS.findall(sentence)) >= 0.85 * len(sentence)


def word_count(sentence: str) -> int:
    """Words of a sentence; an ideograph or kana counts as half a word."""
    return len(_WIDE.sub(" ", sentence).split()) + len(_WIDE.findall(sentence)) // 2
