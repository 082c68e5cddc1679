"""What the benchmark and its workers say to each other: one JSON line a message, on the worker's stdin and stdout.

The benchmark sends a `Setup`, the worker loads its model, warms up and answers what it is; then the worker answers each
`{"context": n}` with a `Measurement` of one generation, and each `{"read": ids, "scored": ids}`, a text that goes on,
with the `Scored` of its last part where it can. An answer `{"error": reason}` may stand in for any. This module imports
only the standard library, since workers may run in another environment.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

WARM_UP_CONTEXT = 256


@dataclass(frozen=True)
class Setup:
    """What every worker gets. `options` are its method's own."""

    folder: str
    """The model as a transformers folder."""
    gguf: str
    """The same weights as a GGUF file."""
    gguf_bytes: int
    """Bytes of the tensors in it; the embedding, tied to the output head, is there once."""
    cache_values: int
    """Numbers a position takes in the KV cache, over all layers."""
    compute_dtype: str
    """The faster of "float32" and "bfloat16" for transformers on this machine."""
    threads: int
    prompt: list[int]
    """Token ids; a request takes the first `context` of them."""
    new_tokens: int
    options: dict[str, Any]


@dataclass(frozen=True)
class Measurement:
    """One generation."""

    first_token_seconds: float
    decode_rate: float
    """Tokens per second after the first."""
    bytes_per_token: float | None = None
    """Weights and attended KV cache a decoded token must at least read, mean over the run; None where not known."""
    full_ms: float | None = None
    partial_ms: float | None = None
    """Medians of the decode steps, for methods that have both kinds."""
    peak_mb: float = 0.0
    """Peak resident memory of the worker so far; after the longest context it is that context's."""


class Arrival(NamedTuple):
    """Tokens that came at once, and when (`perf_counter`)."""

    seconds: float
    tokens: int


Generate: TypeAlias = Callable[[list[int]], Measurement]
"""Generates greedily from the token ids, past any end token, and measures."""


class Scored(NamedTuple):
    """Of each token of a text: the logarithm of the probability it had, and which would have been likeliest."""

    likelihood: list[float]
    best: list[int]


Score: TypeAlias = Callable[[list[int], list[int]], Scored]
"""Goes on with a text by a prompt, and then by tokens that are scored; all that came before stays."""


class Loaded(NamedTuple):
    """A loaded method; `details` names the versions and number formats it runs with."""

    generate: Generate
    details: str
    score: Score | None = None


def measurement(started: float, arrivals: Sequence[Arrival], new_tokens: int, **known: float | None) -> Measurement:
    """The rates of a run that began at `started`. Raises ValueError if it brought another number of tokens."""
    count = sum(arrival.tokens for arrival in arrivals)
    if count != new_tokens:
        raise ValueError(f"generated {count} tokens instead of {new_tokens}")
    first, last = arrivals[0], arrivals[-1]
    rate = (count - first.tokens) / (last.seconds - first.seconds)
    return Measurement(first.seconds - started, rate, **known)  # type: ignore[arg-type]


def bytes_per_token(weights: float, position: float, attended: Sequence[float], tokens: int) -> float:
    """Mean bytes that must be read for each of `tokens`, decoded in as many forwards as `attended` has entries.

    weights: bytes read once per forward; position: bytes of one position of the KV cache, over all layers; attended:
    positions each forward attends to.
    """
    return (len(attended) * weights + position * sum(attended)) / tokens


def growing(context: int, new_tokens: int) -> list[int]:
    """Positions attended to by full attention in each decode step of a run: the prompt and all tokens before."""
    return [context + step for step in range(1, new_tokens)]


def versions(*packages: str) -> str:
    """`packages` with the versions installed."""
    return ", ".join(f"{package} {metadata.version(package)}" for package in packages)


def serve(load: Callable[[Setup], Loaded]) -> None:
    """Answer the benchmark until it closes stdin."""
    # Whatever libraries print, C++ ones included, goes to the log, and the answers alone to the benchmark.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def answer(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=answers, flush=True)

    setup = Setup(**json.loads(sys.stdin.readline()))
    try:
        loaded = load(setup)
        loaded.generate(setup.prompt[:WARM_UP_CONTEXT])
    except Exception as error:
        answer({"error": reason(error)})
        return
    answer({"details": loaded.details})
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if "scored" in asked:
                answer(_scored(loaded, asked)._asdict())
                continue
            result = loaded.generate(setup.prompt[: asked["context"]])
            answer(asdict(replace(result, peak_mb=peak_memory() / 1e6)))
        except Exception as error:
            answer({"error": reason(error)})


def _scored(loaded: Loaded, asked: dict[str, Any]) -> Scored:
    if loaded.score is None:
        raise ValueError("gives no probabilities of tokens")
    return loaded.score(asked["read"], asked["scored"])


def reason(error: Exception) -> str:
    """`error` in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def peak_memory() -> int:
    """Bytes of resident memory this process had at most."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would count the process this one was forked from
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found:
            return 1024 * int(found[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
