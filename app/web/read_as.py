"""How a file is to be read, as the page and programs say it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from app.documents import ReadAs

LONGEST = 200
"""Characters of the name of an encoding, or of languages."""


def given_read_as(value: Any) -> ReadAs:
    """The value of an object with some of its fields: {"comments": true}. Raises ValueError, which names the field that
    is not known, or not of its type."""
    known = {field.name: type(field.default) for field in fields(ReadAs)}
    if not isinstance(value, dict):
        raise ValueError(type(value).__name__)
    for name, given in value.items():
        if known.get(name) is not type(given) or (isinstance(given, str) and len(given) > LONGEST):
            raise ValueError(str(name)[:LONGEST])
    return ReadAs(**value)
