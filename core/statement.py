"""What this package says to people: English sentences, with codes and values for programs that tell them apart."""

from __future__ import annotations

from typing import TypeAlias

Value: TypeAlias = "str | int | float | Statement"
"""What stands in a place of a pattern."""


class Statement:
    """A sentence. `str()` is it in English; a program goes by its code, and says it in other languages by its pattern.

    code: what it means, in words with hyphens. It stays the same when the sentence is reworded.
    pattern: the sentence with a named place, as of str.format, for each of `values`.
    """

    def __init__(self, code: str, pattern: str, /, **values: Value) -> None:
        """`Statement("converting-file", "converting {file}", file="model.gguf")`"""
        self.code, self.pattern, self.values = code, pattern, values

    def __str__(self) -> str:
        """In English."""
        return self.pattern.format(**self.values)

    def __repr__(self) -> str:
        """What it is, with its sentence."""
        return f"{type(self).__name__}({str(self)!r})"
