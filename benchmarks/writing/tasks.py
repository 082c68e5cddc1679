"""What is asked for, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Task:
    """A request. `words`: the length asked of the baselines; `options`: what the app is asked beyond its defaults."""

    name: str
    words: int
    options: Mapping[str, Any] = field(default_factory=dict)
    asks: str = "Write a {name} about the document in about {words} words."
    """In plain words, for a model without the app."""

    def wording(self, question: str) -> str:
        """The request in plain words."""
        return self.asks.format(name=self.name, words=self.words, question=question)


TASKS = (
    Task("report", 1000, {"length": "1000", "max_new_tokens": 1600}),
    Task("summary", 300),
    Task("notes", 500, {"max_new_tokens": 1000}, "Write study notes about the document in about {words} words."),
    Task("free", 200, asks="{question}"),
)


@dataclass(frozen=True)
class Written:
    """A text, or in `text` nothing and in `remark` why. Seconds since the request, uploads included."""

    method: str
    text: str
    first_word_seconds: float | None = None
    seconds: float | None = None
    remark: str = ""
    """What was read of the documents, if not all."""
    statistics: Mapping[str, Any] = field(default_factory=dict)
