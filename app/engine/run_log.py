"""What the log has of runs: how long they waited, what they took, and why they ended. Nothing of their texts."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import Any

from app.engine.run import Run
from app.say.errors import AppError
from core import Event, GenerationFinished, PrefillProgress, TokenGenerated

logger = logging.getLogger(__name__)


class RunLog:
    """Writes a line when a run begins and one when it ends. For the thread that goes on with it."""

    def __init__(self, number: int, run: Run, waiting: int) -> None:
        """The run of that number left the queue, in which so many wait."""
        waited = round((run.started or run.queued) - run.queued, 3)
        self._said: dict[str, Any] = {
            "run": number,
            "priority": run.priority.name.lower(),
            "waited_seconds": waited,
        }
        logger.info("run begun", extra={**self._said, "waiting": waiting})

    def saw(self, event: Event) -> None:
        """Something happened in it."""
        match event:
            case PrefillProgress(done, total):
                self._said.setdefault("reused_tokens", done)
                self._said["prompt_tokens"] = total
            case TokenGenerated():
                self._said["tokens"] = self._said.get("tokens", 0) + 1
            case GenerationFinished():
                self._said |= {
                    "prefill_seconds": round(event.prefill_seconds, 3),
                    "decode_seconds": round(event.decode_seconds, 3),
                }

    def ended(self, run: Run) -> None:
        """It is over."""
        seconds = round(perf_counter() - (run.started or run.queued), 3)
        why = run.error or run.stopped_for
        reason = {"reason": why.pattern} if why else {}
        logger.info("run ended", extra={**self._said, "state": run.state, "seconds": seconds, **reason})


def refused(run: Run, error: AppError) -> None:
    """It was not let into the queue."""
    logger.info("run refused", extra={"refused": type(error).__name__, "prompt_tokens": run.request.token_ids.shape[1]})
