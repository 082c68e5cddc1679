"""Sections of a document, and small ones put together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from app.documents import LEVELS
from app.reading.contents import Matter

SMALL = 1 / 3
"""A section smaller than this share of the limit is put together with a neighbour."""


@dataclass(frozen=True, slots=True)
class Section:
    """Characters `start` up to `end` of a text, below the heading `title` of that level; `path`: those above it."""

    start: int
    end: int
    level: int
    title: str
    path: tuple[str, ...]
    matter: Matter = "text"

    @property
    def size(self) -> int:
        """Its characters."""
        return self.end - self.start


@dataclass(slots=True)
class _Open:
    """A heading whose sections are still coming: itself, and what stands below it. `whole`: a section and all that is
    below it, which alone may be put together with a neighbour."""

    section: Section
    groups: list[tuple[Section, bool]] = field(default_factory=list)


def pack(sections: Sequence[Section], limit: int) -> list[Section]:
    """The sections, which follow each other, with small neighbours below the same heading put together.

    A section that is put together with all that stands below it has its own title; others are called after the first
    and the last of them. None becomes larger than `limit` by it, and different matter stays apart.
    """
    top = _Open(Section(0, 0, 0, "", ()))
    opened = [top]
    for section in sections:
        while len(opened) > 1 and opened[-1].section.level >= section.level:
            _close(opened, limit)
        opened.append(_Open(section, [(section, True)]))
    while len(opened) > 1:
        _close(opened, limit)
    return [section for section, _ in _joined(top.groups, limit, None)]


def _close(opened: list[_Open], limit: int) -> None:
    closed = opened.pop()
    groups = _joined(closed.groups, limit, closed.section)
    whole = len(groups) == 1
    opened[-1].groups += [(section, whole) for section, _ in groups]


def _joined(groups: Sequence[tuple[Section, bool]], limit: int, head: Section | None) -> list[tuple[Section, bool]]:
    """Neighbours put together while one of two is small; the first is the text of the heading `head` itself."""
    done: list[tuple[Section, bool]] = []
    names = ("", "")  # of the first and the last section in the last group
    for section, whole in groups:
        if done and done[-1][1] and whole and _belong(done[-1][0], section, limit):
            last = done[-1][0]
            names = (
                names[0] if last.level <= LEVELS else section.title,
                (section.title if last.start != getattr(head, "start", None) else names[0]),
            )
            title = names[0] if names[0] == names[1] else " … ".join(names)
            done[-1] = replace(last, end=section.end, title=title), True
        else:
            names = section.title, section.title
            done.append((section, whole))
    return done


def _belong(one: Section, other: Section, limit: int) -> bool:
    small = min(one.size, other.size) < SMALL * limit
    return small and one.size + other.size <= limit and one.matter == other.matter
