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

import random
from statistics import fmean, stdev
from typing import NamedTuple

import torch
from torch import Tensor

from ..length.facts import DIGITS, Scores, encoded, thirds
from .asking import Asking, Rule
from .reading import Reading, parser

AT_ONCE = 64


class Found(NamedTuple):
    """Of a fact. right: the share of its digits; nll: their negative log-likelihood; number: so many positions a head
    chose in the mean."""

    right: float
    nll: float
    number: float


def choosing(layers: list[Asking], rule: Rule | None, before: list[Tensor | None]) -> None:
    """By which rule the next tokens choose, and the queries `before` them."""
    for layer, queries in zip(layers, before, strict=True):
        layer.rule, layer.before = rule, queries


def answers(reading: Reading, layers: list[Asking], rules: list[Rule], question: str, answer: Tensor) -> list[Found]:
    """What each rule finds of `answer`, asked for by `question`."""
    choosing(layers, None, [None] * len(layers))
    first, found = reading.ask(question), []
    asked, before = len(reading.cache.token_ids), [layer.before for layer in layers]
    for rule in rules:
        reading.cache.truncate(asked)
        choosing(layers, rule, before)
        scores = Scores.of(torch.cat([first, reading.rows(answer[:-1], len(answer) - 1)]), answer)
        right = float((scores.best == answer)[-DIGITS:].float().mean())
        numbers = [number for layer in layers for number in layer.numbers]
        found.append(Found(right, -float(scores.likelihood[-DIGITS:].mean()), fmean(numbers)))
        for layer in layers:
            layer.numbers.clear()
    return found


def end_of(reading: Reading, layers: list[Asking], rule: Rule, tail: int) -> float:
    """Negative log-likelihood of the last `tail` tokens of the text, one by one."""
    cache, ids = reading.cache, reading.ids
    choosing(layers, rule, [None] * len(layers))
    cache.truncate(len(ids) - tail)
    likelihood = []
    for piece in ids[-tail:].split(AT_ONCE):
        next_ids = ids[len(cache.token_ids) + 1 :][: len(piece)]
        likelihood.append(Scores.of(reading.rows(piece, len(piece))[: len(next_ids)], next_ids).likelihood)
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
    options = parser(__doc__)
    options.add_argument("--rules", nargs="*", default=["-"])
    options.add_argument("--apart", type=int, default=1, help="ask for every so many facts")
    options.add_argument("--tail", type=int, default=0)
    asked = options.parse_args()
    reading = Reading.of(asked)
    layers, said = reading.under(Asking), reading.said
    order, rules = random.Random(0).sample(said, len(said)), [Rule.of(rule) for rule in asked.rules]
    found = dict[str, list[Found]]()
    for index in range(0, len(order), asked.apart):
        before = "".join(f"\n\nThe code of {word} is {code}" for word, code in (order[index - 2], order[index - 1]))
        word, code = order[index]
        answer = encoded(reading.tokenizer, f" {code}")
        found[word] = answers(reading, layers, rules, f"{before}\n\nThe code of {word} is", answer)
    by_rule = list(zip(*(found[word] for word, _ in said if word in found), strict=True))
    for rule, written, facts in zip(rules, asked.rules, by_rule, strict=True):
        tail = f"; the end {end_of(reading, layers, rule, asked.tail):.3f}" if asked.tail else ""
        print(f"{asked.text}-{asked.length} {written}: {row(list(facts), list(by_rule[0]))}{tail}", flush=True)


if __name__ == "__main__":
    main()
