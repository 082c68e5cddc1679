"""How many tokens a method must keep or read at least: beside full attention for short prompts, by its floor.

    python -m benchmarks.short_prompts [--method KeyIndex] [--tokens 96] [--budget 0.125] [--stride 10]

Prompts as the app makes them: an instruction alone, the beginning of a draft alone, an instruction about a part of the
sample document, and as a measure about the whole of it. Full attention continues each greedily, up to its end token or
`tokens`; the method is fed the same tokens one by one. A short prompt may also become a long text: there the draft is
the beginning of a section of the document, and what follows it is fed. The table is the mean KL divergence (nats) of
the method's predictions to those of full attention after the tokens fed, as the mean over the prompts of a kind.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from app.documents import Document, Page
from app.prompt.compose import compose
from app.prompt.messages import Source
from app.prompt.tasks import TASKS
from core import (
    FullAttention,
    KeyIndex,
    Policy,
    PolicyCache,
    RefreshKV,
    Snapshot,
    TokenGenerated,
    compile_decoding,
    load_model,
    stream_generate,
)
from core.steps import decode, forward

from .inputs import DOCUMENT
from .machine import machine_name

METHODS: dict[str, type[RefreshKV | KeyIndex]] = {"RefreshKV": RefreshKV, "KeyIndex": KeyIndex}
FLOORS = (0, 32, 64, 96, 128, 192, 256, 384, 512)
LENGTHS = (128, 256, 512, 1024, 2000)
BEGINNING, LONG = 40, 400
INSTRUCTIONS = (
    "Say hello.",
    "Name three uses of a rope.",
    "What is the capital of France?",
    "Explain in a few sentences why the sea is salt.",
    "Write a short letter to a friend who is learning to sail.",
    "Give me a recipe for a simple soup with what a winter kitchen has: onions, potatoes, carrots and stock.",
)
DRAFTS = (
    "The lamp was lit and",
    "Every evening the keeper climbed the stairs, trimmed the wick, and wrote one line in the log before he",
    "# The harbour in winter\n\nIn January the boats stay ashore. The men mend nets in the long shed, and",
    "Dear Anna,\n\nthank you for your letter. We have moved into the house by the river, and the first thing that I",
    "Bread needs four things: flour, water, salt and time. The last is the one that most people leave out. When",
    "It was the third day without wind. Nobody spoke of it any more. The cook counted the barrels twice, and then he",
)
QUESTIONS = (
    ("summary", ""),
    ("report", "how towers were built"),
    ("notes", ""),
    ("free", "What does the text say about the people in it? Answer in a paragraph."),
)


@dataclass(frozen=True)
class Case:
    """A prompt, int64 `(1, length)`, and the tokens that are fed after it; None: what full attention writes."""

    prompt: Tensor
    following: list[int] | None = None


def cases(tokenizer: PreTrainedTokenizerBase) -> Iterator[tuple[str, list[Case]]]:
    """The kinds of prompts; the whole document comes last."""

    def prompt(task: str, detail: str, draft: str = "", text: str = "") -> Tensor:
        pages = (Page(1, None, text),)
        sources = [Source(Document(DOCUMENT.name, pages), pages)] if text else []
        instruction, opening = TASKS[task].instruction(detail), draft or TASKS[task].opening(detail)
        return compose(tokenizer, sources, instruction, opening).token_ids

    text = DOCUMENT.read_text("utf-8")
    ids: list[int] = tokenizer(text, verbose=False)["input_ids"]
    yield "an instruction", [Case(prompt("free", instruction)) for instruction in INSTRUCTIONS]
    yield "a draft's beginning", [Case(prompt("continue", "", draft)) for draft in DRAFTS]
    found = []
    for section in text.split("\n## ")[1:5:2]:
        words: list[int] = tokenizer(section.partition("\n\n")[2])["input_ids"]
        draft = str(tokenizer.decode(words[:BEGINNING]))
        found.append(Case(prompt("continue", "", draft), words[BEGINNING : BEGINNING + LONG]))
    yield "a draft's beginning, a long text", found
    for length in LENGTHS:
        found = []
        for number, question in enumerate(QUESTIONS):
            begin = number * (len(ids) - length) // len(QUESTIONS)
            room = max(1, length - prompt(*question, text="x").shape[1])
            found.append(Case(prompt(*question, text=str(tokenizer.decode(ids[begin : begin + room])))))
        yield "part of the document", found
    yield "the whole document", [Case(prompt(*question, text=text)) for question in QUESTIONS]


class Continued:
    """A prompt that was read once, and how full attention goes on from it."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, case: Case, most: int) -> None:
        """Read the prompt, and decode up to `most` tokens, the end token included, if none are given."""
        self.model, self.last, self.length = model, case.prompt[:, -1:], case.prompt.shape[1]
        cache = PolicyCache(model.config, FullAttention())
        events = stream_generate(model, tokenizer, case.prompt, cache=cache, max_new_tokens=most)
        written = [event.token_id for event in events if isinstance(event, TokenGenerated)]
        self.tokens = torch.tensor(case.following or written[:-1]).view(-1, 1, 1)
        self._read = Snapshot.take(cache, self.length - 1)
        self._expected = self._predictions(FullAttention())
        self._divergences: dict[int, float] = {}

    def divergence(self, policy: RefreshKV | KeyIndex) -> float:
        """Mean KL divergence of the predictions after each token."""
        slots = min(policy.capacity(self.length), self.length + len(self.tokens))
        if slots not in self._divergences:
            found = self._predictions(policy)
            divergence = (self._expected.exp() * (self._expected - found)).sum(-1).mean()
            self._divergences[slots] = float(divergence)
        return self._divergences[slots]

    def _predictions(self, policy: Policy) -> Tensor:
        """Log-probabilities `(tokens, vocabulary)` of what follows each token, fed one by one."""
        room = self.length + len(self.tokens)
        cache = self._read.restore(self.model.config, policy, room=room)
        with cache.prefill(last=True):
            forward(self.model, self.last, cache)
        logits = torch.cat([decode(self.model, token, cache) for token in self.tokens])
        return logits.float().log_softmax(-1)


