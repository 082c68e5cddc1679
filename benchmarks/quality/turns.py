"""Tasks in several turns on one cache, under each method."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core import PolicyCache
from core.decoder import decode

from .configurations import REFERENCE, Configuration
from .record import Record
from .tasks import TASKS, Item, Line, Question, passage
from .teacher import Prompts, prefill

KEYS = ("task", "item", "name")
PARAGRAPHS = 40
ENOUGH = 0.5
"""Of its answers full attention must have right, for a task to say something about the others."""
SHORTEST, LONGEST = 120, 500


def paragraphs(text: str) -> list[str]:
    """Those of running text, each as one line."""
    found = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text))
    return [paragraph for paragraph in found if SHORTEST <= len(paragraph) <= LONGEST]


def share_right(record: Record, task: str, name: str) -> float:
    """Of all answers of a task by a configuration; 0 if there are none."""
    right = [
        one for row in record if (row["task"], row["name"]) == (task, name) for turn in row["right"] for one in turn
    ]
    return float(sum(right) / max(1, len(right)))


@dataclass(frozen=True)
class Writer:
    """A model that writes greedily into a cache."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    def answer(self, line: Line, cache: PolicyCache) -> tuple[bool, str]:
        """Whether the model goes on behind the begun line with the answer, greedily; and what it would say.

        All are decode steps: the begun line is given token by token, not read as a prompt, and then the answer, so that
        one that was wrong does not lead the next astray. Every token of it must be the likeliest.
        """
        logits = self._give(line.begun, cache)
        answer, said = self.ids(f" {line.answer}")[0].tolist(), []
        for token in answer:
            said.append(int(logits.argmax()))
            logits = decode(self.model, torch.tensor([[token]]), cache)
        self._give("\n", cache)
        return said == answer, str(self.tokenizer.decode(said))

    def ids(self, text: str) -> Tensor:
        """int64 `(1, length)`."""
        return torch.tensor([self.tokenizer(text, verbose=False)["input_ids"]])

    def _give(self, text: str, cache: PolicyCache) -> Tensor:
        for token in self.ids(text).split(1, dim=1):
            logits = decode(self.model, token, cache)
        return logits


class InTurns:
    """The measurement, item by item and configuration by configuration."""

    def __init__(self, writer: Writer, record: Record, texts: Sequence[Sequence[str]]) -> None:
        """Items among the paragraphs of `texts`, in turn; what `record` holds is not measured again."""
        self._writer, self._record, self._texts = writer, record, texts
        self._prompts = Prompts(writer.model)

    def run(self, items: int, configurations: Sequence[Configuration]) -> None:
        """So many items of each task: by full attention first, by the others where that is right often enough."""
        full = [configuration for configuration in configurations if configuration.name == REFERENCE]
        others = [configuration for configuration in configurations if configuration.name != REFERENCE]
        for task in TASKS:
            self._items(task, items, full)
        for task in TASKS:
            if share_right(self._record, task, REFERENCE) >= ENOUGH:
                self._items(task, items, others)

    def _items(self, task: str, items: int, configurations: Sequence[Configuration]) -> None:
        for seed in range(items):
            for configuration in configurations:
                if (task, seed, configuration.name) not in self._record:
                    self._measure(task, seed, configuration)
            self._prompts.forget(f"{task}/{seed}")

    def item(self, task: str, seed: int) -> Item:
        """An item, the same for every method."""
        among = self._texts[seed % len(self._texts)]
        return TASKS[task](seed, passage(among, seed, PARAGRAPHS))

    def _measure(self, task: str, seed: int, configuration: Configuration) -> None:
        item = self.item(task, seed)
        prompt = self._writer.ids(item.context)
        room = prompt.shape[1] + sum(len(turn) for turn in item.turns) * 40
        cache, _ = self._prompts.cache(f"{task}/{seed}", prompt, configuration.policy, room)
        turns = list(self._turns(item, cache))
        self._record.add(
            {
                "task": task,
                "item": seed,
                "name": configuration.name,
                "prompt": prompt.shape[1],
                "policy": repr(configuration.policy),
                "right": [[right for right, _ in turn] for turn in turns],
                "said": [[said for _, said in turn] for turn in turns],
            }
        )
        right = sum(right for turn in turns for right, _ in turn)
        print(f"{task} {seed}  {configuration.name}: {right} right", file=sys.stderr, flush=True)

    def _turns(self, item: Item, cache: PolicyCache) -> Iterator[list[tuple[bool, str]]]:
        opening = self._writer.ids(item.opening)
        for turn in item.turns:
            prefill(self._writer.model, opening, cache)
            yield [self._answered(question, cache) for question in turn]

    def _answered(self, question: Question, cache: PolicyCache) -> tuple[bool, str]:
        lines = [self._writer.answer(line, cache) for line in question]
        return all(right for right, _ in lines), ",".join(said for _, said in lines)
