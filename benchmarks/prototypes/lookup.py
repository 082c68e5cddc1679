"""Beyond the trained window: what a decode step could attend to, so that more of the facts are found?

    python -m benchmarks.prototypes.lookup FOLDER [--text policy] [--length 30208] [--rules share=0.5,stands=0.2,...]

A manual of Debian's with 48 facts in it is read by the rule of core/window.py. Each fact is asked for behind the
document, two others with their answers before the question; the question is read as a part of a prompt, and each token
of the answer chooses for itself, by a rule. What is chosen:

- `count`, so many; `counts=256-1024-1024`, in so many equal parts of the layers; `held`, of each head the fewest that
  hold such a share of its estimated softmax, or, with `flat`, so few where those would be more than usual;
- `behind` and `ahead`, how far scores are pooled; `span`, whole spans of a fixed grid by the best in them, or, with
  `summed=1`, by their sum;
- `many`, so many of the queries before choose too, with scores lowered by 1.

Where it stands: `distance`, the last of it; `group`, so many at one position, the rest side by side; `divided`, each at
its own distance divided by so much (SelfExtend, Jin et al. 2024, arXiv 2401.01325). What is attended to where one has a
share of `stands`: `share`, the fewest of the chosen that hold such a share of what they all get, and `keep` of the
chosen around each; `near`, so many near positions alone; `bonus`, added to the chosen.

Printed: the share of the digits that are right, their negative log-likelihood, and with `--tail` that of so many of the
document's last tokens, one by one. FOLDER keeps what was read.
"""

from __future__ import annotations

import argparse
import random
import re
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core import FullAttention, PolicyCache, Snapshot, load_model

from ..length.facts import DIGITS, WORDS, Scores, beginning, encoded, text, thirds
from ..length.readers import Ours
from .asking import Asking, Rule

MORE = re.findall(
    r"\w+",
    """anchor basil cedar dahlia eagle fennel ginger hazel iris juniper kiwi lemon magnet nutmeg olive pepper quince
    rose silver thyme urchin violet walnut yarrow""",
)
ROOM, AT_ONCE = 512, 64


class Found(NamedTuple):
    """Of a fact. right: the share of its digits; nll: their negative log-likelihood; number: so many positions a head
    chose in the mean."""

    right: float
    nll: float
    number: float


def rows(model: PreTrainedModel, cache: PolicyCache, ids: Tensor, keep: int) -> Tensor:
    """The last logits of `ids`, which follow in `cache`."""
    with cache.prefill(last=False), torch.no_grad():
        logits: Tensor = model(input_ids=ids[None], cache=cache, logits_to_keep=keep).logits[0]
    cache.token_ids += ids.tolist()
    cache.prefilled = len(cache.token_ids)
    return logits


def read(model: PreTrainedModel, ids: Tensor, file: Path) -> PolicyCache:
    """A cache that has read `ids`, kept in `file`, whose layers choose by a rule."""
    if file.exists():
        cache = Snapshot.read(file).restore(model.config, FullAttention(), room=len(ids) + ROOM, window="extend")
        _set_asking(cache)
    else:
        cache = PolicyCache(model.config, FullAttention(), "extend")
        _set_asking(cache)
        cache.reserve(len(ids) + ROOM)
        Ours(model, cache).read(ids)
        Snapshot.take(cache, len(ids)).save(file)
    return cache


def _set_asking(cache: PolicyCache) -> None:
    assert cache.window is not None
    for index, layer in cache.policy_layers.items():
        layer.extension = Asking(cache.window, index / len(cache.policy_layers))


def asking_layers(cache: PolicyCache) -> list[Asking]:
    """The layers' states."""
    return [layer.extension for layer in cache.policy_layers.values() if isinstance(layer.extension, Asking)]


def choosing(layers: list[Asking], rule: Rule | None, before: list[Tensor | None]) -> None:
    """By which rule the next tokens choose, and the queries `before` them."""
    for layer, queries in zip(layers, before, strict=True):
        layer.rule, layer.before = rule, queries


