"""What changed between two texts: word by word, and in pieces that can be decided one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal, TypeAlias

from app.text.sentences import sentences

ChangeKind: TypeAlias = Literal["equal", "insert", "delete"]

FEWEST_BETWEEN = 3
"""Words that are kept between two changes; where there are less it is one change."""

LEAST_KEPT = 0.4
"""Of a sentence's letters; where less is kept the words between changes cannot be read as a sentence."""

_BREAK = re.compile(r"[.!?…]\s|[。！？]|\n")
_IDEOGRAPHIC = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_WORD = re.compile(rf"[{_IDEOGRAPHIC}]|[^\W{_IDEOGRAPHIC}]+|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Change:
    """A piece of text that both have, or only the new one (insert) or the old one (delete)."""

    kind: ChangeKind
    text: str


def diff(old: str, new: str) -> list[Change]:
    """The changes from `old` to `new` in order: what is equal or deleted makes `old`, equal or inserted makes `new`.

    Lines are compared first and words in the lines that differ, so that long texts take no long time. Words, blanks
    and signs are units, and so is every ideograph. Neighbours are never of the same kind, and none is empty.
    """
    changes = []
    for old_lines, new_lines, equal in _matched(_LINE.findall(old), _LINE.findall(new)):
        if equal:
            changes.append(Change("equal", "".join(old_lines)))
        else:
            changes += _words("".join(old_lines), "".join(new_lines))
    return [
        Change(kind, "".join(change.text for change in group))
        for kind, group in groupby(changes, key=lambda change: change.kind)
    ]


def _words(old: str, new: str) -> Iterator[Change]:
    for old_words, new_words, equal in _matched(_WORD.findall(old), _WORD.findall(new)):
        if equal:
            yield Change("equal", "".join(old_words))
            continue
        if old_words:
            yield Change("delete", "".join(old_words))
        if new_words:
            yield Change("insert", "".join(new_words))


def _matched(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[Sequence[str], Sequence[str], bool]]:
    """Pieces of both in order, and whether they are equal."""
    for tag, a, b, c, d in SequenceMatcher(None, old, new).get_opcodes():
        yield old[a:b], new[c:d], tag == "equal"


@dataclass(frozen=True, slots=True)
class Difference:
    """A piece of two texts: the same in both, or `old` in the one and `new` in the other, either may be empty."""

    old: str
    new: str

    @property
    def equal(self) -> bool:
        """Whether it is no difference."""
        return self.old == self.new


def differences(old: str, new: str) -> list[Difference]:
    """What of `old` becomes what of `new`, in pieces that can be read and decided one by one: all `old` in a row make
    the one text, all `new` the other, and so does any choice piece by piece a text between them.

    Changes with less than FEWEST_BETWEEN words between them, of one sentence, are one. A sentence of which less than
    LEAST_KEPT is kept is replaced as a whole. Whole sentences that go or come are one piece each.
    """
    pieces = _paired(diff(old, new))
    for start, end, _ in sentences(old):
        pieces = _replaced(pieces, start, end)
    return _joined(part for piece in _bridged(pieces) for part in _sentence_by_sentence(piece))


def _paired(changes: Sequence[Change]) -> list[Difference]:
    """What is deleted with what is inserted at the same place."""
    found = list[Difference]()
    for equal, group in groupby(changes, key=lambda change: change.kind == "equal"):
        parts = list(group)
        if equal:
            found += [Difference(part.text, part.text) for part in parts]
        else:
            texts = {kind: "".join(part.text for part in parts if part.kind == kind) for kind in ("delete", "insert")}
            found.append(Difference(texts["delete"], texts["insert"]))
    return found


def _replaced(pieces: Sequence[Difference], start: int, end: int) -> list[Difference]:
    """With the characters `start` to `end` of the old text as one piece, if too little of them is kept."""
    before, inside, after = list[Difference](), list[Difference](), list[Difference]()
    at, kept = 0, 0
    for piece in pieces:
        stop = at + len(piece.old)
        first, last = max(start, at) - at, min(end, stop) - at
        if last < first or (first == last and not (piece.old == "" and start < at < end)):
            (before if stop <= start else after).append(piece)
        elif piece.equal:
            for part, where in zip(
                (piece.old[:first], piece.old[first:last], piece.old[last:]), (before, inside, after), strict=True
            ):
                where += [Difference(part, part)] if part else []
            kept += sum(map(str.isalnum, piece.old[first:last]))
        else:
            inside.append(piece)
        at = stop
    changed = any(not piece.equal for piece in inside)
    if not changed or kept >= LEAST_KEPT * sum(sum(map(str.isalnum, piece.old)) for piece in inside):
        return [*pieces]
    return [*before, _one(inside), *after]


def _bridged(pieces: Sequence[Difference]) -> list[Difference]:
    """With changes as one between which only few words of the same sentence are kept."""
    found = list[Difference]()
    for piece in pieces:
        if not piece.equal and len(found) > 1 and found[-1].equal and _is_short(found[-1].old):
            piece = _one([*found[-2:], piece])
            del found[-2:]
        elif not piece.equal and found and not found[-1].equal:
            piece = _one([found.pop(), piece])
        found.append(piece)
    return found


def _is_short(kept: str) -> bool:
    return len(re.findall(r"\w+", kept)) < FEWEST_BETWEEN and not _BREAK.search(kept)


def _sentence_by_sentence(piece: Difference) -> list[Difference]:
    """A piece in several, if sentences go or come, or as many come as go."""
    old, new = _by_sentence(piece.old), _by_sentence(piece.new)
    if not piece.old:
        return [Difference("", part) for part in new]
    if not piece.new:
        return [Difference(part, "") for part in old]
    if len(old) == len(new):
        return [Difference(*parts) for parts in zip(old, new, strict=True)]
    return [piece]


def _by_sentence(text: str) -> list[str]:
    """Its sentences, each with the blanks and marks before it; what follows the last belongs to that."""
    ends = [end for _, end, _ in sentences(text)][:-1]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def _joined(pieces: Iterable[Difference]) -> list[Difference]:
    """Without empty pieces, and with what is the same in both as one."""
    found = list[Difference]()
    for piece in pieces:
        if piece.equal and found and found[-1].equal:
            piece = _one([found.pop(), piece])
        found += [piece] if piece.old or piece.new else []
    return found


def _one(pieces: Sequence[Difference]) -> Difference:
    return Difference("".join(piece.old for piece in pieces), "".join(piece.new for piece in pieces))
