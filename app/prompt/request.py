"""What a person asks for, as the page's fields hold it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from app.prompt.tasks import Shape, parse_length
from app.say.errors import AppError
from app.say.wording import Message
from app.settings import parse_budget
from core import FullAttention, Policy, RefreshKV

REFRESHKV, FULL_ATTENTION = "RefreshKV", "FullAttention"
"""The methods that can be written with."""


@dataclass(frozen=True)
class WriteRequest:
    """The page's fields, in its order, as they come; None where a number field is empty."""

    task: str
    detail: str
    length: str
    tone: str
    language: str
    audience: str
    method: str
    budget: str
    stride: float | None
    threshold: float | None
    max_new_tokens: float | None
    temperature: float | None
    seed: float | None
    draft_tokens: float | None = None
    """So many tokens of the draft, the last ones, the model sees; None: all."""

    @property
    def shape(self) -> Shape:
        """How the text is to be. Raises PromptError for a length that means nothing."""
        return Shape(parse_length(self.length), self.tone, self.language, self.audience)

    def policy(self) -> Policy:
        """The policy chosen. Raises AppError for a value that means nothing."""
        if self.method == FULL_ATTENTION:
            return FullAttention()
        try:
            budget = parse_budget(self.budget)
        except ValueError as error:
            raise AppError("The size of the small cache is “{}”: {}.", self.budget, Message(str(error))) from None
        stride, threshold = int(self.stride or 0), self.threshold
        if stride < 1:
            raise AppError("The steps between refreshes are {}. Write a whole number, 1 or more.", stride)
        if threshold is not None and not -1 <= threshold <= 1:
            raise AppError(
                "The query similarity is {}; it must lie between -1 and 1. Leave it empty to refresh at every check.",
                threshold,
            )
        return RefreshKV(budget, stride, threshold)

    @property
    def values(self) -> dict[str, Any]:
        """What JSON can hold, for the store."""
        return asdict(self)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The fields in order."""
        return tuple(field.name for field in fields(cls))
