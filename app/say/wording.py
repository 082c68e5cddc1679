"""What the server says to a person, in the languages on offer. A sentence is named by its English pattern.

What is made where no page is in sight (an error, a note on a file) is a Message, which is put into words when a page
shows it. The labels of the page, which are translated in the browser, are in `app.web.page.labels`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, Protocol, runtime_checkable

from babel import Locale
from babel.lists import format_list

from app.say.catalogue import SOURCE_LANGUAGE, catalogues


@runtime_checkable
class Statement(Protocol):
    """What core says: an error, or what loading is at. A protocol, so that reading a file need not import core."""

    @property
    def pattern(self) -> str:
        """In English, with named places."""
        ...

    @property
    def values(self) -> Mapping[str, Any]:
        """What stands in them; may be statements too."""
        ...


class Message:
    """A sentence that is said later: its English pattern and what stands in its places, which may be messages too."""

    def __init__(self, pattern: str, *values: object, **named: object) -> None:
        """`Message("{} of {} …", 2, 3)`, or `Message("{done} of {total} …", done=2, total=3)`"""
        self.pattern, self.values, self.named = pattern, values, named

    @classmethod
    def of(cls, said: Statement) -> Message:
        """The same as an error of core, or what core reports of loading, with all statements in it."""
        values = said.values.items()
        return cls(said.pattern, **{name: cls.of(one) if isinstance(one, Statement) else one for name, one in values})

    def worded(self, say: Wording) -> str:
        """In a language."""
        return say(self.pattern, *self.values, **self.named)

    def __str__(self) -> str:
        """In English."""
        return self.worded(ENGLISH)

    def __repr__(self) -> str:
        """What it says."""
        return f"Message({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        """Whether both say the same."""
        if not isinstance(other, Message):
            return NotImplemented
        return (self.pattern, self.values, self.named) == (other.pattern, other.values, other.named)

    def __hash__(self) -> int:
        """Of what it says."""
        return hash((self.pattern, self.values, *self.named.items()))

    @property
    def plain(self) -> list[Any]:
        """As values that JSON can hold, which `from_plain` takes: the pattern, the values, the named ones if any."""
        named = {name: _plain(value) for name, value in self.named.items()}
        return [self.pattern, *map(_plain, self.values), *([named] if named else [])]

    @classmethod
    def from_plain(cls, plain: list[Any] | str) -> Message:
        """What `plain` was made of; a string is a sentence of which only the English was kept."""
        if isinstance(plain, str):
            return cls(plain)
        pattern, *values = plain
        named = values.pop() if values and isinstance(values[-1], dict) else {}
        return cls(pattern, *map(_made_of, values), **{name: _made_of(value) for name, value in named.items()})


def _plain(value: object) -> Any:
    return value.plain if isinstance(value, Message) else value


def _made_of(plain: Any) -> Any:
    return Message.from_plain(plain) if isinstance(plain, list) else plain


@dataclass(frozen=True, slots=True)
class Wording:
    """Says things in one of the languages on offer. `say("Waiting: {} before you.", 2)`

    What a language has no translation for is said in English.
    """

    language: str = SOURCE_LANGUAGE

    @classmethod
    def of(cls, accept_language: str) -> Wording:
        """In the best of the languages on offer, by a browser's header of that name."""
        return cls(catalogues().best(accept_language))

    def __call__(self, english: str, *values: object, **named: object) -> str:
        """The sentence of that English pattern, with the values in its places."""
        pattern = catalogues()[self.language].pattern(english)
        if not values and not named:
            return pattern  # a name or message may hold braces
        return pattern.format(*map(self._said, values), **{name: self._said(value) for name, value in named.items()})

    def count(self, number: int, one: str, many: str, *values: object) -> str:
        """The same for a pattern of which there is a singular; `number` stands before `values`."""
        return self(one if number == 1 else many, number, *values)

    def together(self, *sentences: str) -> str:
        """The sentences one after another, without the empty ones."""
        said = [sentence for sentence in sentences if sentence]
        return reduce(partial(self, "{} {}"), said) if said else ""

    def listed(self, names: Sequence[str]) -> str:
        """ "a, b and c" """
        # British English has no comma before the "and", as the sentences here have none.
        locale = "en-GB" if self.language == SOURCE_LANGUAGE else self.language
        return format_list(names, locale=Locale.parse(locale, sep="-"))

    def _said(self, value: object) -> object:
        return value.worded(self) if isinstance(value, Message) else value


ENGLISH = Wording()


def reason(error: Exception) -> Message:
    """Why the system refused something, without its number and the file's name."""
    return Message(str(getattr(error, "strerror", None) or error))
