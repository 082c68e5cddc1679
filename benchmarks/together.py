"""What do several runs gain that take their decode steps together?

    python -m benchmarks.together [--prompt 7000] [--tokens 100] [--repetitions 3]

So many runs, each behind a prompt of that length, write one after the other and then side by side, with the app's
settings (temperature, min_p, repetition penalty). A figure is the median over repetitions of all runs' tokens per
second, without the reading. `chrt -f 50` in front keeps other work away.
"""

from __future__ import annotations

import argparse
from statistics import median
from time import perf_counter
from typing import Any

import torch
from platformdirs import user_cache_path

from core import (
    Exact,
    FullAttention,
    KeyIndex,
    NextStep,
    Policy,
    RefreshKV,
    Snapshot,
    TokenGenerated,
    decode_together,
    stream_steps,
)

from .exact import Bench
from .machine import machine_name
from .quality.texts import TEXTS, token_ids
from .writing.corpus import Library

METHODS: dict[str, Policy] = {
    "KeyIndex": KeyIndex(),
    "RefreshKV": RefreshKV(),
    "FullAttention": FullAttention(),
    "Exact": Exact(),
}
RUNS = (1, 2, 4)
SETTINGS: dict[str, Any] = {"temperature": 0.7, "min_p": 0.1, "repetition_penalty": 1.1}


class Runs:
    """So many at once, each behind the same prompt with a seed of its own."""

    def __init__(self, bench: Bench, snapshot: Snapshot, policy: Policy, count: int, tokens: int) -> None:
        """All have read their prompt and written a token."""
        self._model, self._prompt = bench.model, list(snapshot.token_ids)
        room = len(self._prompt) + tokens
        caches = [
            snapshot.restore(bench.model.config, policy, room=room, device=bench.model.device) for _ in range(count)
        ]
        self._going = [
            stream_steps(
                bench.model, bench.tokenizer, self._prompt, cache=cache, seed=seed, max_new_tokens=tokens, **SETTINGS
            )
            for seed, cache in enumerate(caches)
        ]
        self._tokens = 0
        self._steps = [self._next(index) for index in range(count)]

    def tokens_a_second(self, *, together: bool) -> float:
        """Of all of them, to their ends."""
        self._tokens, started = 0, perf_counter()
        if together:
            while steps := [step for step in self._steps if step is not None]:
                decode_together(self._model, steps)
                self._steps = [step and self._next(index) for index, step in enumerate(self._steps)]
        else:
            for index in range(len(self._going)):
                while self._next(index) is not None:
                    pass
        return self._tokens / (perf_counter() - started)

    def _next(self, index: int) -> NextStep | None:
        for item in self._going[index]:
            if isinstance(item, NextStep):
                return item
            self._tokens += isinstance(item, TokenGenerated)
        return None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompt", type=int, default=7000, metavar="TOKENS")
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--repetitions", type=int, default=3)
    chosen = parser.parse_args()
    bench = Bench(chosen.tokens, chosen.repetitions)
    text = TEXTS[0]
    ids = token_ids(text, bench.tokenizer, Library(user_cache_path("refreshkv") / "benchmarks" / "documents"))
    snapshot = bench.read(ids[None, : chosen.prompt])
    print(f"{machine_name()}, {torch.get_num_threads()} threads, {chosen.prompt:,} tokens of {text.name}\n")
    print(
        "| method | runs | tokens/s one after the other | side by side | ratio |\n| --- | ---: | ---: | ---: | ---: |"
    )
    for name, policy in METHODS.items():
        for count in RUNS:
            found: dict[bool, list[float]] = {False: [], True: []}
            for _ in range(chosen.repetitions):
                for together, speeds in found.items():
                    runs = Runs(bench, snapshot, policy, count, chosen.tokens)
                    speeds.append(runs.tokens_a_second(together=together))
            one, all_ = median(found[False]), median(found[True])
            print(f"| {name} | {count} | {one:.0f} | {all_:.0f} | {all_ / one:.2f} |", flush=True)


if __name__ == "__main__":
    main()
