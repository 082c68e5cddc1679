"""The parameters of all methods as parameters of an endpoint: Gradio reads them from the signature, and a client is
shown what stands in the docstring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any, TypeVar

from app.methods import all_parameters, parameters
from core.policies import METHODS

Tool = TypeVar("Tool", bound=Callable[..., Any])

_TYPES: Mapping[str, Any] = {"amount": str | None, "whole": int | None, "number": float | None}


def with_parameters(tool: Tool) -> Tool:
    """Show a tool that ends with `*parameters` as one with a parameter for each of all methods' that it does not name
    itself. They are none where they are not given; Gradio passes them on in this order, see `by_name`.

    In its docstring {methods} and {parameters} are put in: what each method does, and a line for each parameter.
    """
    own = [each for each in signature(tool).parameters.values() if each.kind is not Parameter.VAR_POSITIONAL]
    added = {name: _TYPES[all_parameters()[name].form] for name in others(tool)}
    shown = [
        Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=of) for name, of in added.items()
    ]
    tool.__annotations__.update(added)
    lines = "\n            ".join(f"{name}: {_described(name)}" for name in added)
    tool.__doc__ = (tool.__doc__ or "").replace("{methods}", _methods()).replace("{parameters}", lines)
    tool.__signature__ = signature(tool).replace(parameters=[*own, *shown])  # type: ignore[attr-defined]
    return tool


def others(tool: Callable[..., Any]) -> list[str]:
    """The parameters of all methods that a tool does not name itself."""
    named = tool.__code__.co_varnames[: tool.__code__.co_argcount]  # type: ignore[attr-defined]
    return [name for name in all_parameters() if name not in named]


def by_name(tool: Callable[..., Any], given: tuple[Any, ...]) -> dict[str, Any]:
    """What came as `*parameters`."""
    return dict(zip(others(tool), given, strict=False))


def _methods() -> str:
    return "; ".join(f'"{name}": {policy.summary.rstrip(".").replace(";", ",")}' for name, policy in METHODS.items())


def _described(name: str) -> str:
    """What a parameter is, whose, and what it is where it is not given."""
    found = {method: each for method in METHODS for each in parameters(method) if each.name == name}
    of = ", ".join(f"{method} ({each.default})" for method, each in found.items())
    return f"{next(iter(found.values())).label}. Of the methods, with what is usual: {of}."
