"""Text as the database holds it."""

from __future__ import annotations

import zlib

from app.say.errors import StoreError
from app.say.wording import Message
from app.store.database import Store

MEGA = 10**6


def encode(text: str) -> bytes:
    """UTF-8 that also takes half surrogates, as a page may send them."""
    return text.encode("utf-8", "surrogatepass")


def decode(data: bytes) -> str:
    """What `encode` was given."""
    return data.decode("utf-8", "surrogatepass")


def pack(text: str) -> bytes:
    """`encode`, compressed."""
    return zlib.compress(encode(text), 1)


def unpack(data: bytes) -> str:
    """What `pack` was given."""
    return decode(zlib.decompress(data))


def utf8(text: str) -> str:
    """`text` with a question mark for every half surrogate, for columns of text."""
    return text.encode("utf-8", "replace").decode()


def check_draft(store: Store, text: str) -> None:
    """Raise StoreError if the text is longer than may be kept."""
    limit = int(store.limits.draft_megabytes * MEGA)
    if len(text) > limit:
        raise StoreError(
            "The draft has {:,} characters; the limit is {:,}. Move a part of it to another project.", len(text), limit
        )


def check_name(store: Store, name: str, what: Message) -> str:
    """The name without blanks at its ends. Raises StoreError if it is empty or too long."""
    name = " ".join(utf8(name).split())
    limit = store.limits.name_characters
    if not name:
        raise StoreError("The name of the {} is empty; it must have 1 to {:,} characters. Choose another.", what, limit)
    if len(name) > limit:
        raise StoreError(
            "The name of the {} has {:,} characters; it must have 1 to {:,}. Choose another.", what, len(name), limit
        )
    return name
