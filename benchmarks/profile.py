"""Where the time of a decode step goes: RefreshKV on the embedded model, partial and full steps apart.

    python -m benchmarks.profile [--context 7000] [--periods 4]

Operations are timed under torch's profiler, which costs each of them about a microsecond. What is left of a step has no
operation of its own: what the compiled graph fused, Python and the dispatch. As many
steps before are timed without it, for comparison.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from core import Event, TokenGenerated, stream_generate

from .inputs import prepare
from .workers.ours import prepare as prepare_ours

STRIDE = 10
WHOLE, LINEARS, HEAD, ATTENTION, SELECTION, SMALL, REST = (
    "all layers and the head, one operation",
    "linears' matrix multiplication",
    "output head",
    "attention",
    "selection and gathering",
    "small and pointwise operations",
    "fused operations of the graph, Python",
)
# An operation counts with the first of these kinds among its callers: a matmul inside a linear is the linear's.
LINEAR_OPERATIONS = (
    "aten::linear",
    "aten::mm",
    "aten::addmm",
    "pack_mm",
    "int4_linear",
    "int8_linear",
    "bitsandbytes::",
    "_linear_pointwise",
)
ATTENTION_OPERATIONS = ("aten::matmul", "aten::bmm", "aten::baddbmm", "scaled_dot_product", "::decode_")
SELECTION_OPERATIONS = ("aten::topk", "aten::max_pool", "aten::index", "gather", "aten::bincount", "aten::flip")


def main() -> None:
    """Profile and print a Markdown table, ms a step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--context", type=int, default=7000)
    parser.add_argument("--periods", type=int, default=4, help=f"of {STRIDE} steps, without and with the profiler each")
    parser.add_argument("--quantization", help="instead of load_model's default")
    arguments = parser.parse_args()
    options: dict[str, Any] = {"policy": "RefreshKV", "parameters": {"budget": 1 / 8, "stride": STRIDE}}
    if arguments.quantization:
        options["quantization"] = arguments.quantization
    steps = STRIDE * arguments.periods
    setup = replace(prepare(arguments.context, 2 * steps + 1), options=options)
    model, tokenizer, policy = prepare_ours(setup)
    events = stream_generate(
        model, tokenizer, torch.tensor([setup.prompt]), policy=policy, max_new_tokens=setup.new_tokens
    )
    _next_token(events)  # the prefill's
    walls = wall_times(events, steps)
    print_table(walls, profiled_times(events, steps, model.config.get_text_config().vocab_size))


def wall_times(events: Iterator[Event], steps: int) -> dict[str, float]:
    """Median ms of the "partial" and the "full" ones of the next `steps` steps."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for _ in range(steps):
        started = perf_counter()
        kind = _kind(_next_token(events))
        seconds[kind].append(perf_counter() - started)
    return {kind: 1000 * median(values) for kind, values in seconds.items()}


def profiled_times(events: Iterator[Event], steps: int, vocabulary: int) -> dict[str, dict[str, float]]:
    """Mean ms by category of the "partial" and the "full" ones of the next `steps` steps."""
    kinds: dict[str, str] = {}
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiler:
        for index in range(steps):
            with record_function(f"step {index}"):
                kinds[f"step {index}"] = _kind(_next_token(events))
    spent: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for operation in profiler.events() or ():
        callers = _with_callers(operation)
        if kind := kinds.get(callers[-1].name):
            spent[kind][category(callers, vocabulary)] += operation.self_cpu_time_total / 1000
    counts = Counter(kinds.values())
    return {kind: {name: ms / counts[kind] for name, ms in times.items()} for kind, times in spent.items()}


def category(callers: list[Any], vocabulary: int) -> str:
    """What the first of these profiler events belongs to, by the names of it and its callers; the head by its size."""
    if len(callers) == 1:  # the step itself
        return REST
    if any(_is(caller, ("llama_step",)) for caller in callers):
        return WHOLE
    linear = [caller for caller in callers if _is(caller, LINEAR_OPERATIONS)]
    if linear:
        return HEAD if any(vocabulary in shape for caller in linear for shape in caller.input_shapes or ()) else LINEARS
    if any(_is(caller, ATTENTION_OPERATIONS) for caller in callers):
        return ATTENTION
    if any(_is(caller, SELECTION_OPERATIONS) for caller in callers):
        return SELECTION
    return SMALL


def print_table(walls: dict[str, float], spent: dict[str, dict[str, float]]) -> None:
    """A row for each category, a pair of columns for each kind of step."""
    kinds = [kind for kind in ("partial", "full") if kind in walls and kind in spent]
    totals = {kind: sum(spent[kind].values()) for kind in kinds}
    print(f"| | {' | '.join(f'{kind} step ms | %' for kind in kinds)} |")
    print("| --- |" + " ---: | ---: |" * len(kinds))
    for name in (WHOLE, LINEARS, HEAD, ATTENTION, SELECTION, SMALL, REST):
        shares = ((spent[kind].get(name, 0.0), totals[kind]) for kind in kinds)
        print(f"| {name} | {' | '.join(f'{ms:.1f} | {100 * ms / total:.0f}' for ms, total in shares)} |")
    print(f"| whole step, profiled | {' | '.join(f'{totals[kind]:.1f} | 100' for kind in kinds)} |")
    print(f"| whole step, not profiled | {' | '.join(f'{walls[kind]:.1f} | ' for kind in kinds)} |")


def _with_callers(operation: Any) -> list[Any]:
    """`operation`, its caller, that one's caller, and so on."""
    chain = [operation]
    while chain[-1].cpu_parent is not None:
        chain.append(chain[-1].cpu_parent)
    return chain


def _is(operation: Any, names: tuple[str, ...]) -> bool:
    return any(name in operation.name for name in names)


def _kind(token: TokenGenerated) -> str:
    return "full" if token.full_layers else "partial"


def _next_token(events: Iterator[Event]) -> TokenGenerated:
    return next(event for event in events if isinstance(event, TokenGenerated))


if __name__ == "__main__":
    main()
