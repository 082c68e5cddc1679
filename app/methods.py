"""The methods of the library's registry as the app speaks of them: what kind each is, its parameters and what they are
called, and the words for its steps. Nothing else in the app tells methods apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_type_hints

from app.say.errors import AppError
from app.say.wording import Message
from app.settings import parse_budget
from app.text.numbers import finite, shown, whole
from core.errors import RefreshKVError
from core.policies import DEFAULT_POLICY, METHODS, Policy

Kind: TypeAlias = Literal["full", "refreshed", "kept", "read"]
"""Every step reads all; most read a small cache, which is chosen anew; all read what was kept of the prompt, and the
rest is gone; all read what each of them chooses among everything."""

Value: TypeAlias = float | int | None


def kind_of(policy: Policy) -> Kind:
    """Of what kind a policy is, by what it says of itself."""
    if policy.make_index() is not None:
        return "read"
    if policy.evicts:
        return "kept"
    return "full" if policy.reads_all else "refreshed"


def kind_named(method: object) -> Kind:
    """Of what kind the method of that name is; one that is not known, as in a trace of another version, is taken to be
    refreshed."""
    known = METHODS.get(str(method))
    return kind_of(known()) if known else "refreshed"


def first_of(kind: Kind) -> str:
    """The first method of that kind in the registry."""
    return next(name for name in METHODS if kind_named(name) == kind)


DEFAULT_METHOD = type(DEFAULT_POLICY).__name__
FULL_ATTENTION = first_of("full")
REFRESHED = first_of("refreshed")
"""Of which a comparison also has one that is never refreshed."""


def title_of(method: str) -> str:
    """What a method is called: a pattern for `say`."""
    if kind_named(method) != "full":
        return method
    return "Full attention, faster" if METHODS[method]().drafting else "Full attention"


def extends(method: str) -> bool:
    """Whether the method of that name can go on beyond the window of a model."""
    return METHODS[method].extends


# --- parameters ---

Form: TypeAlias = Literal["amount", "whole", "number"]
"""A share or a number of tokens; a whole number; any number."""

_FORMS: Mapping[Any, Form] = {float | int: "amount", int: "whole", float: "number", float | None: "number"}

_NAMES = {"similarity_threshold": "threshold", "draft": "drafted"}
"""Parameters that the app and its stored projects call otherwise: a draft is the person's text."""

_LABELS: Mapping[str, str] = {
    "threshold": "Keep the small cache above this query similarity (empty: refresh at every check)",
    "pool_kernel_size": "Neighbours weighed together, an odd number (1: none)",
    "lookahead": "Tokens behind an attended one that are kept with it",
    "floor": "A share is at least so many tokens",
    "sinks": "First tokens that always stay",
    "window": "Last tokens of the prompt, which choose",
    "page": "Tokens of a page of keys",
    "dense_layers": "First layers, which read everything",
    "recent": "Newest tokens that are always read",
    "bits": "Bits of each number in the coarse copy: 2, 3 or 4",
    "spread": "How many times more or less the heads of a layer may read (1: all the same)",
    "drafted": "Tokens drafted at most before they are verified",
    "similarity": "Choose anew below this query similarity",
}

