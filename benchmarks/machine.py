"""The machine: its name, and how fast it reads memory, the bound of decoding, which reads all weights for a token."""

from __future__ import annotations

import platform
from pathlib import Path
from time import perf_counter

import torch

BUFFER_BYTES = 1 << 29  # far more than any cache
TRIES = 8


def machine_name() -> str:
    """The processor, and the vector instructions torch uses on it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{(models or [platform.processor() or platform.machine()])[0]}, {torch.backends.cpu.get_cpu_capability()}"


def read_bandwidth() -> float:
    """Bytes per second at which all threads sum a large buffer, the best of several tries."""
    buffer = torch.ones(BUFFER_BYTES // 8, dtype=torch.int64)
    return BUFFER_BYTES / min(_seconds(buffer) for _ in range(TRIES))


def _seconds(buffer: torch.Tensor) -> float:
    started = perf_counter()
    buffer.sum()
    return perf_counter() - started
