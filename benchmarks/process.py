"""A worker as the benchmark sees it: a process that is asked and answers, or fails for a reason."""

from __future__ import annotations

import json
import select
import subprocess
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .protocol import Measurement, Scored, Setup

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 900.0
"""Seconds to wait for an answer; loading may compile, and a long prompt on a slow machine takes minutes."""


class WorkerError(Exception):
    """A method cannot be installed, loaded or run; the message is the reason, in one line."""


class WorkerProcess:
    """One method in a process of its own, so that its peak memory and its package versions are its own."""

    def __init__(self, python: Path, module: str, setup: Setup, log: Path) -> None:
        """Start `python -m module` and wait until it has loaded. What it prints goes to `log`.

        Raises WorkerError if it does not load.
        """
        self._log, self.patience = log, PATIENCE
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [str(python), "-m", module],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )
        try:
            self.details: str = self._ask(asdict(setup))["details"]
        except BaseException:
            self.close()
            raise

    def measure(self, context: int) -> Measurement:
        """One generation after the first `context` tokens of the prompt. Raises WorkerError if it fails."""
        return Measurement(**self._ask({"context": context}))

    def score(self, read: list[int], scored: list[int]) -> Scored:
        """How likely each token of `scored` is behind all that it was given before and `read`. Raises WorkerError."""
        return Scored(**self._ask({"read": read, "scored": scored}))

    def close(self) -> None:
        """End the process; it leaves by itself when its stdin closes, else it is killed."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # it is gone, with a message of ours unread
                    pipe.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps(message), file=self._process.stdin, flush=True)
        except (BrokenPipeError, ValueError):
            raise WorkerError(self._why_it_ended()) from None
        # Between two answers nothing is left in the pipe's buffer, so that select sees the next one.
        if not select.select([self._process.stdout], [], [], self.patience)[0]:
            self._process.kill()
            raise WorkerError(f"gave no answer within {self.patience:g} seconds")
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(self._why_it_ended())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def _why_it_ended(self) -> str:
        status = self._process.wait()
        lines = self._log.read_text(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "nothing was printed")
        return f"ended with status {status}: {last}"
