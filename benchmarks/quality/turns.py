"""Tasks in several turns on one cache, under each method."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core import PolicyCache
from core.steps import decode

from .configurations import REFERENCE, Configuration
from .items import Item, Line, Question, passage
from .metrics import interval
from .record import Record
from .tasks import TASKS
from .teacher import Prompts, prefill

KEYS = ("task", "item", "name")
PARAGRAPHS = 40
ENOUGH = 0.5
"""Of its answers full attention must have right, for a task to say something about the others."""
FEWEST = 6
"""Items of a task from which that is told, and of each method at least."""
NARROW = 0.04
"""How far the interval of a method's share may reach to either side: no more items then."""
SHORTEST, LONGEST = 120, 500


def paragraphs(text: str) -> list[str]:
    """Those of running text, each as one line."""
    found = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text))
    return [paragraph for paragraph in found if SHORTEST <= len(paragraph) <= LONGEST]


def answers(record: Record, task: str, name: str) -> dict[str, list[float]]:
    """Which of the answers of a task by a configuration are right, item by item."""
    rows = [row for row in record if (row["task"], row["name"]) == (task, name)]
    return {str(row["item"]): [float(one) for turn in row["right"] for one in turn] for row in rows}


def share_right(record: Record, task: str, name: str) -> float:
    """The mean over items of a task by a configuration; 0 if there are none."""
    groups = answers(record, task, name)
    return interval(groups)[0] if groups else 0.0


def is_known(record: Record, task: str, name: str) -> bool:
    """Whether a configuration's share of right answers is known well enough."""
    groups = answers(record, task, name)
    if len(groups) < FEWEST:
        return False
    mean, low, high = interval(groups)
    return max(mean - low, high - mean) <= NARROW


@dataclass(frozen=True)
class Writer:
    """A model that writes greedily into caches."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    def ids(self, text: str) -> Tensor:
        """int64 `(1, length)`."""
        return torch.tensor([self.tokenizer(text, verbose=False)["input_ids"]])


class Text:
    """A cache that is written into, and the logits after its last token."""

    def __init__(self, writer: Writer, cache: PolicyCache, logits: Tensor) -> None:
        """Go on behind what `cache` holds."""
        self._writer, self._cache, self._logits = writer, cache, logits

    def read(self, text: str) -> None:
        """As more of the prompt."""
        if text:
            self._logits = prefill(self._writer.model, self._writer.ids(text), self._cache)

    def answer(self, line: Line) -> tuple[list[bool], str]:
        """Which tokens of the answer the model goes on with behind the begun line, greedily; and what it would say.

        All are decode steps: the begun line is given token by token, not read as a prompt, and then the answer, so that
        one that was wrong does not lead the next astray.
        """
        self._give(line.begun)
        answer = self._writer.ids(line.answer)[0].tolist()
        if line.others:
            choices = [answer[0], *(int(self._writer.ids(other)[0, 0]) for other in line.others)]
            likeliest = choices[int(self._logits[0, choices].argmax())]
            self._give(line.answer)
            right, said = [likeliest == answer[0]], [likeliest]
        else:
            said = [self._give_token(token) for token in answer]
            right = [one == token for one, token in zip(said, answer, strict=True)]
        self._give(line.end)
        return right, str(self._writer.tokenizer.decode(said))

    def _give(self, text: str) -> None:
        for token in self._writer.ids(text)[0].tolist() if text else ():
            self._give_token(token)

    def _give_token(self, token: int) -> int:
        """The likeliest token in place of the one that is given."""
        likeliest = int(self._logits.argmax())
        self._logits = decode(self._writer.model, torch.tensor([[token]]), self._cache)
        return likeliest


class InTurns:
    """The measurement, item by item and configuration by configuration."""

    def __init__(self, writer: Writer, record: Record, texts: Sequence[Sequence[str]]) -> None:
        """Items among the paragraphs of `texts`, in turn; what `record` holds is not measured again."""
        self._writer, self._record, self._texts = writer, record, texts
        self._prompts = Prompts(writer.model)

    def run(self, items: int, tasks: Sequence[str], configurations: Sequence[Configuration]) -> None:
        """Of each task the fewest items by full attention; where that is right often enough, items by all methods until
        each is known, `items` at most. Full attention does all of these."""
        full = [configuration for configuration in configurations if configuration.name == REFERENCE]
        for task in tasks:
            self._items(task, min(items, FEWEST), full)
            if share_right(self._record, task, REFERENCE) >= ENOUGH:
                self._items(task, items, configurations)
            self._prompts.clear()

    def _items(self, task: str, items: int, configurations: Sequence[Configuration]) -> None:
        others = [one.name for one in configurations if one.name != REFERENCE]
        for seed in range(items):
            known = {name for name in others if is_known(self._record, task, name)}
            if others and len(known) == len(others):
                return
            for configuration in configurations:
                if configuration.name not in known and (task, seed, configuration.name) not in self._record:
                    self._measure(task, seed, configuration)
            if others:  # else they will want it next
                self._prompts.forget(f"{task}/{seed}")

    def item(self, task: str, seed: int) -> Item:
        """An item, the same for every method."""
        among = self._texts[seed % len(self._texts)]
        return TASKS[task](seed, passage(among, seed, PARAGRAPHS))

    def _measure(self, task: str, seed: int, configuration: Configuration) -> None:
        item = self.item(task, seed)
        prompt = self._writer.ids(item.context)
        room = prompt.shape[1] + sum(len(turn) for turn in item.turns) * 40
        cache, logits = self._prompts.cache(f"{task}/{seed}", prompt, configuration.policy, room)
        text = Text(self._writer, cache, logits)
        turns = []
        for opening, questions in zip(item.openings, item.turns, strict=True):
            text.read(opening)
            turns.append([answered(text, question, item.by_token) for question in questions])
        right = [[one for ones, _ in turn for one in ones] for turn in turns]
        self._record.add(
            {
                "task": task,
                "item": seed,
                "name": configuration.name,
                "prompt": prompt.shape[1],
                "policy": repr(configuration.policy),
                "right": right,
                "said": [[said for _, said in turn] for turn in turns],
                "asked": [[question[0].begun for question in questions] for questions in item.turns],
            }
        )
        print(f"{task} {seed}  {configuration.name}: {sum(map(sum, right))} right", file=sys.stderr, flush=True)


def answered(text: Text, question: Question, by_token: bool) -> tuple[list[bool], str]:
    """Whether the question is right, or each token of it, and what was said."""
    lines = [text.answer(line) for line in question]
    tokens = [one for right, _ in lines for one in right]
    return tokens if by_token else [all(tokens)], ",".join(said for _, said in lines)
