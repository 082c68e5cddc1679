"""What is exported: the draft as Markdown, and where it matters the run that wrote it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.say.wording import Message

NAME_BYTES = 150
"""UTF-8 bytes of a file name without its suffix: file systems allow 255, and a copy gets " (2)" and more."""

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff<>:"/\\|?*\u200e\u200f\u202a-\u202e\u2066-\u2069]+')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run was made of. `settings` and `prompt` are values that JSON can hold; `trace` is a written trace.

    `settings`: model, quantization, policy, sampling. `prompt`: task, instruction, documents with their pages. `seed`:
    None if the run was not seeded. `versions`: of Python and of each package that decides what is generated.
    """

    settings: Mapping[str, Any]
    seed: int | None
    prompt: Mapping[str, Any]
    versions: Mapping[str, str]
    trace: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft to export: its title, its Markdown, and what is known of the run that wrote it.

    columns: of the table that was asked for.
    """

    title: str
    text: str
    run: RunRecord | None = None
    columns: tuple[str, ...] = ()


class Written(NamedTuple):
    """A draft in a format: the bytes of a file, and what a person should know of it."""

    data: bytes
    notes: tuple[Message, ...] = ()


def file_name(title: str, suffix: str) -> str:
    """A file name for `title` that every common system accepts; "draft" if nothing of the title is left."""
    name = " ".join(_FORBIDDEN.sub(" ", unicodedata.normalize("NFC", title)).split()).strip(". ")
    name = name.encode()[:NAME_BYTES].decode(errors="ignore").strip(". ")
    if not name or _RESERVED.fullmatch(name):
        name = f"draft {name}".strip()
    return name + suffix
