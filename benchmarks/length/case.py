"""What all rows are given at a length."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig, AutoTokenizer, PreTrainedConfig, PreTrainedTokenizerBase

from ..decode import NEW_TOKENS, start
from ..inputs import prepare
from ..process import WorkerProcess
from ..protocol import Setup
from .facts import ASKED, Fact, ending, text
from .rows import Row

PATIENCE = 3600.0
"""Seconds to wait for an answer: a peer may read 32,000 tokens for many minutes."""


@dataclass(frozen=True)
class Case:
    """A document of `length` tokens, and how workers are set up for it. The setup's prompt goes on behind the document
    for as long as the questions take, so that workers make room for them."""

    length: int
    facts: list[Fact]
    setup: Setup
    config: PreTrainedConfig
    tokenizer: PreTrainedTokenizerBase
    logs: Path

    @property
    def document(self) -> Tensor:
        """`(length,)`."""
        return torch.tensor(self.setup.prompt[: self.length])

    def started(self, row: Row) -> WorkerProcess:
        """What is timed of a row, in its process. Raises WorkerError if it cannot be loaded."""
        assert row.timed is not None
        name = re.sub("[^a-z0-9]+", "-", row.name.lower()).strip("-")
        worker = start(row.timed(self.length, self.config), self.setup, self.logs / f"{name}-{self.length}.log")
        worker.patience = PATIENCE
        return worker


class Cases:
    """The texts."""

    def __init__(self, folder: Path) -> None:
        """Fetches them, and the embedded model, if they are not there. `folder` keeps the text in tokens, so that all
        figures in it are of the same, and that reading the manuals is waited for once."""
        self._setup, self._logs = prepare(1, NEW_TOKENS), folder / "logs"
        self.config: PreTrainedConfig = AutoConfig.from_pretrained(self._setup.folder)
        self._tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(self._setup.folder)
        kept = folder / "text.npy"
        if not kept.exists():
            before, last = (text(self._tokenizer, name) for name in ("R-exts", "policy"))
            whole = torch.cat([before, last[: len(last) * 19 // 20]])  # without the last one's index
            folder.mkdir(parents=True, exist_ok=True)
            np.save(kept, whole.numpy())
        self._filler = torch.from_numpy(np.load(kept))

    def of(self, length: int) -> Case:
        """That of a length."""
        document, facts = ending(self._filler, self._tokenizer, length)
        prompt = [*document.tolist(), *self._filler[:ASKED].tolist()]
        setup = replace(self._setup, prompt=prompt)
        return Case(length, facts, setup, self.config, self._tokenizer, self._logs)
