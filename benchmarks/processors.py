"""What each logits processor adds to a token: milliseconds beside a decode step, and what a guard takes to make.

    python -m benchmarks.processors [--context 1000] [--tokens 120]

The embedded model in int4 with its compiled step, full attention, temperature 0.3; the source is the sample document. A
contrast is a decode step in a second cache; the last line has a forward of two tokens beside one of one, which is about
what two rows in one step would take.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from statistics import median

import torch
from transformers import LogitsProcessor, PreTrainedModel, PreTrainedTokenizerBase

from core import (
    ContextContrast,
    FullAttention,
    PolicyCache,
    RepetitionGuard,
    SourceGuard,
    Vocabulary,
    compile_decoding,
    load_model,
    stream_generate,
)
from core.steps import forward

from .inputs import DOCUMENT
from .machine import machine_name
from .timing import milliseconds, step_milliseconds

REPEATS = 3
ASK = "Write one paragraph about what this text says."


def per_token(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    source: str,
    tokens: int,
    processors: Sequence[LogitsProcessor],
) -> float:
    """Milliseconds of a decode step with `processors`."""
    prompt = [{"role": "user", "content": f"{source}\n\n{ASK}"}]
    options = {"policy": FullAttention(), "temperature": 0.3, "min_p": 0.1, "seed": 0, "max_new_tokens": tokens}
    return step_milliseconds(stream_generate(model, tokenizer, prompt, logits_processors=processors, **options))  # type: ignore[arg-type]


def forwards(model: PreTrainedModel, source: Sequence[int], rows: int) -> float:
    """Milliseconds of a forward of `rows` tokens after `source`, by the model's modules."""
    cache = PolicyCache(model.config, FullAttention())
    with cache.prefill(last=True):
        forward(model, torch.tensor([source]), cache)

    def call() -> None:
        with cache.prefill(last=True):
            forward(model, torch.tensor([source[:rows]]), cache)
        cache.truncate(len(source))

    return median(milliseconds(call, 15))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--context", type=int, default=1000)
    parser.add_argument("--tokens", type=int, default=120)
    arguments = parser.parse_args()

    model, tokenizer = load_model("smollm2-135m", quantization="int4")
    compiled = compile_decoding(model).wait()
    text = DOCUMENT.read_text("utf-8")
    ids: list[int] = tokenizer(text, verbose=False)["input_ids"]
    source = str(tokenizer.decode(ids[: arguments.context]))
    vocabulary = Vocabulary(tokenizer)
    print(f"{machine_name()}, {torch.get_num_threads()} threads, compiled: {compiled}\n")
    print(f"Vocabulary: {median(milliseconds(lambda: Vocabulary(tokenizer), REPEATS)):.0f} ms")
    made = median(milliseconds(lambda: SourceGuard(vocabulary, [text, ASK]), REPEATS))
    print(f"SourceGuard of {len(ids):,} tokens: {made:.0f} ms\n")

    def made_of(name: str) -> list[LogitsProcessor]:
        kinds: dict[str, Callable[[], LogitsProcessor]] = {
            "SourceGuard": lambda: SourceGuard(vocabulary, [source, ASK]),
            "RepetitionGuard": lambda: RepetitionGuard(vocabulary),
            "ContextContrast": lambda: ContextContrast(model, tokenizer, [{"role": "user", "content": ASK}]),
        }
        return [make() for kind, make in kinds.items() if name in (kind, "all three")]

    names = ["none", "SourceGuard", "RepetitionGuard", "ContextContrast", "all three"]
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(REPEATS):
        for name in names:
            found[name].append(per_token(model, tokenizer, source, arguments.tokens, made_of(name)))
    print("| processors | ms per token | added | tokens/s |\n| --- | ---: | ---: | ---: |")
    plain = median(found["none"])
    for name in names:
        taken = median(found[name])
        print(f"| {name} | {taken:.1f} | {taken - plain:.1f} | {1000 / taken:.0f} |", flush=True)
    one, two = (forwards(model, ids[: arguments.context], rows) for rows in (1, 2))
    print(f"\na forward by the model's modules: 1 token {one:.1f} ms, 2 tokens {two:.1f} ms")


if __name__ == "__main__":
    main()
