"""Speed of this decoder and of its peers on the embedded model, side by side in one run.

    python -m benchmarks.decode [--contexts 1024 7000] [--repetitions 3] [--methods RefreshKV llama] [--output folder]

All methods get the same weights, the same prompt tokens and the same number of tokens to generate greedily. Each runs
in a process of its own; they take turns within a repetition, so that a busy machine slows all of them, and a figure is
the median over repetitions. Prints a Markdown table and writes it to the output folder with its JSON and its plot. A
peer that cannot be installed or run stays in the table, with the reason.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from core.default_model import cache_folder
from core.policies import RefreshKV

from .environments import peer_python
from .inputs import prepare
from .machine import machine_name, read_bandwidth
from .process import ROOT, WorkerError, WorkerProcess
from .protocol import Measurement, Setup
from .report import Outcome, Report, summarize

NEW_TOKENS = 41


@dataclass(frozen=True)
class Method:
    """A row of the table: the worker that runs it, its options, and what it needs beyond our own requirements."""

    name: str
    worker: str
    options: dict[str, Any] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()


LLAMA, OPENVINO = ("xllamacpp==2026.10.11549",), ("openvino-genai==2026.4.1.0",)
EIGHTH = {"budget": 1 / 8}
METHODS = (
    Method("transformers, NF4", "stock"),
    Method("transformers, NF4, prompt lookup", "stock", {"prompt_lookup_num_tokens": 10}),
    Method("FullAttention", "ours", {"policy": "FullAttention"}),
    Method("KeyIndex 1/16", "ours", {"policy": "KeyIndex", "parameters": {"budget": 1 / 16}}),
    Method("RefreshKV 1/8", "ours", {"policy": "RefreshKV", "parameters": EIGHTH}),
    Method("RefreshKV.paper 1/8", "ours", {"policy": "RefreshKV", "parameters": asdict(RefreshKV.paper(1 / 8))}),
    Method("llama.cpp, Q4_1", "llama_cpp", requirements=LLAMA),
    Method("OpenVINO GenAI, Q4_1", "openvino", requirements=OPENVINO),
    Method(
        "kvpress SnapKV 1/8, NF4",
        "kvpress",
        {"press": "SnapKVPress", "compression_ratio": 7 / 8},
        requirements=("kvpress==0.5.5",),
    ),
)


class Worker(Protocol):
    """What `measure` needs of a worker."""

    details: str

    def measure(self, context: int) -> Measurement:
        """One generation; raises WorkerError."""


def start(method: Method, setup: Setup, log: Path) -> WorkerProcess:
    """The method's worker, loaded. Raises WorkerError with the reason if it cannot be."""
    python = Path(sys.executable)
    if method.requirements:
        python = peer_python(cache_folder() / "benchmarks" / method.worker, method.requirements)
    return WorkerProcess(python, f"{__package__}.workers.{method.worker}", replace(setup, options=method.options), log)


def measure(
    workers: Mapping[str, Worker], contexts: Sequence[int], repetitions: int
) -> tuple[dict[str, dict[int, Outcome]], float]:
    """Every method's median at every context, or why there is none; and the best read bandwidth, bytes per second."""
    runs: dict[tuple[str, int], list[Measurement]] = {(name, n): [] for name in workers for n in contexts}
    reasons: dict[tuple[str, int], str] = {}
    bandwidth = 0.0
    for repetition in range(1, repetitions + 1):
        bandwidth = max(bandwidth, read_bandwidth())
        for context in contexts:
            for name, worker in workers.items():
                if (name, context) in reasons:
                    continue
                try:
                    result = worker.measure(context)
                    runs[name, context].append(result)
                    said = f"{result.decode_rate:6.1f} tokens/s"
                except WorkerError as error:
                    said = reasons[name, context] = str(error)
                print(f"{repetition}/{repetitions}  {context:>6}  {name}: {said}", file=sys.stderr, flush=True)
    results: dict[str, dict[int, Outcome]] = {
        name: {context: reasons.get((name, context)) or summarize(runs[name, context]) for context in contexts}
        for name in workers
    }
    return results, bandwidth


def run(methods: Sequence[Method], setup: Setup, contexts: Sequence[int], repetitions: int, logs: Path) -> Report:
    """Start all methods, measure those that run, and report on all."""
    outcomes: dict[str, dict[int, Outcome]] = {}
    details: dict[str, str] = {}
    with ExitStack() as stack:
        workers: dict[str, WorkerProcess] = {}
        for method in methods:
            print(f"loading {method.name}", file=sys.stderr, flush=True)
            log = logs / f"{re.sub('[^a-z0-9]+', '-', method.name.lower()).strip('-')}.log"
            try:
                workers[method.name] = start(method, setup, log)
                stack.callback(workers[method.name].close)
                details[method.name] = workers[method.name].details
            except WorkerError as error:
                print(f"{method.name}: {error}", file=sys.stderr, flush=True)
                outcomes[method.name] = dict.fromkeys(contexts, str(error))
        measured, bandwidth = measure(workers, contexts, repetitions)
    outcomes |= measured
    return Report(
        results={method.name: outcomes[method.name] for method in methods},
        details=details,
        machine=machine_name(),
        bandwidth=bandwidth,
        new_tokens=setup.new_tokens,
        repetitions=repetitions,
        threads=setup.threads,
    )


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contexts", type=int, nargs="+", default=[1024, 2048, 4096, 7000], metavar="TOKENS")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=[""], metavar="TEXT", help="only those with one in their name")
    parser.add_argument("--quantization", help="of our own rows, instead of load_model's default")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results")
    arguments = parser.parse_args()
    methods = [method for method in METHODS if any(text.lower() in method.name.lower() for text in arguments.methods)]
    if not methods:
        parser.error(f"no method's name contains {' or '.join(arguments.methods)}")
    if min(arguments.repetitions, *arguments.contexts) < 1:
        parser.error("--repetitions and --contexts must be 1 or more")
    if arguments.quantization:
        ours = {"quantization": arguments.quantization}
        methods = [replace(m, options=m.options | ours) if m.worker == "ours" else m for m in methods]
    contexts = sorted(set(arguments.contexts))
    setup = prepare(contexts[-1], NEW_TOKENS)
    report = run(methods, setup, contexts, arguments.repetitions, arguments.output / "logs")
    print(report.table())
    report.write(arguments.output)


if __name__ == "__main__":
    main()