def row(kind: str, continued: Sequence[Continued], policies: Sequence[RefreshKV | KeyIndex]) -> str:
    """A row of the table."""
    lengths = sorted({each.length for each in continued})
    tokens = f"{lengths[0]:,}-{lengths[-1]:,}" if len(lengths) > 1 else f"{lengths[0]:,}"
    fed = mean(len(each.tokens) for each in continued)
    cells = [f"{mean(each.divergence(policy) for each in continued):.3f}" for policy in policies]
    return f"| {kind} | {tokens} | {fed:.0f} | {' | '.join(cells)} |"


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=METHODS, default="RefreshKV")
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--budget", type=float, default=1 / 8)
    parser.add_argument("--stride", type=int, default=10)
    arguments = parser.parse_args()

    model, tokenizer = load_model()
    compile_decoding(model).wait()
    method = METHODS[arguments.method]
    policies = [method(arguments.budget, stride=arguments.stride, floor=floor) for floor in FLOORS]
    print(f"| prompt | tokens | fed | {' | '.join(f'floor {floor}' for floor in FLOORS)} |")
    print(f"| --- | ---: | ---: |{' ---: |' * len(FLOORS)}", flush=True)
    for kind, found in cases(tokenizer):
        continued = [Continued(model, tokenizer, case, arguments.tokens) for case in found]
        print(row(kind, continued, policies), flush=True)
    dtype = getattr(model.config, "kv_cache_dtype", model.dtype)
    print(f"\n{machine_name()}; load_model's default quantization, keys and values in {dtype}")


if __name__ == "__main__":
    main()
