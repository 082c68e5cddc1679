"""What a decode step's attention takes in one layer: over all, over a small cache, and over what a low-bit index finds.

    python -m benchmarks.key_index [--lengths 1024 7000 32000 188000] [--repetitions 15]

Random keys and values of the embedded model's shape (3 KV heads of 64, 3 query heads each, bfloat16), of so many
layers that no cache of the processor holds them, as in a model whose weights are read in between. The positions chosen
are then spread evenly, which is the worst case. Everything takes turns within a repetition, and a figure is the median
over repetitions of the mean over layers, in microseconds. The last column is the time beside a tenth of a full step and
nine tenths of a partial one over an eighth: RefreshKV's at stride 10, without what its refreshes choose and copy.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import torch
from torch import Tensor

from core import kernels
from core.default_model import cache_folder
from core.key_codes import KeyCodes
from core.places import Coded, place

from .machine import machine_name

HEADS, GROUP, DIM, RECENT = 3, 3, 64, 32
SCALING = DIM**-0.5
BYTES = 160 << 20  # of keys and values, several times what two cores have of a shared cache
BITS = (2, 3, 4)
BUDGETS = (8, 32)


@dataclass(frozen=True)
class Layer:
    """The states of one layer, and what one step brings."""

    query: Tensor
    key: Tensor
    value: Tensor
    keys: Tensor
    values: Tensor
    small_keys: Tensor
    small_values: Tensor
    codes: dict[int, KeyCodes]


def layer(length: int) -> Layer:
    """Random states, with channels of unlike size as real keys have them."""
    spread = 1 + 3 * torch.rand(HEADS, 1, DIM)
    keys, values = (torch.randn(1, HEADS, length, DIM).bfloat16() for _ in range(2))
    keys *= spread.bfloat16()
    small = length // BUDGETS[0]
    return Layer(
        query=torch.randn(1, HEADS * GROUP, 1, DIM),
        key=torch.randn(1, HEADS, 1, DIM),
        value=torch.randn(1, HEADS, 1, DIM),
        keys=keys,
        values=values,
        small_keys=torch.randn(1, HEADS, small, DIM).bfloat16(),
        small_values=torch.randn(1, HEADS, small, DIM).bfloat16(),
        codes={bits: KeyCodes(keys, bits) for bits in BITS},
    )


def steps(length: int) -> Iterator[tuple[str, Callable[[Layer], object]]]:
    """What is measured, by name."""
    operations = torch.ops.refreshkv
    nothing = torch.empty(HEADS, 0, dtype=torch.long)
    yield "full", lambda at: operations.decode_attention(at.query, at.keys, at.values, SCALING)
    yield "partial 1/8", lambda at: operations.decode_attention(at.query, at.small_keys, at.small_values, SCALING)
    for bits in BITS:
        for budget in BUDGETS:
            counts = [max(1, length // budget)] * HEADS

            def step(at: Layer, bits: int = bits, counts: list[int] = counts) -> object:
                coded = Coded(at.codes[bits], RECENT, counts, nothing)
                row = torch.tensor([place(length - 1, at.keys, at.values, coded=coded)])
                return operations.decode_rows_attention(at.query, at.key, at.value, row, SCALING, at.keys.itemsize)

            yield f"{bits} bits, 1/{budget}", step


def measure(length: int, repetitions: int, read: int = BYTES) -> dict[str, float]:
    """Microseconds of each step in one layer, of layers that are `read` bytes together."""
    layers = [layer(length) for _ in range(max(2, read // (length * HEADS * DIM * 4)))]
    taken: dict[str, list[float]] = {name: [] for name, _ in steps(length)}
    for _ in range(repetitions + 1):
        for name, step in steps(length):
            started = perf_counter()
            for at in layers:
                step(at)
            taken[name].append(1e6 * (perf_counter() - started) / len(layers))
    return {name: median(times[1:]) for name, times in taken.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[1024, 7000, 32000, 188000], metavar="TOKENS")
    parser.add_argument("--repetitions", type=int, default=15)
    arguments = parser.parse_args()
    if not kernels.load(cache_folder()):
        raise SystemExit("there are no kernels on this machine")
    torch.manual_seed(0)
    print(f"{machine_name()}, {torch.get_num_threads()} threads\n")
    print("| length | step | µs a layer | x full | x RefreshKV |\n| ---: | --- | ---: | ---: | ---: |")
    for length in arguments.lengths:
        with kernels.own_threads():
            found = measure(length, arguments.repetitions)
        refreshkv = 0.1 * found["full"] + 0.9 * found["partial 1/8"]
        for name, time in found.items():
            ratios = f"{time / found['full']:.2f} | {time / refreshkv:.2f}"
            print(f"| {length:,} | {name} | {time:,.0f} | {ratios} |", flush=True)


if __name__ == "__main__":
    main()
