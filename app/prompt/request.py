"""What a person asks for, checked once: the fields of the page, or the parameters of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from app.methods import DEFAULT_METHOD, all_parameters, given_parameters, policy_of, require_method
from app.prompt.tasks import TASKS, Length, Shape, Task, parse_length
from app.say.errors import AppError
from app.settings import budget_text
from app.text.numbers import finite, shown, whole
from core.policies import Policy

WordingChoice: TypeAlias = Literal["auto", "own", "quoted"]
"""Whose sentences a text about documents has: the model's own or the documents'; "auto": theirs for a small model."""

BeyondChoice: TypeAlias = Literal["parts", "one"]
"""How documents are read that are longer than the model's window: by parts, or in one context beyond it."""

AS_ONE: BeyondChoice = "one"

MAX_TEMPERATURE = 5
"""Above it the likely tokens are hardly likelier than the others; far above it their probabilities are no numbers."""

LIMIT = "max_new_tokens_limit"
"""In the context of the check: the most tokens that may be asked for."""


def _task(value: Any) -> str:
    if not isinstance(value, str) or value not in TASKS:
        raise AppError("“{}” is not a task. Choose one of {}.", str(value)[:80], ", ".join(TASKS))
    return value


def _wording(value: Any) -> str:
    if not isinstance(value, str) or value not in get_args(WordingChoice):
        raise AppError(
            "“{}” is no choice of sentences. Choose one of {}.", str(value)[:80], ", ".join(get_args(WordingChoice))
        )
    return value


def _beyond(value: Any) -> str:
    if value is None:  # as in projects of when there was no choice
        return "parts"
    if not isinstance(value, str) or value not in get_args(BeyondChoice):
        raise AppError(
            "“{}” is no way to read long documents. Choose one of {}.", str(value)[:80],
            ", ".join(get_args(BeyondChoice)),
        )  # fmt: skip
    return value


def _grounded(value: Any) -> bool:
    return value is None or bool(value)


def _apart(value: Any) -> bool:
    return bool(value)


def _text(value: Any) -> Any:
    return "" if value is None else value


def _length(value: Any) -> Length | None:
    return parse_length(value if isinstance(value, str) else "" if value is None else str(value))


def _max_new_tokens(value: Any, info: ValidationInfo) -> int:
    number, limit = whole(value), (info.context or {}).get(LIMIT)
    if number is None or number < 1 or (limit is not None and number > limit):
        raise AppError("The answer's length is {}; it must be 1 to {:,}.", shown(value), limit or 2**31)
    return number


def _temperature(value: Any) -> float:
    number = 0.0 if value is None else finite(value)
    if number is None or not 0 <= number <= MAX_TEMPERATURE:
        raise AppError("The temperature is {}; it must be 0 to {}.", shown(value), MAX_TEMPERATURE)
    return number


def _seed(value: Any) -> int | None:
    number = whole(value)
    if value is not None and (number is None or not 0 <= number < 2**63):
        raise AppError("The seed is {}; it must be 0 to {:,}, or empty.", shown(value), 2**63 - 1)
    return number


def _draft_tokens(value: Any) -> int | None:
    number = whole(value)
    if value is not None and (number is None or number < 0):
        raise AppError(
            "The tokens of the draft that the model sees are {}; write a whole number, or nothing for all.",
            shown(value),
        )
    return number or None


class WriteRequest(BaseModel):
    """What is to be written and how. Made by `of`; a value that means nothing never becomes one.

    length: a name, a number of words, or None. method: a key of METHODS. parameters: those that were given, by name,
    also some that the method does not have: a comparison is of several. seed: None to draw one. draft_tokens: so many
    tokens of the draft, the last ones, the model sees; None: all. wording: a WordingChoice. grounded: names and numbers
    can only be those of documents, instruction and draft. beyond: a BeyondChoice. apart: each document is read by
    itself, and kept so.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, arbitrary_types_allowed=True)

    task: Annotated[str, BeforeValidator(_task)]
    detail: Annotated[str, BeforeValidator(_text)] = ""
    length: Annotated[Any, BeforeValidator(_length)] = None
    tone: Annotated[str, BeforeValidator(_text)] = ""
    language: Annotated[str, BeforeValidator(_text)] = ""
    audience: Annotated[str, BeforeValidator(_text)] = ""
    method: str = DEFAULT_METHOD
    parameters: dict[str, float | int] = Field(default_factory=dict)
    max_new_tokens: Annotated[int, BeforeValidator(_max_new_tokens)] = 512
    temperature: Annotated[float, BeforeValidator(_temperature)] = 0.7
    seed: Annotated[int | None, BeforeValidator(_seed)] = None
    draft_tokens: Annotated[int | None, BeforeValidator(_draft_tokens)] = None
    wording: Annotated[str, BeforeValidator(_wording)] = "auto"
    grounded: Annotated[bool, BeforeValidator(_grounded)] = True
    beyond: Annotated[str, BeforeValidator(_beyond)] = "parts"
    apart: Annotated[bool, BeforeValidator(_apart)] = False

    @model_validator(mode="before")
    @classmethod
    def _parameters_apart(cls, fields: Any) -> Any:
        method = require_method(fields.get("method", DEFAULT_METHOD))
        policy_of(method, fields)
        return {**fields, "method": method, "parameters": given_parameters(method, fields)}

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
        names = tuple(cls.model_fields)
        place = names.index("parameters")
        return (*names[:place], *all_parameters(), *names[place + 1 :])

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
        """The policy chosen. Raises AppError if the method is not the one that was checked, and its parameters are out
        of range."""
        return policy_of(self.method, self.parameters)

    @property
    def fields(self) -> dict[str, Any]:
        """As the page's fields hold it, for the store: what JSON can hold, None where no parameter was given."""
        length = "" if self.length is None else str(self.length)
        values = {**self.model_dump(exclude={"parameters"}), **self.parameters, "length": length}
        if "budget" in values:
            values["budget"] = budget_text(values["budget"])
        return {name: values.get(name) for name in self.names()}
