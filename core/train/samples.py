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
    """int64 `(L + S,)`, and L."""

    input_ids: Tensor
    prompt: int


class Batch(TypedDict):
    """`input_ids`, `labels`: int64 `(rows, longest)`, padded at their ends; `prompts`: the L of each row, int64."""

    input_ids: Tensor
    labels: Tensor
    prompts: Tensor


@dataclass(frozen=True)
class Cut:
    """A sample's first token among those of all documents, and its L."""

    begin: int
    prompt: int


class Samples(Dataset[Sample]):
    """All samples of a training in their order, epoch after epoch: each cuts the documents elsewhere, into others."""

    def __init__(
        self, documents: Documents, prompt: tuple[int, int], steps: int, seed: int, samples: int | None = None
    ) -> None:
        """`prompt`: the least and the most L. `samples`: how many, None for as many as one epoch has.

        Raises InvalidParameterError if no document is as long as the least L and S.
        """
        if documents.longest < prompt[0] + steps:
            raise InvalidParameterError(
                "texts-too-short",
                "The longest of {count} texts has {longest:,} tokens, and a sample takes at least {least:,} from one "
                "text ({prompt:,} and {steps:,} that follow). Give longer texts, join those that belong together into "
                "one file, or lower the prompt's length.",
                count=len(documents.ends),
                longest=documents.longest,
                least=prompt[0] + steps,
                prompt=prompt[0],
                steps=steps,
            )
        self._ids, self._steps = documents.ids, steps
        self.cuts: list[Cut] = []
        for epoch in count():
            self.cuts += cuts(documents, prompt, steps, Random(f"{seed}/{epoch}"))
            if samples is None or len(self.cuts) >= samples:
                break
        self.cuts = self.cuts[:samples]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.cuts)

    def __getitem__(self, index: int) -> Sample:
        """One of them."""
        cut = self.cuts[index]
        ids = self._ids[cut.begin : cut.begin + cut.prompt + self._steps].long()
        return {"input_ids": ids, "prompt": cut.prompt}


def cuts(documents: Documents, prompt: tuple[int, int], steps: int, random: Random) -> list[Cut]:
    """An epoch's samples: each document from somewhere near its beginning on, one behind the other to its end."""
    least, most = prompt
    found = []
    for begin, end in documents.spans:
        if (spare := end - begin - least - steps) < 0:
            continue
        begin += random.randint(0, min(spare, most))
        while (left := end - begin - steps) >= least:
            length = random.randint(least, min(most, left))
            found.append(Cut(begin, length))
            begin += length + steps
    random.shuffle(found)
    return found


def collate(samples: Sequence[Sample]) -> Batch:
    """Rows of samples of several lengths."""
    longest = max(len(sample["input_ids"]) for sample in samples)

    def rows(value: int) -> Tensor:
        return torch.stack(
            [pad(one["input_ids"], (0, longest - len(one["input_ids"])), value=value) for one in samples]
        )

    prompts = torch.tensor([sample["prompt"] for sample in samples])
    return {"input_ids": rows(0), "labels": rows(IGNORED), "prompts": prompts}
