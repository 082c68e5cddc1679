"""What a model answers when a passage is to be rewritten, expanded or shortened, made ready to stand in its place:
about the passage and nothing else, in its form, whole. Pure text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.fuzz import partial_ratio, ratio
from rapidfuzz.process import extractOne

from app.prompt.passages import PASSAGE_TASKS, clean_passage
from app.text.endings import is_ended, to_last_sentence
from app.text.sentences import sentences

ALIKE = 85
"""rapidfuzz's similarity from which on a sentence is one of the text around the passage, or of the instruction."""

SHORTER, LONGER = 0.9, 1.15
"""What a shortened and an expanded passage have at most, and at least, of the passage's words."""

REWRITTEN = (0.5, 1.6)
"""What a rewritten one has of them."""

_INSTRUCTION = re.compile(
    r"rewrite the (?:input )?text\b|write only the new text\b|context, not to be rewritten\b"
    r"|preserving its (?:core )?meaning",
    re.IGNORECASE,
)
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_LEAST_LETTERS = 12  # shorter sentences are alike by chance
_MARK = re.compile(r"[ \t]*(?:(?:(#{1,6})|([-*+•])|(\d{1,3}[.)]))(?=\s)|(\|))[ \t]*")


@dataclass(frozen=True)
class Asked:
    """What is to be done (`kind`, a key of PASSAGE_TASKS) with a passage, which stands between `before` and `after`."""

    kind: str
    passage: str
    before: str = ""
    after: str = ""

    @property
    def draft(self) -> str:
        """All three."""
        return self.before + self.passage + self.after


def usable(asked: Asked, answer: str) -> str:
    """The new passage that `answer` holds, with the blanks around that the passage has; empty if there is none: nothing
    is left, or the same words, or of the wrong length or form."""
    old = asked.passage.strip()
    text = clean_passage(answer, asked.passage).strip()
    text = _without_others(text, asked)
    if is_ended(old):
        text = to_last_sentence(text) if sentences(text) else ""
        text = text if is_ended(text) else ""
    text = in_form(text, old)
    if not text or words(text) == words(old) or not _fits(asked.kind, text, old):
        return ""
    start = asked.passage.index(old)
    return asked.passage[:start] + text + asked.passage[start + len(old) :]


def words(text: str) -> list[str]:
    """Without capitals and signs; an ideograph or kana is one."""
    return [word.casefold() for word in _WORD.findall(text)]


def numbers(text: str) -> list[str]:
    """As they are written."""
    return _NUMBER.findall(text)


def in_form(text: str, passage: str) -> str:
    """`text` in the Markdown form of `passage`, a heading, the items of a list, rows of a table; empty if it has
    another. Marks that are missing are put before the lines, if these are as many."""
    theirs, own = _lines(passage), _lines(text)
    if _forms(theirs) == _forms(own):
        return text if "row" not in _forms(theirs) or _cells(theirs) == _cells(own) else ""
    if not own or len(theirs) != len(own) or "row" in _forms(theirs) or any(_form(line) != "text" for line in own):
        return ""
    return "\n".join(_marked(line, old) for line, old in zip(own, theirs, strict=True))


def _without_others(text: str, asked: Asked) -> str:
    """Without sentences of the text around the passage, of the instruction, and those that it has twice."""
    around = _texts(asked.before[-4_000:]) + _texts(asked.after[:4_000])
    own = _texts(asked.passage)
    requests = [task.request for task in PASSAGE_TASKS.values()]
    for start, end, kind in reversed(sentences(text)):
        sentence = text[start:end]
        mine = max(ALIKE, _like(sentence, own))
        foreign = _like(sentence, around) > mine or _like(sentence, requests) > mine
        recited = _INSTRUCTION.search(sentence) and not _INSTRUCTION.search(asked.passage)
        again = kind != "row" and sentence in _texts(text[:start])
        if foreign or recited or again:
            before, after = text[:start].rstrip(" \t"), text[end:].lstrip(" \t")
            text = before + (" " if before[-1:].strip() and after[:1].strip() else "") + after
    return text.strip()


def _texts(text: str) -> list[str]:
    return [text[start:end] for start, end, _ in sentences(text)]


def _like(sentence: str, others: Sequence[str]) -> float:
    """How much it is like the most alike of `others`, or holds or is a long part of it, 0 to 100."""
    if len(sentence) < _LEAST_LETTERS:
        return 0.0
    near = extractOne(sentence, others, scorer=ratio)
    held = [partial_ratio(sentence, other) for other in others if len(other) > 3 * _LEAST_LETTERS < len(sentence)]
    return max(float(near[1]) if near else 0.0, *held, 0.0)


def _fits(kind: str, text: str, old: str) -> bool:
    """Whether it is as long as asked for, and has the passage's numbers, if it is not to be shorter."""
    share = len(words(text)) / max(1, len(words(old)))
    if kind == "shorten":
        return share <= SHORTER
    if not set(numbers(old)) <= set(numbers(text)):
        return False
    if kind == "expand":
        return share >= LONGER
    return REWRITTEN[0] <= share <= REWRITTEN[1]


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def _form(line: str) -> str:
    mark = _MARK.match(line)
    if mark is None:
        return "text"
    heading, bullet, number, _ = mark.groups()
    return heading or ("bullet" if bullet else "number" if number else "row")


def _forms(lines: Sequence[str]) -> set[str]:
    return {_form(line) for line in lines}


def _cells(lines: Sequence[str]) -> list[int]:
    return [line.count("|") for line in lines]


def _marked(line: str, like: str) -> str:
    mark = _MARK.match(like)
    return (mark[0] if mark else "") + line.lstrip()
