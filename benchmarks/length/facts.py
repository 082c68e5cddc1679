"""A long document with facts in it: where a text comes from, how its end is scored, and how the facts are asked for.

Everything is teacher-forced: what is scored is text that goes on, so that one text passes once through a reader.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple, Protocol, TypeAlias

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from core.default_model import cache_folder

from ..quality.texts import TEXTS, token_ids
from ..writing.corpus import Library

TAIL, SCORED = 512, 256
"""Tokens at the end in which there are no facts, and those that are scored."""

WORDS = re.findall(
    r"\w+",
    """amber birch cobalt delta ember falcon garnet harbor indigo jasper kelp lotus maple nectar onyx pearl quartz raven
    sable tulip umber velvet willow zephyr""",
)
DIGITS = 4
ASKED = 16 * len(WORDS)
"""Tokens at most of all questions with their answers."""

Fact: TypeAlias = tuple[str, int]


class Scores(NamedTuple):
    """Of tokens that followed. likelihood: the logarithm of the probability that each had, float32 `(tokens,)`; best:
    which would have been likeliest, int64 `(tokens,)`."""

    likelihood: Tensor
    best: Tensor

    @classmethod
    def of(cls, logits: Tensor, ids: Tensor) -> Scores:
        """`logits` `(tokens, vocabulary)`, each from before its token of `ids` `(tokens,)`."""
        logits = logits.float()
        return cls(logits.log_softmax(-1).gather(1, ids[:, None])[:, 0], logits.argmax(-1))


class Reader(Protocol):
    """A model under a rule, given one text piece by piece, each int64 `(tokens,)`."""

    def read(self, ids: Tensor) -> None:
        """The text goes on, as a prompt."""

    def score(self, ids: Tensor) -> Scores:
        """The text goes on, as if it were written token by token."""


def text(tokenizer: PreTrainedTokenizerBase, name: str) -> Tensor:
    """All of a text, `(tokens,)`."""
    library = Library(cache_folder() / "benchmarks" / "documents")
    return token_ids(next(text for text in TEXTS if text.name == name), tokenizer, library)


def ending(filler: Tensor, tokenizer: PreTrainedTokenizerBase, length: int) -> tuple[Tensor, list[Fact]]:
    """The last tokens of a text, with facts between them: `length` in all. Whatever that is, the end is the same."""
    facts, said = _facts(tokenizer, length)
    around = length - sum(map(len, said))
    if not len(said) + TAIL <= around <= len(filler):
        raise SystemExit(f"{length:,} tokens: with the facts {len(said) + TAIL:,} to {len(filler):,} of the text fit.")
    return _between(filler[-around:], said), facts


def beginning(
    filler: Tensor, tokenizer: PreTrainedTokenizerBase, length: int, words: Sequence[str] = WORDS
) -> tuple[Tensor, list[Fact]]:
    """Likewise the tokens after the first twentieth of a text, which is its contents; a fact of each of `words`."""
    facts, said = _facts(tokenizer, length, words)
    begin = len(filler) // 20
    return _between(filler[begin : begin + length - sum(map(len, said))], said), facts


def encoded(tokenizer: PreTrainedTokenizerBase, text: str) -> Tensor:
    """`(tokens,)`."""
    return torch.tensor(tokenizer(text)["input_ids"])


def likelihood(reader: Reader, ids: Tensor) -> float:
    """Negative log-likelihood a token of the last `SCORED` of a document `(tokens,)`, which `reader` reads."""
    reader.read(ids[:-SCORED])
    return -float(reader.score(ids[-SCORED:]).likelihood.mean())


def found(reader: Reader, tokenizer: PreTrainedTokenizerBase, facts: list[Fact]) -> list[float]:
    """Of each fact the share of its digits that are right. Asked for in another order than they stand in, one after
    the other, so that all but the first have examples before them."""
    shares = {}
    for word, code in random.Random(0).sample(facts, len(facts)):
        reader.read(encoded(tokenizer, f"\n\nThe code of {word} is"))
        answer = encoded(tokenizer, f" {code}")
        shares[word] = float((reader.score(answer).best == answer)[-DIGITS:].float().mean())
    return [shares[word] for word, _ in facts]


def thirds(shares: list[float]) -> list[float]:
    """The mean of each third of the depth, the document's beginning first."""
    size = len(shares) // 3
    return [fmean(shares[start : start + size]) for start in range(0, 3 * size, size)]


def _facts(
    tokenizer: PreTrainedTokenizerBase, length: int, words: Sequence[str] = WORDS
) -> tuple[list[Fact], list[Tensor]]:
    drawn = random.Random(length)
    facts = [(word, drawn.randint(1000, 9999)) for word in drawn.sample(words, len(words))]
    return facts, [encoded(tokenizer, f"\n\nThe code of {word} is {code}.\n\n") for word, code in facts]


def _between(filler: Tensor, said: list[Tensor]) -> Tensor:
    """Sentences evenly over all but the last `TAIL` tokens, each after a stretch of the text."""
    stretch = (len(filler) - TAIL) // len(said)
    parts = [part for index, one in enumerate(said) for part in (filler[index * stretch : (index + 1) * stretch], one)]
    return torch.cat([*parts, filler[len(said) * stretch :]])
