"""How much sooner does Exact write what full attention writes, and what do several tokens in one step take?

    python -m benchmarks.exact [--texts NAME ...] [--prompt 7000] [--tokens 200] [--repetitions 3]

Three ways to go on behind a prompt of that length out of each text (benchmarks/quality/texts.py): greedily, sampled
(temperature 0.7, with a seed), and quoting: the instruction asks for a passage word for word, and what the model writes
then is the passage, or as much of it as it manages. FullAttention and Exact take turns; a figure is the median over
repetitions of the mean of a token, and the text is compared token by token. The second table has the least time of a
step with so many tokens: rows of one run to be verified, or a token of each of several runs. `chrt -f 50` in front
keeps other work away.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

import torch
from platformdirs import user_cache_path
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core import (
    Exact,
    FullAttention,
    KeyIndex,
    Policy,
    PolicyCache,
    Snapshot,
    TokenGenerated,
    compile_decoding,
    kernels,
    load_model,
    stream_generate,
)
from core.decode_step import faster_step
from core.graph import RowsStep
from core.steps import forward

from .machine import machine_name
from .quality.texts import TEXTS, token_ids
from .timing import milliseconds
from .writing.corpus import Library

CHUNK = 1000
WAYS: dict[str, dict[str, Any]] = {"greedy": {}, "sampled": {"temperature": 0.7, "seed": 1}, "quoting": {}}
METHODS: dict[str, Policy] = {"Exact, look-up alone": Exact(draft=0), "Exact": Exact()}
ROWS = (1, 2, 4, 5, 8)
STEPS = 15


class Bench:
    """One model, and one prompt after the other."""

    def __init__(self, tokens: int, repetitions: int) -> None:
        """Load and compile."""
        self.model: PreTrainedModel
        self.tokenizer: PreTrainedTokenizerBase
        self.model, self.tokenizer = load_model(quantization="int4")
        compile_decoding(self.model).wait()
        self._tokens, self._repetitions = tokens, repetitions

    def read(self, ids: Tensor) -> Snapshot:
        """Prefill `ids` `(1, length)`."""
        cache = PolicyCache(self.model.config, FullAttention())
        with cache.prefill(last=True):
            for piece in ids.split(CHUNK, dim=1):
                forward(self.model, piece, cache)
        return Snapshot.take(cache, ids.shape[1])

    def compare(self, snapshot: Snapshot, way: str, passage: Tensor) -> dict[str, tuple[float, float, bool]]:
        """Of each method the milliseconds of a token, full attention's over them, and whether all texts are equal."""
        prompt = list(snapshot.token_ids)
        if way == "quoting":
            asked = self.tokenizer("\n\nThe same passage once more, word for word:\n\n")["input_ids"]
            prompt += [*asked, *passage[:24].tolist()]
        policies = {"FullAttention": FullAttention(), **METHODS}
        found: dict[str, list[tuple[list[int], float]]] = {name: [] for name in policies}
        for _ in range(self._repetitions):
            for name, policy in policies.items():
                found[name].append(self._write(snapshot, prompt, policy, WAYS[way]))
        full = median(taken for _, taken in found["FullAttention"])
        text = found["FullAttention"][0][0]
        return {
            name: (one := median(taken for _, taken in runs), full / one, all(tokens == text for tokens, _ in runs))
            for name, runs in found.items()
        }

    def _write(
        self, snapshot: Snapshot, prompt: list[int], policy: Policy, options: dict[str, Any]
    ) -> tuple[list[int], float]:
        room = len(prompt) + self._tokens
        cache = snapshot.restore(self.model.config, policy, room=room, device=self.model.device)
        events = stream_generate(
            self.model, self.tokenizer, prompt, cache=cache, max_new_tokens=self._tokens, **options
        )
        tokens, started = list[int](), 0.0
        for event in events:
            if isinstance(event, TokenGenerated):
                started = started or perf_counter()  # the first comes from the prompt
                tokens.append(event.token_id)
        return tokens, 1e3 * (perf_counter() - started) / max(1, len(tokens) - 1)

    def steps(self, snapshot: Snapshot, policy: Policy) -> dict[str, list[float]]:
        """The least milliseconds of a step with each of ROWS tokens, of one run and of several."""
        graph = faster_step(self.model)
        assert isinstance(graph, RowsStep)
        room = len(snapshot.token_ids) + 100
        caches = [
            snapshot.restore(self.model.config, policy, room=room, device=self.model.device) for _ in range(max(ROWS))
        ]
        for cache in caches:
            cache.truncate(len(snapshot.token_ids) - 1)
            with cache.prefill(last=True):
                forward(self.model, torch.tensor([snapshot.token_ids[-1:]]), cache)
        tokens = torch.arange(100, 100 + max(ROWS)).unsqueeze(1)
        with kernels.own_threads():
            return {
                "of one run": [_least(graph.verify, tokens[:rows], caches[0]) for rows in ROWS],
                "of several": [_least(graph.step_together, tokens[:rows], caches[:rows]) for rows in ROWS],
            }


def _least(step: Callable[..., object], *given: object) -> float:
    return min(milliseconds(partial(step, *given), STEPS))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", nargs="+", default=["R-exts", "policy", "Sawyer"], metavar="NAME")
    parser.add_argument("--prompt", type=int, default=7000, metavar="TOKENS")
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--repetitions", type=int, default=3)
    chosen = parser.parse_args()
    library = Library(user_cache_path("refreshkv") / "benchmarks" / "documents")
    bench = Bench(chosen.tokens, chosen.repetitions)
    print(f"{machine_name()}, {torch.get_num_threads()} threads, {chosen.prompt:,} tokens\n")
    print("| text | way | method | ms a token | tokens/s beside full attention's | the same text |")
    print("| --- | --- | --- | ---: | ---: | --- |")
    with torch.no_grad():
        for text in (text for text in TEXTS if text.name in chosen.texts):
            ids = token_ids(text, bench.tokenizer, library)
            begin = len(ids) // 4
            snapshot = bench.read(ids[None, begin : begin + chosen.prompt])
            for way in WAYS:
                passage = ids[begin + chosen.prompt // 2 :]
                for name, (taken, ratio, same) in bench.compare(snapshot, way, passage).items():
                    print(f"| {text.name} | {way} | {name} | {taken:.1f} | {ratio:.2f} | {same} |", flush=True)
        print("\n| ms of a step with tokens | " + " | ".join(map(str, ROWS)) + " |\n| --- |" + " ---: |" * len(ROWS))
        for policy in (FullAttention(), KeyIndex(1 / 16)):
            for name, times in bench.steps(snapshot, policy).items():
                print(f"| {type(policy).__name__}, {name} | " + " | ".join(f"{one:.1f}" for one in times) + " |")


if __name__ == "__main__":
    main()
