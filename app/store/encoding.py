"""Text as the database holds it. What comes out of it is valid, also where an earlier version let other text in."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from app.say.errors import StoreError
from app.say.wording import Message
from app.store.database import Store
from app.text.valid import is_visible, valid_text

MEGA = 10**6
UNNAMED = "Untitled"


@dataclass(frozen=True, slots=True)
class DraftText:
    """A draft with its forms in the database, which are made before a transaction and not in it."""

    text: str
    encoded: bytes
    packed: bytes

    @classmethod
    def of(cls, text: str) -> DraftText:
        """The forms of `text`."""
        encoded = encode(text)
        return cls(text, encoded, zlib.compress(encoded, 1))


def encode(text: str) -> bytes:
    """UTF-8 that also takes half surrogates: nothing that was typed is ever lost for them."""
    return text.encode("utf-8", "surrogatepass")


def decode(data: bytes) -> str:
    """What `encode` was given, valid."""
    return valid_text(data.decode("utf-8", "surrogatepass"))


def unpack(data: bytes) -> str:
    """The text of `DraftText.packed`, valid."""
    return decode(zlib.decompress(data))


def check_draft(store: Store, text: str) -> None:
    """Raise StoreError if the text is longer than may be kept."""
    limit = int(store.limits.draft_megabytes * MEGA)
    if len(text) > limit:
        raise StoreError(
            "The draft has {:,} characters; the limit is {:,}. Move a part of it to another project.", len(text), limit
        )


def check_name(store: Store, name: str, what: Message) -> str:
    """The name, valid and without blanks at its ends. Raises StoreError if nothing is seen of it, or it is too long."""
    name = " ".join(valid_text(name).split())
    limit = store.limits.name_characters
    if not is_visible(name):
        raise StoreError("The name of the {} is empty; it must have 1 to {:,} characters. Choose another.", what, limit)
    if len(name) > limit:
        raise StoreError(
            "The name of the {} has {:,} characters; it must have 1 to {:,}. Choose another.", what, len(name), limit
        )
    return name


def kept_name(name: str) -> str:
    """A name from the database, valid; one of which nothing would be seen is replaced."""
    name = valid_text(name)
    return name if is_visible(name) else UNNAMED
