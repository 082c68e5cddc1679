"""What sampling takes of a token, greedily, with the app's settings, and with what holds it to sources.

    python -m benchmarks.sampling [--context 1024] [--tokens 200] [--repetitions 7]

The embedded model in int4 with its compiled step, KeyIndex; the ways take turns, each time with another seed. Figures
are medians over repetitions; what the sampler takes, with its processors, is the mean over a run's tokens. In a
checkout of an earlier version the same file gives the figures before.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import Any

import torch
from transformers import LogitsProcessor

from core import (
    KeyIndex,
    RepetitionGuard,
    SourceGuard,
    Vocabulary,
    compile_decoding,
    load_model,
    stream_generate,
)
from core.sampling import Sampler

from .inputs import DOCUMENT
from .machine import machine_name
from .timing import step_milliseconds

APP: dict[str, Any] = {"temperature": 0.7, "min_p": 0.1, "repetition_penalty": 1.1}
WAYS: dict[str, tuple[dict[str, Any], bool]] = {
    "greedy": ({}, False),
    "greedy, guards": ({"repetition_penalty": 1.1}, True),
    "the app's sampling": (APP, False),
    "the app's sampling, guards": (APP, True),
}


class Clock:
    """The seconds in samplers, and the tokens drawn, since it was set back."""

    def __init__(self) -> None:
        """Of every sampler of this process."""
        whole = Sampler.__call__
        self.set_back()

        def timed(sampler: Sampler, token_ids: torch.Tensor, logits: torch.Tensor) -> int:
            started = perf_counter()
            token = whole(sampler, token_ids, logits)
            self.seconds += perf_counter() - started
            self.tokens += 1
            return token

        Sampler.__call__ = timed  # type: ignore[method-assign,assignment]

    def set_back(self) -> None:
        """Count from now on."""
        self.seconds, self.tokens = 0.0, 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--context", type=int, default=1024)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--repetitions", type=int, default=7)
    chosen = parser.parse_args()

    model, tokenizer = load_model("smollm2-135m", quantization="int4")
    compiled = compile_decoding(model).wait()
    ids: list[int] = tokenizer(DOCUMENT.read_text("utf-8"), verbose=False)["input_ids"][: chosen.context]
    vocabulary, source = Vocabulary(tokenizer), str(tokenizer.decode(ids))
    print(f"{machine_name()}, {torch.get_num_threads()} threads, compiled: {compiled}, {len(ids):,} tokens\n")
    clock = Clock()

    def milliseconds(way: str, seed: int) -> tuple[float, float]:
        """Of a token, and of its sampling."""
        options, is_held = WAYS[way]
        guards: Sequence[LogitsProcessor] = ()
        if is_held:
            guards = [SourceGuard(vocabulary, [source]), RepetitionGuard(vocabulary)]
        clock.set_back()
        token = step_milliseconds(
            stream_generate(
                model,
                tokenizer,
                ids,
                policy=KeyIndex(),
                max_new_tokens=chosen.tokens,
                seed=seed,
                logits_processors=guards,
                **options,
            )
        )
        return token, 1000 * clock.seconds / clock.tokens

    for way in WAYS:  # warm up
        milliseconds(way, 0)
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for seed in range(1, chosen.repetitions + 1):
        for way, figures in found.items():
            figures.append(milliseconds(way, seed))
    print("| | ms a token | of them sampling | tokens/s |\n| --- | ---: | ---: | ---: |")
    for way, figures in found.items():
        token, sampling = (median(column) for column in zip(*figures, strict=True))
        print(f"| {way} | {token:.2f} | {sampling:.2f} | {1000 / token:.0f} |", flush=True)


if __name__ == "__main__":
    main()
