"""What the app and a reading process say to each other, each message a pickle behind its length.

A process that reads a stranger's file may be taken over by it. So of what comes from there only the values below are
made, and nothing longer is read than a document may be.
"""

from __future__ import annotations

import builtins
import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import IO, Any, ClassVar, TypeAlias

from app.documents import Document
from app.documents.document import Heading, Origin, Page, ReadAs, Recognised, RemovedLine
from app.documents.file_input import MEGABYTE
from app.say import errors
from app.say.errors import DocumentError
from app.say.wording import Message
from app.settings import Limits

_LENGTH = 8
"""Bytes of the length of a message, in network order."""

TIMES = 8
"""A document as a message has at most so many times the bytes of the largest file: its text, the text as it was
extracted, and where one stands in the other."""


@dataclass(frozen=True)
class Ready:
    """The process has started."""


@dataclass(frozen=True)
class Advanced:
    """So many of the pages are read."""

    done: int
    total: int


@dataclass(frozen=True)
class Read:
    """The document."""

    document: Document


@dataclass(frozen=True)
class Refused:
    """Why there is none."""

    error: DocumentError | OSError


@dataclass(frozen=True)
class OutOfMemory:
    """Reading took more memory than its limit."""


@dataclass(frozen=True)
class Failed:
    """The reader itself failed, by an exception of that kind; where is for the log."""

    kind: str
    place: str


Answer: TypeAlias = Ready | Advanced | Read | Refused | OutOfMemory | Failed


def longest(limits: Limits) -> int:
    """Bytes of the longest message that is taken from a process."""
    return (1 + TIMES * limits.max_file_megabytes) * MEGABYTE


def send(stream: IO[bytes], value: object) -> None:
    """Send a value. Raises OSError if nobody listens."""
    deliver(stream, packed(value))


def packed(value: object) -> bytes:
    """A value as a message. Raises MemoryError, or whatever a value leads to that cannot be one."""
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def deliver(stream: IO[bytes], data: bytes) -> None:
    """Send a message. Raises OSError if nobody listens."""
    stream.write(len(data).to_bytes(_LENGTH, "big"))
    stream.write(data)
    stream.flush()


def receive(stream: IO[bytes], most: Callable[[], int]) -> bytes | None:
    """The next message, not yet made a value; None if none comes, or one of more than `most()` bytes."""
    head = stream.read(_LENGTH)
    size = int.from_bytes(head, "big")
    if len(head) < _LENGTH or size > most():
        return None
    data = stream.read(size)
    return data if len(data) == size else None


def answer_in(data: bytes) -> Answer:
    """The value of a message from a process. Raises UnpicklingError, or whatever broken bytes lead to."""
    value = _Answers(io.BytesIO(data)).load()
    if not isinstance(value, Answer):
        raise pickle.UnpicklingError(f"{type(value).__name__} is no answer")
    return value


_ERRORS: Mapping[str, tuple[ModuleType, type]] = MappingProxyType(
    {"app.say.errors": (errors, DocumentError), "builtins": (builtins, OSError)}
)
"""Where errors are at home, and what they all are."""


class _Answers(pickle.Unpickler):
    """Makes answers, documents and errors alone."""

    _VALUES: ClassVar = {
        (made.__module__, made.__qualname__): made
        for made in (
            Ready, Advanced, Read, Refused, OutOfMemory, Failed, Document, Page, Origin, Heading, ReadAs, Recognised,
            RemovedLine, Message,
        )
    }  # fmt: skip

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self._VALUES:
            return self._VALUES[module, name]
        home, base = _ERRORS.get(module, (None, type(None)))
        found = getattr(home, name, None)
        if isinstance(found, type) and issubclass(found, base):
            return found
        raise pickle.UnpicklingError(f"{module}.{name} is no part of an answer")
