"""Documents that are longer than the model's window: what it takes to read them by parts, and as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from app.engine.run_times import Seconds
from app.say.wording import Message


@dataclass(frozen=True, slots=True)
class Way:
    """One of the ways: tokens of the longest request, what all requests take, and bytes of keys and values."""

    tokens: int
    seconds: Seconds
    nbytes: int


Offer: TypeAlias = Way | Message
"""What a way takes, or why it is none."""


@dataclass(frozen=True, slots=True)
class LongReading:
    """Both ways."""

    parts: Offer
    one: Offer