_LABELS_BY_KIND: Mapping[tuple[str, Kind], str] = {
    ("budget", "refreshed"): "Small cache: share of the prompt, or tokens",
    ("budget", "kept"): "Kept: share of the prompt, or tokens",
    ("budget", "read"): "Read at a step: share of the prompt, or tokens",
    ("stride", "refreshed"): "Steps between refreshes",
    ("stride", "read"): "Steps between moments of the map",
    ("recent", "refreshed"): "Newest tokens that every refresh keeps",
    ("bits", "refreshed"): "Bits of each number in the coarse copy: 2, 3 or 4 (0: refresh by reading everything)",
}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a method. name: in the app, its API and its projects. field: of the policy. default: what it is
    where nothing is given. label: a pattern for `say`."""

    name: str
    field: str
    form: Form
    default: Value
    label: str

    def value(self, given: object) -> float | int:
        """What was given as a number; the policy checks its range. Raises AppError."""
        if self.form == "amount":
            try:
                return parse_budget(given)
            except ValueError as error:
                raise AppError("“{}” is “{}”: {}.", Message(self.label), str(given)[:80], Message(str(error))) from None
        number = finite(given)
        if number is None:
            raise AppError(
                "“{}” is {}. Write a number, or nothing for what is usual.", Message(self.label), shown(given)
            )
        count = whole(given)
        return number if self.form == "number" or count is None else count


@cache
def parameters(method: str) -> tuple[Parameter, ...]:
    """Those of a method, in its order; what is neither a number nor an amount keeps its default."""
    policy, kind = METHODS[method], kind_named(method)
    hints = get_type_hints(policy)
    found = []
    usual = policy()
    for field in fields(policy):  # type: ignore[arg-type]  # every method is a dataclass
        if form := _FORMS.get(hints[field.name]):
            name = _NAMES.get(field.name, field.name)
            plain = name.replace("_", " ").capitalize()
            label = _LABELS_BY_KIND.get((name, kind)) or _LABELS.get(name, plain)
            found.append(Parameter(name, field.name, form, getattr(usual, field.name), label))
    return tuple(found)


@cache
def all_parameters() -> Mapping[str, Parameter]:
    """Those of all methods by name, each as the first that has it."""
    first = dict[str, Parameter]()
    for method in METHODS:
        for parameter in parameters(method):
            first.setdefault(parameter.name, parameter)
    return MappingProxyType(first)


def given_parameters(method: str, given: Mapping[str, Any]) -> dict[str, float | int]:
    """The parameters in `given` as numbers, also those that other methods alone have, if they mean something. None and
    "" are not given. Raises AppError for one of the method's that is no number."""
    own = {parameter.name: parameter for parameter in parameters(method)}
    values = dict[str, float | int]()
    for name, parameter in {**all_parameters(), **own}.items():
        if given.get(name) is None or given[name] == "":
            continue
        try:
            values[name] = parameter.value(given[name])
        except AppError:  # what stands in a field that is not shown is no reason to refuse
            if name in own:
                raise
    return values


def policy_of(method: str, given: Mapping[str, Any]) -> Policy:
    """The method with those of the parameters that it has. Raises AppError, in the words of the policy's own checks."""
    values = given_parameters(method, given)
    own = {parameter.field: values[parameter.name] for parameter in parameters(method) if parameter.name in values}
    make: Callable[..., Policy] = METHODS[method]
    try:
        return make(**own)
    except RefreshKVError as error:
        raise AppError("{}: {}", Message(title_of(method)), Message.of(error)) from None


def require_method(method: object, choices: Iterable[str] = METHODS) -> str:
    """The name, if it is one of `choices`. Raises AppError."""
    names = tuple(choices)
    if not isinstance(method, str) or method not in names:
        raise AppError("“{}” is not a method. Choose one of {}.", str(method)[:80], ", ".join(names))
    return method


def require_parameters(methods: Iterable[str], given: Mapping[str, Any]) -> None:
    """Raise AppError if a value is given for a parameter that none of the methods has. What is usual may be given for
    any: programs of when there were fewer methods do."""
    asked = tuple(methods)
    own = dict.fromkeys(parameter.name for method in asked for parameter in parameters(method))
    for name, value in given.items():
        if name in own or _asks_nothing(name, value):
            continue
        said = " / ".join(asked), name, ", ".join(own) or "–"
        having = [method for method in METHODS if name in {parameter.name for parameter in parameters(method)}]
        if not having:
            raise AppError("{} has no parameter “{}”, only: {}.", *said)
        raise AppError(
            "{} has no parameter “{}”, only: {}. Leave it out, or choose a method that has it: {}.",
            *said, ", ".join(having),
        )  # fmt: skip


def _asks_nothing(name: str, value: object) -> bool:
    found = [parameter for method in METHODS for parameter in parameters(method) if parameter.name == name]
    try:
        return value is None or value == "" or any(each.value(value) == each.default for each in found)
    except AppError:
        return False


# --- words ---


@dataclass(frozen=True)
class StepWords:
    """What the steps of a kind of method are called: patterns for `say`.

    count: of {0} full steps, {1} others, {2} the share of the full ones, {3} all. full, mixed, partial: the latest
    step; mixed with {0} of {1} layers full. divided: whether its steps are full or partial. timed_apart: whether there
    are both.
    """

    count: str
    full: str
    mixed: str
    partial: str
    divided: bool = True
    timed_apart: bool = False


STEP_WORDS: Mapping[Kind, StepWords] = MappingProxyType(
    {
        "refreshed": StepWords(
            "{:,} full, {:,} partial ({:.0%} full)", "full", "mixed, {} of {} layers full", "partial", timed_apart=True
        ),
        "full": StepWords("{3:,}, all full", "full", "mixed, {} of {} layers full", "partial"),
        "kept": StepWords("{3:,} over what was kept", "full", "over what was kept", "over what was kept"),
        "read": StepWords(
            "{3:,}, each over what it chose", "full", "over what it chose", "over what it chose", divided=False
        ),
    }
)
