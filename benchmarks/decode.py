"""Decode speed of RefreshKV, full attention and stock transformers, same NF4 weights, side by side in one run.

    python -m benchmarks.decode [--contexts 1024 4096 7000] [--repetitions 3] [--json results.json]

Greedy decoding on the embedded model. The methods take turns within a repetition, so that a busy machine slows all of
them; a figure is the median over repetitions of the run's decode rate.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.generation.streamers import BaseStreamer

from core import FullAttention, GenerationFinished, Policy, RefreshKV, TokenGenerated, load_model, stream_generate

NEW_TOKENS = 41
DOCUMENT = Path(__file__).resolve().parent.parent / "assets" / "samples" / "lighthouses.md"


@dataclass(frozen=True)
class Measurement:
    """One generation: rates in tokens per second, medians of its steps in milliseconds."""

    prefill_rate: float
    decode_rate: float
    full_ms: float | None = None
    partial_ms: float | None = None


class Clock(BaseStreamer):
    """A streamer that notes when each token came; the first call brings the prompt."""

    def __init__(self) -> None:
        """Start now."""
        self.times = [perf_counter()]

    def put(self, value: Tensor) -> None:
        """A token, or at first the prompt."""
        self.times.append(perf_counter())

    def end(self) -> None:
        """Nothing to do."""


def stock(model: PreTrainedModel, ids: Tensor) -> Measurement:
    """transformers' own generate with its own attention and cache, for as many tokens whatever they are."""
    model.set_attn_implementation("sdpa")
    model.generation_config.eos_token_id = None  # type: ignore[union-attr]
    clock = Clock()
    model.generate(  # type: ignore[operator]
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=NEW_TOKENS,
        min_new_tokens=NEW_TOKENS,
        streamer=clock,
    )
    start, _, first, *_, last = clock.times
    return Measurement(ids.shape[1] / (first - start), (NEW_TOKENS - 1) / (last - first))


def ours(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, ids: Tensor, policy: Policy) -> Measurement:
    """stream_generate under `policy`."""
    model.set_attn_implementation("refreshkv")
    model.generation_config.eos_token_id = []  # type: ignore[union-attr]
    events = list(stream_generate(model, tokenizer, ids, policy=policy, max_new_tokens=NEW_TOKENS))
    finished = events[-1]
    assert isinstance(finished, GenerationFinished)
    steps = [event for event in events if isinstance(event, TokenGenerated) and event.step > 0]
    full = [1000 * step.seconds for step in steps if step.full_layers]
    small = [1000 * step.seconds for step in steps if not step.full_layers]
    return Measurement(
        finished.prompt_tokens / finished.prefill_seconds,
        len(steps) / finished.decode_seconds,
        median(full) if full else None,
        median(small) if small else None,
    )


def methods(with_bfloat16: bool) -> tuple[PreTrainedTokenizerBase, dict[str, Callable[[Tensor], Measurement]]]:
    """The methods by name, and the tokenizer; every model holds the embedded weights, rounded to NF4 alike."""
    model, tokenizer = load_model(quantization="nf4")
    stocks = {f"stock generate, bitsandbytes NF4, {model.dtype}": _stock_model(model, model.dtype)}
    if with_bfloat16:
        stocks["stock generate, bitsandbytes NF4, torch.bfloat16"] = _stock_model(model, torch.bfloat16)
    table: dict[str, Callable[[Tensor], Measurement]] = {name: partial(stock, other) for name, other in stocks.items()}
    table["stock generate on the model of load_model"] = lambda ids: stock(model, ids)
    table["FullAttention"] = lambda ids: ours(model, tokenizer, ids, FullAttention())
    table["RefreshKV, budget 1/8, stride 10"] = lambda ids: ours(model, tokenizer, ids, RefreshKV(1 / 8, 10))
    return tokenizer, table


def _stock_model(model: PreTrainedModel, dtype: torch.dtype) -> PreTrainedModel:
    nf4 = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_use_double_quant=True,
    )
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        model.config._name_or_path, dtype=dtype, quantization_config=nf4, device_map={"": model.device}
    )
    stock_model: PreTrainedModel = loaded.eval()
    return stock_model


def measure(contexts: list[int], repetitions: int, with_bfloat16: bool) -> dict[str, dict[int, Measurement]]:
    """Medians by method and context length."""
    tokenizer, table = methods(with_bfloat16)
    text = DOCUMENT.read_text("utf-8")
    ids = tokenizer(text * (1 + max(contexts) // 5000), return_tensors="pt")["input_ids"]
    runs: dict[tuple[str, int], list[Measurement]] = {}
    for repetition in range(repetitions):
        for context in contexts:
            for name, method in table.items():
                result = method(ids[:, :context])  # type: ignore[index]
                runs.setdefault((name, context), []).append(result)
                print(
                    f"{repetition + 1}/{repetitions}  {context:>6}  {result.decode_rate:6.1f} tokens/s  {name}",
                    flush=True,
                )
    return {name: {context: _median(runs[name, context]) for context in contexts} for name in table}


def _median(results: list[Measurement]) -> Measurement:
    columns = zip(*(asdict(result).values() for result in results), strict=True)
    return Measurement(*(None if column[0] is None else median(column) for column in columns))  # type: ignore[arg-type]


def print_table(results: dict[str, dict[int, Measurement]]) -> None:
    """The table in Markdown: decode rates by context, ratios at the longest, prefill and step times there."""
    contexts = list(next(iter(results.values())))
    longest = contexts[-1]
    baseline = next(iter(results.values()))[longest].decode_rate
    heads = [f"{context:,}" for context in contexts]
    print(f"\n| decode, tokens/s at | {' | '.join(heads)} | ratio | prefill tokens/s | full ms | partial ms |")
    print("| --- |" + " ---: |" * (len(contexts) + 4))
    for name, by_context in results.items():
        rates = " | ".join(f"{by_context[context].decode_rate:.1f}" for context in contexts)
        last = by_context[longest]
        times = " | ".join("–" if value is None else f"{value:.0f}" for value in (last.full_ms, last.partial_ms))
        print(f"| {name} | {rates} | {last.decode_rate / baseline:.1f} | {last.prefill_rate:.0f} | {times} |")
    print(f"\nratio, prefill and step times at {longest:,} tokens; {torch.get_num_threads()} threads")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contexts", type=int, nargs="+", default=[1024, 4096, 7000])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--with-bfloat16", action="store_true", help="also stock NF4 in bfloat16 where that is slow")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results = measure(arguments.contexts, arguments.repetitions, arguments.with_bfloat16)
    print_table(results)
    if arguments.json:
        plain = {name: {str(c): asdict(m) for c, m in by.items()} for name, by in results.items()}
        arguments.json.write_text(json.dumps(plain, indent=1))


if __name__ == "__main__":
    main()
