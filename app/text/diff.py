"""What changed between two texts, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal, TypeAlias

ChangeKind: TypeAlias = Literal["equal", "insert", "delete"]

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
