"""What the server says to a person, in English or Japanese. A sentence is named by its English pattern.

The labels of the page are in `app.page.words`: those are translated in the browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from app.japanese import JAPANESE

Language: TypeAlias = Literal["en", "ja"]


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
        return pattern.format(*values) if values else pattern  # a name or message may hold braces

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
