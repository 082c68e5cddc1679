"""Numbers as a page or a program sends them."""

from __future__ import annotations

import math


def finite(value: object) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def whole(value: object) -> int | None:
    """A whole number, which a page may send as 10.0; or None."""
    number = finite(value)
    return int(value) if number is not None and number == int(number) else None  # type: ignore[call-overload,no-any-return]


def shown(value: object) -> str:
    """A value in a message."""
    if value is None or value == "":
        return "–"
    number = finite(value)
    return str(value)[:80] if number is None else f"{value:,}" if isinstance(value, int) else f"{value:,.15g}"