def answers(
    model: PreTrainedModel, cache: PolicyCache, rules: list[Rule], question: Tensor, answer: Tensor
) -> list[Found]:
    """What each rule finds of `answer`, asked for by `question`."""
    layers = asking_layers(cache)
    choosing(layers, None, [None] * len(layers))
    first, asked, found = rows(model, cache, question, 1), len(cache.token_ids), []
    before = [layer.before for layer in layers]
    for rule in rules:
        cache.truncate(asked)
        choosing(layers, rule, before)
        scores = Scores.of(torch.cat([first, rows(model, cache, answer[:-1], len(answer) - 1)]), answer)
        right = float((scores.best == answer)[-DIGITS:].float().mean())
        numbers = [number for layer in layers for number in layer.numbers]
        found.append(Found(right, -float(scores.likelihood[-DIGITS:].mean()), fmean(numbers)))
        for layer in layers:
            layer.numbers.clear()
    return found


def end_of(model: PreTrainedModel, cache: PolicyCache, rule: Rule, ids: Tensor, tail: int) -> float:
    """Negative log-likelihood of the last `tail` of `ids`, which `cache` has read, one by one."""
    layers = asking_layers(cache)
    choosing(layers, rule, [None] * len(layers))
    cache.truncate(len(ids) - tail)
    likelihood = []
    for piece in ids[-tail:].split(AT_ONCE):
        next_ids = ids[len(cache.token_ids) + 1 :][: len(piece)]
        likelihood.append(Scores.of(rows(model, cache, piece, len(piece))[: len(next_ids)], next_ids).likelihood)
    return -float(torch.cat(likelihood).mean())


def row(found: list[Found], first: list[Found]) -> str:
    """What a rule found, facts by depth, and what a digit costs less or more than with the first rule."""
    shares = " / ".join(f"{share:.2f}" for share in thirds([fact.right for fact in found]))
    more = [fact.nll - other.nll for fact, other in zip(found, first, strict=True)]
    return (
        f"{fmean(fact.right for fact in found):.3f} of {len(found)} facts ({shares}), "
        f"{fmean(fact.nll for fact in found):.3f} a digit ({fmean(more):+.3f}, standard error "
        f"{stdev(more) / len(more) ** 0.5:.3f}), {fmean(fact.number for fact in found):,.0f} chosen"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--text", default="policy")
    parser.add_argument("--length", type=int, default=30208)
    parser.add_argument("--rules", nargs="*", default=["-"])
    parser.add_argument("--apart", type=int, default=1, help="ask for every so many facts")
    parser.add_argument("--tail", type=int, default=0)
    asked = parser.parse_args()
    model, tokenizer = load_model(quantization="int4")
    ids, said = beginning(text(tokenizer, asked.text), tokenizer, asked.length, WORDS + MORE)
    name = f"{asked.text}-{asked.length}"
    cache = read(model, ids, asked.folder / f"{name}.safetensors")
    order, rules = random.Random(0).sample(said, len(said)), [Rule.of(rule) for rule in asked.rules]
    found = dict[str, list[Found]]()
    for index in range(0, len(order), asked.apart):
        before = "".join(f"\n\nThe code of {word} is {code}" for word, code in (order[index - 2], order[index - 1]))
        word, code = order[index]
        question = encoded(tokenizer, f"{before}\n\nThe code of {word} is")
        cache.truncate(len(ids))
        found[word] = answers(model, cache, rules, question, encoded(tokenizer, f" {code}"))
    by_rule = list(zip(*(found[word] for word, _ in said if word in found), strict=True))
    for rule, written, facts in zip(rules, asked.rules, by_rule, strict=True):
        tail = f"; the end {end_of(model, cache, rule, ids, asked.tail):.3f}" if asked.tail else ""
        print(f"{name} {written}: {row(list(facts), list(by_rule[0]))}{tail}", flush=True)


if __name__ == "__main__":
    main()
