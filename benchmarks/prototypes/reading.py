"""A manual of Debian's with facts in it, read once by the rule of core/window.py and kept: for what asks behind it."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core import FullAttention, PolicyCache, Snapshot, load_model
from core.extension import Extension
from core.window import Window

from ..length.facts import WORDS, Fact, beginning, encoded, text
from ..length.readers import Ours

MORE = re.findall(
    r"\w+",
    """anchor basil cedar dahlia eagle fennel ginger hazel iris juniper kiwi lemon magnet nutmeg olive pepper quince
    rose silver thyme urchin violet walnut yarrow""",
)
ROOM = 512
State = TypeVar("State", bound=Extension)


def parser(description: str | None) -> ArgumentParser:
    """For a program that asks behind a text; what it makes of the command line is what `Reading.of` takes."""
    made = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    made.add_argument("folder", type=Path)
    made.add_argument("--text", default="policy")
    made.add_argument("--length", type=int, default=30208)
    return made


class Reading(NamedTuple):
    """ids: the text `(tokens,)`. said: the facts in it, from its beginning on. cache: has read it."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    ids: Tensor
    said: list[Fact]
    cache: PolicyCache

    @classmethod
    def of(cls, asked: Namespace) -> Reading:
        """Read, or as it was kept in the folder."""
        model, tokenizer = load_model(quantization="int4")
        ids, said = beginning(text(tokenizer, asked.text), tokenizer, asked.length, WORDS + MORE)
        file = asked.folder / f"{asked.text}-{asked.length}.safetensors"
        if file.exists():
            cache = Snapshot.read(file).restore(model.config, FullAttention(), room=len(ids) + ROOM, window="extend")
        else:
            cache = PolicyCache(model.config, FullAttention(), "extend")
            cache.reserve(len(ids) + ROOM)
            Ours(model, cache).read(ids)
            Snapshot.take(cache, len(ids)).save(file)
        return cls(model, tokenizer, ids, said, cache)

    def under(self, make: Callable[[Window, float], State]) -> list[State]:
        """The layers' states beyond the window from now on: what `make` makes of the window and of how deep a layer is,
        0 to below 1."""
        assert self.cache.window is not None
        made = [make(self.cache.window, index / len(self.cache.policy_layers)) for index in self.cache.policy_layers]
        for layer, state in zip(self.cache.policy_layers.values(), made, strict=True):
            layer.extension = state
        return made

    def rows(self, ids: Tensor, keep: int) -> Tensor:
        """The last logits of `ids`, which follow in the cache."""
        with self.cache.prefill(last=False), torch.no_grad():
            logits: Tensor = self.model(input_ids=ids[None], cache=self.cache, logits_to_keep=keep).logits[0]
        self.cache.token_ids += ids.tolist()
        self.cache.prefilled = len(self.cache.token_ids)
        return logits

    def ask(self, question: str) -> Tensor:
        """The logits `(1, vocabulary)` behind `question`, which follows the text."""
        self.cache.truncate(len(self.ids))
        return self.rows(encoded(self.tokenizer, question), 1)

    def asked_for(self, count: int) -> list[str]:
        """The words of about `count` facts, evenly spread."""
        return [word for word, _ in self.said[:: len(self.said) // count]]
