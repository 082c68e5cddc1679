"""The tokens of a tokenizer as bytes and text, sorted, so that what all tokens of one beginning have in common is
worked out once. Made once for a tokenizer; any number of guards may share it."""

from __future__ import annotations

import codecs
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from string import ascii_lowercase
from typing import Any, TypeAlias

import numpy as np
from transformers import PreTrainedTokenizerBase

from .words import kind_of

Branch: TypeAlias = tuple[str, int, int, int]
"""Sorted tokens that agree up to a character: that character, where they begin, where those that go on after it begin,
and where they end."""
LAST = "\U0010ffff"  # no character, and sorts behind all
TAIL_TOKENS = 64
"""How many tokens before the first new one are read to know where in a sentence they end."""


class Vocabulary:
    """What each token adds to a text.

    token_bytes: by token id; None for special tokens, which add nothing.
    texts, ids: the tokens that are whole characters, sorted by text; ids int64 `(len(texts),)`.
    fragments: (id, bytes) of those that hold pieces of characters. beginnings: of those that begin with a whole
        character or the begin of one (id, whole characters, bytes of the last).
    inside, outside: by first character the tokens that may go on with a word, and the others.
    special: the ids of special tokens, end tokens among them.
    ordinary: lower-case words that are one token with the space before them. ordinary_prefixes: their beginnings.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Read the tokens of a tokenizer with byte-level tokens, or with U+2581 for spaces (SentencePiece); 0.5 s for
        49,152 tokens."""
        self.token_bytes = _token_bytes(tokenizer)
        self.special = [i for i, held in enumerate(self.token_bytes) if held is None]
        self.fragments: list[tuple[int, bytes]] = []
        whole = []
        for index, held in enumerate(self.token_bytes):
            try:
                if held:
                    whole.append((held.decode(), index))
            except UnicodeDecodeError:
                self.fragments.append((index, held or b""))
        parts = [(index, decoded(held)) for index, held in self.fragments]
        self.beginnings = [(index, *part) for index, part in parts if part is not None]
        whole.sort()
        self.texts = [text for text, _ in whole]
        self.ids = np.array([index for _, index in whole], dtype=np.int64)
        self._small_from = [_small_letters_from(text) for text in self.texts]
        self.ordinary = {text[1:] for text in self.texts if _is_word(text)}
        self.ordinary_prefixes = prefixes(self.ordinary)
        self._characters = {text for text in self.texts if len(text) == 1}
        self._bytes = {held[0] for held in self.token_bytes if held is not None and len(held) == 1}
        roots = list(self.branches(0, len(self.texts), 0))
        self.inside = [root for root in roots if kind_of(root[0]) in "ULDSMJ"]
        self.outside = [root for root in roots if kind_of(root[0]) in "WO"]
        self._completions: dict[bytes, str] = {}

    def __len__(self) -> int:
        """Tokens, special ones included."""
        return len(self.token_bytes)

    def bytes_of(self, token: int) -> bytes | None:
        """The bytes of a token; None for a special one and for rows of a model that stand for none."""
        return self.token_bytes[token] if token < len(self) else None

    def can_spell(self, word: str) -> bool:
        """Whether each character of `word` can be written by itself or byte for byte, so that one that was begun can be
        ended."""
        return all(one in self._characters or self._bytes.issuperset(one.encode()) for one in word)

    def branches(self, low: int, high: int, depth: int) -> Iterator[Branch]:
        """Of `texts[low:high]`, which agree in their first `depth` characters, those that go on with each character."""
        while low < high and len(self.texts[low]) == depth:
            low += 1
        while low < high:
            text = self.texts[low]
            end = bisect_right(self.texts, text[: depth + 1] + LAST, low, high)
            inner = low
            while inner < end and len(self.texts[inner]) == depth + 1:
                inner += 1
            yield text[depth], low, inner, end
            low = end

    def only_small_letters(self, low: int, high: int, depth: int) -> bool:
        """Whether `texts[low:high]` are all small letters from the character at `depth` on."""
        return max(self._small_from[low:high]) <= depth

    def tail(self, token_ids: Sequence[int]) -> tuple[bytes, bool]:
        """The bytes of the last tokens, after the last special one; and whether the text begins there."""
        pieces: list[bytes] = []
        for index in reversed(token_ids[-TAIL_TOKENS:]):
            held = self.bytes_of(index)
            if held is None:
                return b"".join(reversed(pieces)), True
            pieces.append(held)
        return b"".join(reversed(pieces)), len(token_ids) <= TAIL_TOKENS

    def completions(self, begun: bytes) -> str:
        """A character of each kind that begins with the bytes `begun`, which are part of one in UTF-8; of digits also
        a decimal one, which alone may number an item of a list."""
        if begun not in self._completions:
            found = {(kind_of(one), one.isdecimal()): one for one in map(chr, _codes(begun))}
            self._completions[begun] = "".join(found.values())
        return self._completions[begun]


def prefixes(words: Iterable[str]) -> set[str]:
    """All beginnings of `words`, and the words."""
    return {word[:end] for word in words for end in range(1, len(word) + 1)}


def decoded(held: bytes) -> tuple[str, bytes] | None:
    """The characters of `held` and what is left of a last one that is not complete; None if it is no UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        return decoder.decode(held), decoder.getstate()[0]
    except UnicodeDecodeError:
        return None


def _codes(begun: bytes) -> Iterator[int]:
    """The code points whose UTF-8 begins with `begun`; of those beyond U+FFFF that share a first byte only 8,192."""
    size = 2 if begun[0] < 0xE0 else 3 if begun[0] < 0xF0 else 4
    value = begun[0] & (0x7F >> size)
    for byte in begun[1:]:
        value = value << 6 | byte & 0x3F
    missing = 6 * (size - len(begun))
    first, least = value << missing, (0, 0, 0x80, 0x800, 0x10000)[size]
    for code in range(max(first, least), min(first + (1 << missing), max(first, least) + 0x2000, 0x110000)):
        if not 0xD800 <= code < 0xE000:
            yield code


def _token_bytes(tokenizer: PreTrainedTokenizerBase) -> list[bytes | None]:
    symbols: Any = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    added = tokenizer.added_tokens_decoder
    backend = getattr(tokenizer, "backend_tokenizer", None)
    byte_level = "ByteLevel" in repr(getattr(backend, "decoder", None))
    values = _byte_level_values()
    found: list[bytes | None] = []
    for index, symbol in enumerate(symbols):
        if index in added or symbol is None:
            special = symbol is None or added[index].special
            found.append(None if special else added[index].content.encode("utf-8", "replace"))
        elif byte_level:
            found.append(bytes(values[character] for character in symbol if character in values))
        elif len(symbol) == 6 and symbol.startswith("<0x") and symbol.endswith(">"):
            found.append(bytes([int(symbol[3:5], 16)]))
        else:
            found.append(symbol.replace("▁", " ").encode("utf-8", "replace"))
    return found


def _byte_level_values() -> dict[str, int]:
    """The byte that each symbol of a byte-level vocabulary stands for: visible Latin-1 for itself, then from U+0100."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(0x100) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(0x100 + at): byte for at, byte in enumerate(hidden)}


def _small_letters_from(text: str) -> int:
    at = len(text.rstrip(ascii_lowercase))
    while at and kind_of(text[at - 1]) == "L":
        at -= 1
    return at


def _is_word(text: str) -> bool:
    return text[0] == " " and (len(text) > 2 or text == " a") and _small_letters_from(text) == 1
