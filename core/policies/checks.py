"""Checks of the parameters that several methods have."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np

from ..errors import InvalidParameterError

LARGEST = 2**31 - 1
"""What every operation can hold as a number of tokens; no context is so long."""


def is_integer(value: object) -> bool:
    """Whether it is a whole number and no bool."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_cosine(value: object) -> bool:
    """Whether it is a number from -1 to 1."""
    return (isinstance(value, float | np.floating) or is_integer(value)) and -1 <= float(value) <= 1  # type: ignore[arg-type]


def check_budget(budget: object) -> None:
    """Raise InvalidParameterError unless `budget` is a fraction (float, 0 < budget <= 1) or tokens (int, >= 1)."""
    if is_integer(budget):
        if int(budget) >= 1:  # type: ignore[call-overload]
            return
    elif isinstance(budget, Real) and not isinstance(budget, bool) and 0 < float(budget) <= 1:
        return
    raise InvalidParameterError(
        "budget-out-of-range",
        "budget is {budget}; pass a fraction of the prompt as a float above 0 and up to 1.0 (1/8), or a number of "
        "tokens as an int of 1 or more (512).",
        budget=repr(budget),
    )


def check_count(name: str, value: object, least: int, most: int = LARGEST) -> None:
    """Raise InvalidParameterError unless `value` is a whole number of at least `least` and at most `most`."""
    if is_integer(value) and int(value) >= least:  # type: ignore[call-overload]
        _check_size(name, value, most)
        return
    raise InvalidParameterError(
        "count-out-of-range",
        "{name} is {value}; it must be a whole number, {least} or more.",
        name=name,
        value=repr(value),
        least=least,
    )


def check_bits(bits: object) -> None:
    """Raise InvalidParameterError unless `bits` is 2, 3 or 4."""
    if not is_integer(bits) or bits not in (2, 3, 4):
        raise InvalidParameterError(
            "bits-out-of-range",
            "bits is {bits}; an index of keys has 2, 3 or 4 bits a channel.",
            bits=repr(bits),
        )


def check_pool_kernel_size(size: object) -> None:
    """Raise InvalidParameterError unless `size` is an odd whole number of at most LARGEST."""
    if not is_integer(size) or int(size) < 1 or int(size) % 2 == 0:  # type: ignore[call-overload]
        raise InvalidParameterError(
            "pool-kernel-size-out-of-range",
            "pool_kernel_size is {size}; it must be odd, so that the window is centred. Pass 1 for no pooling.",
            size=repr(size),
        )
    _check_size("pool_kernel_size", size)


def _check_size(name: str, value: object, most: int = LARGEST) -> None:
    if int(value) > most:  # type: ignore[call-overload]
        raise InvalidParameterError(
            "count-too-large",
            "{name} is {value}; it must be at most {most}.",
            name=name,
            value=str(value),
            most=most,
        )


def slots(budget: float | int, prompt_length: int, floor: int = 0) -> int:
    """K: `budget` tokens, or that fraction of the prompt rounded down, at least `floor` and at least 1."""
    return int(budget) if isinstance(budget, Integral) else max(1, int(floor), int(budget * prompt_length))
