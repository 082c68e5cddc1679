"""Documents in any order: each is read by itself, and its keys are turned to where it stands in a joint prompt.

    python -m benchmarks.prototypes.order [--orders 4] [--timed]

Prompt Cache (Gim et al. 2023, arXiv 2311.04934) keeps the states of parts of a prompt; EPIC's LegoLink (Hu et al. 2024,
arXiv 2410.15332) turns their keys to other places and computes the first tokens of each again, over all before: read by
itself a document has its attention sinks there. Here three documents of about 1,500 tokens stand behind one beginning,
in several orders; what follows is compared with the full prefill of the same prompt. The documents were read alone,
behind the beginning of the prompt, or behind another. What follows: the next tokens of the last document; a passage of
the first; what the full prefill makes of a summary; and the look-up of facts, eight in each document.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean, median
from time import perf_counter

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core import FullAttention, PolicyCache, load_model
from core.positions import positions_of
from core.steps import decode, forward

from ..length.facts import DIGITS, WORDS, Fact, encoded, text
from ..quality.teacher import uncompiled
from .forced import FOLLOWING, Apart, predictions, read, row, stretch

SETS = (("git", "Sawyer", "Opticks"), ("faq", "reference", "changes"))
ORDERS = ((0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1))
TOKENS, EACH = 1400, 8
AGAIN = (0, 16, 32, 64)
BEGINNING = "Here are several documents. Read them all, and then do what is asked below them.\n\n"
ANOTHER = "You are an editor who writes for people without knowledge of the field. The sources:\n\n"
SUMMARY = "\n\nIn short, the first of the documents above says that"
PASSAGE = "\n\nThis is quoted from the first of the documents above:\n\n"


@dataclass(frozen=True)
class States:
    """A document's tokens, int64 `(tokens,)`, the position it was read at, and of each layer its keys and values,
    `(1, heads, tokens, dim)` each."""

    ids: Tensor
    start: int
    layers: tuple[tuple[Tensor, Tensor], ...]


def read_alone(model: PreTrainedModel, before: Tensor, ids: Tensor) -> States:
    """A document's states, read behind `before` `(tokens,)` and nothing else."""
    cache = PolicyCache(model.config, FullAttention())
    read(model, cache, torch.cat([before, ids]))
    kept = (
        tuple(buffer.view[:, :, len(before) :].clone() for buffer in layer.full)
        for layer in cache.policy_layers.values()
    )
    return States(ids, len(before), tuple((keys, values) for keys, values in kept))


def place(model: PreTrainedModel, cache: PolicyCache, document: States, again: int, *, turned: bool = True) -> None:
    """Put a document behind what `cache` holds, its first `again` tokens computed again. Not `turned`: keys stay as
    they were where it was read."""
    by = len(cache.token_ids) - document.start if turned else 0
    if again:
        read(model, cache, document.ids[:again])
    rotary = positions_of(model).rotary()
    for layer, (keys, values) in zip(cache.policy_layers.values(), document.layers, strict=True):
        for buffer, states in zip(
            layer.full, (rotary.shifted(keys[:, :, again:], by), values[:, :, again:]), strict=True
        ):
            buffer.append(states)
    cache.hold(document.ids[again:].tolist())


def joint(
    model: PreTrainedModel, beginning: Tensor, documents: Sequence[States], again: int, *, turned: bool = True
) -> PolicyCache:
    """A cache of the beginning, which is read, and the documents, which are placed."""
    cache = PolicyCache(model.config, FullAttention())
    cache.reserve(len(beginning) + sum(len(document.ids) for document in documents) + 1024)
    read(model, cache, beginning)
    for document in documents:
        place(model, cache, document, again, turned=turned)
    return cache


def in_full(model: PreTrainedModel, ids: Tensor, chunk: int = 1024) -> PolicyCache:
    """A cache of the same prompt, all of it read."""
    cache = PolicyCache(model.config, FullAttention())
    cache.reserve(len(ids) + 1024)
    read(model, cache, ids, chunk)
    return cache


