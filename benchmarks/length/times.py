"""Times and memory at a length, of processes that take turns."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from ..process import WorkerError, WorkerProcess
from ..quality.record import Record
from .case import Case
from .rows import Row

KEYS = ("method", "length", "turn")


def take_times(rows: Sequence[Row], case: Case, repetitions: int, record: Record) -> None:
    """Measure what `record` does not hold. A failure is recorded, and not tried again in this call."""
    done = {tuple(line[key] for key in KEYS) for line in record if "error" not in line}
    wanted = [(row, turn) for turn in range(repetitions) for row in rows if row.timed is not None]
    due = [(row, turn) for row, turn in wanted if (row.name, case.length, turn) not in done]
    with ExitStack() as stack:
        workers: dict[str, WorkerProcess | None] = {}
        for row, turn in due:
            try:
                if row.name not in workers:
                    workers[row.name] = None
                    worker = workers[row.name] = case.started(row)
                    stack.callback(worker.close)
                if (ready := workers[row.name]) is None:
                    continue
                figures: dict[str, Any] = asdict(ready.measure(case.length)) | {"details": ready.details}
                said = f"{figures['first_token_seconds']:.1f} s, then {figures['decode_rate']:.1f} tokens/s"
            except WorkerError as error:
                workers[row.name] = None
                said = str(error)
                figures = {"error": said}
            record.add({"method": row.name, "length": case.length, "turn": turn} | figures)
            print(f"{case.length:>7,}  {row.name}: {said}", file=sys.stderr, flush=True)
