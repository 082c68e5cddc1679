"""Documents cut into samples of L + S tokens, none across a border, in an order that a seed says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import TypedDict

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.data import Dataset

from ..errors import InvalidParameterError
from .texts import Documents

IGNORED = -100
"""A label without a loss."""


class Sample(TypedDict):
    """`input_ids`, `labels`, `position_ids`: int64 `(length,)`, the first L tokens of a text and then its
    continuations, S tokens each; `prompts`: the L of each, the greatest first."""

    input_ids: Tensor
    labels: Tensor
    position_ids: Tensor
    prompts: tuple[int, ...]


class Batch(TypedDict):
    """As Sample, in rows `(rows, longest)` that are padded at their ends; `prompts`: int64 `(rows, continuations)`."""

    input_ids: Tensor
    labels: Tensor
    position_ids: Tensor
    prompts: Tensor


@dataclass(frozen=True)
class Cut:
    """A sample's first token among those of all documents, and the L of each continuation, the greatest first."""

    begin: int
    prompts: tuple[int, ...]


class Samples(Dataset[Sample]):
    """All samples of a training in their order, epoch after epoch: each cuts the documents elsewhere, into others."""

    def __init__(self, documents: Documents, cutting: Cutting, seed: int, samples: int | None, alone: bool) -> None:
        """`samples`: how many, None for as many as one epoch has. alone: with the first continuation alone, of the
        same text.

        Raises InvalidParameterError if no document is as long as the least L and S.
        """
        if documents.longest < cutting.least + cutting.steps:
            raise InvalidParameterError(
                "texts-too-short",
                "The longest of {count} texts has {longest:,} tokens, and a sample takes at least {least:,} from one "
                "text ({prompt:,} and {steps:,} that follow). Give longer texts, join those that belong together into "
                "one file, or lower the prompt's length.",
                count=len(documents.ends),
                longest=documents.longest,
                least=cutting.least + cutting.steps,
                prompt=cutting.least,
                steps=cutting.steps,
            )
        self._ids, self._steps, self._alone = documents.ids, cutting.steps, alone
        self.cuts: list[Cut] = []
        for epoch in count():
            self.cuts += cutting.cuts(documents, Random(f"{seed}/{epoch}"))
            if samples is None or len(self.cuts) >= samples:
                break
        self.cuts = self.cuts[:samples]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.cuts)

    def __getitem__(self, index: int) -> Sample:
        """One of them."""
        cut = self.cuts[index]
        prompts = cut.prompts[:1] if self._alone else cut.prompts
        places = [torch.arange(prompts[0]), *(prompt + torch.arange(self._steps) for prompt in prompts)]
        positions = torch.cat(places)
        ids = self._ids[cut.begin + positions].long()
        labels = ids.clone()
        # What begins a later continuation does not follow the token before it, and was foreseen from among the first L.
        labels[prompts[0] + self._steps :: self._steps] = IGNORED
        return {"input_ids": ids, "labels": labels, "position_ids": positions, "prompts": prompts}


@dataclass(frozen=True)
class Cutting:
    """How documents are cut: the least and the most L, S, and how many continuations a sample has, of which the first
    goes on where the text was cut and the others somewhere before that."""

    least: int
    most: int
    steps: int
    continuations: int = 1

    def cuts(self, documents: Documents, random: Random) -> list[Cut]:
        """An epoch's samples: each document from somewhere near its beginning on, one behind the other to its end."""
        found = []
        for begin, end in documents.spans:
            if (spare := end - begin - self.least - self.steps) < 0:
                continue
            begin += random.randint(0, min(spare, self.most))
            while (left := end - begin - self.steps) >= self.least:
                length = random.randint(self.least, min(self.most, left))
                others = [random.randint(self.least, length) for _ in range(self.continuations - 1)]
                found.append(Cut(begin, (length, *others)))
                begin += length + self.steps
        random.shuffle(found)
        return found


def collate(samples: Sequence[Sample]) -> Batch:
    """Rows of samples of several lengths."""
    longest = max(len(sample["input_ids"]) for sample in samples)

    def rows(states: Sequence[Tensor], value: int) -> Tensor:
        return torch.stack([pad(own, (0, longest - len(own)), value=value) for own in states])

    return {
        "input_ids": rows([sample["input_ids"] for sample in samples], 0),
        "labels": rows([sample["labels"] for sample in samples], IGNORED),
        "position_ids": rows([sample["position_ids"] for sample in samples], 0),
        "prompts": torch.tensor([sample["prompts"] for sample in samples]),
    }
