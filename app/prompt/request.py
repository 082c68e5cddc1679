"""What a person asks for, checked once: the fields of the page, or the parameters of the API."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo, model_validator

from app.prompt.tasks import TASKS, Length, Shape, Task, parse_length
from app.say.errors import AppError
from app.say.wording import Message
from app.settings import budget_text, parse_budget
from core import FullAttention, Policy, RefreshKV

REFRESHKV, FULL_ATTENTION = "RefreshKV", "FullAttention"
METHODS = (REFRESHKV, FULL_ATTENTION)
"""The methods that can be written with."""

WordingChoice: TypeAlias = Literal["auto", "own", "quoted"]
"""Whose sentences a text about documents has: the model's own or the documents'; "auto": theirs for a small model."""

MAX_TEMPERATURE = 5
"""Above it the likely tokens are hardly likelier than the others; far above it their probabilities are no numbers."""

LIMIT = "max_new_tokens_limit"
"""In the context of the check: the most tokens that may be asked for."""


def _task(value: Any) -> str:
    if not isinstance(value, str) or value not in TASKS:
        raise AppError("“{}” is not a task. Choose one of {}.", str(value)[:80], ", ".join(TASKS))
    return value


def _method(value: Any) -> str:
    if not isinstance(value, str) or value not in METHODS:
        raise AppError("“{}” is not a method. Choose one of {}.", str(value)[:80], ", ".join(METHODS))
    return value


def _wording(value: Any) -> str:
    if not isinstance(value, str) or value not in get_args(WordingChoice):
        raise AppError(
            "“{}” is no choice of sentences. Choose one of {}.", str(value)[:80], ", ".join(get_args(WordingChoice))
        )
    return value


def _grounded(value: Any) -> bool:
    return value is None or bool(value)


def _text(value: Any) -> Any:
    return "" if value is None else value


def _length(value: Any) -> Length | None:
    return parse_length(value if isinstance(value, str) else "" if value is None else str(value))


def _budget(value: Any) -> float | int:
    try:
        return parse_budget(value)
    except ValueError as error:
        raise AppError("The size of the small cache is “{}”: {}.", str(value), Message(str(error))) from None


def _stride(value: Any) -> int:
    number = _whole(value)
    if number is None or number < 1:
        raise AppError("The steps between refreshes are {}. Write a whole number, 1 or more.", _shown(value))
    return number


def _threshold(value: Any) -> float | None:
    number = _number(value)
    if value is not None and (number is None or not -1 <= number <= 1):
        raise AppError(
            "The query similarity is {}; it must lie between -1 and 1. Leave it empty to refresh at every check.",
            _shown(value),
        )
    return number


def _max_new_tokens(value: Any, info: ValidationInfo) -> int:
    number, limit = _whole(value), (info.context or {}).get(LIMIT)
    if number is None or number < 1 or (limit is not None and number > limit):
        raise AppError("The answer's length is {}; it must be 1 to {:,}.", _shown(value), limit or 2**31)
    return number


def _temperature(value: Any) -> float:
    number = 0.0 if value is None else _number(value)
    if number is None or not 0 <= number <= MAX_TEMPERATURE:
        raise AppError("The temperature is {}; it must be 0 to {}.", _shown(value), MAX_TEMPERATURE)
    return number


def _seed(value: Any) -> int | None:
    number = _whole(value)
    if value is not None and (number is None or not 0 <= number < 2**63):
        raise AppError("The seed is {}; it must be 0 to {:,}, or empty.", _shown(value), 2**63 - 1)
    return number


def _draft_tokens(value: Any) -> int | None:
    number = _whole(value)
    if value is not None and (number is None or number < 0):
        raise AppError(
            "The tokens of the draft that the model sees are {}; write a whole number, or nothing for all.",
            _shown(value),
        )
    return number or None


def _number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    """A whole number, which a page may send as 10.0; or None."""
    number = _number(value)
    return int(value) if number is not None and number == int(number) else None


def _shown(value: Any) -> str:
    """A value in a message."""
    if value is None or value == "":
        return "–"
    number = _number(value)
    return str(value)[:80] if number is None else f"{value:,}" if isinstance(value, int) else f"{value:,.15g}"


class WriteRequest(BaseModel):
    """What is to be written and how. Made by `of`; a value that means nothing never becomes one.

    length: a name, a number of words, or None. threshold: query similarity above which a layer keeps its small cache.
    seed: None to draw one. draft_tokens: so many tokens of the draft, the last ones, the model sees; None: all.
    wording: a WordingChoice. grounded: names and numbers can only be those of documents, instruction and draft.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, arbitrary_types_allowed=True)

    task: Annotated[str, BeforeValidator(_task)]
    detail: Annotated[str, BeforeValidator(_text)] = ""
    length: Annotated[Any, BeforeValidator(_length)] = None
    tone: Annotated[str, BeforeValidator(_text)] = ""
    language: Annotated[str, BeforeValidator(_text)] = ""
    audience: Annotated[str, BeforeValidator(_text)] = ""
    method: Annotated[str, BeforeValidator(_method)] = REFRESHKV
    budget: Annotated[float | int, BeforeValidator(_budget)] = 1 / 8
    stride: Annotated[int, BeforeValidator(_stride)] = 10
    threshold: Annotated[float | None, BeforeValidator(_threshold)] = None
    max_new_tokens: Annotated[int, BeforeValidator(_max_new_tokens)] = 512
    temperature: Annotated[float, BeforeValidator(_temperature)] = 0.7
    seed: Annotated[int | None, BeforeValidator(_seed)] = None
    draft_tokens: Annotated[int | None, BeforeValidator(_draft_tokens)] = None
    wording: Annotated[str, BeforeValidator(_wording)] = "auto"
    grounded: Annotated[bool, BeforeValidator(_grounded)] = True

    @model_validator(mode="before")
    @classmethod
    def _only_what_counts(cls, fields: Any) -> Any:
        """Full attention has no small cache: what stands in its folded fields is no reason to refuse."""
        if isinstance(fields, Mapping) and fields.get("method") == FULL_ATTENTION:
            return {key: value for key, value in fields.items() if key not in ("budget", "stride", "threshold")}
        return fields

    @classmethod
    def of(cls, fields: Mapping[str, Any], limit: int | None = None) -> WriteRequest:
        """Check the fields; `limit`: the most tokens that may be asked for. Raises AppError, which names the value,
        what it may be, and the way out."""
        try:
            return cls.model_validate(dict(fields), context={LIMIT: limit})
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            name = ".".join(map(str, problem["loc"]))
            raise AppError(
                "“{}” cannot be {} ({}). Correct it and try again.", name, str(problem["input"])[:80], problem["msg"]
            ) from None

    def but(self, **fields: Any) -> WriteRequest:
        """The same with other values, which are checked already."""
        return self.model_copy(update=fields)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The fields in the order in which the page shows them."""
        return tuple(cls.model_fields)

    @property
    def kind(self) -> Task:
        """The task that is asked for."""
        return TASKS[self.task]

    @property
    def shape(self) -> Shape:
        """How the text is to be."""
        return Shape(self.length, self.tone, self.language, self.audience)

    @property
    def policy(self) -> Policy:
        """The policy chosen."""
        if self.method == FULL_ATTENTION:
            return FullAttention()
        return RefreshKV(self.budget, self.stride, self.threshold)

    @property
    def fields(self) -> dict[str, Any]:
        """As the page's fields hold it, for the store: what JSON can hold."""
        length = "" if self.length is None else str(self.length)
        return {**self.model_dump(), "length": length, "budget": budget_text(self.budget)}
