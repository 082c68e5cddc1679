"""The same request under several methods, one run after the other, as what a page shows of it. Knows nothing of Gradio.

An unshown run of one token reads the prompt first: the engine keeps what was read, so the method that came first would
pay for reading it and the others would not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import sleep
from types import MappingProxyType

from app.engine import Engine, Request, Run
from app.errors import AppError
from app.store import diff
from app.view import Json, RunStatistics
from core import Event, FullAttention, GenerationFinished, Policy, PrefillProgress, RefreshKV, TokenGenerated

SECONDS = 0.04
"""Between two looks at what a run has done."""

METHODS: Mapping[str, Callable[[RefreshKV], Policy]] = MappingProxyType(
    {"RefreshKV": lambda page: page, "FullAttention": lambda page: FullAttention()}
)
"""What can be compared, by the policy's name in core; each is made from the page's settings."""

NOTE = "The prompt is read once before the first method, so that none profits from what another has read."


@dataclass
class _Column:
    """A method, and what is known of its run; `first_token` in seconds from the run's start."""

    method: str
    policy: Policy
    statistics: RunStatistics
    run: Run | None = None
    state: str = "waiting"
    text: str = ""
    error: str = ""
    reused: int | None = None
    first_token: float | None = None
    ending: GenerationFinished | None = field(default=None, repr=False)
    time: float = 0.0

    def add(self, event: Event) -> None:
        """Take what the run did at `time`."""
        self.statistics.add(event)
        match event:
            case PrefillProgress() if self.reused is None:
                self.reused = event.done
            case TokenGenerated():
                self.text += event.text
                if self.first_token is None and self.run is not None and self.run.started is not None:
                    self.first_token = self.time - self.run.started
            case GenerationFinished():
                self.ending = event


class Comparison:
    """Runs a request under each of several methods. Call `start`; `frame` may be called from any thread."""

    def __init__(self, engine: Engine, request: Request, page: RefreshKV, methods: Sequence[str]) -> None:
        """`page` has the page's settings of RefreshKV. Raises AppError unless `methods` are two or more of METHODS."""
        unknown = [method for method in methods if method not in METHODS]
        if unknown or len(set(methods)) != len(methods) or len(methods) < 2:
            raise AppError(
                f"Compared were to be: {', '.join(methods) or 'nothing'}. "
                f"Choose at least two, each once, of: {', '.join(METHODS)}."
            )
        self._engine, self._request = engine, request
        self._columns = [self._column(method, METHODS[method](page)) for method in methods]
        self._reading = self._column("", FullAttention())
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="comparison", daemon=True)

    def start(self) -> None:
        """Begin with the run that reads the prompt."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the run under way and drop those to come."""
        with self._lock:
            self._stopping.set()
            for column in (self._reading, *self._columns):
                if column.run is not None:
                    column.run.stop()

    def join(self, timeout: float | None = None) -> None:
        """Wait until all is over."""
        self._thread.join(timeout)

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""
        return all(column.state not in ("waiting", "running") for column in self._columns)

    def frame(self) -> Json:
        """All methods as they stand. Differences are marked against the first, once both texts are complete."""
        done = self.done
        return {
            "note": NOTE,
            "reading": {"state": self._reading.state, "seconds": _prefill_seconds(self._reading)},
            "methods": [self._shown(column) for column in self._columns],
            "done": done,
        }

    def _shown(self, column: _Column) -> Json:
        first, ending = self._columns[0], column.ending
        compared = column is not first and first.state == column.state == "finished"
        changes = diff(first.text, column.text) if compared else []
        return {
            "method": column.method,
            "state": column.state,
            "text": column.text,
            "changes": [{"kind": change.kind, "text": change.text} for change in changes],
            "decodeRate": column.statistics.decode_rate,
            "firstTokenSeconds": column.first_token,
            "prefillSeconds": _prefill_seconds(column),
            "reusedTokens": column.reused,
            "cacheBytes": column.run.cache_bytes if column.run and column.run.done else None,
            "fullSteps": ending.full_steps if ending else None,
            "partialSteps": ending.partial_steps if ending else None,
            "error": column.error,
        }

    def _column(self, method: str, policy: Policy) -> _Column:
        column: _Column
        statistics = RunStatistics(self._engine.layers, clock=lambda: column.time)
        column = _Column(method, policy, statistics)
        return column

    def _work(self) -> None:
        self._follow(self._reading, replace(self._request, policy=FullAttention(), max_new_tokens=1))
        failed = self._reading.error
        for column in self._columns:
            if failed:
                column.state, column.error = "failed", failed
            else:
                self._follow(column, replace(self._request, policy=column.policy))

    def _follow(self, column: _Column, request: Request) -> None:
        with self._lock:
            if self._stopping.is_set():
                column.state = "stopped"
                return
            try:
                run = column.run = self._engine.submit(request)
            except AppError as error:
                column.state, column.error = "failed", str(error)
                return
        seen = 0
        while True:
            over = run.done  # before the events are looked at, or the last could be missed
            for column.time, event in run.events[seen:]:
                column.add(event)
                seen += 1
            if over and seen == len(run.events):
                break
            column.state = "running" if run.state == "running" else column.state
            sleep(SECONDS)
        column.error, column.state = run.error, run.state


def _prefill_seconds(column: _Column) -> float | None:
    return column.ending.prefill_seconds if column.ending else None