@dataclass(frozen=True)
class Document:
    """`ids`: its tokens with facts among them; `goes_on`: those that follow."""

    ids: Tensor
    goes_on: Tensor
    facts: list[Fact]


def documents(tokenizer: PreTrainedTokenizerBase, names: Sequence[str]) -> list[Document]:
    """Of these texts, with facts of their own each."""
    drawn = random.Random(0)
    words = iter(drawn.sample(WORDS, len(WORDS)))
    made = []
    for name in names:
        facts = [(next(words), drawn.randint(1000, 9999)) for _ in range(EACH)]
        filler = stretch(text(tokenizer, name), TOKENS + FOLLOWING)
        parts = list(filler[:TOKENS].split(-(-TOKENS // EACH)))
        said = [encoded(tokenizer, f"\n\nThe code of {word} is {code}.\n\n") for word, code in facts]
        woven = [piece for pair in zip(parts, said, strict=True) for piece in pair]
        # The last fact stands before the last of the filler, so that the text goes on as it should.
        woven[-2:] = [parts[-1][:100], said[-1], parts[-1][100:]]
        made.append(Document(torch.cat(woven), filler[TOKENS:], facts))
    return made


def questions(tokenizer: PreTrainedTokenizerBase, facts: Sequence[Fact]) -> tuple[Tensor, Tensor]:
    """Questions with their answers, one behind the other, `(tokens,)`; and where in it each fact's digits are, in the
    order in which they are given, `(facts, digits)`. The first is there twice: it shows how an answer looks."""
    asked = random.Random(1).sample(list(facts), len(facts))
    pieces: list[Tensor] = []
    ends: dict[str, int] = {}
    for word, code in [asked[-1], *asked]:
        pieces += [encoded(tokenizer, f"\n\nThe code of {word} is"), encoded(tokenizer, f" {code}")]
        ends[word] = sum(map(len, pieces))
    return torch.cat(pieces), torch.tensor([list(range(ends[word] - DIGITS, ends[word])) for word, _ in facts])


def digits_right(model: PreTrainedModel, cache: PolicyCache, asked: tuple[Tensor, Tensor]) -> list[float]:
    """Of each fact the share of its digits that were likeliest."""
    ids, places = asked
    best = predictions(model, cache, ids, len(ids) - 1).argmax(-1)
    shares: list[float] = (best[places - 1] == ids[places]).float().mean(-1).tolist()
    return shares


def greedy(model: PreTrainedModel, cache: PolicyCache, ids: Tensor) -> Tensor:
    """`ids` `(tokens,)` with the likeliest tokens behind them; the cache is left as it was."""
    held = len(cache.token_ids)
    with cache.prefill(last=True), torch.no_grad():
        logits = forward(model, ids[None], cache)
    made = [int(logits.argmax())]
    with uncompiled(model):
        while len(made) < FOLLOWING:
            made.append(int(decode(model, torch.tensor([[made[-1]]]), cache).argmax()))
    cache.truncate(held)
    return torch.cat([ids, torch.tensor(made)])


@dataclass
class Found:
    """What one way of making the cache came to."""

    apart: dict[str, Apart]
    right: list[list[float]]

    @classmethod
    def nothing(cls) -> Found:
        """Yet."""
        return cls({name: Apart() for name in ("the last goes on", "a passage of the first", "a summary")}, [])


Made = Callable[[], PolicyCache]


def ways(model: PreTrainedModel, beginning: Tensor, read_as: dict[str, list[States]]) -> Iterator[tuple[str, Made]]:
    """By name, what makes the cache of documents in one order."""
    ids = torch.cat([beginning, *(document.ids for document in read_as["alone"])])
    yield "full prefill in pieces of 500", partial(in_full, model, ids, 500)
    yield "alone, keys not turned, 0 again", partial(joint, model, beginning, read_as["alone"], 0, turned=False)
    for name, states in read_as.items():
        for again in AGAIN:
            yield f"{name}, {again} again", partial(joint, model, beginning, states, again)


def compare(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, orders: int) -> None:
    """All ways over all sets of documents in so many orders; the table is printed after each."""
    befores = {"alone": "", "behind the beginning": BEGINNING, "behind another": ANOTHER}
    beginning, total = encoded(tokenizer, BEGINNING), {"full prefill": Found.nothing()}
    sets = []
    for names in SETS:
        made = documents(tokenizer, names)
        states = {
            name: [read_alone(model, encoded(tokenizer, before).long(), document.ids) for document in made]
            for name, before in befores.items()
        }
        sets.append((names, made, states))
    for order in ORDERS[:orders]:
        for names, made, states in sets:
            placed = [made[index] for index in order]
            ids = torch.cat([beginning, *(document.ids for document in placed)])
            asked = questions(tokenizer, [fact for document in placed for fact in document.facts])
            reference = in_full(model, ids)
            trials = {
                "the last goes on": placed[-1].goes_on,
                "a passage of the first": torch.cat([encoded(tokenizer, PASSAGE), placed[0].ids[500:580]]),
                "a summary": greedy(model, reference, encoded(tokenizer, SUMMARY)),
            }
            counts = {name: min(FOLLOWING, len(trial) - 1) for name, trial in trials.items()}
            wanted = {name: predictions(model, reference, trials[name], counts[name]) for name in trials}
            total["full prefill"].right.append(digits_right(model, reference, asked))
            for name, trial in wanted.items():
                total["full prefill"].apart[name].add(trial, trial)
            del reference
            ordered = {name: [of[index] for index in order] for name, of in states.items()}
            for way, make in ways(model, beginning, ordered):
                cache, found = make(), total.setdefault(way, Found.nothing())
                for name, trial in trials.items():
                    found.apart[name].add(wanted[name], predictions(model, cache, trial, counts[name]))
                found.right.append(digits_right(model, cache, asked))
            print(f"\nwith {', '.join(names[index] for index in order)}:")
            shown(total)


def timed(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, repetitions: int = 3) -> None:
    """Seconds until an instruction behind these documents is read, in turns."""
    beginning, instruction = encoded(tokenizer, BEGINNING), encoded(tokenizer, SUMMARY)
    states = [read_alone(model, beginning, document.ids) for document in documents(tokenizer, SETS[0])]
    ids = torch.cat([beginning, *(document.ids for document in states)])
    makes: dict[str, Made] = {"full prefill": partial(in_full, model, ids)}
    makes |= {f"placed, {again} again": partial(joint, model, beginning, states, again) for again in AGAIN}
    taken: dict[str, list[float]] = {name: [] for name in makes}
    read(model, in_full(model, ids[:600]), instruction)
    for _ in range(repetitions):
        for name, make in makes.items():
            started = perf_counter()
            read(model, make(), instruction)
            taken[name].append(perf_counter() - started)
    print(f"{len(ids):,} tokens and an instruction of {len(instruction)}")
    for name, seconds in taken.items():
        print(row(name, [f"{median(seconds):.2f} s"]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=len(ORDERS), choices=range(1, len(ORDERS) + 1))
    parser.add_argument("--timed", action="store_true", help="the seconds, and nothing else")
    parser.add_argument("--quantization", default="int4")
    parsed = parser.parse_args()
    model, tokenizer = load_model(quantization=parsed.quantization)
    if parsed.timed:
        timed(model, tokenizer)
        return
    compare(model, tokenizer, parsed.orders)


def shown(total: dict[str, Found]) -> None:
    """Print the table of what there is so far."""
    for way, found in total.items():
        everything = Apart()
        for apart in found.apart.values():
            everything.divergences += apart.divergences
            everything.agreements += apart.agreements
        parts = [f"{fmean(apart.divergences):.4f}" for apart in found.apart.values()]
        shares = [fmean(of_fact) for of_fact in zip(*found.right, strict=True)]
        places = [fmean(shares[begin : begin + EACH]) for begin in range(0, len(shares), EACH)]
        print(row(way, [everything, *parts, " / ".join(f"{share:.2f}" for share in places)]), flush=True)


if __name__ == "__main__":
    main()
