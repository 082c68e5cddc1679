"""What the server says to a person, in English or Japanese. A sentence is named by its English pattern.

The labels of the page are in `app.web.page.labels`: those are translated in the browser. What is made where no page is
in sight (an error, a note on a file) is a Message, which is put into words when a page shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any, Literal, TypeAlias

from app.say.ja import CORE, JAPANESE

Language: TypeAlias = Literal["en", "ja"]


class Message:
    """A sentence that is said later: its English pattern and what stands in its places, which may be messages too."""

    def __init__(self, pattern: str, *values: object) -> None:
        """`Message("{} of {} …", 2, 3)`"""
        self.pattern, self.values = pattern, values

    def worded(self, say: Wording) -> str:
        """In a language."""
        return say(self.pattern, *self.values)

    def __str__(self) -> str:
        """In English."""
        return self.worded(ENGLISH)

    def __repr__(self) -> str:
        """As it is made."""
        return f"Message{(self.pattern, *self.values)!r}"

    def __eq__(self, other: object) -> bool:
        """Whether both say the same."""
        if not isinstance(other, Message):
            return NotImplemented
        return (type(self), self.pattern, self.values) == (type(other), other.pattern, other.values)

    def __hash__(self) -> int:
        """Of what it says."""
        return hash((self.pattern, self.values))

    @property
    def plain(self) -> list[Any]:
        """As values that JSON can hold, which `from_plain` takes."""
        return [self.pattern, *(value.plain if isinstance(value, Message) else value for value in self.values)]

    @classmethod
    def from_plain(cls, plain: list[Any] | str) -> Message:
        """What `plain` was made of; a string is a sentence of which only the English was kept."""
        if isinstance(plain, str):
            return cls(plain)
        pattern, *values = plain
        return cls(pattern, *(cls.from_plain(value) if isinstance(value, list) else value for value in values))


@dataclass(frozen=True, slots=True)
class Wording:
    """Says things in one language. `say("Waiting: {} before you.", 2)`; what has no Japanese is said in English."""

    language: Language = "en"

    @classmethod
    def of(cls, accept_language: str) -> Wording:
        """By the header of that name: its first language is the browser's, which Gradio goes by for the labels."""
        first = accept_language.split(",")[0].split(";")[0].strip().lower()
        return cls("ja" if first.split("-")[0] == "ja" else "en")

    def __call__(self, english: str, *values: object) -> str:
        """The sentence of that English pattern, with `values` in its places."""
        pattern = english if self.language == "en" else JAPANESE.get(english, english)
        said = (value.worded(self) if isinstance(value, Message) else value for value in values)
        return pattern.format(*said) if values else pattern  # a name or message may hold braces

    def count(self, number: int, one: str, many: str, *values: object) -> str:
        """The same for a pattern of which there is a singular; `number` stands before `values`."""
        return self(one if number == 1 else many, number, *values)

    def together(self, *sentences: str) -> str:
        """The sentences one after another, without the empty ones."""
        return (" " if self.language == "en" else "").join(filter(None, sentences))

    def listed(self, names: Sequence[str]) -> str:
        """ "a, b and c" """
        if self.language == "ja":
            return "、".join(names)
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


ENGLISH = Wording()


def heard(sentence: str) -> Message:
    """A sentence of core, which speaks English only, as the pattern it was made of, if Japanese has that."""
    for pattern in CORE:
        if found := re.fullmatch("".join(_expressions(pattern)), sentence, re.DOTALL):
            return Message(pattern, *map(heard, found.groups()))
    return Message(sentence)


def reason(error: Exception) -> Message:
    """Why the system refused something, without its number and the file's name."""
    return Message(str(getattr(error, "strerror", None) or error))


def _expressions(pattern: str) -> Iterator[str]:
    for literal, place, _, _ in Formatter().parse(pattern):
        yield re.escape(literal) + ("" if place is None else "(.+?)")
