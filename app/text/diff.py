"""What changed between two texts: word by word, and in pieces that can be decided one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby, zip_longest
from typing import Literal, TypeAlias

import numpy as np
from rapidfuzz.fuzz import ratio
from rapidfuzz.process import cdist

from app.text.sentences import sentences
from app.text.spans import shared_start

ChangeKind: TypeAlias = Literal["equal", "insert", "delete"]

FEWEST_BETWEEN = 3
"""Words that are kept between two changes; where there are less it is one change."""

LEAST_KEPT = 0.4
"""Of a sentence's letters; where less is kept the words between changes cannot be read as a sentence."""

LEAST_ALIKE = 50
"""rapidfuzz's similarity of two sentences that are the same one, changed."""

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

    Sentences are matched first, then words within two that are alike. Changes with less than FEWEST_BETWEEN words
    between them are one. A sentence of which less than LEAST_KEPT is kept is replaced as a whole. Sentences that go or
    come are one piece each.
    """
    return _joined(piece for one, other in matched_sentences(old, new) for piece in _within(one, other))


def matched_sentences(old: str, new: str) -> list[tuple[str, str]]:
    """The sentences of both, each with the blanks and marks before it, the ones that are alike in pairs; an empty text
    where one only goes or comes."""
    return list(_aligned(_by_sentence(old), _by_sentence(new)))


def _by_sentence(text: str) -> list[str]:
    """Its sentences, each with the blanks and marks before it; what follows the last belongs to that."""
    ends = [end for _, end, _ in sentences(text)][:-1]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True) if start < end]


def _aligned(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Sentences that are alike, in pairs such that all similarities are most in sum, and what goes and comes between
    them: each by itself if nothing else does, in pairs if as many come as go, else at once."""
    count, other = len(old), len(new)
    alike = cdist(old, new, scorer=ratio, score_cutoff=LEAST_ALIKE) if count and other else np.zeros((count, other))
    best = np.zeros((count + 1, other + 1))
    for at in range(count - 1, -1, -1):
        for to in range(other - 1, -1, -1):
            pair = alike[at, to] + best[at + 1, to + 1] if alike[at, to] else 0.0
            best[at, to] = max(pair, best[at + 1, to], best[at, to + 1])
    at = to = 0
    gone, come = list[str](), list[str]()
    while at < count or to < other:
        if at < count and to < other and alike[at, to] and best[at, to] == alike[at, to] + best[at + 1, to + 1]:
            yield from _between(gone, come)
            yield old[at], new[to]
            gone, come, at, to = [], [], at + 1, to + 1
        elif at < count and best[at, to] == best[at + 1, to]:
            gone.append(old[at])
            at += 1
        else:
            come.append(new[to])
            to += 1
    yield from _between(gone, come)


def _between(gone: Sequence[str], come: Sequence[str]) -> Iterator[tuple[str, str]]:
    if gone and come and len(gone) != len(come):
        yield "".join(gone), "".join(come)
    else:
        yield from zip_longest(gone, come, fillvalue="")


def _within(old: str, new: str) -> list[Difference]:
    """The changes of a sentence."""
    pieces = list[Difference]()
    for equal, group in groupby(diff(old, new), key=lambda change: change.kind == "equal"):
        parts = list(group)
        piece = Difference(
            *("".join(part.text for part in parts if part.kind in ("equal", kind)) for kind in ("delete", "insert"))
        )
        if not equal and len(pieces) > 1 and len(re.findall(r"\w+", pieces[-1].old)) < FEWEST_BETWEEN:
            piece = _one([*pieces[-2:], piece])
            del pieces[-2:]
        pieces.append(piece)
    kept = sum(_letters(piece.old) for piece in pieces if piece.equal)
    if kept >= LEAST_KEPT * _letters(old):
        return pieces
    lead = old[: min(shared_start(old, new), len(old) - len(old.lstrip()))]
    return [Difference(lead, lead), Difference(old[len(lead) :], new[len(lead) :])]


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _joined(pieces: Iterable[Difference]) -> list[Difference]:
    """Without empty pieces, with what is the same in both as one, and with blanks that go or come beside a change as
    part of that."""
    found = list[Difference]()
    for piece in pieces:
        before = found[-1] if found else piece
        blank = not (before.old + before.new).strip() or not (piece.old + piece.new).strip()
        if found and before.equal == piece.equal and (piece.equal or blank):
            piece = _one([found.pop(), piece])
        found += [piece] if piece.old or piece.new else []
    return found


def _one(pieces: Sequence[Difference]) -> Difference:
    return Difference("".join(piece.old for piece in pieces), "".join(piece.new for piece in pieces))
